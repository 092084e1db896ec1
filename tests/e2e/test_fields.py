# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway adds to, and keeps from, requests and responses (README)."""

import email.utils
import re

import pytest

from clients import VERSIONS
from procs import wait_for
from spellings import PROTOCOL_NAME, SERVICE_TIME
from upstreams import OK, answer, answer_each


def seen_by_app(response):
    """[(name in lower case, value)] of the request that the app got."""
    raw = response.json()["rawHeaders"]
    return [(raw[i].lower(), raw[i + 1]) for i in range(0, len(raw), 2)]


def values(fields, name):
    return [value for key, value in fields if key == name]


def test_forwarding_fields(front, version):
    fields = seen_by_app(front.curl(version, "/inspect"))
    assert values(fields, "x-forwarded-for") == ["127.0.0.1"]
    assert values(fields, "x-forwarded-proto") == ["https"]
    assert values(fields, "x-forwarded-host") == [front.authority]
    assert values(fields, "x-forwarded-port") == [str(front.port)]
    assert values(fields, "x-forwarded-proto-version") == [PROTOCOL_NAME[version]]
    assert values(fields, "host") == [front.authority]


def test_forwarding_fields_of_the_client(front, version):
    fields = seen_by_app(front.curl(version, "/inspect", "-H", "X-Forwarded-For: 203.0.113.9",
                                    "-H", "X-Forwarded-Proto: http",
                                    "-H", "X-Forwarded-Proto-Version: h0"))
    assert ", ".join(values(fields, "x-forwarded-for")) == "203.0.113.9, 127.0.0.1"
    assert values(fields, "x-forwarded-proto") == ["https"]
    assert values(fields, "x-forwarded-proto-version") == [PROTOCOL_NAME[version]]


def test_request_id_is_made_or_kept(front, version):
    made = [values(seen_by_app(front.curl(version, "/inspect")), "x-request-id") for _ in range(2)]
    assert all(len(ids) == 1 and len(ids[0]) >= 16 for ids in made)
    assert made[0] != made[1]
    kept = seen_by_app(front.curl(version, "/inspect", "-H", "X-Request-Id: my-own.id_1"))
    assert values(kept, "x-request-id") == ["my-own.id_1"]


def test_own_host_is_kept(front, version):
    fields = seen_by_app(front.curl(version, "/inspect", host="app.localhost"))
    assert values(fields, "host") == [f"app.localhost:{front.port}"]


def test_no_field_of_the_version_leaks(front, version):
    fields = seen_by_app(front.curl(version, "/inspect"))
    assert not [name for name, _ in fields if name.startswith(":")]
    assert not {"http2-settings", "upgrade", "keep-alive", "proxy-connection"} & {n for n, _ in fields}
    assert [name for name, _ in fields].count("host") == 1


