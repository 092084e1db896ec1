# SPDX-License-Identifier: GPL-3.0-or-later
"""A real app behind the gateway: the same bytes with and without it, over all
three versions."""

import hashlib
import json

import pytest

from clients import DATA, END_STREAM, FLAG, body_and_trailers, curl_path
from procs import run, wait_for, wait_steady
from raw_h3 import RawH3
from spellings import DRAIN_TIMEOUT
from upstreams import OK, content, content_sha256, file_sha256

BIG = 100 * 1024 * 1024


PLAIN = [
    ("GET", "/blob/0", b""),
    ("GET", "/blob/1", b""),
    ("GET", "/blob/100000", b""),
    ("GET", "/blob/100000?chunked", b""),
    ("GET", "/trailers", b""),
    ("GET", "/status/204", b""),
    ("GET", "/status/304", b""),
    ("GET", "/status/404", b""),
    ("GET", "/status/503", b""),
    ("GET", "/missing?a=b&c=%20d", b""),
    ("POST", "/upload", b""),
    ("POST", "/upload", b"some bytes \0\xff"),
    ("PUT", "/echo", b"there and back"),
    ("PATCH", "/echo", b"x" * 300000),
    ("DELETE", "/upload", b""),
    ("OPTIONS", "/upload", b""),
    ("PROPFIND", "/upload", b"<propfind/>"),
]


@pytest.mark.parametrize("method, path, body", PLAIN, ids=[f"{m}{p}:{len(b)}" for m, p, b in PLAIN])
def test_same_with_and_without(backend, front, version, method, path, body):
    status, fields, expected = backend.ask(method, path, body or None)
    arguments = ["-X", method] if method != "GET" else []
    if body:
        arguments += ["--data-binary", "@-", "-H", "Content-Type: application/octet-stream"]
    response = front.curl(version, path, *arguments, stdin=body or None)
    assert response.status == status
    assert body_and_trailers(response, len(expected))[0] == expected
    ours = {name.lower(): value for name, value in fields}
    for name in ("content-type", "content-length", "x-app", "trailer"):
        if name in ours and not (name == "content-type" and path.startswith(("/echo", "/upload"))):
            assert response.get(name) == ours[name]


def test_download_100_mib(front, version):
    transfer = front.curl.start(version, f"/blob/{BIG}")
    response = transfer.finish()
    assert response.get("content-length") == str(BIG)
    assert len(response.body) == BIG
    assert file_sha256(transfer.body_path) == content_sha256(BIG)
    transfer.body_path.unlink()


def test_download_100_mib_chunked(front, version):
    transfer = front.curl.start(version, f"/blob/{BIG}?chunked")
    response = transfer.finish()
    assert response.get("content-length") is None
    assert file_sha256(transfer.body_path) == content_sha256(BIG)
    transfer.body_path.unlink()


@pytest.fixture(scope="module")
def big_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("big") / "file"
    path.write_bytes(content(BIG))
    yield path
    path.unlink()


def test_upload_100_mib(front, version, big_file):
    response = front.curl(version, "/upload", "-H", "Expect:", "-T", big_file)
    assert response.json() == {"length": BIG, "sha256": content_sha256(BIG)}


def test_upload_100_mib_chunked(front, version, big_file):
    """No length is known before the end."""
    with open(big_file, "rb") as file:
        body = file.read()
    response = front.curl(version, "/upload", "-H", "Expect:", "-T", "-", stdin=body)
    assert response.json() == {"length": BIG, "sha256": content_sha256(BIG)}


def test_there_and_back(front, version):
    """A body that comes back while it is still being sent."""
    body = content(5_000_000)
    response = front.curl(version, "/echo", "-H", "Expect:", "-T", "-", "-X", "POST", stdin=body)
    assert response.body == body


