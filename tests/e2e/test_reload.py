# SPDX-License-Identifier: GPL-3.0-or-later
"""A new configuration without an end: `h3gw reload`, SIGHUP, and files that change."""

import os
import re
import shutil
import signal
import threading

import pytest

from clients import VERSIONS
from live import FAULTY, ONE, THREE, TWO, UPSTREAM, Live, everywhere, open_files, server_of, workers
from procs import H3GW, free_port, run, wait_for
from spellings import DRAIN_TIMEOUT
from test_admin import Plain
from test_build import INSTRUMENTED
from test_syscalls import injected


@pytest.fixture
def live(factory):
    return Live(factory, ONE)


# ---- asking for it --------------------------------------------------------------------------

def test_command(live):
    everywhere(live, "one")
    live.reload(TWO)
    everywhere(live, "two")
    live.wait_log("reloaded")


def test_sighup(live):
    live.write(TWO)
    live.server.signal(signal.SIGHUP)
    live.wait_log("reloaded")
    everywhere(live, "two")
    live.write(FAULTY)
    live.server.signal(signal.SIGHUP)
    live.wait_log("live.ini:7", "respond")
    everywhere(live, "two")


def test_nothing_changed(live):
    held = [live.hold(version) for version in VERSIONS]
    for _ in range(3):
        live.reload()
    live.wait_log("reloaded", count=3)
    assert [one.ask() for one in held] == ["one"] * 3
    everywhere(live, "one")


def test_errors_are_told_all_at_once(live):
    """As `h3gw check` tells them, to whoever asked and in the log; nothing changes."""
    said = live.refused(FAULTY)
    checked = live.home.h3gw("check", live.path)
    assert checked.returncode == 1
    wanted = re.findall(r"live\.ini:\d+: .*", checked.stderr)
    assert len(wanted) >= 3
    for line in wanted:
        assert line in said
        live.wait_log(line)
    everywhere(live, "one")
    live.reload(TWO)
    everywhere(live, "two")


def test_a_file_that_is_gone(live):
    live.path.unlink()
    assert "live.ini" in live.refused()
    everywhere(live, "one")
    live.reload(TWO)
    everywhere(live, "two")


def test_every_signal_counts(live):
    """Many at once become at least one reload, and the last file is what holds."""
    for text in (TWO, THREE, ONE, TWO, THREE):
        live.write(text)
        live.server.signal(signal.SIGHUP)
    live.wait_log("reloaded")
    wait_for(lambda: live.ask("h2") == "three", "the last configuration")
    everywhere(live, "three")


