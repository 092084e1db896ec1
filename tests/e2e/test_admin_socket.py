# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin socket: where it is, who may use it, what a running gateway tells of itself through
`h3gw listeners` and its kin, and how `h3gw stop` ends it."""

import http.client
import json
import os
import signal
import socket
import stat
import threading
from pathlib import Path

import pytest

from clients import GOAWAY, VERSIONS
from live import GET, HeldH1, HeldH2, HeldH3, Live, Running, certificate
from procs import HAS_IPV6, can_bind, free_port, wait_for
from spellings import DRAIN_TIMEOUT
from test_admin import Plain
from upstreams import UnixConnection, answer_when

DUMPS = ("listeners", "routes", "upstreams", "certs")
COMMANDS = [*DUMPS, "reload", "stop"]

CONFIG = """
[gateway]
health = 127.0.0.1:{health}
stats = 127.0.0.1:{stats}

[server one]
listen = 127.0.0.1:{port}
hosts = one.localhost
credential = shown

[server two]
listen = 127.0.0.1:{port}
hosts = two.localhost
http3 = off
namespace = apps
credential = shown

[credential shown]
cert = shown.pem
key = shown.key

[route all]
handler = echo

[route app]
path = /app
upstream = app

[upstream app]
url = http://127.0.0.1:9
"""


def socket_of(front, home=None):
    return (home or front.home).folder / "run" / "h3gw" / f"{front.server.process.pid}.sock"


def asked(home, *arguments, wanted=0, **options):
    """A subcommand for the running gateway: what it prints, or what it complains of."""
    result = home.h3gw(*arguments, **options)
    assert result.returncode == wanted, (arguments, result)
    return result.stderr if wanted else result.stdout


def names(home, *arguments):
    return [one["name"] for one in json.loads(asked(home, "listeners", "--json", *arguments))]


def killed(front):
    """Ended without a chance to tidy up."""
    front.server.expected_exit = None
    front.server.signal(signal.SIGKILL)
    front.server.wait(10)


# ---- where it is ----------------------------------------------------------------------------

def test_the_socket_is_private(gateway):
    front = gateway()
    path = socket_of(front)
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    front.server.signal()
    assert front.server.wait() == 0
    assert not path.exists()


def test_without_a_runtime_folder(gateway, home):
    front = gateway(home=home, env={"XDG_RUNTIME_DIR": None})
    folder = Path(f"/tmp/h3gw-{os.getuid()}")
    path = folder / f"{front.server.process.pid}.sock"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = asked(home, "listeners", "--admin", front.server.process.pid, "--json",
                  env={"XDG_RUNTIME_DIR": None})
    assert f"127.0.0.1_{front.port}" in shown
    front.server.close()
    assert not path.exists()


def test_off(gateway):
    front = gateway("--admin=off")
    assert not list((front.home.folder / "run").rglob("*.sock"))
    assert "--config" in asked(front.home, "listeners", wanted=1)
    assert front.curl("h3", "/get").status == 200


def test_a_path_of_its_own(gateway, home):
    path = home.folder / "here.sock"
    front = gateway(f"--admin=unix:{path}", home=home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not socket_of(front).exists()
    assert f"127.0.0.1_{front.port}" in names(home, "--admin", f"unix:{path}")
    killed(front)
    assert path.exists()
    again = gateway(f"--admin=unix:{path}", home=home)  # what a killed one left is no obstacle
    assert f"127.0.0.1_{again.port}" in names(home, "--admin", f"unix:{path}")
    again.server.close()
    assert not path.exists()


def test_a_path_that_is_no_socket_is_left_alone(gateway, home):
    path = home.folder / "notes.txt"
    path.write_text("mine\n")
    front = gateway(f"--admin=unix:{path}", home=home, ready=False)
    wait_for(lambda: not front.server.running or front.server.answers(), "an outcome")
    if not front.server.running:
        front.server.expected_exit = 1
    assert str(path) in front.server.err
    assert path.read_text() == "mine\n"


@pytest.mark.parametrize("fault", ["open", "foreign", "file"])
def test_a_folder_that_is_not_ours_alone(gateway, home, fault):
    """Others could put a socket of theirs there: no admin then, and a word why."""
    folder = home.folder / "run" / "h3gw"
    if fault == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        folder.chmod(0o777 if fault == "open" else 0o700)
    if fault == "foreign":
        if os.getuid() != 0:
            pytest.skip("only root can give a folder away")
        os.chown(folder, 65534, 65534)
    front = gateway(home=home)
    for version in VERSIONS:
        assert front.curl(version, "/get").status == 200
    assert str(folder) in front.server.err
    assert not list((home.folder / "run").rglob("*.sock"))
    assert asked(home, "listeners", wanted=1)


@pytest.mark.parametrize("value", ["127.0.0.1", "unix:", "somewhere", "127.0.0.1:99999"])
def test_wrong_addresses(home, value):
    said = asked(home, "serve", "--admin", value, wanted=2)
    assert "--admin" in said


# ---- what it tells --------------------------------------------------------------------------

@pytest.fixture
def shown(factory, home):
    """A gateway with a bit of everything."""
    certificate(home, "shown", "one.localhost", "two.localhost")
    text = CONFIG.replace("{health}", str(free_port())).replace("{stats}", str(free_port()))
    return Live(factory, text, home=home, host="one.localhost")


FORMS = [(what, *form) for what in DUMPS for form in ((), ("--json",), ("-o", "json"))]
FORMS += [("listeners", "-o", "short"), ("listeners", "--type", "tcp"),
          ("listeners", "--type", "http", "--json"), ("listeners", "--address", "127.0.0.1"),
          ("listeners", "--address", "10.0.0.1", "--json"), ("listeners", "--port", "PORT"),
          ("listeners", "--port", "1", "--json"),
          ("upstreams", "--name", "app"), ("upstreams", "--port", "9", "--json"),
          ("routes", "--name", "https.PORT.https.two.apps", "--json"), ("routes", "--wide")]


def test_the_same_as_of_its_file(shown):
    """What runs is what the file says, in every form and through every filter."""
    for words in FORMS:
        words = [word.replace("PORT", str(shown.port)) for word in words]
        assert asked(shown.home, *words) == asked(shown.home, *words, "--config", shown.path), words


def test_who_may_be_asked(shown):
    """By default the one that runs; by its process, and by its socket."""
    wanted = names(shown.home)
    assert wanted == names(shown.home, "--admin", str(shown.pid))
    assert wanted == names(shown.home, "--admin", f"unix:{socket_of(shown)}")
    assert str(shown.pid + 1) in asked(shown.home, "routes", "--admin", shown.pid + 1, wanted=1)


def test_wrong_usage(shown):
    assert "--port" in asked(shown.home, "routes", "--port", "1", wanted=2)


def test_health_and_stats_are_there_and_the_admin_is_not(factory, home):
    admin, health, stats = free_port(), free_port(), free_port()
    factory.gateway(f"--admin=127.0.0.1:{admin}", f"--health=127.0.0.1:{health}",
                    f"--stats=127.0.0.1:{stats}", home=home)
    told = asked(home, "listeners", "--admin", f"127.0.0.1:{admin}")
    assert "Inline Route: /healthz/ready*" in told and f" {health} " in told
    assert "Inline Route: /stats/prometheus*" in told and f" {stats} " in told
    assert str(admin) not in told
    assert "sock" not in told


def test_port_0(factory, home):
    """The kernel's choice is what is shown and announced, and UDP has the same."""
    front = factory.gateway("--listen=127.0.0.1:0", home=home, listen=[],
                            ready=False)
    wait_for(lambda: home.h3gw("listeners").returncode == 0, "the gateway to answer")
    dump = json.loads(asked(home, "listeners", "--json"))
    ports = {one["name"].rpartition("_")[0]: one["address"]["socketAddress"]["portValue"]
             for one in dump if one["name"].startswith("udp_")}
    assert list(ports) == ["udp_127.0.0.1"] and ports["udp_127.0.0.1"] > 0
    front.server.port = ports["udp_127.0.0.1"]
    assert f"127.0.0.1_{front.server.port}" in [one["name"] for one in dump]
    assert len(dump) == 2
    for version in VERSIONS:
        response = front.curl(version, "/get")
        assert response.get("alt-svc") == f'h3=":{front.server.port}"; ma=86400'


