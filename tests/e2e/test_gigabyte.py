# SPDX-License-Identifier: GPL-3.0-or-later
"""1 GiB up or down while the other side stands still at first: meanwhile no more of it is held than
the buffers that are named, and in the end all of it has come."""

import array
import fcntl
import hashlib
import os
import subprocess
import termios
import threading

import pytest

from clients import FLAG, curl_path
from procs import wait_for, wait_steady
from spellings import DRAIN_TIMEOUT

GIB, KIB = 1 << 30, 1 << 10
MARK_EVERY = 1000003
PATIENT = ("--max-time", "220")  # of curl: the sanitizers make it slow
# What is held for it, and what an idle process touches for the first time; crowd_of_the_slow in
# test_limits.py measures it finer, as the mean of a hundred.
MOST = 256 * KIB + 1024 * KIB


def digest(read_into):
    """How many bytes come, and their hash."""
    block, count, told = bytearray(1 << 20), 0, hashlib.sha1()
    while n := read_into(block):
        told.update(memoryview(block)[:n])
        count += n
    return count, told.hexdigest()


class Gigabyte:
    """A file with marks in it, and holes between them."""

    def __init__(self, folder):
        self.path = folder / "gigabyte"
        with open(self.path, "wb") as file:
            for at in range(0, GIB - 8, MARK_EVERY):
                os.pwrite(file.fileno(), at.to_bytes(8, "big"), at)
            file.truncate(GIB)
        with open(self.path, "rb", buffering=0) as file:
            self.digest = digest(file.readinto)
        assert self.digest[0] == GIB


@pytest.fixture(scope="module")
def gigabyte(tmp_path_factory):
    made = Gigabyte(tmp_path_factory.mktemp("gigabyte"))
    yield made
    made.path.unlink()


class Slow:
    """An upstream that takes a POST's body, or sends the file as a GET's, once it may; of others it
    reads the head."""

    def __init__(self, raw, path):
        self.path, self.may, self.conn, self.came = path, threading.Event(), None, None
        upstream = raw(self.script)
        self.url, self.port = upstream.url, upstream.port

    def script(self, conn):
        while True:
            head = conn.read_head()
            if b" /small " in head:
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                continue
            self.conn = conn
            if head.startswith(b"GET"):
                self.send(conn)
            else:
                self.take(conn)

    def send(self, conn):
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
        with open(self.path, "rb") as file:
            conn.sock.sendfile(file)

    def take(self, conn):
        assert self.may.wait(200)
        left = GIB

        def read_into(block):
            nonlocal left
            view = memoryview(block)[:left]
            if conn.rest:
                n = len(conn.rest)
                view[:n] = conn.rest
                conn.rest = b""
            else:
                n = conn.sock.recv_into(view) if left else 0
            left -= n
            return n

        self.came = digest(read_into)
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    def waiting(self):
        """Bytes that stand in the socket, to be read or to be sent."""
        got = array.array("i", [0])
        counts = []
        for what in (termios.FIONREAD, termios.TIOCOUTQ):
            fcntl.ioctl(self.conn.sock.fileno(), what, got)
            counts.append(got[0])
        return counts


@pytest.fixture
def slow(raw, gigabyte):
    made = Slow(raw, gigabyte.path)
    yield made
    made.may.set()


def begin(gateway, slow, version):
    """A gateway that has seen each way once, and what it holds."""
    front = gateway("--upstream", slow.url, DRAIN_TIMEOUT, "1s")
    for _ in range(3):
        assert front.curl(version, "/small").text == "ok"
    wait_steady(front.server.memory, "memory of an idle gateway")
    return front, front.server.forget_peak()


def unsent(slow):
    """Bytes that the gateway's sockets still have to send to the upstream."""
    theirs = f":{slow.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return sum(int(row[4].split(":")[0], 16) for row in rows if row[2].endswith(theirs))


def assert_still(front, slow, idle):
    """Nothing moves any more, and little is held; on the way to an upstream by the kernel neither,
    for which the uploads of a thousand clients would be 4 GiB."""
    wait_for(lambda: slow.conn, "the request at the upstream")
    wait_steady(slow.waiting, "bytes between gateway and upstream")
    held = wait_steady(front.server.memory, "memory") - idle
    assert held < MOST, held
    assert unsent(slow) < 512 * KIB


def test_upload(gateway, slow, gigabyte, version):
    front, idle = begin(gateway, slow, version)
    transfer = front.curl.start(version, "/up", "-H", "Expect:", *PATIENT, "-X", "POST", "-T",
                                gigabyte.path)
    assert_still(front, slow, idle)
    slow.may.set()
    assert transfer.finish(timeout=230).text == "done"
    assert slow.came == gigabyte.digest
    assert front.server.peak() - idle < 2 * MOST  # a few free chunks are kept


def test_download(gateway, slow, gigabyte, version):
    front, idle = begin(gateway, slow, version)
    command = [curl_path(), "-q", "-sS", "-N", FLAG[version], *PATIENT, *front.curl.arguments(),
               front.url("/down")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as transfer:
        assert_still(front, slow, idle)
        assert digest(transfer.stdout.readinto) == gigabyte.digest
        assert transfer.wait(30) == 0
    assert front.server.peak() - idle < 2 * MOST