def test_two_at_the_same_time(live):
    """Each command is answered, and both succeed."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(live.home.h3gw("reload")))
               for _ in range(4)]
    live.write(TWO)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert [(result.returncode, result.stdout) for result in results] == [(0, "reloaded\n")] * 4
    everywhere(live, "two")


def test_while_draining(factory, app):
    """The end is the end."""
    backend = app()
    live = Live(factory, UPSTREAM.replace("URL", backend.url), DRAIN_TIMEOUT, "100s")
    transfer = live.curl.start("h2", "/gated?gate=g&n=1&size=5")
    wait_for(lambda: backend.events("/gated?gate=g&n=1&size=5"), "the request to arrive")
    live.server.signal()
    wait_for(live.server.refuses_connections, "the listener to close")
    live.write(ONE)
    live.server.signal(signal.SIGHUP)
    live.home.h3gw("reload")
    assert live.server.refuses_connections()
    backend.permit("g")
    assert transfer.finish().body == b"a" * 5
    assert live.server.wait(30) == 0


def test_flags_stay(factory, home):
    """A flag beside --config overrides the file, after a reload too."""
    live = Live(factory, ONE, "--alt-svc-max-age=20", home=home)
    live.reload("[gateway]\nalt-svc-max-age = 30\n" + TWO)
    response = live.curl("h2", "/")
    assert response.text == "two" and response.get("alt-svc").endswith("ma=20")


# ---- the file is watched --------------------------------------------------------------------

def test_changed_file(factory):
    live = Live(factory, ONE, watch="on")
    live.write(TWO)
    live.wait_log("reloaded")
    everywhere(live, "two")


def test_what_the_system_refuses_is_told(live):
    """Random bytes, as in a narrow sandbox: whoever asked hears of it, and nothing changes."""
    with injected(live, "getrandom", "error=ENOSYS", "1+"):
        said = live.refused(TWO)
        assert "getrandom" in said and said.endswith("\n"), said
    live.wait_log("getrandom")
    live.wait_log("the one before serves on")
    everywhere(live, "one")
    live.reload(TWO)
    everywhere(live, "two")


@pytest.mark.parametrize("what", ["/\\S+: the CA cannot be used",
                                  "cannot make a certificate: the certificate"])
def test_start_that_the_system_refuses(home, what):
    if what.startswith("cannot"):
        assert run(H3GW, "certgen", "a.test", cwd=home.folder, env=home.env).returncode == 0
    strace = shutil.which("strace")
    assert strace, "no strace here: apt-get install strace"
    result = run(strace, "-f", "-qq", "-o", home.folder / "strace", "-e", "trace=getrandom", "-e",
                 "inject=getrandom:error=ENOSYS:when=1+", H3GW, "serve", "--listen", ":0", env=home.env)
    assert (result.returncode, result.stdout) == (1, ""), result
    assert re.fullmatch(f"h3gw: {what}: the kernel gives no random bytes: does a sandbox forbid "
                        "getrandom\\?\n", result.stderr), result


def test_changed_before_it_is_watched(factory):
    """Read, served, and changed while the kernel still thinks about the watch."""
    live = Live(factory, ONE, watch="on")
    with injected(live, "inotify_add_watch", "delay_enter=1500000"):
        live.write(TWO)
        wait_for(lambda: live.ask("h1") == "two", "the change to be noticed")
        live.write(THREE)
        live.wait_log("reloaded", count=1)
    wait_for(lambda: live.ask("h1") == "three", "the change that nobody watched")


def test_replaced_file(factory):
    """Renamed into place, as editors do it: the file that is watched then is another."""
    live = Live(factory, ONE, watch="on")
    for text, word in ((TWO, "two"), (THREE, "three"), (ONE, "one")):
        live.replace(text)
        wait_for(lambda: live.ask("h2") == word, f"{word} to be answered")
        everywhere(live, word)
    live.path.unlink()
    live.write(TWO)
    wait_for(lambda: live.ask("h2") == "two", "a file that was away")


def test_watched_by_default(factory, home):
    (home.folder / "plain.ini").write_text(ONE.replace("{port}", str(port := free_port())))
    front = factory.gateway("--config", home.folder / "plain.ini", home=home, listen=[], port=port)
    assert front.curl("h2", "/").text == "one"
    (home.folder / "plain.ini").write_text(TWO.replace("{port}", str(port)))
    wait_for(lambda: front.curl("h2", "/").text == "two", "the change to be noticed")


def test_half_written_file(factory):
    """What cannot be read yet is told and changes nothing; the rest makes it whole."""
    live = Live(factory, ONE, watch="on")
    whole = live.filled(TWO)
    cut = whole.index("200")
    with open(live.path, "w", encoding="utf-8") as file:
        file.write(whole[:cut] + "2x")
        file.flush()
        os.fsync(file.fileno())
    live.wait_log("live.ini:", "respond")
    everywhere(live, "one")
    live.path.write_text(whole)
    live.wait_log("reloaded")
    everywhere(live, "two")


@pytest.mark.parametrize("watch", ["on", "off"])
def test_watch(factory, watch):
    """Off is off: there is nothing that could notice."""
    live = Live(factory, ONE, watch=watch)
    assert ("anon_inode:inotify" in open_files(live.pid)) == (watch == "on")


def test_watch_by_reload(factory):
    live = Live(factory, "[gateway]\nwatch = off\n" + ONE, watch=None)
    live.reload("[gateway]\nwatch = on\n" + TWO)
    assert "anon_inode:inotify" in open_files(live.pid)
    live.write("[gateway]\nwatch = off\n" + THREE)
    wait_for(lambda: live.ask("h2") == "three", "the last change to be noticed")
    wait_for(lambda: "anon_inode:inotify" not in open_files(live.pid), "the watching to end")


def test_included_file(factory, home):
    """What the file includes is part of it: read again, and watched."""
    (home.folder / "conf.d").mkdir()
    server, route = ONE.split("[route all]")
    route = "[route all]" + route
    part = home.folder / "conf.d" / "routes.ini"
    part.write_text(route)
    text = include(home, server)
    live = Live(factory, text, home=home, watch="on")
    everywhere(live, "one")
    part.write_text(route.replace("= one", "= two"))
    wait_for(lambda: live.ask("h2") == "two", "the included file to be noticed")
    everywhere(live, "two")
    (home.folder / "conf.d" / "more.ini").write_text(
        "[route more]\npath = /more\nrespond = 200\nrespond-body = more\n")
    wait_for(lambda: live.ask("h2", "/more") == "more", "another file of the folder")
    part.write_text(route.replace("200", "2000"))
    live.wait_log("routes.ini:2", "respond")
    everywhere(live, "two")


def include(home, text):
    """How a file includes others: as PRODUCT.md has it, or as a key of [gateway]."""
    for head in ("include = conf.d/*.ini\n", "[gateway]\ninclude = conf.d/*.ini\n"):
        probe = home.folder / "probe.ini"
        probe.write_text((head + text).replace("{port}", "1"))
        if home.h3gw("check", probe).returncode == 0:
            return head + text
    return pytest.skip("this h3gw does not include files")


# ---- what else can change -------------------------------------------------------------------

def test_servers_and_routes(factory, app):
    """Hosts, routes and upstreams come and go together."""
    one, two = app(name="one"), app(name="two")
    live = Live(factory, UPSTREAM.replace("URL", one.url))
    assert live.curl("h2", "/inspect").json()["name"] == "one"
    live.reload(UPSTREAM.replace("URL", two.url) + "\n[route r]\npath = /say\nrespond = 201\n"
                + server_of("new"))
    for version in VERSIONS:
        assert live.curl(version, "/inspect").json()["name"] == "two"
        assert live.curl(version, "/say").status == 201
        assert live.curl(version, "/inspect", host="new.localhost").status == 200
    live.reload(UPSTREAM.replace("URL", f"{one.url}, {two.url}"))
    names = {live.curl("h2", "/inspect").json()["name"] for _ in range(6)}
    assert names == {"one", "two"}
    assert live.curl("h2", "/say").status == 404


def test_connections_to_the_old_upstream_are_let_go(factory, app):
    one, two = app(name="one"), app(name="two")
    live = Live(factory, UPSTREAM.replace("URL", one.url))
    assert live.curl("h2", "/inspect").json()["name"] == "one"
    live.reload(UPSTREAM.replace("URL", two.url))
    assert live.curl("h2", "/inspect").json()["name"] == "two"

    def to_the_old():
        port = f":{one.port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as file:
            inodes = [words[9] for words in map(str.split, file)
                      if words[2].endswith(port) and words[3] in ("01", "08")]
        return [inode for inode in inodes if f"socket:[{inode}]" in open_files(live.pid)]
    wait_for(lambda: not to_the_old(), "the connections to the old upstream to be closed")


def test_limits(live, version):
    """Too long a head for the new ones, and not for who came before."""
    field = ["-H", "x-long: " + "x" * 3000]
    held = live.hold(version)
    assert live.curl(version, "/", *field).status == 200
    live.reload("[gateway]\nmax-header-bytes = 1k\n" + TWO)
    assert live.curl(version, "/", *field).status == 431
    assert held.ask("/?" + "y" * 3000) == "one"
    live.reload(THREE)
    assert live.curl(version, "/", *field).status == 200


def test_timeouts(factory, app, version):
    backend = app()
    text = UPSTREAM.replace("URL", backend.url)
    live = Live(factory, text)
    slow = live.curl.start(version, "/stall")
    wait_for(lambda: backend.events("/stall"), "the request to arrive")
    live.reload("[gateway]\nupstream-response-timeout = 200ms\n" + text)
    assert live.curl(version, "/stall").status == 504
    assert slow.process.poll() is None, "it waits as long as it was said when it began"
    slow.kill()


def test_access_log(live):
    folder = live.home.folder
    held = live.hold("h1")
    for name, text in (("a.log", TWO), ("b.log", THREE)):
        live.reload(f"[gateway]\naccess-log = {name}\n" + text)
        for version in VERSIONS:
            live.curl(version, f"/{name}-{version}")
        wait_for(lambda: (folder / name).exists() and (folder / name).read_text().count("\n") >= 3,
                 f"three lines in {name}")
        assert all(f"/{name}-{version}" in (folder / name).read_text() for version in VERSIONS)
    live.reload("[gateway]\naccess-log = off\n" + ONE)
    live.curl("h2", "/unseen")
    held.ask()
    assert "unseen" not in (folder / "a.log").read_text() + (folder / "b.log").read_text()
    said = live.refused("[gateway]\naccess-log = /no/such/folder/log\n" + TWO)
    assert "/no/such/folder/log" in said
    everywhere(live, "one")


def test_log_level(live):
    live.reload("[gateway]\nlog-level = debug\n" + TWO)
    everywhere(live, "two")
    live.reload("[gateway]\nlog-level = error\n" + THREE)
    everywhere(live, "three")


def test_the_number_of_workers_stays(live):
    """Told and kept; the rest of the new configuration holds."""
    live.reload("[gateway]\nworkers = 3\n" + TWO)
    live.wait_log("workers")
    everywhere(live, "two")
    assert len(workers(live.pid)) == 1


def test_counters_only_grow(factory):
    """Over reloads, refused ones, and for servers and routes that are gone."""
    plain, stats = Plain.__new__(Plain), free_port()
    plain.stats_port = stats
    head = f"[gateway]\nstats = 127.0.0.1:{stats}\n"
    live = Live(factory, head + ONE)
    everywhere(live, "one")
    before = plain.wait_sum(3, "h3gw_requests_total").growing()
    other = head + TWO.replace("server local", "server other").replace("route all", "route some")
    for n, text in enumerate((head + TWO, other, head + FAULTY, head + ONE)):
        live.refused(text) if "nonsense" in text else live.reload(text)
        for version in VERSIONS:
            live.ask(version)
        now = plain.wait_sum(6 + 3 * n, "h3gw_requests_total").growing()
        for key, value in before.items():
            if "other" not in str(key) and "some" not in str(key):
                assert now[key] >= value, key
        before = now
    assert plain.stats().sum("h3gw_connections_total", transport="quic") == 5


def test_stats_that_move_keep_counting(factory):
    plain, ports = Plain.__new__(Plain), (free_port(), free_port())
    head = "[gateway]\nstats = 127.0.0.1:{}\n"
    live = Live(factory, head.format(ports[0]) + ONE)
    everywhere(live, "one")
    plain.stats_port = ports[0]
    plain.wait_sum(3, "h3gw_requests_total")
    live.reload(head.format(ports[1]) + TWO)
    plain.stats_port = ports[1]
    assert plain.stats().sum("h3gw_requests_total") == 3


@pytest.mark.skipif(INSTRUMENTED, reason="sanitizers keep what was freed")
def test_memory_stays(live):
    """A configuration that nobody uses any more is let go."""
    big = "".join(f"[route r{n}]\npath = /{n}\nrespond = 200\nrespond-body = {'x' * 1000}\n"
                  for n in range(500))
    for _ in range(5):
        live.reload(ONE + big)
    before = live.server.memory()
    for _ in range(20):
        live.reload(ONE + big)
    everywhere(live, "one")
    wait_for(lambda: live.server.memory() - before < 8 << 20, "the old ones to be let go")