def test_udp_that_could_not_be_bound(gateway, home):
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        front = gateway(port=port, home=home)
        assert names(home) == [f"127.0.0.1_{port}"]
        assert front.curl("h2", "/get").get("alt-svc") is None


def test_http3_off(gateway, home):
    front = gateway("--http3=off", home=home)
    assert names(home) == [f"127.0.0.1_{front.port}"]


@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 loopback here")
def test_dual_stack(factory):
    text = "[server s]\nlisten = localhost:{port}\n[route r]\nhandler = echo\n"
    live = Live(factory, text)
    for form in ("--json", "-oshort"):
        told = asked(live.home, "listeners", form)
        assert told == asked(live.home, "listeners", form, "--config", live.path)
    assert "127.0.0.1" in told and "::1" in told


def connections(home, *arguments):
    """{"TCP": n, "UDP": n} as the wide table has them."""
    head, *rows = asked(home, "listeners", "--wide", *arguments).splitlines()
    at = head.index("CONNECTIONS")
    kind = head.index("PROTO")
    return {row[kind:].split()[0]: row[at:].strip() for row in rows if "h3" in row or "h2" in row}


def test_connections_are_counted(factory):
    live = Live(factory, "[server s]\nlisten = 127.0.0.1:{port}\n[route r]\nhandler = echo\n")
    wait_for(lambda: connections(live.home) == {"TCP": "0", "UDP": "0"}, "nobody to be there")
    held = [live.hold("h1"), live.hold("h2"), live.hold("h3")]
    for one in held:
        one.ask("/get")
    wait_for(lambda: connections(live.home) == {"TCP": "2", "UDP": "1"}, "three clients")
    held[0].close()
    held[2].hang_up()
    wait_for(lambda: connections(live.home) == {"TCP": "1", "UDP": "0"}, "one client to be left")


