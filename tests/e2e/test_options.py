# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of the table does in the running program what it says. Limits and times are given
small here, all other times long, and the effect is seen by a client or an upstream; those that
another file shows are named in ELSEWHERE. An option that is in neither fails the last test."""

import contextlib
import json
import re
import socket
import struct
import urllib.request

import pytest

import spellings
from clients import (END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, VERSIONS,
                     WINDOW_UPDATE, hpack, until_heard)
from crowds import CrowdH3, Flood, crowd
from live import HELD
from procs import INSTRUMENTED, REPO, free_port, wait_for
from raw_h3 import HEADERS as H3_HEADERS
from raw_h3 import RawH3, qpack
from raw_h3 import frame as h3_frame
from spellings import DRAIN_TIMEOUT
from test_limits import tells
from upstreams import OK, answer_each, full_listener

ROWS = re.findall(r"^([A-Z]+)\(([a-z0-9-]+), ([A-Z]+),",
                  (REPO / "src/gateway/config/option.def").read_text(), re.M)
NAMES = [name for _, name, _ in ROWS]
# "section name" where two sections have the name
OPTIONS = [name if NAMES.count(name) == 1 else f"{section.lower()} {name}"
           for section, name, _ in ROWS]
# Of [gateway]; drain-timeout is no matter here: it is how long a test's end may take.
TIMES = [name for _, name, kind in ROWS
         if kind == "TIME" and name not in ("timeout", "drain-timeout", "alt-svc-max-age")]

ELSEWHERE = {
    "alt-svc-max-age": "test_fields.py::test_alt_svc_max_age",
    "workers": "test_workers.py::test_so_many",
    "drain-timeout": "test_serve.py::test_drain_has_an_end",
    "upstream-response-timeout": "test_serve.py::test_stalled_upstream",
    "connection-buffer": "test_limits.py::test_many_streams_of_one_that_is_slow",
    "max-connections": "test_limits.py::test_connections_in_all",
    "max-connections-per-client": "test_limits.py::test_connections_of_one_client",
    "advertise": "test_servers.py::test_each_name_has_its_server",
    "respond": "test_routes.py::test_respond",
    "timeout": "test_routes.py::test_timeout_of_a_route",
    # what is no number
    "include": "test_reload.py::test_included_file",
    "gateway http3": "test_serve.py::test_http3_off",
    "access-log": "test_serve.py::test_access_log",
    "access-log-format": "test_routes.py::test_json_lines",
    "keylog": "test_serve.py::test_keylog",
    "qlog": "test_qlog.py::test_each_connection_has_a_file",
    "cc": "test_qlog.py::test_congestion_control",
    "http-redirect": "test_routes.py::test_http_redirect",
    "health": "test_admin.py::test_ready",
    "stats": "test_admin.py::test_requests",
    "admin": "test_admin_socket.py::test_a_path_of_its_own",
    "watch": "test_reload.py::test_watch",
    "listen": "test_serve.py::test_several_listens",
    "server hosts": "test_servers.py::test_each_name_has_its_server",
    "server http3": "test_servers.py::test_a_server_without_mirror",
    "credential": "test_servers.py::test_with_a_certificate",
    "namespace": "test_dumps.py::test_table_of_the_article",
    "tls": "test_servers.py::test_without_a_certificate",
    "cert": "test_serve.py::test_cert_and_key",
    "key": "test_serve.py::test_cert_and_key",
    "client-ca": "test_servers.py::test_a_certificate_of_another_ca",
    "route hosts": "test_routes.py::test_hosts_go_before_paths",
    "path": "test_routes.py::test_the_longest_prefix_and_the_very_path",
    "exact": "test_routes.py::test_the_longest_prefix_and_the_very_path",
    "upstream": "test_routes.py::test_the_example",
    "handler": "test_routes.py::test_the_longest_prefix_and_the_very_path",
    "redirect": "test_routes.py::test_redirect",
    "redirect-status": "test_routes.py::test_redirect",
    "respond-body": "test_routes.py::test_respond",
    "rewrite": "test_routes.py::test_the_longest_prefix_and_the_very_path",
    "set-request-header": "test_routes.py::test_request_fields",
    "add-request-header": "test_routes.py::test_request_fields",
    "remove-request-header": "test_routes.py::test_request_fields",
    "set-response-header": "test_routes.py::test_response_fields",
    "add-response-header": "test_routes.py::test_response_fields",
    "remove-response-header": "test_routes.py::test_response_fields",
    "url": "test_routes.py::test_the_example",
}

SHOWN = {}  # option: the test of this file

H3_EXCESSIVE_LOAD, H3_REQUEST_CANCELLED = 0x107, 0x10C
CONTINUATION, UNKNOWN = 9, 0xF0
INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_HEADER_LIST_SIZE = 4, 3, 6
MIB = 1 << 20
GET = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/get")]


def shows(option):
    def note(test):
        SHOWN[option] = test.__name__
        return test
    return note


# A time within which the client has something to do still: machines may stand still for two seconds.
UNHURRIED = "3s"


def only(option, value="300ms"):
    """Flags: this time is short, no other one is."""
    return [f"--{name}={value if name == option else '600s'}" for name in TIMES]


@pytest.fixture
def flood():
    made = Flood()
    yield made
    made.close()


@pytest.fixture
def hold(factory):
    """A connection that is kept and asked again."""
    def one(front, version):
        held = HELD[version](front)
        factory.things.append(held)
        return held
    return one


def unhurried(front):
    """What is left open is cut at the end."""
    front.server.expected_exit = None
    return front


# ---- heads and bodies -----------------------------------------------------------------------

@shows("max-header-bytes")
def test_max_header_bytes(gateway, version):
    front = gateway("--max-header-bytes", "2k")
    assert front.curl(version, "/get", "-H", "x-long: " + "x" * 1000).status == 200
    assert front.curl(version, "/get", "-H", "x-long: " + "x" * 3000).status == 431


@shows("max-fields")
def test_max_fields(gateway, version):
    front = gateway("--max-fields", 20)
    fields = [word for i in range(20) for word in ("-H", f"x-{i}: y")]
    assert front.curl(version, "/get", *fields[:20]).status == 200
    assert front.curl(version, "/get", *fields).status == 431


@shows("max-request-body")
def test_max_request_body(gateway, version):
    """Over HTTP/3 curl gives up without a word when STOP_SENDING comes before it has sent."""
    front = gateway("--max-request-body", 1000, "--access-log=-")
    assert front.curl(version, "/post", "-d", "x" * 1000).status == 200
    told = front.curl(version, "/post", "-d", "x" * 1001, check=False)
    assert told.status == 413 or (version == "h3" and told.exit != 0), told
    unknown = front.curl(version, "/post", "-X", "POST", "-T", "-", stdin=b"x" * 1001, check=False)
    assert unknown.exit != 0 or unknown.status == 413, unknown
    wait_for(lambda: front.server.out.count(" 413 ") == 2, "both lines of the log")


@shows("body-timeout")
def test_body_timeout(gateway, version):
    """curl would hear of it only when it has more to send: the gateway's own word is taken."""
    front = gateway(*only("body-timeout"), "--access-log=-")
    slow = front.curl.start(version, "/post", "-X", "POST", "-H", "Expect:", "-T", ".", stdin=b"")
    slow.process.stdin.write(b"not all")
    slow.process.stdin.flush()
    wait_for(lambda: " 408 " in front.server.out, "it to be given up")
    slow.kill()


