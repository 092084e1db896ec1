# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstreams that fail and clients that leave, at every stage, over the three versions: a cut body
never ends cleanly, a connection of which anything is doubtful is not used again, whoever is left
hears of it, and the next request is answered."""

import os
import re
import socket
import struct
import threading
import urllib.request

import pytest

from clients import FLAG, HEADERS, RST_STREAM, client_hello, curl_path, until_heard
from crowds import CrowdH3
from live import open_files
from procs import free_port, run, wait_for, wait_steady
from raw_h3 import RawH3, pseudo
from spellings import DRAIN_TIMEOUT
from upstreams import OK, closed_port, connecting_to, full_listener, unsent

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# What the upstream sends, what it does then, and what the client sees: a status, or "cut". At
# "stay" the upstream waits until the gateway hangs up.
FAULTS = {
    "nothing": (b"", ("close", "reset"), 502),
    "head": (b"HTTP/1.1 200 OK\r\nContent-Le", ("close", "reset"), 502),
    "hints": (b"HTTP/1.1 103 Early Hints\r\n\r\n", ("close", "reset"), 502),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot all", ("close", "reset"), "cut"),
    "chunk": (CHUNKED + b"100\r\nnot all", ("close", "reset"), "cut"),
    "until-close": (b"HTTP/1.1 200 OK\r\n\r\nnot all", ("reset",), "cut"),  # its FIN is the body's end
    "trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nX-A: b", ("close", "reset"), "cut"),
    "garbage": (CHUNKED + b"5\r\nhello\r\nzz\r\n", ("stay",), "cut"),
    "long-chunk": (CHUNKED + b"5\r\nhello and more\r\n0\r\n\r\n", ("stay",), "cut"),
    "two-lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", ("stay",), 502),
    "switching": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", ("stay",), 502),
    "surplus": (OK + b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned", ("stay", "close", "reset"), 200),
    "stall": (b"", ("stay",), 504),
    "stall-in-head": (b"HTTP/1.1 200 OK\r\nX-A: b\r\n", ("stay",), 504),
}
CASES = [(name, way) for name, (_, ways, _) in FAULTS.items() for way in ways]


class Faulty:
    """An upstream that does what the path says: /ok, /FAULT/WAY, or one of the stages below."""

    def __init__(self, factory):
        self.ended = []  # the last head of each connection that the gateway closed
        self.permit = threading.Event()
        self.raw = factory.raw(self.script)
        self.url = self.raw.url

    def script(self, conn):
        while True:
            head = conn.read_head()
            path = head.split()[1].decode()
            if path == "/ok":
                conn.send(OK)
                continue
            self.act(conn, path)
            return

    def act(self, conn, path):
        name, _, way = path[1:].partition("/")
        if name in FAULTS:
            conn.send(FAULTS[name][0])
        elif name == "endless":
            conn.send(b"HTTP/1.1 200 OK\r\n\r\n")
        elif name == "headed":
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        if way == "reset":
            conn.reset()
        elif way == "deaf":
            self.permit.wait(60)
        elif way != "close":
            try:
                while name == "endless":
                    conn.send(b"more " * 1000)
                conn.read_to_end()
            except OSError:
                pass
            self.ended.append(path)

    def paths(self):
        """Of the requests that came, a list for each connection."""
        return [re.findall(rb"(?:^|\r\n\r\n)[A-Z]+ (\S+) HTTP/1.1\r\n", bytes(record))
                for record in self.raw.received]

    def assert_never_reused(self):
        for paths in self.paths():
            assert set(paths[:-1]) <= {b"/ok"}, paths


@pytest.fixture(scope="module")
def upstream(shared):
    return Faulty(shared)


# Only where nothing else can come than the end of the time is it short: elsewhere the upstream, which
# is a thread of ours, would have to be quick.
ROUTES = """
[server local]
listen = 127.0.0.1:{port}
hosts = localhost

[route all]
upstream = faulty

[route stall]
path = /stall
upstream = faulty
timeout = 300ms

