# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that two parsers could read differently. Requests: refused, and not one
byte of them reaches the upstream, which is watched byte by byte. Responses: 502,
or a body that visibly does not end, on all three versions."""

import re
import threading

import pytest

from procs import BOUND, wait_for
from raw_h3 import PSEUDO, RawH3, pseudo
from spellings import DRAIN_TIMEOUT
from upstreams import OK, answer, unsent


def every_request(conn):
    """Answers 200 to each head; a body that comes counts as the next head."""
    while True:
        conn.read_head()
        conn.send(OK)


@pytest.fixture(scope="module")
def upstream(shared):
    return shared.raw(every_request)


@pytest.fixture(scope="module")
def front(shared, upstream):
    return shared.gateway("--upstream", upstream.url)


def assert_nothing_arrived(front, upstream, before):
    """A harmless request that is sent afterwards is the first that the upstream sees."""
    with front.curl.h1() as client:
        client.send(b"GET /control HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.response().body == b"ok"
    new = upstream.bytes_since(before)
    assert new.startswith(b"GET /control HTTP/1.1\r\n"), new
    assert new.count(b"HTTP/1.1") == 1 and new.endswith(b"\r\n\r\n"), new


HOST = b"Host: localhost\r\n"
BAD_REQUESTS = {
    # lengths
    "CL and TE": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE and CL": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two different CL": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "the same CL twice": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "CL as a list": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5, 5\r\n\r\nhello",
    "CL with a sign": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\nhello",
    "negative CL": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n\r\nhello",
    "hexadecimal CL": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x5\r\n\r\nhello",
    "empty CL": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\n",
    "CL with a space inside": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1 5\r\n\r\nhello",
    "CL of 2^64 + 5": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 18446744073709551621\r\n\r\nhello",
    # transfer codings
    "TE gzip, chunked": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "TE identity": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: identity\r\n\r\n",
    "TE xchunked": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE chunked twice": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE chunked, identity": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "TE with a vertical tab": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "TE in quotes": b'POST / HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "TE in HTTP/1.0": b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    # fields
    "folded line": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n",
    "folded first line": b"GET / HTTP/1.1\r\n X-A: b\r\n" + HOST + b"\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\n" + HOST + b"X-A : b\r\n\r\n",
    "space before the colon of CL": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 5\r\n\r\nhello",
    "empty name": b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\n" + HOST + b"X-A\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\0c\r\n\r\n",
    "NUL in a name": b"GET / HTTP/1.1\r\n" + HOST + b"X-\0A: b\r\n\r\n",
    "control in a value": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\x01c\r\n\r\n",
    "CR in a value": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\rc\r\n\r\n",
    "bare LF after a field": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\nX-C: d\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\n" + HOST + b"\n",
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "bare CR at the end of a field": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\rX-C: d\r\n\r\n",
    "letters that are none of a name": b"GET / HTTP/1.1\r\n" + HOST + b"X(A): b\r\n\r\n",
    "8 bits in a name": b"GET / HTTP/1.1\r\n" + HOST + b"X-\xc3\xa4: b\r\n\r\n",
    "8 bits in the path": b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
    # chunks
    "chunk size in two words": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5 5\r\nhello\r\n0\r\n\r\n",
    "chunk size with 0x": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size negative": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "chunk size of 2^64 + 5": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk without size": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
    "LF after the chunk size": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "LF in a chunk extension": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
    "CR in a chunk extension": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n",
    "no CRLF after a chunk": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
    "chunk longer than it says": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
    # the request line, and who is meant
    "fragment in the target": b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "control in the target": b"GET /a\x01b HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the target": b"GET /a\0b HTTP/1.1\r\n" + HOST + b"\r\n",
    "tab instead of a space": b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "target without slash": b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",
    "target of another authority": b"GET https://other.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "method with a comma": b"GE,T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /\r\n" + HOST + b"\r\n",
    "version 1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "version 2.0": b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    "lower-case version": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + b"Host: other.example\r\n\r\n",
    "the same host twice": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "host with a space": b"GET / HTTP/1.1\r\nHost: local host\r\n\r\n",
    "host with a slash": b"GET / HTTP/1.1\r\nHost: localhost/a\r\n\r\n",
    "host with user": b"GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n",
    "garbage": b"\x00\x01\x02 not http at all\r\n\r\n",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}

# Found only after the head was right: the head may have gone on, the rest must not.
LATE = {name for name in BAD_REQUESTS
        if name.startswith(("chunk ", "LF ", "CR in a chunk", "no CRLF"))}


@pytest.mark.parametrize("name", [name for name in BAD_REQUESTS if name not in LATE])
def test_request_is_refused(front, upstream, name):
    before = upstream.mark()
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with front.curl.h1() as client:
        client.send(BAD_REQUESTS[name] + smuggled)
        answer_ = client.to_end()
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer_)]
    allowed = {"target of another authority": [400, 421]}.get(name, [400, 501, 505])
    assert len(statuses) == 1 and statuses[0] in allowed, answer_
    assert_nothing_arrived(front, upstream, before)


@pytest.mark.parametrize("name", sorted(LATE))
def test_body_is_refused(factory, name):
    """The upstream may have got the head, never an end that it could believe, nor what follows."""
    upstream = factory.raw(lambda conn: conn.read_to_end())
    front = factory.gateway("--upstream", upstream.url)
    with front.curl.h1() as client:
        client.send(BAD_REQUESTS[name] + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer_ = client.to_end()
    assert answer_ == b"" or answer_.startswith(b"HTTP/1.1 400"), answer_[:200]
    front.server.close()
    arrived = upstream.bytes
    assert b"smuggled" not in arrived
    assert not arrived.endswith(b"0\r\n\r\n"), arrived


def test_split_requests_are_refused_alike(front, upstream):
    """The same when the bytes come one by one."""
    for name in ("CL and TE", "folded line", "bare LF after a field", "NUL in a value"):
        before = upstream.mark()
        with front.curl.h1() as client:
            try:
                for i in range(len(BAD_REQUESTS[name])):
                    client.send(BAD_REQUESTS[name][i:i + 1])
            except OSError:
                pass  # it may be told before it has said everything
            assert client.to_end().startswith(b"HTTP/1.1 400"), name
        assert_nothing_arrived(front, upstream, before)


def test_right_chunks_pass(front, version):
    """What must not be refused."""
    with front.curl.h1() as client:
        client.send(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: Chunked\r\n\r\n"
                    b"5;name=value;other=\"q;uoted\"\r\nhello\r\n00\r\n\r\n")
        assert client.response().status == 200


# HTTP/2 and HTTP/3: what must not become HTTP/1

BAD_H2 = {
    "CRLF in a value": PSEUDO + [("x-a", "b\r\nX-Smuggled: 1")],
    "LF in a value": PSEUDO + [("x-a", "b\nX-Smuggled: 1")],
    "NUL in a value": PSEUDO + [("x-a", "b\0c")],
    "CRLF in a name": PSEUDO + [("x-a\r\nx-smuggled", "1")],
    "colon in a name": PSEUDO + [("x-a: 1\r\nx", "1")],
    "space in a name": PSEUDO + [("x a", "1")],
    "upper case in a name": PSEUDO + [("X-A", "1")],
    "empty name": PSEUDO + [("", "1")],
    "spaces around a value": PSEUDO + [("x-a", " b")],
    "transfer-encoding": PSEUDO + [("transfer-encoding", "chunked")],
    "connection": PSEUDO + [("connection", "x-a")],
    "upgrade": PSEUDO + [("upgrade", "websocket")],
    "te gzip": PSEUDO + [("te", "gzip")],
    "path with a space": pseudo(path="/a HTTP/1.1"),
    "path with CRLF": pseudo(path="/ HTTP/1.1\r\nX-Smuggled: 1\r\n"),
    "path with a fragment": pseudo(path="/a#b"),
    "path with 8 bits": pseudo(path="/\xc3\xa9"),
    "path without slash": pseudo(path="a"),
    "empty path": pseudo(path=""),
    "method with a space": pseudo(method="GET /smuggled HTTP/1.1\r\nX: "),
    "method with CRLF": pseudo(method="GE\r\nT"),
    "authority with CRLF": pseudo(authority="localhost\r\nX-Smuggled: 1"),
    "authority with a slash": pseudo(authority="localhost/a"),
    "authority with user": pseudo(authority="user@localhost"),
    "another host": PSEUDO + [("host", "other.example")],
    "two paths": PSEUDO + [(":path", "/b")],
    "a pseudo field after the others": PSEUDO[:3] + [("x-a", "b")] + PSEUDO[3:],
    "an unknown pseudo field": PSEUDO + [(":x", "y")],
    "no path": [field for field in PSEUDO if field[0] != ":path"],
    "no method": [field for field in PSEUDO if field[0] != ":method"],
    "no authority": [field for field in PSEUDO if field[0] != ":authority"],
    "CL that is none": PSEUDO + [("content-length", "+5")],
    "two CL": PSEUDO + [("content-length", "0"), ("content-length", "1")],
}


@pytest.mark.parametrize("name", BAD_H2)
def test_h2_request_is_refused(front, upstream, name):
    before = upstream.mark()
    with front.curl.h2() as client:
        outcome = client.outcome(client.request(BAD_H2[name]))
    assert outcome[0] in ("reset", "gone") or outcome[:2] == ("status", 400), outcome
    assert_nothing_arrived(front, upstream, before)


# What nghttp3 leaves out without a word, where nghttp2 refuses: the rest is a request.
LEFT_OUT_BY_H3 = {
    "CRLF in a value", "LF in a value", "NUL in a value", "CRLF in a name", "colon in a name",
    "space in a name", "empty name", "spaces around a value",
}
H3_MESSAGE_ERROR = 0x10E


@pytest.mark.parametrize("name", BAD_H2)
def test_h3_request_is_refused(front, upstream, name):
    """The same octets over HTTP/3, on streams that no library looks at before they are sent."""
    before = upstream.mark()
    with RawH3(front) as client:
        outcome = client.outcome(client.request(BAD_H2[name]))
        if name not in LEFT_OUT_BY_H3:
            assert outcome in [("status", 400), ("reset", H3_MESSAGE_ERROR)], outcome
            assert_nothing_arrived(front, upstream, before)
            assert client.outcome(client.request(PSEUDO)) == ("status", 200)
            return
    assert outcome == ("status", 200)
    sent = upstream.bytes_since(before).lower()
    assert sent.startswith(b"get / http/1.1\r\n") and sent.endswith(b"\r\n\r\n"), sent
    lines = sent[:-4].split(b"\r\n")
    assert {line.partition(b":")[0] for line in lines[1:]} == plain_names(front, upstream), sent
    assert b"smuggled" not in sent and not re.search(rb"[\0-\x09\x0b\x0c\x0e-\x1f]", sent), sent


def plain_names(front, upstream):
    """The fields that the upstream gets of a request that has none of its own."""
    before = upstream.mark()
    with RawH3(front) as client:
        assert client.outcome(client.request(PSEUDO)) == ("status", 200)
    lines = upstream.bytes_since(before).lower()[:-4].split(b"\r\n")
    return {line.partition(b":")[0] for line in lines[1:]}


@pytest.mark.parametrize("length, body", [(b"5", b"hell"), (b"5", b"hello!"), (b"0", b"x"), (b"5", b"")])
def test_h2_length_that_is_wrong(factory, length, body):
    """content-length and DATA differ: no second length reaches the upstream, and no clean end."""
    upstream = factory.raw(lambda conn: conn.read_to_end())
    front = factory.gateway("--upstream", upstream.url)
    with front.curl.h2() as client:
        stream = client.request(pseudo(method="POST") + [("content-length", length)], body)
        outcome = client.outcome(stream)
    assert outcome[0] in ("reset", "gone") or outcome[:2] == ("status", 400), outcome
    front.server.close()
    for record in upstream.received:
        _, _, arrived = bytes(record).partition(b"\r\n\r\n")
        assert len(arrived) < int(length) or arrived == b""


CONNECT_REFUSAL = "CONNECT: this is no forward proxy"


@pytest.mark.parametrize("version", ["h1", "h2", "h3"])
def test_connect_is_refused(front, upstream, version):
    """With 501 and the same words for all (front_test), as far as these clients understand it."""
    before, target = upstream.mark(), "localhost:443"
    if version == "h1":
        with front.curl.h1() as client:
            client.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            response = client.response()
            assert (response.status, response.text.splitlines()[1]) == (501, CONNECT_REFUSAL)
    else:
        with front.curl.h2() if version == "h2" else RawH3(front) as client:
            outcome = client.outcome(client.request([(":method", "CONNECT"), (":authority", target)]))
        if version == "h2":
            assert CONNECT_REFUSAL in outcome[2].decode()
        else:
            assert outcome == ("status", -1)  # none of QPACK's table, such as 404
    assert_nothing_arrived(front, upstream, before)


BAD_BY_CURL = {
    "path with a space": ["--request-target", "/a b"],
    "path with a fragment": ["--request-target", "/a#b"],
    "path without slash": ["--request-target", "a"],
    "method with a space": ["-X", "GE T"],
    "another host": ["-H", "Host: user@localhost"],
    "a length with a sign": ["-H", "Content-Length: +5", "--data-binary", "hello"],
}


@pytest.mark.parametrize("name", BAD_BY_CURL)
def test_refused_on_all_versions(front, upstream, version, name):
    """What curl can be made to send, over HTTP/3 too. It may refuse by itself."""
    before = upstream.mark()
    response = front.curl(version, "/", "--max-time", "20", *BAD_BY_CURL[name], check=False)
    assert response.exit != 0 or response.status == 400, response
    assert response.status != 200
    assert_nothing_arrived(front, upstream, before)


@pytest.mark.parametrize("version", ["h2", "h3"])
def test_no_more_than_the_promised_length(front, upstream, version):
    """The head is on its way before the body is known to be longer (nothing is buffered), so the
    upstream may have answered; what is too much must never become a second request there."""
    before = upstream.mark()
    front.curl(version, "/", "--max-time", "20", "-H", "Content-Length: 3", "--data-binary", "hello",
               check=False)
    body = upstream.bytes_since(before).partition(b"\r\n\r\n")[2]
    assert body in (b"", b"hel"[:len(body)]), body


# Responses

CUT = {
    "in a counted body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot all of it",
    "without a length": b"HTTP/1.1 200 OK\r\n\r\nnot all of it",  # a close is its end
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nnot all of it",
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "before the last CRLF": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "in the trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b",
    "garbage for a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    "no CRLF after a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
}


@pytest.mark.parametrize("name, way", [(name, way) for name in CUT for way in ("close", "reset")
                                       if (name, way) != ("without a length", "close")])
def test_cut_body_never_ends_cleanly(factory, version, name, way):
    """Never a body that a client could take for whole. (502 instead is fine too.)"""
    def script(conn):
        conn.read_head()
        conn.send(CUT[name])
        if way == "reset":
            conn.reset()
    front = factory.gateway("--upstream", factory.raw(script).url)
    response = front.curl(version, "/", check=False)
    assert response.exit != 0 or response.status == 502, response


def test_cut_body_on_raw_h1(factory):
    """The connection ends without the last chunk."""
    front = factory.gateway("--upstream", factory.raw(answer(CUT["between chunks"])).url)
    with front.curl.h1() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not client.to_end().endswith(b"0\r\n\r\n")


BAD_RESPONSES = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
    "a length with a sign": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx",
    "coding and length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 2\r\n\r\nok",
    "an unasked 101": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nxx",
    "no HTTP": b"Unauthorized",
    "no HTTP, many bytes": b"\0\1\2\3" * 10000,
    "a folded line": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 2\r\n\r\nok",
    "a head that ends in the middle": b"HTTP/1.1 200 OK\r\nContent-Le",
    "a head that never ends": b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"b" * 3_000_000,
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n",
    "no status": b"HTTP/1.1  OK\r\n\r\n",
    "status 99": b"HTTP/1.1 99 No\r\nContent-Length: 0\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 No\r\nContent-Length: 0\r\n\r\n",
    "nothing": b"",
    "only a 100": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_response_is_refused(factory, version, name):
    upstream = factory.raw(answer(BAD_RESPONSES[name]))
    front = factory.gateway("--upstream", upstream.url)
    response = front.curl(version, "/")
    assert response.status == 502
    assert f"127.0.0.1:{upstream.port}" in response.text
    assert b"okk" not in response.body


def test_bytes_after_the_end(factory, version):
    """They are not the next response, and the connection is not used again."""
    def script(conn):
        conn.read_head()
        conn.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned")
        conn.read_to_end()
    upstream = factory.raw(script)
    front = factory.gateway("--upstream", upstream.url)
    for _ in range(3):
        assert front.curl(version, "/").body == b"ok"
    assert len(upstream.heads) == 3
    assert all(bytes(record).count(b"\r\n\r\n") <= 1 for record in upstream.received)


def test_bytes_before_the_request(factory, version):
    """An upstream that speaks first is not believed."""
    def script(conn):
        conn.read_head()
        conn.send(OK)
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned")
        wait_for(lambda: not unsent(conn.sock), "the gateway's kernel to have it")
        spoken.set()
        conn.read_head()
        conn.send(OK)
    spoken = threading.Event()
    upstream = factory.raw(script)
    front = factory.gateway("--upstream", upstream.url)
    assert front.curl(version, "/").body == b"ok"
    assert spoken.wait(BOUND)
    assert front.curl(version, "/").body == b"ok"


def test_head_and_204_have_no_body(factory, version):
    """Bytes where none may be do not become the next response's."""
    def script(conn):
        head = conn.read_head()
        if head.startswith(b"HEAD"):
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        else:
            conn.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        conn.read_head()
        conn.send(OK)
    front = factory.gateway("--upstream", factory.raw(script).url)
    assert front.curl(version, "/", "--head").get("content-length") == "100"
    assert front.curl(version, "/").body in (b"ok", b"")
    assert front.curl(version, "/").status in (200, 204)