def test_keys_are_not_told(shown):
    key = (shown.home.folder / "shown.key").read_text().splitlines()[1]
    for what in DUMPS:
        for form in ("--wide", "--json"):
            told = asked(shown.home, what, form)
            assert "PRIVATE KEY" not in told and key not in told


# ---- none, and several ----------------------------------------------------------------------

@pytest.mark.parametrize("command", COMMANDS)
def test_nobody_runs(home, command):
    said = asked(home, command, wanted=1)
    assert "h3gw serve" in said or "start one" in said
    assert "--config FILE" in said or command in ("reload", "stop")
    assert "h3gw" in said.split()[0]


def test_several_run(gateway, home):
    fronts = [gateway(home=home) for _ in range(2)]
    for command in COMMANDS:
        said = asked(home, command, wanted=1)
        assert "--admin" in said
        for front in fronts:
            assert str(front.server.process.pid) in said
            assert str(socket_of(front, home)) in said
            assert f"127.0.0.1:{front.port}" in said
    for front in fronts:
        pid = front.server.process.pid
        assert f"127.0.0.1_{front.port}" in names(home, "--admin", str(pid))
        assert asked(home, "reload", "--admin", pid) == "reloaded\n"


def test_what_a_killed_one_left(gateway, home):
    """Its socket is no gateway: it is passed over, and tidied up."""
    first, second = gateway(home=home), gateway(home=home)
    left = socket_of(first, home)
    killed(first)
    assert left.exists()
    assert f"127.0.0.1_{second.port}" in names(home)
    assert not left.exists()
    left = socket_of(second, home)
    killed(second)
    assert asked(home, "listeners", wanted=1)
    assert not left.exists()


def test_other_files_in_the_folder_stay(gateway, home):
    front = gateway(home=home)
    folder = socket_of(front).parent
    (folder / "notes.sock").write_text("")
    (folder / "1.txt").write_text("")
    assert names(home)
    assert (folder / "notes.sock").exists() and (folder / "1.txt").exists()