[upstream faulty]
url = {url}
"""


@pytest.fixture(scope="module")
def front(shared, upstream):
    home, port = shared.home(), free_port()
    (home.folder / "faulty.ini").write_text(ROUTES.format(port=port, url=upstream.url))
    return shared.gateway("--config", home.folder / "faulty.ini", port=port, listen=[], home=home)


def assert_well(front, upstream, version):
    """The next request is answered, over a connection that is in order."""
    assert front.curl(version, "/ok").body == b"ok"
    upstream.assert_never_reused()


@pytest.mark.parametrize("name, way", CASES, ids=["-".join(case) for case in CASES])
def test_upstream_fails(front, upstream, version, name, way):
    expected = FAULTS[name][2]
    ended = len(upstream.ended)
    response = front.curl(version, f"/{name}/{way}", check=False)
    if expected == "cut":
        assert response.exit != 0 or response.status == 502, response
    else:
        assert (response.exit, response.status) == (0, expected), response
    if way == "stay":
        wait_for(lambda: len(upstream.ended) > ended, "the gateway to hang up")
    assert_well(front, upstream, version)


@pytest.mark.parametrize("name, way", CASES, ids=["-".join(case) for case in CASES])
def test_a_post_is_sent_once(front, upstream, name, way):
    before = len(upstream.raw.received)
    response = front.curl("h2", f"/{name}/{way}", "-d", "a", check=False)
    assert response.exit != 0 or response.status == (FAULTS[name][2] if FAULTS[name][2] != "cut" else 502)
    new = upstream.raw.received[before:]
    assert b"".join(map(bytes, new)).count(b"POST ") <= 1
    assert_well(front, upstream, "h2")


@pytest.mark.parametrize("name", ["nothing/reset", "body/close", "trailer/reset", "garbage/stay"])
@pytest.mark.parametrize("multiplexed", ["h2", "h3"])
def test_the_clients_connection_goes_on(front, multiplexed, name):
    result = run(curl_path(), "-q", "-sS", FLAG[multiplexed], "--max-time", "60", *front.curl.arguments(),
                 "-o", "/dev/null", "-w", "%{exitcode} %{http_code} %{num_connects}\n",
                 front.url(f"/{name}"), "-o", "/dev/null", front.url("/ok"))
    first, second = result.stdout.splitlines()
    assert first.startswith("0 502") or not first.startswith("0 "), result
    assert second == "0 200 0", result


@pytest.mark.parametrize("name", ["chunk/close", "chunk/reset", "trailer/close", "garbage/stay"])
def test_cut_for_http_1_0(front, name):
    """Where only the connection's end ends a body, that end is no clean one."""
    with front.curl.h1() as client:
        client.send(f"GET /{name} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = client.to_end()
    assert answer.startswith(b"HTTP/1.1 502 ") or not client.clean, answer


def logged(front, path):
    """The line of the access log about it, or None."""
    return next((line for line in front.server.out.splitlines() if f" {path} " in line), None)


@pytest.fixture(scope="module")
def impatient(shared, upstream):
    return shared.gateway("--upstream", upstream.url, "--upstream-body-timeout", "300ms", "--access-log=-")


@pytest.mark.parametrize("name", ["body", "chunk", "until-close", "trailer"])
def test_upstream_pauses(impatient, upstream, version, name):
    """Within its response, and for too long."""
    ended = len(upstream.ended)
    path = f"/{name}/stay?{version}"
    got = until_heard(lambda: impatient.curl(version, path, "--max-time", "60", check=False))
    assert got.status == 200 and got.exit not in (0, 28), got
    wait_for(lambda: len(upstream.ended) > ended, "the gateway to hang up")
    line = wait_for(lambda: logged(impatient, path), "a line of the log")
    assert '" 200 ' in line and line.endswith(" UPSTREAM_BODY_TIMEOUT"), line
    assert_well(impatient, upstream, version)


def test_pause_for_http_1_0(impatient):
    with impatient.curl.h1() as client:
        client.send(b"GET /chunk/stay HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert client.to_end().endswith(b"not all") and not client.clean


def test_early_answer_of_an_upstream_that_closes(factory, version):
    """It has unread bytes of the request then, so that its kernel resets the connection, while the
    client has taken only a part of the answer. (Told a length, curl ends an upload over HTTP/3
    before it when the status is one of an error.)"""
    answer = os.urandom(16 << 20)

    def script(conn):
        conn.read_head()
        conn.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: %d\r\n\r\n" % len(answer))
        conn.send(answer)
        wait_for(lambda: not unsent(conn.sock), "the gateway's kernel to have all")

    front = factory.gateway("--upstream", factory.raw(script).url)
    got = front.curl(version, "/", "-T", "-", "--limit-rate", "8M", "-H", "Expect:",
                     stdin=bytes(64 << 20))
    assert (got.status, len(got.body)) == (413, len(answer))
    assert got.body == answer


def test_upstream_that_stops_reading(factory, version):
    """What struck is write-timeout: the client is told so, and the log keeps that reason, whatever
    the client then does about the rest of its upload."""
    upstream = Faulty(factory)
    front = factory.gateway("--upstream", upstream.url, "--write-timeout", "1s", "--access-log=-")
    got = until_heard(lambda: front.curl(version, "/upload/deaf", "-T", "-", "-H", "Expect:",
                                         stdin=bytes(60 << 20), check=False))
    upstream.permit.set()
    assert got.status == 504, got
    assert "took no more of the request" in got.text and "--write-timeout" in got.text, got.text
    line = wait_for(lambda: logged(front, "/upload/deaf"), "a line of the log")
    assert '" 504 ' in line and line.endswith(" UPSTREAM_STALLED"), line
    assert_well(front, upstream, version)


def test_upstream_that_is_not_there(factory):
    with closed_port() as port:
        front = factory.gateway("--upstream", f"http://127.0.0.1:{port}")
        for version in FLAG:
            for arguments in ([], ["-d", "x" * 1000]):
                assert front.curl(version, "/", *arguments).status == 502


# Clients that leave

class Leaver:
    """A request that will be given up, in one of several ways."""

    def __init__(self, front, way, path, body):
        self.version, _, self.way = way.partition("-")
        self.client = self.transfer = None
        method = "GET" if body is None else "POST"
        if self.version == "h1":
            self.client = front.curl.h1()
            length = "" if body is None else "Content-Length: 1000000\r\n"
            self.client.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode()
                             + (body or b""))
        elif self.version == "h2":
            self.client = front.curl.h2()
            fields = pseudo(method=method, path=path)
            self.stream = self.client.request(fields, body, end=body is None)
        elif self.way != "curl":
            self.client = RawH3(front)
            fields = pseudo(method=method, path=path)
            self.stream = self.client.request(fields, body, end=body is None)
        else:
            upload = []
            if body is not None:
                file = front.home.folder / "upload"
                file.write_bytes(body + bytes(1 << 20))
                upload = ["-X", "POST", "-H", "Expect:", "-T", file, "--limit-rate", "1k"]
            self.transfer = front.curl.leaver("h3", path, *upload)

    def wait_head(self):
        """Until the head of the answer has come."""
        if self.transfer:
            wait_for(lambda: " 200" in self.transfer.head, "the head")
        elif self.version == "h1":
            assert self.client.head().status == 200
        elif self.version == "h2":
            while self.client.frame()[0] != HEADERS:
                pass
        else:
            self.client.wait_head(self.stream)

    def leave(self):
        if self.transfer:
            self.transfer.leave()
            return
        if self.version == "h3":
            if self.way == "stream":
                self.client.reset(self.stream)
                assert self.client.outcome(self.stream) == ("reset", 0x10C)
            self.client.hang_up()
            return
        if self.way == "stream":
            self.client.send(RST_STREAM, 0, self.stream, struct.pack(">I", 8))
            return
        if self.way == "reset":
            self.client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.sock.close()


QUICK = ["h1-close", "h1-reset", "h2-stream", "h2-close", "h2-reset", "h3-stream", "h3-close"]
WAYS = [*QUICK, "h3-curl"]
STAGES = {  # the path, and a part of a body
    "before the response": ("/wait/stay", None),
    "between head and body": ("/headed/stay", None),
    "in the response": ("/endless/stay", None),
    "in the request": ("/upload/stay", b"not all"),
    "in both": ("/endless/both", b"not all"),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", WAYS)
def test_client_leaves(factory, way, stage):
    upstream = Faulty(factory)
    front = factory.gateway("--upstream", upstream.url)
    path, body = STAGES[stage]
    leaver = Leaver(front, way, path, body)
    arrives = body if stage == "in the request" else path.encode()
    wait_for(lambda: arrives in upstream.raw.bytes, "the request to arrive")
    if stage == "between head and body":
        leaver.wait_head()
    leaver.leave()
    wait_for(lambda: upstream.ended == [path], "the upstream to hear of it")
    assert len(upstream.raw.received) == 1
    assert_well(front, upstream, leaver.version)
    assert front.server.running


@pytest.mark.parametrize("stage", ["before the response", "in the response", "in the request"])
@pytest.mark.parametrize("way", WAYS)
def test_client_leaves_during_a_drain(factory, way, stage):
    """Nobody is waited for any more then."""
    upstream = Faulty(factory)
    front = factory.gateway("--upstream", upstream.url, DRAIN_TIMEOUT, "600s")
    path, body = STAGES[stage]
    leaver = Leaver(front, way, path, body)
    arrives = body if stage == "in the request" else path.encode()
    wait_for(lambda: arrives in upstream.raw.bytes, "the request to arrive")
    front.server.signal()
    wait_for(front.server.refuses_connections, "the listener to close")
    leaver.leave()
    wait_for(lambda: upstream.ended == [path], "the upstream to hear of it")
    assert front.server.wait() == 0
    assert "drain-timeout" not in front.server.err


def active(port):
    """How many requests the gateway has."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats/prometheus", timeout=20) as page:
        return int(re.search(rb"^h3gw_requests_active (\d+)", page.read(), re.M)[1])


@pytest.mark.parametrize("way", WAYS)
def test_client_leaves_in_the_queue(factory, way):
    """Of the one connection that the upstream may have: its place is the next one's. (That it is
    so for who was just called up, upstream_test shows.)"""
    permit, stats = threading.Event(), free_port()

    def script(conn):
        while conn.read_head():
            permit.wait(60)
            conn.send(OK)

    upstream = factory.raw(script)
    front = factory.gateway("--upstream", upstream.url, "--max-upstream-connections", "1",
                            "--access-log=-", "--stats", f"127.0.0.1:{stats}")
    version = way.partition("-")[0]
    first = front.curl.start(version, "/first")
    wait_for(lambda: b"/first" in upstream.bytes, "the first to arrive")
    leaver = Leaver(front, way, "/gone", None)
    wait_for(lambda: active(stats) == 2, "the leaver to wait")
    last = front.curl.start(version, "/last")
    wait_for(lambda: active(stats) == 3, "another to wait behind it")
    leaver.leave()
    wait_for(lambda: logged(front, "/gone"), "the gateway to notice")
    permit.set()
    assert [one.finish().text for one in (first, last)] == ["ok", "ok"]
    assert [head.split()[1] for head in upstream.heads] == ["/first", "/last"]
    assert len(upstream.received) == 1
    assert '" 499 ' in logged(front, "/gone")


@pytest.mark.parametrize("told", ["nothing", "a part of the hello", "the hello"])
@pytest.mark.parametrize("way", ["close", "reset"])
def test_client_leaves_in_the_tls_handshake(factory, way, told):
    front = factory.gateway()
    pid = front.server.process.pid
    idle = wait_steady(lambda: len(open_files(pid)), "open files")
    hello = client_hello()
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", front.port), timeout=15) as sock:
            sock.sendall({"nothing": b"", "the hello": hello}.get(told, hello[:100]))
            if told == "the hello":
                assert sock.recv(5)[:1] == b"\x16"  # the answer has begun
            if way == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lambda: len(open_files(pid)) <= idle, "all to be closed")
    for version in FLAG:
        assert front.curl(version, "/get").status == 200


def test_client_leaves_in_the_quic_handshake(factory):
    """Killed, so that nothing tells of it: they are gone when their time is over."""
    stats = free_port()
    front = factory.gateway("--handshake-timeout", "5s", "--stats", f"127.0.0.1:{stats}")

    def half_open():
        with urllib.request.urlopen(f"http://127.0.0.1:{stats}/stats/prometheus", timeout=20) as page:
            return int(re.search(rb"^h3gw_quic_handshakes_active (\d+)", page.read(), re.M)[1])

    crowd = CrowdH3(front.port, 10, "half")
    wait_for(lambda: half_open() > 0, "their first flights")
    crowd.close()
    wait_for(lambda: half_open() == 0, "them to be gone")
    for version in FLAG:
        assert front.curl(version, "/get").status == 200


@pytest.mark.parametrize("way", WAYS)
def test_client_leaves_before_there_is_a_connection(factory, way):
    """The upstream's queue is full: connecting takes as long as the test wants."""
    with full_listener() as full:
        port = full.getsockname()[1]
        fillers = connecting_to(port)
        front = factory.gateway("--upstream", f"http://127.0.0.1:{port}", "--access-log=-")
        leaver = Leaver(front, way, "/gone", None)
        wait_for(lambda: connecting_to(port) > fillers, "the gateway to try")
        leaver.leave()
        wait_for(lambda: " 499 " in front.server.out, "the gateway to notice")
        front.server.close()
        full.settimeout(0)
        while True:
            try:
                conn, _ = full.accept()
            except BlockingIOError:
                break
            with conn:
                conn.settimeout(0)
                try:
                    assert conn.recv(100) == b"", "a request that nobody waits for was sent"
                except (BlockingIOError, ConnectionError):
                    pass


def test_many_clients_leave_at_any_time(factory):
    """A hundred that come and go, then all is as it was."""
    upstream = Faulty(factory)
    front = factory.gateway("--upstream", upstream.url)
    for i in range(100):
        path, body = list(STAGES.values())[i % len(STAGES)]
        Leaver(front, QUICK[i % 7], path, body).leave()
    wait_for(lambda: len(upstream.ended) == sum(map(bool, upstream.paths())), "all to be over")
    for version in FLAG:
        assert_well(front, upstream, version)