# ---- connections ----------------------------------------------------------------------------

@shows("handshake-timeout")
def test_handshake_timeout(gateway):
    front = gateway(*only("handshake-timeout"))
    with socket.create_connection(("127.0.0.1", front.port), timeout=15) as silent:
        assert silent.recv(100) == b""


@shows("header-timeout")
def test_header_timeout_h1(gateway):
    front = gateway(*only("header-timeout"))
    with front.curl.h1() as client:
        client.send(b"GET /get HTTP/1.1\r\nHost: loc")
        assert client.response().status == 408
        assert client.to_end() == b""


def test_header_timeout_h3(gateway):
    front = gateway(*only("header-timeout"))
    with RawH3(front) as client:
        client.say("open " + h3_frame(H3_HEADERS, qpack(GET))[:20].hex())
        stream = int(client.hear("stream").split()[1])
        assert client.outcome(stream) in (("status", 408), ("reset", H3_REQUEST_CANCELLED))


def test_header_timeout_h2(gateway):
    front = gateway(*only("header-timeout", UNHURRIED))
    with front.curl.h2() as client:
        settings_of(client)  # what must not come within the head is behind us
        client.send(HEADERS, END_STREAM, 1, hpack(GET))
        assert closing_code(client) == 0


@shows("idle-timeout")
@pytest.mark.parametrize("version", ["h1", "h2"])
def test_idle_timeout(gateway, hold, version):
    held = hold(gateway(*only("idle-timeout", UNHURRIED)), version)
    held.ask("/get")
    if version == "h1":
        assert held.raw.to_end() == b""
    else:
        assert closing_code(held.raw) == 0