def test_hop_by_hop_fields_of_requests(front):
    with front.curl.h1() as client:
        client.send(b"GET /inspect HTTP/1.1\r\nHost: localhost\r\nX-Stays: 1\r\n"
                    b"Connection: X-Secret, keep-alive\r\nX-Secret: hidden\r\n"
                    b"Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                    b"TE: trailers, deflate\r\n\r\n")
        fields = seen_by_app(client.response())
    names = {name for name, _ in fields}
    assert not {"x-secret", "keep-alive", "proxy-connection"} & names
    assert "deflate" not in " ".join(values(fields, "te"))
    assert "x-secret" not in " ".join(values(fields, "connection")).lower()
    assert values(fields, "x-stays") == ["1"]


def test_connection_cannot_name_what_frames_the_message(front):
    """Else a client could strip Host or the length by that route."""
    with front.curl.h1() as client:
        client.send(b"POST /inspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                    b"Connection: Host, Content-Length, close\r\n\r\nhello")
        response = client.response()
    if response.status == 200:
        assert response.json()["body"] == "hello"
        assert values(seen_by_app(response), "host") == ["localhost"]
    else:
        assert response.status == 400


def test_te_trailers_of_h2(front):
    with front.curl.h2() as client:
        stream = client.request([(":method", "GET"), (":scheme", "https"), (":path", "/inspect"),
                                 (":authority", "localhost"), ("te", "trailers")])
        assert client.outcome(stream)[:2] == ("status", 200)


def test_response_of_an_app(front, version):
    response = front.curl(version, "/blob/10")
    assert response.get("server") == "h3gw"
    assert response.get("alt-svc") == f'h3=":{front.port}"; ma=86400'
    assert re.fullmatch(r"\d+", response.get(SERVICE_TIME))
    assert re.search(r"\b\d(\.\d)? h3gw\b", response.get("via"))
    assert email.utils.parsedate_to_datetime(response.get("date"))
    assert not {"connection", "keep-alive", "transfer-encoding"} & response.names \
        or version == "h1"


RAW_RESPONSE = (b"HTTP/1.1 200 OK\r\nServer: something/1.0\r\nContent-Length: 2\r\n"
                b"Connection: X-Inner, Keep-Alive\r\nX-Inner: hidden\r\nKeep-Alive: timeout=5\r\n"
                b"Proxy-Connection: keep-alive\r\nUpgrade: websocket\r\n"
                b"Alt-Svc: h3=\":1\"; ma=5\r\nVia: 1.0 inner\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
                b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2, c\r\nX-Stays: yes\r\nX-Empty:\r\n\r\nok")


@pytest.fixture(scope="module")
def scripted(shared):
    return shared.gateway("--upstream", shared.raw(answer_each(RAW_RESPONSE)).url)


def test_hop_by_hop_fields_of_responses(scripted, version):
    response = scripted.curl(version, "/")
    assert response.body == b"ok"
    assert not {"x-inner", "keep-alive", "proxy-connection", "upgrade"} & response.names
    assert "x-inner" not in (response.get("connection") or "").lower()
    assert response.get("x-stays") == "yes"
    assert response.get("x-empty") == ""
    assert response.all("set-cookie") == ["a=1; Path=/", "b=2, c"]


def test_fields_that_are_the_gateways(scripted, version):
    response = scripted.curl(version, "/")
    assert response.get("server") == "h3gw"
    assert response.get("alt-svc") == f'h3=":{scripted.port}"; ma=86400'
    assert response.get("date") == "Tue, 15 Nov 1994 08:12:31 GMT"
    assert "1.0 inner" in ", ".join(response.all("via"))
    assert "h3gw" in ", ".join(response.all("via"))


def test_echo_has_them_too(gateway, version):
    response = gateway().curl(version, "/get")
    assert response.get("server") == "h3gw"
    assert response.get("alt-svc")
    assert email.utils.parsedate_to_datetime(response.get("date"))


def test_alt_svc_max_age(gateway):
    front = gateway("--alt-svc-max-age", "60", "--alt-svc-port=4433")
    for version in VERSIONS:
        assert front.curl(version, "/get").get("alt-svc") == 'h3=":4433"; ma=60'


def test_refusals_carry_alt_svc(gateway, version):
    """502 included: it is the answer of a matched route."""
    front = gateway("--upstream", "http://127.0.0.1:9")
    response = front.curl(version, "/")
    assert response.status == 502
    assert response.get("alt-svc") == f'h3=":{front.port}"; ma=86400'


def test_upstream_sees_plain_http_1_1(raw, gateway, version):
    upstream = raw(answer(OK))
    gateway("--upstream", upstream.url).curl(version, "/path?q")
    head = upstream.heads[0].split("\r\n")
    assert head[0] == "GET /path?q HTTP/1.1"
    names = [line.partition(":")[0].lower() for line in head[1:]]
    assert names.count("host") == 1
    assert not {"transfer-encoding", "content-length", "expect", "upgrade"} & set(names)


def test_upload_is_framed_as_it_came(raw, gateway, version):
    """A known length stays known; an unknown one becomes chunks."""
    def script(conn):
        while True:
            head = conn.read_head().lower()
            if b"transfer-encoding: chunked" in head:
                assert b"content-length" not in head
                conn.read_until(b"0\r\n\r\n")
            else:
                assert b"content-length: 5\r\n" in head
                assert conn.read_exactly(5) == b"hello"
            conn.send(OK)
    front = gateway("--upstream", raw(script).url)
    assert front.curl(version, "/", "-d", "hello").body == b"ok"
    assert front.curl(version, "/", "-H", "Expect:", "-T", "-", stdin=b"hello").body == b"ok"


def test_upstream_with_http_1_0(raw, gateway, version):
    """No length, and the end of the connection ends the body."""
    front = gateway("--upstream", raw(answer(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nto the end")).url)
    response = front.curl(version, "/")
    assert response.body == b"to the end"
    assert response.get("x-a") == "b"


def test_http_1_0_is_told_as_such(factory):
    """Via has the protocol that was received (RFC 9110 7.6.3), each way; so has the log."""
    def script(conn):
        conn.read_head()
        conn.send(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")

    upstream = factory.raw(script)
    front = factory.gateway("--upstream", upstream.url, "--access-log=-")
    with front.curl.h1() as client:
        client.send(b"GET /old HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert client.response().get("via") == "1.0 h3gw"
    assert b"via: 1.0 h3gw\r\n" in upstream.bytes
    wait_for(lambda: '"GET /old HTTP/1.0" 200' in front.server.out, "the line")
