# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients: curl over three versions, and raw HTTP/1.1 and HTTP/2 for what no
decent client sends."""

import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
from pathlib import Path

from procs import BOUND, REPO, run, wait_for

VERSIONS = ("h1", "h2", "h3")
FLAG = {"h1": "--http1.1", "h2": "--http2", "h3": "--http3-only"}
HTTP_VERSION = {"h1": "1.1", "h2": "2", "h3": "3"}

_curl_path = None


def curl_path():
    """The curl with HTTP/3, brought now if it is not there yet."""
    global _curl_path
    if _curl_path is None:
        tool = REPO / "scripts" / "test-tools"
        result = run(tool, "--print", "curl")
        if result.returncode != 0:
            run(tool, timeout=600)
            result = run(tool, "--print", "curl")
        assert result.returncode == 0, result.stderr
        _curl_path = result.stdout.strip()
    return _curl_path


class Response:
    """What a client saw. Field names are lower case."""

    def __init__(self):
        self.status, self.fields, self.trailers = 0, [], []
        self.informational = []  # [(status, fields)]
        self.body, self.exit, self.error, self.info = b"", 0, "", {}

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times: {values}"
        return values[0] if values else default

    @property
    def names(self):
        return {key for key, _ in self.fields}

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} exit {self.exit} {self.fields} {self.body[:200]!r} {self.error}>"


def parse_field(line):
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def body_and_trailers(response, size):
    """The body and the trailers of a response. curl 8.14 writes HTTP/3 trailers behind the body,
    which must be `size` bytes."""
    extra = response.body[size:].decode().split("\r\n")
    return response.body[:size], response.trailers + [parse_field(line) for line in extra if line]


def parse_heads(text):
    """Head blocks as curl -D writes them, into a Response without body."""
    response = Response()
    for block in text.replace("\r\n", "\n").split("\n\n"):
        lines = block.strip("\n").split("\n")
        if lines[0].startswith("HTTP/"):
            if response.status and response.status < 200:
                response.informational.append((response.status, response.fields))
            response.status = int(lines[0].split()[1])
            response.fields = [parse_field(line) for line in lines[1:]]
        elif lines != [""]:
            response.trailers += [parse_field(line) for line in lines]
    return response


class Transfer:
    """A curl that runs in the background."""

    def __init__(self, folder, version, url, arguments, more=(), stdin=None):
        tag = os.urandom(4).hex()
        self.version = version
        self.body_path = Path(folder) / f"{tag}.body"
        self.head_path = Path(folder) / f"{tag}.head"
        self.command = [curl_path(), "-q", "-sS", "-N", FLAG[version], "--max-time", "120",
                        "-D", str(self.head_path), "-o", str(self.body_path), "-w", "%{json}",
                        *map(str, arguments), url, *more]
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        self.stdin = stdin

    @property
    def body(self):
        return self.body_path.read_bytes() if self.body_path.exists() else b""

    @property
    def head(self):
        return self.head_path.read_text(errors="replace") if self.head_path.exists() else ""

    def wait_body(self, count, timeout=BOUND):
        wait_for(lambda: len(self.body) >= count or self.process.poll() is not None,
                 f"{count} bytes of body", timeout)
        assert len(self.body) >= count, self.process.communicate()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def finish(self, check=True, timeout=130):
        try:
            out, err = self.process.communicate(self.stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        response = parse_heads(self.head)
        response.body, response.exit = self.body, self.process.returncode
        response.error = err.decode(errors="replace")
        response.info = json.loads(out) if out.strip().startswith(b"{") else {}
        if check:
            assert response.exit == 0, f"{self.command} ended with {response.exit}:\n{response.error}"
            assert response.info["http_version"] == HTTP_VERSION[self.version], response
        return response


class Leaver(Transfer):
    """A curl that gives its request up when it is told, as it does at its time limit, but whenever
    the request has come as far as the test wants: a second transfer fails, and with it the first.
    (An upload in parallel must be a file; --limit-rate has it last.)"""

    def __init__(self, folder, version, url, arguments):
        self.word = socket.create_server(("127.0.0.1", 0))
        other = f"http://127.0.0.1:{self.word.getsockname()[1]}/"
        super().__init__(folder, version, url, [*arguments, "--parallel", "--fail-early"],
                         ["--next", "-sS", "--max-time", "120", "-o", "/dev/null", other])

    def leave(self):
        self.word.settimeout(BOUND)
        self.word.accept()[0].close()
        self.word.close()
        assert self.process.wait(BOUND) != 0
        self.process.communicate()


class Client:
    """curl for one gateway: knows its port and its CA."""

    def __init__(self, folder, server, ca, host="localhost", address="127.0.0.1"):
        self.folder, self.server, self.ca = folder, server, ca
        self.host, self.address = host, address

    def url(self, path="/", host=None):
        return f"https://{host or self.host}:{self.server.port}{path}"

    def arguments(self, host=None):
        return ["--cacert", str(self.ca), "--resolve",
                f"{host or self.host}:{self.server.port}:{self.address}"]

    def start(self, version, path, *arguments, host=None, stdin=None):
        return Transfer(self.folder, version, self.url(path, host),
                        [*self.arguments(host), *arguments], stdin=stdin)

    def leaver(self, version, path, *arguments):
        return Leaver(self.folder, version, self.url(path), [*self.arguments(), *arguments])

    def __call__(self, version, path, *arguments, host=None, stdin=None, check=True, timeout=130):
        return self.start(version, path, *arguments, host=host, stdin=stdin).finish(check, timeout)

    def context(self, alpn=("http/1.1",)):
        context = ssl.create_default_context(cafile=str(self.ca))
        context.set_alpn_protocols(list(alpn))
        return context

    def tls(self, alpn=("http/1.1",), context=None, host=None, timeout=BOUND):
        plain = socket.create_connection((self.address, self.server.port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as every client of HTTP/2 does
        try:
            return (context or self.context(alpn)).wrap_socket(plain,
                                                               server_hostname=host or self.host)
        except BaseException:
            plain.close()
            raise

    def h1(self):
        return RawH1(self.tls(("http/1.1",)))

    def h2(self):
        return RawH2(self.tls(("h2",)))


def until_heard(ask):
    """The first response of five that has a status. Of one that is cut the client may hear only that:
    over HTTP/3 the reset overtakes what was sent before, when the client stands still; over HTTP/1.1
    a connection is given up when the client is in the midst of its request and does not listen."""
    for _ in range(5):
        response = ask()
        if response.status:
            break
    return response


def client_hello():
    """The first flight of a TLS handshake with localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
    raise AssertionError("a handshake without an answer")


