# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounded memory, and what clients that mean ill are allowed: the process lives, others are
answered meanwhile, and the memory stays where the limits put it."""

import copy
import os
import re
import socket
import ssl
import struct
import time
import urllib.request
from pathlib import Path

import pytest

from clients import (END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
                     WINDOW_UPDATE, client_hello, hpack)
from crowds import CrowdH3, Flood, crowd, frame
from live import ONE, Live, Talk
from loads import Load
from procs import INSTRUMENTED, free_port, wait_for, wait_steady
from spellings import CONNECT_TIMEOUT, DRAIN_TIMEOUT

LONG = bool(os.environ.get("H3GW_LONG"))
CROWD = 1000 if LONG else 100
PATIENCE = 3 if LONG else 1  # machines are slow at making a thousand connections
MAX_RESETS, MAX_STREAMS = 1000, 128  # as the options have them
TWO_ADDRESSES = ["127.0.0.1", "127.0.0.2"]
CONTINUATION = 9
KIB, MIB = 1 << 10, 1 << 20
ENHANCE_YOUR_CALM = 11
GET = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")]


@pytest.fixture
def flood():
    made = Flood()
    yield made
    made.close()


def others_are_answered(front):
    for version in ("h1", "h2", "h3"):
        assert front.curl(version, "/small").text == "ok"


# ---- bounded memory -------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["GET", "POST"])
def test_crowd_of_the_slow(gateway, flood, version, method):
    """GET: nobody reads the 1 GiB that the upstream has for each. POST: each uploads as much as it
    can, and the upstream reads nothing."""
    # those who are slow must be there as long as it takes to make a thousand
    front = gateway("--upstream", flood.url, "--max-upstream-connections", 2 * CROWD,
                    "--write-timeout", "10m", "--body-timeout", "10m", CONNECT_TIMEOUT, "1m",
                    DRAIN_TIMEOUT, "0s")
    front.server.expected_exit = None  # the drain cuts what is left
    others_are_answered(front)
    asked = flood.requests
    slow = crowd(front.server, version, CROWD)
    try:
        idle = wait_steady(front.server.memory, "memory with idle connections")
        slow.begin(method)
        wait_for(lambda: flood.requests - asked >= CROWD, "all requests at the upstream",
                 60 * PATIENCE)

        def flow():
            return method == "POST" and slow.push(), flood.written, flood.queued()
        if not INSTRUMENTED:  # a sanitizer's memory is there before
            wait_for(lambda: flow() and front.server.memory() - idle > 64 * KIB * CROWD,
                     "buffers that are full", 90 * PATIENCE)
        wait_steady(flow, "flow", 90 * PATIENCE)
        each = (wait_steady(front.server.memory, "memory", 60 * PATIENCE) - idle) / CROWD
        print(f"{each / KIB:.1f} KiB for each of {CROWD}")
        # of what was lost QUIC says nothing for seconds, and all that time it is held
        wait_for(lambda: front.server.memory() - idle < 256 * KIB * CROWD, "memory within the bound")
        others_are_answered(front)
    finally:
        slow.close()


@pytest.mark.parametrize("version", ["h2", "h3"])
def test_many_streams_of_one_that_is_slow(gateway, flood, version):
    """All responses of a connection have one budget: without it 100 would hold 12 MiB."""
    front = gateway("--upstream", flood.url, "--connection-buffer", "256k",
                    "--max-upstream-connections", 2 * CROWD, DRAIN_TIMEOUT, "0s")
    front.server.expected_exit = None
    others_are_answered(front)
    asked = flood.requests
    slow = crowd(front.server, version, 1)
    try:
        idle = wait_steady(front.server.memory, "memory with an idle connection")
        for n in range(1, 101):
            slow.begin("GET")
            wait_for(lambda: flood.requests - asked >= n, "the request at the upstream")
        wait_steady(lambda: flood.written, "flow", 90)
        assert wait_steady(front.server.memory, "memory") - idle < 8 * MIB
        others_are_answered(front)
    finally:
        slow.close()


@pytest.mark.parametrize("kind", ["tcp", "tls", "quic"])
def test_half_open_handshakes(gateway, kind):
    """They cost 64 KiB at most, and are gone when their time is over."""
    stats = free_port()
    front = gateway("--handshake-timeout", "10s" if LONG else "5s", "--stats", f"127.0.0.1:{stats}")
    for version in ("h2", "h3"):
        assert front.curl(version, "/status/200").status == 200

    def held():
        return handshakes(stats) if kind == "quic" else open_files(front)

    idle = wait_steady(held, "handshakes and files")
    before = front.server.forget_peak()
    made = half_open(front.server.port, kind, CROWD)
    try:
        wait_for(lambda: held() >= idle + CROWD, "all to be half open")
        each = (front.server.peak() - before) / CROWD
        print(f"{each / KIB:.1f} KiB for each of {CROWD}")
        assert each < 64 * KIB
        assert front.curl("h2", "/status/200").status == 200
        assert front.curl("h3", "/status/200").status == 200
        wait_for(lambda: held() <= idle, "the half-open ones to be gone", 15 * PATIENCE)
    finally:
        for one in made:
            one.close()


def counted(stats, name):
    """As the gateway counts."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stats}/stats/prometheus", timeout=20) as page:
        lines = page.read().decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def handshakes(stats):
    """Half-open ones of QUIC."""
    return counted(stats, "h3gw_quic_handshakes_active")