def test_100_in_parallel(front, version, tmp_path):
    config = tmp_path / "urls"
    sizes = [50_000 + 17 * i for i in range(100)]
    config.write_text("".join(f'url = "{front.url(f"/blob/{size}")}"\noutput = "{tmp_path}/{size}"\n'
                              for size in sizes))
    result = run(curl_path(), "-q", "-sS", FLAG[version], "--parallel", "--parallel-max", "100",
                 "--max-time", "60", "-w", "%{http_code} %{http_version}\n", "--config", config,
                 *front.curl.arguments(), timeout=90)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:100] == [f"200 {dict(h1='1.1', h2='2', h3='3')[version]}"] * 100
    for size in sizes:
        assert file_sha256(tmp_path / str(size)) == content_sha256(size), size


def test_many_connections_at_once(front, version):
    """Every client a connection of its own."""
    transfers = [front.curl.start(version, f"/blob/{200_000 + i}") for i in range(20)]
    for i, transfer in enumerate(transfers):
        assert transfer.finish().body == content(200_000 + i)


def test_events_arrive_one_by_one(backend, front, version):
    url = f"/sse?gate=sse-{version}&n=3"
    transfer = front.curl.start(version, url)
    for i in range(3):
        expected = b"".join(b"id: %d\ndata: event %d\n\n" % (k, k) for k in range(i + 1))
        transfer.wait_body(len(expected))
        assert transfer.body == expected
        if i < 2:
            assert backend.events(url) == ["begin"]  # and the stream has not ended
            backend.permit(f"sse-{version}")
    response = transfer.finish()
    assert response.get("content-type") == "text/event-stream"
    assert response.get("cache-control") == "no-cache"


def test_head_of_a_slow_answer_comes_at_once(backend, front, version):
    """The head does not wait for the body's first byte."""
    transfer = front.curl.start(version, f"/gated?gate=head-{version}&n=1&size=10")
    wait_for(lambda: "200" in transfer.head and transfer.head.endswith("\n\n"), "the head")
    backend.permit(f"head-{version}")
    assert transfer.finish().body == b"a" * 10


def test_upload_arrives_while_it_is_sent(backend, front, version):
    """Some of a request's body reaches the app before the rest is sent."""
    url = f"/upload?halves-{version}"
    half = content(200_000)
    # "." is stdin, read without blocking
    transfer = front.curl.start(version, url, "-H", "Expect:", "-T", ".", "-X", "POST", stdin=b"")
    transfer.process.stdin.write(half)
    transfer.process.stdin.flush()
    # curl keeps a part of it to itself until there is more, over HTTP/3 any amount
    wait_for(lambda: backend.control(f"received?url={url}") > 0, "the first of it to arrive")
    transfer.stdin = half
    assert transfer.finish().json()["length"] == 2 * len(half)


def test_answer_comes_while_the_request_is_sent(front):
    with front.curl.h1() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")
        assert client.head().status == 200
        assert client.until(b"first\r\n")
        client.send(b"other")
        assert client.until(b"other\r\n")
    with front.curl.h2() as client:
        stream = client.request([(":method", "POST"), (":scheme", "https"), (":path", "/echo"),
                                 (":authority", "localhost")], b"first", end=False)
        client.wait_data(stream, b"first")
        client.send(DATA, END_STREAM, stream, b"other")
        client.wait_data(stream, b"other")


def test_trailers_pass(front, version):
    body, trailers = body_and_trailers(front.curl(version, "/trailers"), len("with trailers\n"))
    assert body == b"with trailers\n"
    assert ("x-checksum", "abc123") in trailers
    assert ("x-count", "2") in trailers


