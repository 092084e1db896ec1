# SPDX-License-Identifier: GPL-3.0-or-later
"""Several workers: all of them work, a client does not notice which one it has, and what is of the
gateway as a whole (limits, counters, log, tickets, reload, drain) does not fall apart."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from clients import VERSIONS, RawH1
from crowds import crowd
from live import (ONE, THREE, TWO, Live, Talk, cpu_ns, listening, open_files, workers)
from loads import Load
from procs import free_port, wait_for
from spellings import DRAIN_TIMEOUT
from test_admin import Plain
from test_admin_socket import connections
from test_limits import counted
from test_reload_clients import WAYS
from upstreams import content

FOUR = "--workers=4"
MANY = 64  # connections: that one of four workers gets none of them is out of the question


def names(front):
    return sorted(workers(front.server.process.pid))


def worker_names(count):
    return sorted(f"h3gw-w{n}" for n in range(count))


# ---- how many -------------------------------------------------------------------------------

def test_one_by_default(gateway):
    assert names(gateway()) == worker_names(1)


@pytest.mark.parametrize("count", [1, 2, 4, 64])
def test_so_many(gateway, count):
    front = gateway("--workers", count)
    assert names(front) == worker_names(count)
    for version in VERSIONS:
        assert front.curl(version, "/get").status == 200


def test_as_many_as_there_are_processors(gateway):
    front = gateway("--workers=auto")
    assert len(names(front)) in {min(os.cpu_count(), 64), min(len(os.sched_getaffinity(0)), 64)}
    assert names(front) == worker_names(len(names(front)))


def test_by_the_file(factory):
    live = Live(factory, "[gateway]\nworkers = 3\n" + ONE)
    assert names(live) == worker_names(3)
    assert [live.ask(version) for version in VERSIONS] == ["one"] * 3


@pytest.mark.parametrize("value", ["0", "65", "-1", "many", "1.5", ""])
def test_wrong_usage(home, value):
    result = home.h3gw("serve", f"--listen=127.0.0.1:{free_port()}", f"--workers={value}")
    assert result.returncode == 2
    assert "--workers" in result.stderr


def test_port_in_use_by_another_h3gw(gateway, home):
    """Its sockets share their port among themselves, and with nobody else."""
    front = gateway(FOUR)
    result = home.h3gw("serve", f"--listen=127.0.0.1:{front.port}", FOUR)
    assert result.returncode == 1
    assert str(front.port) in result.stderr and "in use" in result.stderr
    assert front.curl("h3", "/get").status == 200


# ---- all of them work -----------------------------------------------------------------------

def test_all_get_connections(gateway, version):
    """None of them lies idle while there is a crowd: each has its part of the handshakes."""
    front = gateway(FOUR)
    tasks = workers(front.server.process.pid)
    before = {name: cpu_ns(task) for name, task in tasks.items()}
    held = crowd(front.server, version, MANY)
    try:
        used = {name: cpu_ns(task) - before[name] for name, task in tasks.items()}
        assert sorted(used) == worker_names(4)
        assert min(used.values()) > sum(used.values()) / 40, used
    finally:
        held.close()


@pytest.fixture(scope="module")
def front(shared, backend):
    return shared.gateway(FOUR, "--upstream", backend.url)


def test_many_requests_over_many_connections(front, version):
    """Each gets its own answer, whole."""
    sizes = [(n * 7919) % 200000 for n in range(16)]
    transfers = [front.curl.start(version, f"/blob/{size}") for size in sizes]
    for size, transfer in zip(sizes, transfers):
        assert transfer.finish().body == content(size)


def test_many_uploads(front, version):
    transfers = [front.curl.start(version, f"/upload?{n}", "--data-binary", "x" * (n * 5000 + 1))
                 for n in range(12)]
    assert [transfer.finish().json()["length"] for transfer in transfers] == \
        [n * 5000 + 1 for n in range(12)]


def test_load(front):
    with Load(front, "/status/200") as load:
        wait_for(lambda: load.answered > 1200 or load.faults, "1200 answers", 60)
    load.check()


# ---- QUIC connections that move -------------------------------------------------------------

CHANGES = [
    ("another port", [("rebind", "127.0.0.1")]),
    ("another address", [("rebind", "127.0.0.2")]),
    ("migrates to another port", [("move", "127.0.0.1")]),
    ("migrates to another address", [("move", "127.0.0.2")]),
    ("again and again", [("move", f"127.0.0.{n}") for n in (2, 3, 4, 5)]),
    ("in both ways", [(("rebind", "move")[n % 2], f"127.0.0.{n}") for n in range(2, 10)]),
]
SIZE = 3_000_000


@pytest.mark.parametrize("changes", [changes for _, changes in CHANGES],
                         ids=[name for name, _ in CHANGES])
@pytest.mark.parametrize("count", [1, 4])
def test_a_download_moves(factory, backend, count, changes):
    """Wherever the kernel's own choice would send its datagrams: the connection id finds its
    worker. Several, as one might be lucky."""
    plain = Plain(factory.gateway, "--workers", count, "--upstream", backend.url)
    front = plain.gateway
    talks = [Talk(front.home.folder, front.port) for _ in range(6 if count > 1 else 1)]
    factory.things += talks
    for talk in talks:
        assert talk.open() == "open full"
        limit = 300_000
        talk.limit(limit)
        file = talk.get(f"/blob/{SIZE}")
        for how, address in changes:
            wait_for(lambda: file.exists() and file.stat().st_size > limit, "the part before")
            talk.change(how, address)
            limit += 300_000
            talk.limit(limit)
        wait_for(lambda: file.stat().st_size > limit, "the part behind")
        talk.limit(0)
        assert talk.finish(file).body == content(SIZE)
        assert talk.response("/blob/10").body == content(10)
        assert talk.state == "usable"
    stats = plain.wait_sum(2 * len(talks), "h3gw_requests_total", version="h3")
    wait_for(lambda: plain.stats().sum("h3gw_quic_migrations_total") >= len(talks),
             "the new addresses to be validated")
    assert stats.sum("h3gw_connections_total", transport="quic") == len(talks)


# ---- tickets --------------------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_tickets_resume_on_any_worker(gateway, way):
    front = gateway(FOUR)
    front.talk = lambda host: Talk(front.home.folder, front.port, host)
    client = WAYS[way](front, "localhost")
    try:
        assert client.visit() == "full"
        assert [client.visit() for _ in range(12)] == ["resumed"] * 12
    finally:
        if way == "quic":
            client.talk.close()


def test_tokens_of_any_worker(gateway):
    """Retry: the answer to it may be steered to another worker than the first packet was."""
    front = gateway(FOUR, "--quic-retry=always")
    for _ in range(12):
        assert front.curl("h3", "/get").status == 200


# ---- limits of the whole --------------------------------------------------------------------

def test_connections_of_one_client(gateway):
    """Counted over all workers, TCP and QUIC together."""
    front = gateway(FOUR, "--max-connections-per-client=9")
    talk = Talk(front.home.folder, front.port)
    held = []
    try:
        assert talk.open() == "open full"
        wait_for(lambda: talk.response("/status/200").status == 200, "the first to be counted")
        held = [front.curl.tls() for _ in range(8)]
        for sock in held:
            with_request(sock)
        for _ in range(4):
            for version in VERSIONS:
                assert front.curl(version, "/status/200", check=False).exit != 0
        held.pop().close()
        for version in VERSIONS:
            wait_for(lambda: front.curl(version, "/status/200", check=False).status == 200,
                     "room for another connection")
    finally:
        talk.close()
        for sock in held:
            sock.close()


def test_connections_to_an_upstream(gateway, raw):
    """Two in all, one of each worker, however many ask; with fewer than workers it is said that there
    are more."""
    permits, stats = [], free_port()

    def script(conn):
        while True:
            conn.read_head()
            wait_for(lambda: permits, "permission")
            conn.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    upstream = raw(script)
    front = gateway("--workers=2", "--upstream", upstream.url, "--max-upstream-connections=2",
                    f"--stats=127.0.0.1:{stats}")
    assert "max-upstream-connections" not in front.server.err
    # so many that one of the workers gets none of them is out of the question
    asked = [front.curl.start("h1", f"/{n}") for n in range(32)]
    wait_for(lambda: counted(stats, "h3gw_requests_active") == len(asked), "all to ask")
    wait_for(lambda: len(upstream.received) == 2, "two connections")
    permits.append(True)
    assert [one.finish().text for one in asked] == ["ok"] * len(asked)
    assert len(upstream.received) == 2


def test_fewer_connections_to_an_upstream_than_workers(gateway):
    front = gateway(FOUR, "--max-upstream-connections=3")
    assert "max-upstream-connections 3 is less than workers 4: each worker has one" in \
        front.server.err


def with_request(sock):
    """It is certainly there, and not in somebody's backlog."""
    raw = RawH1(sock)
    raw.send(b"GET /status/200 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert raw.response().status == 200


# ---- the access log -------------------------------------------------------------------------

def whole_lines(path):
    """Each line is an object of its own, and none is cut or mixed."""
    text = path.read_text()
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def ask_many(front, mark, count):
    """As many requests over as many connections, at the same time: their paths. They are long, so
    that lines that are written in pieces would meet."""
    paths = [f"/anything/{mark}-{n}-" + "abcdefgh" * 200 for n in range(count)]
    for start in range(0, count, 12):
        transfers = [front.curl.start(VERSIONS[n % 3], paths[n], "-A", "agent " + "z" * 1500)
                     for n in range(start, min(start + 12, count))]
        assert all(transfer.finish().status == 200 for transfer in transfers)
    return sorted(paths)


def logged(*logs):
    """The paths in these logs: `path` of each object, whatever else it has."""
    found = []
    for log in logs:
        for line in whole_lines(log) if log.exists() else []:
            found += [value for value in line.values() if str(value).startswith("/anything/")]
    return sorted(found)


def test_lines_are_whole(gateway, tmp_path):
    log = tmp_path / "access.json"
    front = gateway(FOUR, "--access-log", log, "--access-log-format=json")
    paths = ask_many(front, "whole", 24)
    wait_for(lambda: log.read_text().count("\n") >= len(paths), "all lines")
    assert logged(log) == paths


def test_lines_of_a_load_are_whole(gateway, tmp_path):
    """Four workers that write as fast as they can."""
    log = tmp_path / "access.log"
    front = gateway(FOUR, "--access-log", log)
    with Load(front, "/status/200") as load:
        wait_for(lambda: load.answered > 1500 or load.faults, "1500 answers", 60)
    load.check()
    wait_for(lambda: log.read_text().count("\n") >= load.answered, "all lines")
    for line in log.read_text().splitlines():
        assert re.match(r'127\.0\.0\.1 .*"GET /status/200 HTTP/[123](\.\d)?" 200 ', line), line


def test_log_is_reopened_for_all(gateway, tmp_path):
    """SIGUSR1: nobody writes into the old file any more, and nothing is lost."""
    log, old = tmp_path / "access.json", tmp_path / "access.json.1"
    front = gateway(FOUR, "--access-log", log, "--access-log-format=json")
    before = ask_many(front, "before", 12)
    wait_for(lambda: log.read_text().count("\n") >= len(before), "all lines")
    log.rename(old)
    front.server.signal(signal.SIGUSR1)
    wait_for(lambda: log.exists() and str(old) not in open_files(front.server.process.pid),
             "the log to be opened again")
    size = old.stat().st_size
    after = ask_many(front, "after", 12)
    wait_for(lambda: log.read_text().count("\n") >= len(after), "all lines of the new log")
    assert logged(log) == after and logged(old) == before
    assert old.stat().st_size == size


def test_log_is_rotated_under_load(gateway, tmp_path):
    logs = [tmp_path / f"access.log.{n}" for n in range(4)]
    log = tmp_path / "access.log"
    front = gateway(FOUR, "--access-log", log)
    with Load(front, "/status/200", count=1) as load:
        for n, old in enumerate(logs):
            wait_for(lambda: load.answered > n * 150 or load.faults, "some answers", 60)
            log.rename(old)
            front.server.signal(signal.SIGUSR1)
            wait_for(lambda: log.exists() and str(old) not in open_files(front.server.process.pid),
                     "the log to be opened again")
    load.check()
    wait_for(lambda: sum(one.read_text().count("\n") for one in (log, *logs)) >= load.answered,
             "all lines")


# ---- the counters ---------------------------------------------------------------------------

def test_counters_are_sums(gateway):
    plain = Plain(gateway, FOUR)
    front = plain.gateway
    transfers = [front.curl.start(version, "/bytes/1000") for version in VERSIONS
                 for _ in range(8)]
    assert all(transfer.finish().status == 200 for transfer in transfers)
    for version in VERSIONS:
        stats = plain.wait_sum(8, "h3gw_requests_total", version=version, code="2xx")
        assert stats.sum("h3gw_handshakes_total", version=version) >= 8  # one was to be ready
        assert stats.sum("h3gw_request_duration_seconds_count", version=version) == 8
    assert stats.sum("h3gw_connections_total", transport="quic") == 8


def test_counters_only_grow(gateway):
    """Though they are read while others write them."""
    plain = Plain(gateway, FOUR)
    with Load(plain.gateway, "/status/200", count=1) as load:
        before = plain.stats().growing()
        while load.answered < 600 and not load.faults:
            now = plain.stats().growing()
            assert all(now[key] >= value for key, value in before.items())
            before = now
    load.check()
    plain.wait_sum(load.answered, "h3gw_requests_total")


def test_connections_are_counted(factory):
    """What the wide table says is of all workers."""
    live = Live(factory, ONE, FOUR)
    held = [live.hold(VERSIONS[n % 3]) for n in range(12)]
    assert [one.ask() for one in held] == ["one"] * 12
    wait_for(lambda: connections(live.home) == {"TCP": "8", "UDP": "4"}, "twelve clients")


# ---- reload and drain -----------------------------------------------------------------------

def test_reload_reaches_all(factory, version):
    """When the command has answered there is no worker left with the old one."""
    live = Live(factory, ONE, FOUR)
    old = [live.hold(version) for _ in range(6)]
    assert [one.ask() for one in old] == ["one"] * 6
    for text, word in ((TWO, "two"), (THREE, "three")):
        live.reload(text)
        transfers = [live.curl.start(version, "/") for _ in range(16)]
        assert [transfer.finish().text for transfer in transfers] == [word] * 16
    assert [one.ask() for one in old] == ["one"] * 6


def test_reload_keeps_all_sockets(factory):
    live = Live(factory, ONE, FOUR)
    tables = [listening(live.pid, live.port, table) for table in ("tcp", "udp")]
    assert all(tables)
    for text in (TWO, THREE):
        live.reload(text)
        assert tables == [listening(live.pid, live.port, table) for table in ("tcp", "udp")]


def test_listeners_come_and_go(factory):
    """Each worker has its socket, and is steered to, at addresses that a reload brought."""
    live, port = Live(factory, ONE, FOUR), free_port()
    more = TWO.replace("listen = 127.0.0.1:{port}", "listen = 127.0.0.1:{port}, 127.0.0.1:%d" % port)
    for text in (more, THREE, more):
        live.reload(text)
        for there in ([live.port, port] if text is more else [live.port]):
            live.server.port = there
            transfers = [live.curl.start(version, "/") for _ in range(8) for version in VERSIONS]
            word = "two" if text is more else "three"
            assert {transfer.finish().text for transfer in transfers} == {word}
        live.server.port = live.port
    talks = [Talk(live.home.folder, port) for _ in range(6)]
    factory.things += talks
    for talk in talks:
        assert talk.open() == "open full"
        talk.change("rebind", "127.0.0.2")
        assert talk.response("/").text == "two"


def test_moves_over_a_reload(factory):
    """A connection of the old configuration whose client changes its address."""
    live = Live(factory, ONE, FOUR)
    talks = [live.hold("h3") for _ in range(6)]
    for n, talk in enumerate(talks):
        assert talk.ask() == "one"
        live.reload((TWO, THREE)[n % 2])
        talk.change("move" if n % 2 else "rebind", "127.0.0.2")
        assert talk.ask() == "one"
    assert live.ask("h3") == "three"


@pytest.mark.parametrize("way", WAYS)
def test_tickets_over_a_reload(factory, way):
    live = Live(factory, ONE.replace("respond = 200", "handler = echo").replace(
        "respond-body = one\n", ""), FOUR)
    client = WAYS[way](live, "localhost")
    assert client.visit() == "full"
    for _ in range(4):
        live.reload()
        assert [client.visit() for _ in range(4)] == ["resumed"] * 4


def test_drain(factory, app):
    """All workers finish what they have begun, and then the process ends."""
    backend = app()
    plain = Plain(factory.gateway, FOUR, "--upstream", backend.url, DRAIN_TIMEOUT, "100s")
    front = plain.gateway
    path = "/gated?gate=all&n=1&size=40000"
    transfers = [front.curl.start(version, path) for _ in range(8) for version in VERSIONS]
    wait_for(lambda: len(backend.events(path)) == len(transfers), "all at the upstream", 60)
    idle = [front.curl.tls() for _ in range(8)]
    front.server.signal()
    wait_for(lambda: plain.ready()[0].status == 503, "503 while draining")
    wait_for(front.server.refuses_connections, "the listeners to close")
    backend.permit("all", len(transfers))
    for transfer in transfers:
        assert len(transfer.finish().body) == 40000
    assert front.server.wait(30) == 0
    for sock in idle:
        assert sock.recv(1) == b""
        sock.close()


def test_drain_has_an_end(gateway, app):
    backend = app()
    front = gateway(FOUR, "--upstream", backend.url, DRAIN_TIMEOUT, "500ms")
    path = "/gated?gate=never&n=2&size=10"
    transfers = [front.curl.start(VERSIONS[n % 3], path) for n in range(9)]
    wait_for(lambda: len(backend.events(path)) == 9, "all at the upstream")
    front.server.signal()
    assert front.server.wait(20) == 0
    for transfer in transfers:
        transfer.kill()


def test_files_and_memory_after_many_reloads(factory):
    """Nothing is left of the old ones."""
    live = Live(factory, ONE, FOUR)
    for _ in range(3):
        live.reload(TWO)
    files = len(open_files(live.pid))
    for n in range(20):
        live.reload((ONE, TWO)[n % 2])
        assert live.ask(VERSIONS[n % 3]) == ("one", "two")[n % 2]
    wait_for(lambda: len(open_files(live.pid)) <= files, "the same number of open files")
    assert names(live) == worker_names(4)
    assert len(list(Path(f"/proc/{live.pid}/task").iterdir())) <= 4 + 4, "threads were left"