def open_files(front):
    return len(list(Path(f"/proc/{front.server.process.pid}/fd").iterdir()))


def half_open(port, kind, count):
    if kind == "quic":
        return [CrowdH3(port, count, "half")]
    hellos = [client_hello() for _ in range(count)] if kind == "tls" else []  # before time runs
    made = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for sock, hello in zip(made, hellos):
        sock.sendall(hello)
    return made


# ---- connections ----------------------------------------------------------------------------

def test_connections_of_one_client(gateway, version):
    front = gateway("--max-connections-per-client", 2)
    held = [front.curl.tls() for _ in range(2)]
    assert front.curl(version, "/status/200", check=False).exit != 0
    held.pop().close()
    wait_for(lambda: front.curl(version, "/status/200", check=False).status == 200,
             "room for another connection")
    held.pop().close()


    lines = [line for line in front.server.err.splitlines() if "max-connections-per-client" in line]
    assert lines and all(re.search(r"warn: 127\.0\.0\.1:\d+: refused, .* has 2 connections", line)
                         for line in lines), front.server.err


def test_connections_in_all(gateway):
    """Further ones wait until there is room."""
    front = gateway("--max-connections", 2)
    held = [front.curl.tls() for _ in range(2)]
    waiting = front.curl.start("h1", "/status/200")
    wait_for(lambda: "max-connections allows, 2" in front.server.err, "the gateway to say so")
    assert waiting.process.poll() is None
    held.pop().close()
    assert waiting.finish().status == 200
    held.pop().close()