class RawH1:
    """HTTP/1.1 as exact bytes over TLS."""

    def __init__(self, sock):
        self.sock, self.rest, self.ended, self.clean = sock, b"", False, False
        sock.suppress_ragged_eofs = False  # else an end without close_notify looks like any other

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        """Reads some bytes; False at the end. .clean: the end came with close_notify."""
        if self.ended:
            return False
        try:
            data = self.sock.recv(65536)
            self.clean = not data
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError) as e:
            data, self.clean = b"", isinstance(e, ssl.SSLZeroReturnError)
        self.ended = not data
        self.rest += data
        return bool(data)

    def until(self, mark):
        while mark not in self.rest:
            if not self.fill():
                raise EOFError(f"the connection ended before {mark!r}: {self.rest!r}")
        head, _, self.rest = self.rest.partition(mark)
        return head

    def exactly(self, count):
        while len(self.rest) < count:
            if not self.fill():
                raise EOFError(f"{len(self.rest)} of {count} bytes")
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def to_end(self):
        while self.fill():
            pass
        data, self.rest = self.rest, b""
        return data

    def head(self):
        response = Response()
        lines = self.until(b"\r\n\r\n").decode("latin1").split("\r\n")
        assert lines[0].startswith("HTTP/1.1 "), lines
        response.status = int(lines[0].split()[1])
        response.fields = [parse_field(line) for line in lines[1:]]
        return response

    def response(self, method="GET"):
        """The next final response; informational ones stand in it."""
        early = []
        response = self.head()
        while response.status < 200:
            early.append((response.status, response.fields))
            response = self.head()
        response.informational = early
        if method == "HEAD" or response.status in (204, 304):
            return response
        if "chunked" in (response.get("transfer-encoding") or ""):
            self.chunks(response)
        elif response.get("content-length") is not None:
            response.body = self.exactly(int(response.get("content-length")))
        else:
            response.body = self.to_end()
        return response

    def chunks(self, response):
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            response.body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        while line := self.until(b"\r\n"):
            response.trailers.append(parse_field(line.decode("latin1")))