# ---- over TCP -------------------------------------------------------------------------------

class Admin:
    """Whoever speaks HTTP with the admin."""

    def __init__(self, where):
        self.where = where

    def status(self, method, path="/", **fields):
        connection = (UnixConnection(str(self.where), 20) if isinstance(self.where, Path)
                      else http.client.HTTPConnection("127.0.0.1", self.where, timeout=20))
        try:
            connection.putrequest(method, path, skip_host="Host" in fields)
            for name, value in {"Content-Length": "0", **fields}.items():
                connection.putheader(name, value)
            connection.endheaders()
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def over_tcp(gateway, home):
    port = free_port()
    front = gateway(f"--admin=127.0.0.1:{port}", home=home)
    return front, port, Admin(port)


def test_tcp(over_tcp, home):
    front, port, _ = over_tcp
    for what in DUMPS:
        assert asked(home, what, "--admin", f"127.0.0.1:{port}", "--json")
    assert f"127.0.0.1_{front.port}" in names(home, "--admin", f"127.0.0.1:{port}")
    assert asked(home, "reload", "--admin", f"127.0.0.1:{port}") == "reloaded\n"
    assert not can_bind(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", port)
    nobody = free_port()
    assert str(nobody) in asked(home, "reload", "--admin", f"127.0.0.1:{nobody}", wanted=1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_browsers_are_refused(over_tcp, method):
    """A page of any site can send requests to 127.0.0.1, and a name of its own can lead there."""
    front, port, admin = over_tcp
    for path in ("/", "/reload", "/stop", "/listeners"):
        for origin in ("https://evil.example", f"http://127.0.0.1:{port}", "null"):
            assert admin.status(method, path, Origin=origin) == 403, (path, origin)
        for host in ("evil.example", f"rebound.evil.example:{port}", "localhost.evil.example",
                     "127.0.0.1.evil.example", ""):
            assert admin.status(method, path, Host=host) in (400, 403), (path, host)
    assert front.server.running and "reloaded" not in front.server.said


def test_hosts_that_are_fine(over_tcp):
    _, port, admin = over_tcp
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost", "[::1]", "127.0.0.1"):
        assert admin.status("GET", "/", Host=host) in (200, 404), host


def test_get_changes_nothing(over_tcp):
    front, _, admin = over_tcp
    for path in ("/reload", "/stop", "/stop?now", "/quitquitquit"):
        assert admin.status("GET", path) in (404, 405), path
    assert front.curl("h2", "/get").status == 200
    assert "reloaded" not in front.server.said and "draining" not in front.server.said


def test_odd_requests(over_tcp, home):
    """What is no request for it is answered, or the connection ends; it goes on."""
    front, port, _ = over_tcp
    for junk in (b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"/" * 100000, b"\x16\x03\x01",
                 b"POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
            try:
                sock.sendall(junk)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass
            except ConnectionError:
                pass
    assert f"127.0.0.1_{front.port}" in names(home, "--admin", f"127.0.0.1:{port}")


def test_a_silent_client_holds_nobody_up(gateway, home):
    front = gateway(home=home)
    silent = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    try:
        for sock in silent:
            sock.settimeout(10)
            sock.connect(str(socket_of(front)))
        assert f"127.0.0.1_{front.port}" in names(home)
        assert asked(home, "reload") == "reloaded\n"
        assert asked(home, "stop") is not None
        assert front.server.wait(30) == 0
    finally:
        for sock in silent:
            sock.close()


# ---- the end --------------------------------------------------------------------------------

def test_stop(gateway, home):
    front = gateway(home=home)
    path = socket_of(front)
    asked(home, "stop")
    assert not Path(f"/proc/{front.server.process.pid}/exe").exists(), "it must have ended by now"
    assert front.server.wait(10) == 0
    assert not path.exists()
    assert asked(home, "stop", wanted=1)


def test_stop_drains(gateway, home, app, version):
    """What was begun is finished, however long it takes; nobody new is let in; the command waits."""
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "100s", home=home)
    transfer = front.curl.start(version, "/gated?gate=s&n=2&size=50000&length")
    backend.permit("s")
    transfer.wait_body(50000)
    with Running(home, "stop") as stop:
        wait_for(front.server.refuses_connections, "the listener to close")
        assert stop.poll() is None and front.server.running
        backend.permit("s")
        assert transfer.finish().body == b"a" * 50000 + b"b" * 50000
        assert front.server.wait(30) == 0
        assert stop.wait(30) == 0


def test_stop_by_process(gateway, home):
    one, two = gateway(home=home), gateway(home=home)
    asked(home, "stop", "--admin", one.server.process.pid)
    assert one.server.wait(10) == 0
    assert two.server.running
    assert names(home) == [f"127.0.0.1_{two.port}", f"udp_127.0.0.1_{two.port}"]


def test_stop_now(gateway, home, app, version):
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "100s", home=home)
    front.server.expected_exit = None
    transfer = front.curl.start(version, "/gated?gate=never&n=2&size=1000")
    backend.permit("never")
    transfer.wait_body(1000)
    path = socket_of(front)
    asked(home, "stop", "--now")
    front.server.wait(10)
    assert not path.exists()
    if version == "h3":
        transfer.kill()  # nobody tells it
    else:
        assert transfer.finish(check=False).exit != 0


def test_stop_now_while_draining(gateway, home, app):
    """The way out of a drain that takes too long."""
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "100s", home=home)
    front.server.expected_exit = None
    transfer = front.curl.start("h2", "/gated?gate=never&n=2&size=1000")
    backend.permit("never")
    transfer.wait_body(1000)
    front.server.signal()
    wait_for(front.server.refuses_connections, "the listener to close")
    asked(home, "stop", "--now")
    front.server.wait(10)
    assert transfer.finish(check=False).exit != 0