def test_idle_timeout_h3(gateway, hold):
    held = hold(gateway(*only("idle-timeout", UNHURRIED)), "h3")
    held.ask("/get")
    wait_for(lambda: held.state.startswith("gone"), "the connection to end")


@shows("write-timeout")
def test_write_timeout(gateway, flood, version):
    """The client takes nothing of the 1 GiB that it asked for."""
    front = unhurried(gateway("--upstream", flood.url, *only("write-timeout"), DRAIN_TIMEOUT, "0s"))
    slow = crowd(front.server, version, 1)
    try:
        slow.begin("GET")
        wait_for(lambda: flood.requests == 1 and flood.alive == 0, "the upstream to hear of it")
    finally:
        slow.close()


@shows("max-requests")
def test_max_requests(gateway, hold, version):
    held = hold(gateway("--max-requests", 3), version)
    for _ in range(2):
        held.ask("/get")
    if version == "h1":
        assert held.response("/get").get("connection") == "close"
        assert held.raw.to_end() == b""
    elif version == "h2":
        held.ask("/get")
        assert closing_code(held.raw) == 0
    else:
        assert held.state == "usable"
        held.ask("/get")
        wait_for(lambda: held.state != "usable", "GOAWAY")


def counter(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats/prometheus") as page:
        return int(re.search(rf"^h3gw_{name} (\d+)", page.read().decode(), re.M)[1])


def retries(port):
    return counter(port, "quic_retries_total")


@shows("max-handshakes")
def test_max_handshakes(gateway):
    """While one is half open, others must prove their address, and can."""
    stats = free_port()
    front = unhurried(gateway("--max-handshakes", 1, "--stats", f"127.0.0.1:{stats}",
                              "--handshake-timeout", "600s", DRAIN_TIMEOUT, "0s"))

    assert front.curl("h3", "/get").status == 200
    assert retries(stats) == 0
    half = CrowdH3(front.port, 1, "half")
    try:
        before = retries(stats)  # the crowd greets more than once
        assert front.curl("h3", "/get").status == 200
        assert retries(stats) > before
    finally:
        half.close()


@shows("quic-retry")
def test_quic_retry_off(gateway):
    """The same flood, and nobody must prove anything. (always: test_admin.py.)"""
    stats = free_port()
    front = unhurried(gateway("--max-handshakes", 1, "--quic-retry=off", "--stats", f"127.0.0.1:{stats}",
                              "--handshake-timeout", "600s", DRAIN_TIMEOUT, "0s"))
    half = CrowdH3(front.port, 2, "half")
    try:
        wait_for(lambda: counter(stats, "quic_handshakes_active") == 2, "both to be half open")
        assert front.curl("h3", "/get").status == 200
        assert retries(stats) == 0
    finally:
        half.close()


# ---- streams --------------------------------------------------------------------------------

def settings_of(client):
    """The gateway's SETTINGS, and by how much it opened the connection's window."""
    window = 0
    settings = {}
    for _ in range(2):  # the answer to a PING goes before what else waits to be sent
        client.send(PING, 0, 0, bytes(8))
        while (got := client.frame()) and got[0] != PING:
            kind, flags, stream, payload = got
            if kind == SETTINGS and not flags & 1:
                settings = dict(struct.iter_unpack(">HI", payload))
            if kind == WINDOW_UPDATE and stream == 0:
                window += int.from_bytes(payload, "big")
    return settings, window


def parameters_of(folder):
    """The transport parameters that the gateway's qlog says it gave."""
    (path,) = folder.glob("*.sqlog")
    for record in path.read_text()[1:].split("\x1e"):
        event = json.loads(record)
        if event.get("name") == "transport:parameters_set" and event["data"]["owner"] == "local":
            return event["data"]
    raise AssertionError(path.read_text())


@shows("max-streams")
def test_max_streams_h2(gateway, raw):
    front = unhurried(gateway("--max-streams", 2, "--upstream", raw(lambda peer: peer.read_to_end()).url,
                              DRAIN_TIMEOUT, "0s"))
    with front.curl.h2() as client:
        assert settings_of(client)[0][MAX_CONCURRENT_STREAMS] == 2
    with front.curl.h2() as client:
        last = [client.request(GET) for _ in range(3)][-1]
        assert client.outcome(last)[0] in ("reset", "gone")


def test_max_streams_h3(gateway, raw, hold):
    upstream = raw(lambda peer: peer.read_to_end())
    front = unhurried(gateway("--max-streams", 2, "--upstream", upstream.url, DRAIN_TIMEOUT, "0s"))
    held = hold(front, "h3")
    held.get("/1"), held.get("/2")
    wait_for(lambda: len(upstream.heads) == 2, "both at the upstream")
    third = held.get("/3")
    assert held.hear(f"cut {third.name} ", f"end {third.name} ").startswith("cut ")


@shows("body-buffer")
@pytest.mark.skipif(INSTRUMENTED, reason="a sanitizer's memory is not measured")
def test_body_buffer(gateway, flood, version):
    """So much of what the client does not take is held."""
    front = unhurried(gateway("--body-buffer", "16m", "--connection-buffer", "64m", "--upstream",
                              flood.url, DRAIN_TIMEOUT, "0s"))
    slow = crowd(front.server, version, 1)
    try:
        idle = front.server.memory()
        slow.begin("GET")
        wait_for(lambda: front.server.memory() - idle > 12 * MIB, "the buffer to fill")
    finally:
        slow.close()


@shows("connection-window")
@pytest.mark.parametrize("kib", [16, 96])
def test_windows(gateway, tmp_path, kib):
    """Those that clients are given are as large as what may be held for them."""
    front = gateway("--body-buffer", f"{kib}k", "--connection-window", "2m", "--qlog", tmp_path)
    with front.curl.h2() as client:
        settings, more = settings_of(client)
        assert settings[INITIAL_WINDOW_SIZE] == kib << 10
        assert 65535 + more == 2 * MIB
    for version in VERSIONS:
        seen = front.curl(version, "/post", "-H", "content-type: text/plain", "-d", "x" * 100000)
        assert seen.json()["data"] == "x" * 100000
    given = parameters_of(tmp_path)
    assert given["initial_max_stream_data_bidi_remote"] == kib << 10
    assert given["initial_max_data"] == 2 * MIB


# ---- what clients must not do too often -----------------------------------------------------

def closing_code(client):
    """The code of the GOAWAY at whose end the connection is closed, or None."""
    code = None
    while (got := client.frame()) is not None:
        if got[0] == GOAWAY:
            code = int.from_bytes(got[3][4:8], "big")
    return code


def answered(client):
    return client.outcome(client.request(GET))[:2] == ("status", 200)


def give_up(client, count):
    for _ in range(count):
        client.send(RST_STREAM, 0, client.request(GET), struct.pack(">I", 8))


def continue_head(client, count):
    """A head of one HEADERS and so many CONTINUATION frames."""
    stream, client.next_stream = client.next_stream, client.next_stream + 2
    client.send(HEADERS, END_STREAM, stream, hpack(GET))
    for i in range(count):
        client.send(CONTINUATION, END_HEADERS if i == count - 1 else 0, stream, hpack([(f"x-{i}", "y")]))


def ping(client, count):
    for _ in range(count):
        client.send(PING, 1, 0, bytes(8))  # an answer that nobody asked for


def set_settings(client, count):
    client.send(SETTINGS, 0, 0, struct.pack(">HI", MAX_HEADER_LIST_SIZE, 65536) * count)


def send_unknown(client, count):
    for _ in range(count):
        client.send(UNKNOWN, 0, 0, b"what")


# The option, its value; what is done so often, and how often it may be.
H2_COUNTS = {
    "max-resets": (10, give_up, 10),
    "max-continuations": (3, continue_head, 3),
    "max-control-frames": (100, ping, 90),
    "max-settings": (8, set_settings, 8),
    "max-glitches": (10, send_unknown, 8),
}
for _name in H2_COUNTS:
    SHOWN[_name] = "test_h2_counts"


@pytest.mark.parametrize("option", H2_COUNTS)
def test_h2_counts(gateway, option):
    value, act, allowed = H2_COUNTS[option]
    front = gateway(f"--{option}", value)
    with front.curl.h2() as client:
        act(client, allowed)
        assert answered(client)
    with front.curl.h2() as client:
        with contextlib.suppress(OSError):  # it may be told before it has said everything
            act(client, allowed + value // 4 + 4)
        assert closing_code(client) != 0
    assert tells(front, option, value) == 1
    assert front.curl("h2", "/get").status == 200


def test_max_resets_h3(gateway, raw):
    def script(conn):
        if b"/get" not in conn.read_head():
            conn.send(OK)
        conn.read_to_end()

    upstream = raw(script)
    front = gateway("--max-resets", 5, "--upstream", upstream.url)
    with RawH3(front) as client:
        for count in range(1, 7):
            stream = client.request(GET)
            wait_for(lambda: upstream.bytes.count(b"GET /get") == count, "the request to arrive")
            client.reset(stream)
            if count == 5:
                assert client.outcome(client.request([*GET[:3], (":path", "/")])) == ("status", 200)
        assert client.hear("gone")
    assert tells(front, "max-resets", 5, "HTTP/3") == 1


def test_max_glitches_h3(gateway):
    front = gateway("--max-glitches", 10)
    with RawH3(front) as client:
        unknown = h3_frame(0x21, b"what")
        for count, outcome in ((8, ("status", 200)), (30, ("gone", H3_EXCESSIVE_LOAD))):
            client.say("whole " + (h3_frame(H3_HEADERS, qpack(GET)) + count * unknown).hex())
            assert client.outcome(int(client.hear("stream").split()[1])) == outcome
    assert tells(front, "max-glitches", 10, "HTTP/3") == 1


# ---- upstreams ------------------------------------------------------------------------------

@shows("upstream-connect-timeout")
def test_upstream_connect_timeout(gateway):
    with full_listener() as full:
        front = gateway("--upstream", "http://127.0.0.1:%d" % full.getsockname()[1],
                        *only("upstream-connect-timeout"))
        assert front.curl("h2", "/").status == 504


@shows("upstream-body-timeout")
def test_upstream_body_timeout(gateway, raw, version):
    def script(conn):
        conn.read_head()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot all")
        conn.read_to_end()
        ended.append(conn)

    ended = []
    front = gateway("--upstream", raw(script).url, *only("upstream-body-timeout"), "--access-log=-")
    got = until_heard(lambda: front.curl(version, "/", "--max-time", "60", check=False))
    assert got.status == 200 and got.exit not in (0, 28) and got.text == "not all", got
    wait_for(lambda: ended, "the connection to be closed")
    wait_for(lambda: "UPSTREAM_BODY_TIMEOUT" in front.server.out, "a line of the log")


@shows("upstream-idle-timeout")
def test_upstream_idle_timeout(gateway, raw):
    ended = []

    def script(conn):
        try:
            answer_each(OK)(conn)
        except EOFError:
            ended.append(conn)

    front = gateway("--upstream", raw(script).url, *only("upstream-idle-timeout"))
    assert front.curl("h2", "/").text == "ok"
    wait_for(lambda: ended, "the connection to be closed")


@shows("max-upstream-connections")
def test_max_upstream_connections(gateway, raw, version):
    """A further request waits for the connection."""
    permits = []

    def script(conn):
        while True:
            conn.read_head()
            wait_for(lambda: permits, "permission")
            permits.pop()
            conn.send(OK)

    upstream = raw(script)
    front = gateway("--upstream", upstream.url, "--max-upstream-connections", 1)
    first, second = (front.curl.start(version, "/") for _ in range(2))
    for count in (1, 2):
        wait_for(lambda: len(upstream.heads) == count, "a request to arrive")
        permits.append(True)
    assert [one.finish().text for one in (first, second)] == ["ok", "ok"]
    assert len(upstream.received) == 1


@shows("tunnel-idle-timeout")
def test_tunnel_idle_timeout(gateway, raw, home):
    upstream = raw(lambda conn: conn.read_to_end())
    port = free_port()
    (home.folder / "pass.ini").write_text(
        f"[server pass]\nlisten = 127.0.0.1:{port}\nhosts = localhost\ntls = passthrough\n"
        f"[route pass]\nupstream = raw\n[upstream raw]\nurl = tcp://127.0.0.1:{upstream.port}\n")
    front = gateway("--config", home.folder / "pass.ini", *only("tunnel-idle-timeout"), home=home,
                    port=port, listen=[], ready=False)
    wait_for(lambda: not front.server.refuses_connections(), "the gateway to listen")
    with socket.create_connection(("127.0.0.1", port), timeout=15) as sock:
        sock.sendall((REPO / "tests/fuzz/corpus/hello/openssl").read_bytes())
        wait_for(lambda: upstream.bytes, "the hello to arrive")
        try:
            assert sock.recv(100) == b""
        except ConnectionResetError:
            pass


# ---- fields and words -----------------------------------------------------------------------

def fields_at(upstream):
    """Of the last request that came, names in lower case."""
    lines = upstream.heads[-1].split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@shows("host-header")
@pytest.mark.parametrize("value", ["keep", "upstream"])
def test_host_header(gateway, raw, version, value):
    upstream = raw(answer_each(OK))
    front = gateway("--upstream", upstream.url, f"--host-header={value}")
    for _ in range(2):
        assert front.curl(version, "/").text == "ok"
        seen = fields_at(upstream)
        own = f"127.0.0.1:{upstream.port}"
        assert seen["host"] == (front.authority if value == "keep" else own)
        assert seen["x-forwarded-host"] == front.authority


@shows("server-header")
def test_server_header(gateway, raw, version):
    named = b"HTTP/1.1 200 OK\r\nServer: theirs/1\r\nContent-Length: 2\r\n\r\nok"
    for answer, value, seen in ((named, "h3gw", "h3gw"), (named, "pass", "theirs/1"), (OK, "pass", "h3gw")):
        front = gateway("--upstream", raw(answer_each(answer)).url, f"--server-header={value}")
        assert front.curl(version, "/").get("server") == seen


@shows("forwarded")
def test_forwarded(gateway, raw, version):
    for value in ("on", "off"):
        upstream = raw(answer_each(OK))
        front = gateway("--upstream", upstream.url, f"--forwarded={value}")
        assert front.curl(version, "/").text == "ok"
        told = fields_at(upstream).get("forwarded")
        if value == "off":
            assert told is None
            continue
        assert dict(pair.split("=", 1) for pair in told.split(";")) == {
            "for": "127.0.0.1", "host": f'"{front.authority}"', "proto": "https"}


@shows("log-level")
def test_log_level(gateway):
    """How much is told of an upstream that is not there, and of a frame that is none."""
    told = {"warn": "GET http://127.0.0.1:1: ", "info": "upstream http://127.0.0.1:1: connection refused",
            "debug": "h2: "}
    levels = ["error", *told]
    for at, level in enumerate(levels):
        front = gateway("--upstream", "http://127.0.0.1:1", f"--log-level={level}")
        with front.curl.h2() as client:
            client.send(HEADERS, END_STREAM | END_HEADERS, 1, hpack([("BAD", "name"), *GET]))
            client.outcome(1)
        assert front.curl("h2", "/").status == 502
        front.server.close()
        for word in levels[1:]:
            assert (told[word] in front.server.err) == (levels.index(word) <= at), (level, word)


# ---- all of them ----------------------------------------------------------------------------

@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_shown(option):
    """Here or elsewhere; and the test that ELSEWHERE names is there, in a file that has the option."""
    assert (option in SHOWN) != (option in ELSEWHERE), f"no test shows {option}, or two places say so"
    if option in SHOWN:
        return
    file, _, name = ELSEWHERE[option].partition("::")
    text = (REPO / "tests" / "e2e" / file).read_text()
    assert f"def {name}(" in text
    own = option.split()[-1]
    spelled = [key for key, value in vars(spellings).items() if value == f"--{own}"]
    assert any(word in text for word in (own, *spelled)), f"{file} does not name {own}"


def test_nothing_else_is_named():
    assert {*SHOWN, *ELSEWHERE} == set(OPTIONS)