def of_two(gateway, *arguments):
    """Two addresses and two workers: a limit of the whole is one for all four sockets. A client of
    each address."""
    port = free_port()
    listens = [f"--listen={address}:{port}" for address in TWO_ADDRESSES]
    front = gateway("--workers=2", *arguments, port=port, listen=listens)
    other = copy.copy(front.curl)
    other.address = TWO_ADDRESSES[1]
    return front, [front.curl, other]


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_connections_in_all_over_tcp(gateway, version):
    """Not one of each address and worker; and those who wait are all served."""
    front, curls = of_two(gateway, "--max-connections", 1)
    with curls[0].h1() as held:
        held.send(b"GET /status/200 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert held.response().status == 200
        waiting = [curl.start(version, "/status/200") for curl in curls * 6]
        wait_for(lambda: front.server.err.count(f":{front.port}: clients wait") >= 2,
                 "the gateway to say so again")
        assert all(one.process.poll() is None for one in waiting)
    assert [one.finish().status for one in waiting] == [200] * 12


def test_connections_in_all_after_a_reload(factory):
    """Those who wait get what room the new configuration has."""
    text = "[gateway]\nworkers = 2\nmax-connections = %d\n" + ONE
    live = Live(factory, text % 1)
    held = live.hold("h1")
    assert held.ask() == "one"
    waiting = live.curl.start("h2", "/")
    live.wait_log("clients wait", "max-connections allows, 1")
    live.reload(text % 2)
    assert waiting.finish().text == "one"
    held.close()


def test_connections_in_all_over_quic(gateway):
    front, curls = of_two(gateway, "--max-connections", 1)
    talk = Talk(front.home.folder, front.port)
    try:
        assert talk.open() == "open full"
        assert talk.response("/status/200").status == 200
        for curl in curls * 6:
            assert curl("h3", "/status/200", check=False).exit != 0
        assert curls[1]("h2", "/status/200").status == 200
        assert re.search(r"warn: quic: 127\.0\.0\.\d:\d+: refused: .* max-connections allows, 1",
                         front.server.err), front.server.err
        talk.hang_up()
    finally:
        talk.close()
    for curl in curls * 3:
        wait_for(lambda: curl("h3", "/status/200", check=False).status == 200, "room")


def test_handshakes_in_all(gateway):
    """One that is half open anywhere makes all others prove their address."""
    stats = free_port()
    front, curls = of_two(gateway, "--max-handshakes", 1, "--handshake-timeout", "600s",
                          "--stats", f"127.0.0.1:{stats}", DRAIN_TIMEOUT, "0s")
    front.server.expected_exit = None
    half = CrowdH3(front.port, 1, "half")
    try:
        wait_for(lambda: handshakes(stats) == 1, "it to be half open")
        before = counted(stats, "h3gw_quic_retries_total")
        for curl in curls * 4:
            assert curl("h3", "/status/200").status == 200
        assert counted(stats, "h3gw_quic_retries_total") >= before + 8
    finally:
        half.close()


# ---- HTTP/2 floods: raw frames --------------------------------------------------------------

def closing_code(client):
    """The code of the GOAWAY, or None when the connection ended without one."""
    code = None
    while (got := client.frame()) is not None:
        if got[0] == GOAWAY:
            code = int.from_bytes(got[3][4:8], "big")
    return code


def tells(front, option, most, version="HTTP/2"):
    """Who, which limit, at most once a second."""
    text = rf"127\.0\.0\.1:\d+: its {version} connection is ended, as it costs more than {option} allows, {most}\n"
    return len(re.findall(text, front.server.err))


class Meanwhile(Load):
    """Others, who ask for /small in a loop over all versions, and what the gateway holds at most;
    at the end each of them must have been answered again and again."""

    def __init__(self, front):
        super().__init__(front, "/small", judge=lambda _, body: None if body == "ok" else body, count=1)

    def __enter__(self):
        super().__enter__()
        wait_for(self.all_served, "others to be answered", 60)
        self.before = self.front.server.forget_peak()
        self.counts = [client.answered for client in self.clients]
        return self

    def all_served(self, counts=(0, 0, 0)):
        assert not self.faults, self.faults
        return all(client.answered > n for client, n in zip(self.clients, counts))

    def served_since(self):
        return self.all_served(self.counts)

    def grown(self):
        self.check()
        grown = self.front.server.peak() - self.before
        print(f"at most {grown / KIB:.0f} KiB more; slowest: {self.slowest}")
        return grown


def attack(front, send):
    """Again and again, until others have been answered meanwhile: what the gateway said to each
    in the end, and what they cost."""
    codes = []
    with Meanwhile(front) as others:
        while not codes or not others.served_since():
            codes.append(attack_once(front, send))
    return codes, others.grown()


def attack_once(front, send):
    with front.curl.h2() as client:
        try:
            send(client)
            return closing_code(client)
        except TimeoutError:
            raise
        except (OSError, ssl.SSLError):  # closed while we were sending
            return None


def test_rapid_reset(gateway, flood):
    """CVE-2023-44487."""
    front = gateway("--upstream", flood.url, DRAIN_TIMEOUT, "0s")
    front.server.expected_exit = None

    def send(client):
        for _ in range(3000):
            stream = client.request(GET)
            client.send(RST_STREAM, 0, stream, struct.pack(">I", 8))

    begin = time.monotonic()
    codes, grown = attack(front, send)
    assert 1 <= tells(front, "max-resets", MAX_RESETS) <= 1 + time.monotonic() - begin
    assert set(codes) <= {ENHANCE_YOUR_CALM, None}
    assert flood.requests <= (MAX_RESETS + 1) * len(codes)
    assert flood.most_alive <= MAX_STREAMS
    assert grown < 8 * MIB


def test_upstream_requests_of_made_resets_are_cancelled(gateway, flood):
    """CVE-2025-8671: the client makes the gateway reset."""
    front = gateway("--upstream", flood.url, DRAIN_TIMEOUT, "0s")
    front.server.expected_exit = None

    def send(client):
        for _ in range(1500):
            stream = client.request(GET)
            client.send(WINDOW_UPDATE, 0, stream, struct.pack(">I", (1 << 31) - 1))  # overflows

    codes, grown = attack(front, send)
    assert 0 not in codes
    assert flood.requests <= (MAX_RESETS + 1) * len(codes)
    assert flood.most_alive <= MAX_STREAMS
    wait_for(lambda: flood.alive == 0, "the upstream's requests to be cancelled")
    assert grown < 8 * MIB


@pytest.mark.parametrize("payload", [b"", hpack([("x-flood", "y" * 1000)])], ids=["empty", "full"])
def test_continuation_flood(gateway, flood, payload):
    """CVE-2024-28182."""
    front = gateway("--upstream", flood.url)

    def send(client):
        client.send(HEADERS, END_STREAM, 1, hpack(GET))
        for _ in range(5000):
            client.send(CONTINUATION, 0, 1, payload)

    codes, grown = attack(front, send)
    assert tells(front, "max-continuations", 8)
    assert 0 not in codes
    assert flood.requests == 0
    assert grown < 2 * MIB


def test_long_field_block(gateway):
    """It is read no further than to max-header-bytes; who sends a cookie too many learns why."""
    block = hpack(GET + [("x-long", "x" * 1000)] * 70)
    front = gateway()
    with front.curl.h2() as client:
        client.send(HEADERS, END_STREAM, 1, block[:16384])
        for at in range(16384, len(block), 16384):
            client.send(CONTINUATION, 0, 1, block[at:at + 16384])
        outcome = client.outcome(1)
        assert outcome[0] == "status" and b"header is larger" in outcome[2], outcome
        assert closing_code(client) == ENHANCE_YOUR_CALM
    assert tells(front, "max-header-bytes", 65536) == 1


@pytest.mark.parametrize("name", ["settings", "ping", "window"])
def test_control_flood(gateway, flood, name):
    """CVE-2019-9512 to -9515: 64,000 frames, none of them read by us."""
    front = gateway("--upstream", flood.url)
    one = {"settings": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65536)),
           "ping": frame(PING, 0, 0, bytes(8)),
           "window": frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1))}[name]

    def send(client):
        for _ in range(64):
            client.sock.sendall(one * 1000)

    codes, grown = attack(front, send)
    assert tells(front, "max-control-frames", 10000) or \
        tells(front, "the limit of PING and SETTINGS to be answered", 1000)
    assert set(codes) <= {ENHANCE_YOUR_CALM, None}
    assert grown < 4 * MIB


def test_header_bomb_with_closed_windows(gateway, flood):
    """CVE-2026-49975: tiny fields of the static table, and a client that takes nothing."""
    front = gateway("--upstream", flood.url, "--write-timeout", "2s", DRAIN_TIMEOUT, "0s")
    front.server.expected_exit = None
    bomb = hpack(GET) + b"\x90" * 200  # accept-encoding: gzip, deflate
    with Meanwhile(front) as others, front.curl.h2() as client:
        client.send(SETTINGS, 0, 0, struct.pack(">HI", 4, 0))
        for _ in range(100):
            stream, client.next_stream = client.next_stream, client.next_stream + 2
            client.send(HEADERS, END_HEADERS | END_STREAM, stream, bomb)
        wait_for(lambda: flood.requests >= 100, "all requests at the upstream")
        wait_for(others.served_since, "others to be answered meanwhile", 60)
        reset = 0
        while reset < 100:
            reset += client.frame()[0] == RST_STREAM
    assert others.grown() < 64 * MIB
    wait_for(lambda: flood.alive == 0, "the upstream's requests to be cancelled")