@pytest.mark.parametrize("body", [b"", b"hel", b"hello!!"])
@pytest.mark.parametrize("moment", ["at once", "later"])
def test_upstream_is_not_reused_after_a_wrong_length(factory, body, moment):
    """HTTP/3's FIN after another number of bytes than were promised, none among them
    (CVE-2026-33555): the upstream waits for the rest, and must see its connection end instead of the
    next request."""
    ended = []

    def script(conn):
        try:
            while True:
                head = conn.read_head()
                length = re.search(rb"content-length: (\d+)", head.lower())
                conn.read_exactly(int(length[1]) if length else 0)
                conn.send(OK)
        finally:
            ended.append(bytes(conn.got))

    upstream = factory.raw(script)
    front = factory.gateway("--upstream", upstream.url)
    with RawH3(front) as client:
        fields = pseudo(method="POST", path="/cut") + [("content-length", "5")]
        if moment == "at once":
            stream = client.request(fields, body or None)
        else:
            stream = client.request(fields, end=False)
            wait_for(lambda: b"POST /cut" in upstream.bytes, "the head to arrive")
            if body:
                client.data(stream, body)
            client.end(stream)
        assert client.outcome(stream) in [("status", 400), ("reset", H3_MESSAGE_ERROR)]
        assert client.outcome(client.request(pseudo(path="/next"))) == ("status", 200)
    if moment == "later":
        wait_for(lambda: ended, "the upstream's connection to end")
        first, second = (bytes(record) for record in upstream.received if record)
        assert ended[0] == first and first.startswith(b"POST /cut ") and b"/next" not in first
        assert second.startswith(b"GET /next ")
        assert first.partition(b"\r\n\r\n")[2] in [body[:n] for n in range(5)]
    assert all(b"POST" not in bytes(record) or b"GET" not in bytes(record)
               for record in upstream.received)


def test_upstream_is_not_reused_after_an_aborted_exchange(factory, version):
    """The rest of an answer that nobody wanted is not the next client's."""
    def script(conn):
        while True:
            if b"GET /big" not in conn.read_head():
                conn.send(OK)
                continue
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
            while True:
                conn.send(b"poison " * 1000)
    upstream = factory.raw(script)
    front = factory.gateway("--upstream", upstream.url, DRAIN_TIMEOUT, "1s")
    transfer = front.curl.start(version, "/big")
    transfer.wait_body(1000)
    transfer.kill()
    for _ in range(3):
        assert front.curl(version, "/").body == b"ok"
