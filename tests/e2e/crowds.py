# SPDX-License-Identifier: GPL-3.0-or-later
"""Crowds: many slow connections at once, and an upstream that keeps up with them."""

import asyncio
import select
import socket
import ssl
import struct
import subprocess
import threading

from clients import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, SETTINGS,
                     WINDOW_UPDATE, hpack)
from procs import tool

GIB = 1 << 30
BLOCK = bytes(65536)
ESTABLISHED = 1  # of tcp(7): the state is the first byte of TCP_INFO


def hold_little(sock):
    """A thousand connections must not use up the kernel's memory for TCP, which then cuts some;
    and what it holds, the gateway need not."""
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, buffer, 65536)


class Flood:
    """An upstream in a thread: GET brings 1 GiB as fast as it is taken, of a POST nothing is read
    but the head. What asks for /small is answered and not counted."""

    def __init__(self):
        self.requests = self.written = self.most_alive = 0
        self.asked = set()  # the sockets of those who wait for an answer, or for its rest
        self.loop = asyncio.new_event_loop()
        self.never = asyncio.Event()  # ours: a task that only its own event knows is collected
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(10)
        self.url = f"http://127.0.0.1:{self.port}"

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        listening = socket.socket()
        hold_little(listening)
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.loop.run_until_complete(
            asyncio.start_server(self._serve, sock=listening, backlog=1024))
        self.loop.call_soon(ready.set)
        self.loop.run_forever()
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    @property
    def alive(self):
        return len(self.asked)

    def _count(self):
        """Whom the other side has closed is not alive, though this thread may hear of it later."""
        if self.alive > self.most_alive:
            established = sum(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED
                              for sock in self.asked)
            self.most_alive = max(established, self.most_alive)

    async def _serve(self, reader, writer):
        sock = writer.get_extra_info("socket")
        try:
            while b" /small " in (head := await reader.readuntil(b"\r\n\r\n")):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            self.requests += 1
            self.asked.add(sock)
            self._count()
            if head.startswith(b"POST"):
                await self.never.wait()  # the reader stops by itself, as it is full
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {GIB}\r\n\r\n".encode())
            for _ in range(GIB // len(BLOCK)):
                writer.write(BLOCK)
                await writer.drain()
                self.written += len(BLOCK)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.asked.discard(sock)
            writer.close()

    def queued(self):
        """Bytes that the kernel holds between the gateway and here."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in file][1:]
        here = f":{self.port:04X}"
        return sum(int(n, 16) for words in lines for n in words[4].split(":")
                   if words[1].endswith(here) or words[2].endswith(here))

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Slow:
    """A connection that asks for much and reads nothing, or sends all that it is let."""

    def __init__(self, server):
        self.server = server
        self.sent = 0

    def open(self, alpn):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols([alpn])
        plain = socket.socket()
        hold_little(plain)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", self.server.port))
        self.sock = context.wrap_socket(plain, server_hostname="localhost")

    def send(self, data):
        """As much as goes without waiting."""
        self.sock.setblocking(False)
        try:
            return self.sock.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0

    def close(self):
        self.sock.close()


class SlowH1(Slow):
    def __init__(self, server):
        super().__init__(server)
        self.open("http/1.1")

    def begin(self, method):
        body = f"Content-Length: {GIB}\r\n" if method == "POST" else ""
        self.sock.sendall(f"{method} / HTTP/1.1\r\nHost: localhost\r\n{body}\r\n".encode())

    def push(self):
        """Sends what is taken."""
        while n := self.send(BLOCK[:16384]):
            self.sent += n


class SlowH2(Slow):
    """Keeps to the windows for what it sends, and gives none but the first."""

    def __init__(self, server):
        super().__init__(server)
        self.open("h2")
        self.windows, self.rest, self.pending = {0: 65535, 1: 65535}, b"", b""
        self.next_stream = 1
        settings = struct.pack(">HI", 4, (1 << 31) - 1)  # the window must not be what holds it up
        update = struct.pack(">I", (1 << 31) - 65536)
        self.sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, settings)
                          + frame(WINDOW_UPDATE, 0, 0, update))

    def begin(self, method):
        fields = [(":method", method), (":scheme", "https"), (":authority", "localhost"),
                  (":path", "/")]
        flags = END_HEADERS | (END_STREAM if method == "GET" else 0)
        self.sock.sendall(frame(HEADERS, flags, self.next_stream, hpack(fields)))
        self.next_stream += 2

    def listen(self):
        self.sock.setblocking(False)
        try:
            self.rest += self.sock.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        while len(self.rest) >= 9 and len(self.rest) >= 9 + int.from_bytes(self.rest[:3], "big"):
            size = int.from_bytes(self.rest[:3], "big")
            self.hear(self.rest[3], self.rest[4], self.rest[5:9], self.rest[9:9 + size])
            self.rest = self.rest[9 + size:]

    def hear(self, kind, flags, where, payload):
        assert kind not in (GOAWAY, RST_STREAM), f"{kind} {payload!r}"
        if kind == WINDOW_UPDATE:
            self.windows[int.from_bytes(where, "big")] += int.from_bytes(payload, "big")
        if kind == SETTINGS and not flags & ACK:
            self.pending += frame(SETTINGS, ACK, 0, b"")
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at:at + 6])
                if key == 4:
                    self.windows[1] += value - 65535

    def push(self):
        self.listen()
        while True:
            n = min(self.windows[0], self.windows[1], 16384)
            if not self.pending and n > 0:
                self.pending = frame(DATA, 0, 1, BLOCK[:n])
                self.windows[0] -= n
                self.windows[1] -= n
            taken = self.send(self.pending) if self.pending else 0
            self.pending = self.pending[taken:]
            self.sent += taken
            if not taken:
                return


def frame(kind, flags, stream, payload):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
            + struct.pack(">I", stream) + payload)


class Crowd:
    """`count` connections of one version to a gateway."""

    def __init__(self, server, version, count):
        kind = {"h1": SlowH1, "h2": SlowH2}[version]
        self.members = [kind(server) for _ in range(count)]

    def begin(self, method):
        for member in self.members:
            member.begin(method)

    def push(self):
        """Sends what is taken, and tells how much it was up to now."""
        for member in self.members:
            member.push()
        return sum(member.sent for member in self.members)

    def close(self):
        for member in self.members:
            member.close()


class CrowdH3:
    """The same over HTTP/3, by tests/tools/h3_crowd.c: it obeys words on its standard input."""

    def __init__(self, port, count, *words):
        self.process = subprocess.Popen([tool("h3_crowd"), str(port), str(count), *words],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.await_word(b"open")

    def await_word(self, word):
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else b""
        assert line.strip() == word, f"{line!r} and not {word!r}"

    def begin(self, method):
        self.process.stdin.write(method.encode() + b"\n")
        self.process.stdin.flush()

    def push(self):
        return 0  # it does so by itself

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


def crowd(server, version, count):
    return CrowdH3(server.port, count) if version == "h3" else Crowd(server, version, count)