def test_trailers_of_requests_pass(front):
    with front.curl.h1() as client:
        client.send(b"POST /inspect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                    b"Trailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n")
        seen = client.response().json()
    assert seen["body"] == "hello"
    assert [text.lower() for text in seen["rawTrailers"]] == ["x-sum", "42"]


@pytest.mark.parametrize("version", ["h2", "h3"])
def test_trailers_of_requests_with_a_length_pass_if_announced(gateway, raw, version):
    """HTTP/1.1 has no place for them behind a length, so the request goes in chunks."""
    def hear(conn):
        conn.read_until(b"\r\nx-sum: 42\r\n\r\n")
        conn.send(OK)

    upstream = raw(hear)
    front = gateway("--upstream", upstream.url)
    with front.curl.h2() if version == "h2" else RawH3(front) as client:
        stream = client.request([(":method", "POST"), (":scheme", "https"), (":path", "/"),
                                 (":authority", "localhost"), ("content-length", "5"),
                                 ("trailer", "x-sum")], b"hello", end=False)
        client.trailers(stream, [("x-sum", "42")])
        assert client.outcome(stream)[:2] == ("status", 200)
    head, _, rest = upstream.bytes.partition(b"\r\n\r\n")
    assert b"\r\ntransfer-encoding: chunked" in head and b"content-length" not in head
    assert rest == b"5\r\nhello\r\n0\r\nx-sum: 42\r\n\r\n"


def test_trailers_that_claim_what_the_gateway_says(front):
    """An app may join them with the head (test_forwarding_fields: what stands there)."""
    claims = b"X-Forwarded-Client-Cert: Hash=1\r\nX-Forwarded-For: 192.0.2.1\r\nForwarded: for=x\r\n" \
             b"Early-Data: 1\r\nX-Request-Id: 1\r\nTraceparent: 1\r\nX-H3gw-Attempt-Count: 9\r\n"
    with front.curl.h1() as client:
        client.send(b"POST /inspect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"5\r\nhello\r\n0\r\n" + claims + b"X-Sum: 42\r\n\r\n")
        seen = client.response().json()
    assert [text.lower() for text in seen["rawTrailers"]] == ["x-sum", "42"]


def test_early_hints_pass(front, version):
    response = front.curl(version, "/early")
    assert response.body == b"early\n"
    assert [status for status, _ in response.informational] == [103]
    fields = dict(response.informational[0][1])
    assert fields["link"] == "</style.css>; rel=preload; as=style"
    assert fields["x-hint"] == "1"


def test_head(front, version):
    response = front.curl(version, "/blob/12345", "--head")
    assert response.status == 200
    assert response.get("content-length") == "12345"
    assert response.body == b"" or response.body.startswith(b"HTTP/")  # curl -I writes the head


def test_expect_is_answered_by_the_app(backend, front, version):
    """100-continue comes from the app: curl sends its body only when it came, or after a
    time that is set longer here than the test may last."""
    before = len(backend.control("log"))
    body = content(2_000_000)
    response = front.curl(version, "/upload", "-H", "Expect: 100-continue", "--expect100-timeout",
                          "200", "--data-binary", "@-", stdin=body)
    assert response.json() == {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert {"url": "/upload", "event": "expect"} in backend.control("log")[before:]


def test_continue_is_not_sent_before_the_app_wants_the_body(front):
    with front.curl.h1() as client:
        client.send(b"POST /inspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                    b"Expect: 100-continue\r\n\r\n")
        assert client.head().status == 100
        client.send(b"hello")
        response = client.response()
    assert response.status == 200
    assert response.json()["body"] == "hello"


def test_refused_expectation(front, version):
    """The app refuses the body: the answer comes, without 100 and without the body."""
    response = front.curl(version, "/refuse", "-H", "Expect: 100-continue", "--expect100-timeout",
                          "200", "--data-binary", "@-", stdin=b"x" * 2_000_000)
    assert response.status == 413
    assert 100 not in [status for status, _ in response.informational]


def test_keep_alive_and_pipelining(front):
    with front.curl.h1() as client:
        client.send(b"GET /blob/1000 HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                    b"GET /trailers HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"HEAD /blob/7 HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"GET /blob/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.response().body == content(1000)
        assert client.response().json()["length"] == 3
        third = client.response()
        assert third.body == b"with trailers\n" and ("x-count", "2") in third.trailers
        assert client.response("HEAD").get("content-length") == "7"
        last = client.response()
        assert last.body == content(7)
        assert last.get("connection") == "close"
        assert client.to_end() == b""
        assert client.clean, "TLS ended without close_notify"


def test_http_1_0_client(front):
    with front.curl.h1() as client:
        client.send(b"GET /blob/100000?chunked HTTP/1.0\r\nHost: a\r\n\r\n")
        response = client.head()
        assert response.status == 200
        assert response.get("transfer-encoding") is None
        assert client.to_end() == content(100000)
        assert client.clean


def test_client_that_leaves_is_told_to_the_app(backend, front, version):
    url = f"/gated?gate=leave-{version}&n=3&size=1000"
    transfer = front.curl.start(version, url, "--max-filesize", "1500")
    backend.permit(f"leave-{version}", 2)
    assert transfer.finish(check=False).exit == 63  # told curl to hang up after the second piece
    wait_for(lambda: "aborted" in backend.events(url), "the app to hear that the client left")


def test_client_that_leaves_before_the_answer(backend, front, version):
    url = f"/stall?{version}"
    leaver = front.curl.leaver(version, url)
    wait_for(lambda: backend.events(url), "the request to arrive")
    leaver.leave()
    wait_for(lambda: "aborted" in backend.events(url), "the app to hear that the client left")


def test_client_that_leaves_during_its_upload(backend, front, version, tmp_path):
    url = f"/upload?leaves-{version}"
    if version == "h1":
        with front.curl.h1() as client:
            client.send(f"POST {url} HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nnot all".encode())
            wait_for(lambda: backend.events(url), "the request to arrive")
    elif version == "h2":
        with front.curl.h2() as client:
            client.request([(":method", "POST"), (":scheme", "https"), (":path", url),
                            (":authority", "localhost")], b"not all", end=False)
            wait_for(lambda: backend.events(url), "the request to arrive")
    else:  # with h1 and h2 curl 8.14 may pretend then that the upload was complete
        (tmp_path / "body").write_bytes(bytes(1 << 20))
        leaver = front.curl.leaver(version, url, "-H", "Expect:", "-X", "POST", "-T",
                                   tmp_path / "body", "--limit-rate", "1k")
        wait_for(lambda: backend.events(url), "the request to arrive")
        leaver.leave()
    wait_for(lambda: "aborted" in backend.events(url), "the app to hear that the client left")


def test_slow_reader_is_not_buffered(gateway, app, version):
    """A client that reads slowly slows the app down, and costs the gateway no memory."""
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "1s")  # as a client is killed
    front.curl(version, "/blob/1000")
    before = front.server.memory()
    size = 2 * BIG
    front.server.expected_exit = None  # nothing tells it that the client was killed
    transfer = front.curl.start(version, f"/blob/{size}", "--limit-rate", "1k")
    transfer.wait_body(1)
    written = wait_steady(lambda: backend.control("written"), "bytes written by the app")
    assert written < size / 2
    assert front.server.memory() - before < 64 * 1024 * 1024
    transfer.kill()


def test_slow_app_is_not_buffered(gateway, app, version, big_file):
    """An app that does not read its request slows the client down."""
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "1s")  # as a client is killed
    front.curl(version, "/blob/1000")
    before = front.server.memory()
    front.server.expected_exit = None  # nothing tells it that the client was killed
    transfer = front.curl.start(version, "/unread", "-H", "Expect:", "-T", big_file, "-X", "POST")
    wait_for(lambda: backend.events("/unread"), "the request to arrive")
    wait_steady(front.server.memory, "memory of the gateway")
    assert front.server.memory() - before < 48 * 1024 * 1024
    assert transfer.process.poll() is None
    transfer.kill()


def test_fields_with_odd_values(front, version):
    response = front.curl(version, "/inspect", "-H", "X-Empty;", "-H", "X-Long: " + "v" * 8000,
                          "-H", "X-Quoted: \"a, b\"; c=d", "-b", "one=1; two=2")
    raw = response.json()["rawHeaders"]
    seen = {raw[i].lower(): raw[i + 1] for i in range(0, len(raw), 2)}
    assert seen["x-empty"] == ""
    assert seen["x-long"] == "v" * 8000
    assert seen["x-quoted"] == '"a, b"; c=d'
    assert seen["cookie"] == "one=1; two=2"


def test_target_is_passed_as_it_is(front, version):
    target = "/inspect/a%2Fb/%E2%82%AC/;p=1?x=%2F%00&y=a+b&&z[]='\"|"
    target = target.replace('"', "%22").replace("|", "%7C")
    response = front.curl(version, "/inspect", "--globoff", "--path-as-is", "--request-target", target)
    assert json.loads(response.body)["url"] == target
