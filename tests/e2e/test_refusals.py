# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anybody could answer it: such answers have what all answers have, and each
has its line in the access log and is counted."""

import re
import urllib.request

import pytest

from clients import VERSIONS
from procs import free_port, wait_for
from raw_h3 import RawH3, pseudo
from upstreams import OK


def script(conn):
    while head := conn.read_head():
        path = head.split(b" ")[1]
        if path == b"/latebad":
            conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
            return
        if path == b"/fields":
            conn.send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40 + b"\r\n")
            return
        if path == b"/bytes":
            conn.send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 5000 + b"\r\n\r\n")
            return
        if path == b"/up":
            conn.read_until(b"\r\n0\r\n\r\n")
        conn.send(OK)


class Logged:
    """A gateway, and the lines of its access log."""

    def __init__(self, factory, *arguments):
        self.upstream = factory.raw(script)
        self.stats = free_port()
        self.front = factory.gateway("--upstream", self.upstream.url, "--access-log=-", "--stats",
                                     f"127.0.0.1:{self.stats}", *arguments)
        self.curl = self.front.curl

    def line(self, n=1):
        """The n-th, which is the last."""
        wait_for(lambda: len(self.lines()) >= n, "the line")
        assert len(self.lines()) == n
        return self.lines()[-1]

    def lines(self):
        return [line for line in self.front.server.out.splitlines() if " - - [" in line]

    def counted(self, version, klass):
        url = f"http://127.0.0.1:{self.stats}/stats/prometheus"
        with urllib.request.urlopen(url, timeout=20) as page:
            text = page.read().decode()
        found = re.findall(r"^h3gw_requests_total\{([^}]*)\} (\d+)", text, re.M)
        return sum(int(n) for labels, n in found if f'"{version}"' in labels and f'"{klass}"' in labels)


def assert_like_any(front, response, status):
    """What an answer of the gateway's own has."""
    assert response.status == status
    assert response.get("server") == "h3gw" and response.get("date")
    port = front.front.server.port
    assert response.get("alt-svc") == (None if status == 421 else f'h3=":{port}"; ma=86400')


HOST = b"Host: localhost\r\n"
REFUSED = {
    "no Host": (400, b"GET /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1"),
    "CL and TE": (400, b"POST /b HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "POST /b HTTP/1.1"),
    "fragment": (400, b"GET /c#d HTTP/1.1\r\n" + HOST + b"\r\n", "GET /c#d HTTP/1.1"),
    "bad field": (400, b"GET /e HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n", "GET /e HTTP/1.1"),
    "garbage": (400, b"\x16\x03\x01\x02\x00", "- - HTTP/1.1"),
    "one word": (400, b"HELLO\r\n\r\n", "HELLO - HTTP/1.1"),
    "no version": (400, b"GET /f\r\n" + HOST + b"\r\n", "GET /f HTTP/1.1"),
    "expectation": (417, b"POST /g HTTP/1.1\r\n" + HOST + b"Expect: tea\r\n\r\n", "POST /g HTTP/1.1"),
    "other scheme": (421, b"GET http://localhost/h HTTP/1.1\r\n" + HOST + b"\r\n",
                     "GET http://localhost/h HTTP/1.1"),
    "many fields": (431, b"GET /i HTTP/1.1\r\n" + HOST + b"x: 1\r\n" * 300 + b"\r\n", "GET /i HTTP/1.1"),
    "long field": (431, b"GET /j HTTP/1.1\r\n" + HOST + b"x: " + b"1" * 70000, "GET /j HTTP/1.1"),
    "CONNECT": (501, b"CONNECT k:80 HTTP/1.1\r\nHost: k:80\r\n\r\n", "CONNECT k:80 HTTP/1.1"),
    "version": (505, b"GET /l HTTP/2.0\r\n" + HOST + b"\r\n", "GET /l HTTP/1.1"),
    "declared length": (413, b"POST /m HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\n", "POST /m HTTP/1.1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_h1_head(factory, name):
    status, request, shown = REFUSED[name]
    front = Logged(factory, "--max-request-body", "5")
    with front.curl.h1() as client:
        client.send(request)
        response = client.response()
    assert_like_any(front, response, status)
    assert response.get("connection") == "close"
    assert f'"{shown}" {status} {len(response.body)} ' in front.line()
    assert front.counted("h1", f"{status // 100}xx") == 1
    assert front.upstream.bytes == b""


@pytest.mark.parametrize("name", ["declared", "chunked"])
def test_body_too_large(factory, version, name):
    front = Logged(factory, "--max-request-body", "5")
    if (version, name) == ("h3", "declared"):
        # curl gives up without a word when STOP_SENDING comes before it has sent
        with RawH3(front.front) as client:
            fields = pseudo(method="POST", path="/up") + [("content-length", "8")]
            assert client.outcome(client.request(fields, b"a" * 8)) == ("status", 413)
    else:
        body = ["-d", "a" * 8] if name == "declared" else ["-X", "POST", "-T", "-"]
        response = front.curl(version, "/up", *body, stdin=b"a" * 8, check=False)
        assert_like_any(front, response, 413)
        assert f" 413 {len(response.body)} " in front.line()
    assert " 413 " in front.line() and "TOO_LARGE" in front.line()
    assert front.counted(version, "4xx") == 1


def test_upstream_body_bad_from_its_first_byte(factory, version):
    """The head was good, and nothing of it has left."""
    front = Logged(factory)
    response = front.curl(version, "/latebad", check=False)
    assert_like_any(front, response, 502)
    assert f"upstream {front.upstream.url}: the upstream's response was malformed" in response.text
    assert f" 502 {len(response.body)} " in front.line() and "UPSTREAM_PROTOCOL" in front.line()
    assert front.counted(version, "5xx") == 1


@pytest.mark.parametrize("what", ["fields", "bytes"])
def test_upstream_head_too_large(factory, version, what):
    """It is well-formed: whoever reads this can raise the limit."""
    front = Logged(factory, "--max-fields", "30", "--max-header-bytes", "4000")
    response = front.curl(version, f"/{what}", check=False)
    assert_like_any(front, response, 502)
    assert "larger than this gateway takes. --max-header-bytes and --max-fields" in response.text
    assert f" 502 {len(response.body)} " in front.line() and "UPSTREAM_TOO_LARGE" in front.line()


def test_h1_goes_on_behind_a_502(factory):
    front = Logged(factory)
    with front.curl.h1() as client:
        for path, status in ((b"/latebad", 502), (b"/x", 200), (b"/latebad", 502), (b"/y", 200)):
            client.send(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            response = client.response()
            assert response.status == status and response.get("connection") is None


def test_form_of_a_refusal(factory):
    front = Logged(factory)
    with front.curl.h1() as client:
        client.send(b"GET / HTTP/1.1\r\nAccept: application/json\r\n\r\n")
        assert client.response().get("content-type") == "application/json"
