# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind the gateway: a Node app, and a TCP server that follows a script."""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import termios
import threading
from pathlib import Path

from procs import wait_for

# The known content of /blob: app.mjs has the same.
PATTERN = b"".join(hashlib.sha256(f"h3gw {i}".encode()).digest() for i in range(2048))[:65521]


def content(size):
    whole, rest = divmod(size, len(PATTERN))
    return PATTERN * whole + PATTERN[:rest]


def content_sha256(size):
    digest = hashlib.sha256()
    whole, rest = divmod(size, len(PATTERN))
    for _ in range(whole):
        digest.update(PATTERN)
    digest.update(PATTERN[:rest])
    return digest.hexdigest()


def file_sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class App:
    """tests/e2e/app.mjs, or another of its manners, running."""

    def __init__(self, folder, *, port=None, unix=None, name="app", tls=None, script="app.mjs"):
        node = shutil.which("node") or shutil.which("nodejs")
        assert node, "no node here: apt-get install nodejs"
        command = [node, str(Path(__file__).with_name(script)), "--name", name]
        command += ["--unix", str(unix)] if unix else ["--port", str(port or 0)]
        if tls:
            command += ["--tls-cert", str(tls[0]), "--tls-key", str(tls[1])]
        self.name, self.unix, self.tls = name, unix, tls
        self.out_path = Path(folder) / f"{name}-{os.urandom(4).hex()}.out"
        with open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)
        wait_for(lambda: "ready" in self.said or self.process.poll() is not None, "the app")
        assert self.process.poll() is None, self.said
        self.port = int(self.said.split()[1])
        scheme = "https" if tls else "http"
        self.url = f"unix:{unix}" if unix else f"{scheme}://127.0.0.1:{self.port}"

    @property
    def said(self):
        return self.out_path.read_text(errors="replace")

    def ask(self, method, path, body=None):
        """A request that goes to the app directly. (status, fields, body)"""
        connection = (UnixConnection(str(self.unix), 60) if self.unix
                      else http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))
        try:
            connection.request(method, path, body=body)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def control(self, what, method="GET"):
        return json.loads(self.ask(method, f"/control/{what}")[2])

    def permit(self, gate, count=1):
        self.control(f"permit?gate={gate}&n={count}", "POST")

    def events(self, url):
        return [entry["event"] for entry in self.control("log") if entry["url"] == url]

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def unsent(sock):
    """Bytes that the other side's kernel does not have yet."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]


@contextlib.contextmanager
def closed_port():
    """Where nobody listens, nor can begin to: the kernel refuses each connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def connecting_to(port):
    """How many sockets are in SYN_SENT towards it."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[2].endswith(f":{port:04X}") and line.split()[3] == "02" for line in lines)


@contextlib.contextmanager
def full_listener():
    """A listening socket whose queue is full: connecting to it neither succeeds nor fails. One
    connection is taken in all the same; more, when the kernel is late with its own answers."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port, fillers = full.getsockname()[1], []

        def settled():
            return connecting_to(port) or all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\1"
                                              for one in fillers)
        while not connecting_to(port):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
            wait_for(settled, "it to be taken in, or to wait")
        yield full


class Conn:
    """One connection to a scripted upstream; what it got stands in .got, and in
    the upstream's .received."""

    def __init__(self, sock, record):
        self.sock, self.got, self.rest = sock, record, b""

    def read_some(self):
        data = self.sock.recv(65536)
        self.got += data
        self.rest += data
        return data

    def read_until(self, mark):
        while mark not in self.rest:
            if not self.read_some():
                raise EOFError
        head, _, self.rest = self.rest.partition(mark)
        return head + mark

    def read_head(self):
        return self.read_until(b"\r\n\r\n")

    def read_exactly(self, count):
        while len(self.rest) < count:
            if not self.read_some():
                raise EOFError
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def read_to_end(self):
        while self.read_some():
            pass

    def send(self, data):
        self.sock.sendall(data)

    def reset(self):
        """Closes with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


class RawUpstream:
    """A TCP server that runs script(conn) for every connection, each in a thread of
    its own, and keeps every byte that came. The connection closes when the script ends."""

    def __init__(self, script, context=None):
        """context: an ssl.SSLContext, to speak TLS; then the bytes are those within."""
        self.script, self.received, self.errors = script, [], []
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            record = bytearray()
            self.received.append(record)
            threading.Thread(target=self.serve, args=(sock, record), daemon=True).start()

    def serve(self, sock, record):
        sock.settimeout(60)
        try:
            sock = self.context.wrap_socket(sock, server_side=True) if self.context else sock
        except OSError:
            return  # the client did not like it; that side tells why
        with sock:
            try:
                self.script(Conn(sock, record))
            except (EOFError, OSError):
                pass  # the gateway hung up; tests look at the record
            except Exception as error:  # a fault of the script itself: told at the end
                self.errors.append(error)

    @property
    def bytes(self):
        return b"".join(bytes(record) for record in self.received)

    def mark(self):
        """A moment, for bytes_since."""
        return [len(record) for record in self.received]

    def bytes_since(self, mark):
        """What came after that moment, on all connections."""
        return b"".join(bytes(record[start:]) for record, start in
                        zip(self.received, mark + [0] * len(self.received)))

    @property
    def heads(self):
        """The request lines and fields that came, one text each."""
        return [part.decode("latin1") for record in self.received
                for part in bytes(record).split(b"\r\n\r\n")[:-1]]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.thread.join(5)
        self.listener.close()
        assert not self.errors, self.errors


def answer(response):
    """A script: read a head, send these bytes, close."""
    def script(conn):
        conn.read_head()
        conn.send(response)
    return script


def answer_each(response):
    """A script: the same answer to every head, on a connection that stays."""
    def script(conn):
        while True:
            conn.read_head()
            conn.send(response)
    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer_when(permit):
    """A script: read a head, and say OK when that threading.Event says so."""
    def script(conn):
        conn.read_head()
        permit.wait(60)
        conn.send(OK)
    return script


def naming(name):
    """Answers with its name and what was asked for, once it has read it all."""
    def script(peer):
        while True:
            head = peer.read_head()
            if not head:
                return
            length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
            peer.read_exactly(int(length[1]) if length else 0)
            line = head.split(b"\r\n")[0].rsplit(b" ", 1)[0]
            body = name.encode() + b" " + line
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return script