def test_clients_are_told_to_go(factory, raw):
    """GOAWAY on h2 and h3, connection: close on h1, and what was asked before is answered."""
    permit = threading.Event()
    backend = raw(answer_when(permit))
    plain = Plain(factory.gateway, "--upstream", backend.url, DRAIN_TIMEOUT, "100s")
    front = plain.gateway
    h1, h2, h3 = (kind(front) for kind in (HeldH1, HeldH2, HeldH3))
    factory.things += [h1, h2, h3]
    path = "/"
    h1.raw.send(f"GET {path} HTTP/1.1\r\nHost: {h1.authority}\r\n\r\n".encode())
    stream = h2.raw.request([*GET, (":authority", h2.authority), (":path", path)])
    file = h3.get(path)
    wait_for(lambda: len(backend.heads) == 3, "three requests at the upstream")
    front.server.signal()
    wait_for(lambda: plain.ready()[0].status == 503, "503 while draining")
    wait_for(lambda: h3.state == "going", "GOAWAY over HTTP/3")
    frame = h2.raw.frame()
    while frame[0] != GOAWAY:
        frame = h2.raw.frame()
    assert int.from_bytes(frame[3][4:8], "big") == 0
    permit.set()
    response = h1.raw.response()
    assert (response.body, response.get("connection")) == (b"ok", "close")
    assert h2.raw.outcome(stream) == ("status", 200, b"ok")
    assert h3.finish(file).body == b"ok"
    assert front.server.wait(30) == 0


def test_sigterm_under_load(factory, app):
    """Every request that had begun is answered in full, however many there are."""
    backend = app()
    plain = Plain(factory.gateway, "--upstream", backend.url, DRAIN_TIMEOUT, "100s")
    front = plain.gateway
    path = "/gated?gate=load&n=1&size=20000"
    transfers = [front.curl.start(version, path) for _ in range(8) for version in VERSIONS]
    wait_for(lambda: len(backend.events(path)) == len(transfers), "all at the upstream", 60)
    front.server.signal()
    wait_for(lambda: plain.ready()[0].status == 503, "503 while draining")
    wait_for(front.server.refuses_connections, "the listener to close")
    backend.permit("load", len(transfers))
    for transfer in transfers:
        assert transfer.finish().body == b"a" * 20000
    assert front.server.wait(30) == 0