# HTTP/2 frames
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def hpack_string(text):
    data = text if isinstance(text, bytes) else text.encode("latin1")
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, out = len(data) - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest & 127 | 128])
        rest >>= 7
    return out + bytes([rest]) + data


def hpack(fields):
    """Literals without indexing, so that any octets can be sent."""
    return b"".join(b"\0" + hpack_string(name) + hpack_string(value) for name, value in fields)


class RawH2:
    """HTTP/2 as frames over TLS: sends what it is told, and understands of the
    answer what a test must know: reset, gone away, or refused with 400."""

    def __init__(self, sock):
        self.sock, self.rest, self.next_stream = sock, b"", 1
        assert sock.selected_alpn_protocol() == "h2"
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.send(SETTINGS, 0, 0, b"")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, kind, flags, stream, payload):
        self.sock.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
                          + struct.pack(">I", stream) + payload)

    def request(self, fields, body=None, end=True):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        last = END_STREAM if body is None and end else 0
        self.send(HEADERS, END_HEADERS | last, stream, hpack(fields))
        if body is not None:
            self.send(DATA, END_STREAM if end else 0, stream, body)
        return stream

    def trailers(self, stream, fields):
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, hpack(fields))

    def frame(self):
        """(kind, flags, stream, payload), or None at the end of the connection."""
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            try:
                data = self.sock.recv(65536)
            except (ssl.SSLError, ConnectionError):
                data = b""
            if not data:
                return None
            self.rest += data
        size = int.from_bytes(self.rest[:3], "big")
        kind, flags = self.rest[3], self.rest[4]
        stream = int.from_bytes(self.rest[5:9], "big") & 0x7FFFFFFF
        payload, self.rest = self.rest[9:9 + size], self.rest[9 + size:]
        if kind == SETTINGS and not flags & ACK:
            self.answer(SETTINGS, ACK, 0, b"")
        elif kind == PING and not flags & ACK:
            self.answer(PING, ACK, 0, payload)
        return kind, flags, stream, payload

    def answer(self, *frame):
        """Who has hung up by then said so behind this frame: it is not read yet."""
        with contextlib.suppress(OSError):
            self.send(*frame)

    def wait_data(self, stream, data):
        """Reads until a stream brought just these bytes more."""
        got = b""
        while len(got) < len(data):
            frame = self.frame()
            assert frame is not None, f"the connection ended after {got!r}"
            if frame[0] == DATA and frame[2] == stream:
                got += frame[3]
        assert got == data

    def outcome(self, stream):
        """How a request ended: ("reset", code), ("gone", code), ("status", n, body) or ("closed",).
        Statuses other than those of HPACK's static table are told as 0."""
        status, body = None, b""
        while True:
            frame = self.frame()
            if frame is None:
                return ("closed",)
            kind, flags, where, payload = frame
            if kind == GOAWAY and int.from_bytes(payload[4:8], "big"):
                return ("gone", int.from_bytes(payload[4:8], "big"))
            if where != stream:
                continue
            if kind == RST_STREAM:
                return ("reset", int.from_bytes(payload[:4], "big"))
            if kind == HEADERS and status is None:
                status = static_status(payload)
            if kind == DATA:
                body += payload
                if payload:
                    self.answer(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload)))
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                return ("status", status, body)


def static_status(block):
    """:status of a header block when it is one of the static table's."""
    at = 0
    while at < len(block) and block[at] & 0xE0 == 0x20:  # a dynamic table's size update
        at += 1
    known = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
    return known.get(block[at] if at < len(block) else 0, 0)
