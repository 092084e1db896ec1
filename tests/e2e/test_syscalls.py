# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that fail, by strace, and file descriptors that run out: nothing falls over, what
could be finished is, and when the trouble is over all is as before."""

import contextlib
import http.client
import os
import resource
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from clients import VERSIONS
from procs import free_port, wait_for, wait_steady
from spellings import DRAIN_TIMEOUT

TICKS = os.sysconf("SC_CLK_TCK")


def status_of(pid, key):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(key))


@contextlib.contextmanager
def injected(front, call, fault, when="1+2"):
    """Every other call fails meanwhile; and one did, or nothing would have been shown."""
    strace = shutil.which("strace")
    assert strace, "no strace here: apt-get install strace"
    pid = front.server.process.pid
    said = front.home.folder / "strace"
    with subprocess.Popen([strace, "-f", "-qq", "-o", str(said), "-e", f"trace={call}", "-e",
                           f"inject={call}:{fault}:when={when}", "-p", str(pid)],
                          stdin=subprocess.DEVNULL) as tracer:
        wait_for(lambda: int(status_of(pid, "TracerPid")) or tracer.poll() is not None, "strace")
        assert tracer.poll() is None, "strace could not attach"
        try:
            yield
        finally:
            tracer.terminate()
    wait_for(lambda: status_of(pid, "TracerPid") == "0", "strace to leave")
    seen = said.read_text(errors="replace")
    assert "(INJECTED)" in seen or "(DELAYED)" in seen, f"{call} was never called"


@pytest.fixture(scope="module")
def front(shared, backend):
    """Keeps no upstream connection, so that each request makes one; and has a log to write."""
    home = shared.home()
    front = shared.gateway("--upstream", backend.url, "--upstream-idle-timeout", "1ms",
                           DRAIN_TIMEOUT, "1s", "--access-log", home.folder / "access.log", home=home)
    front.server.expected_exit = None  # a QUIC client's last word may have been lost
    return front


# The next call makes good for it: nobody notices.
HARMLESS = {
    "accept4": ["EINTR", "EAGAIN", "ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "EMFILE", "ENFILE",
                "ENOBUFS", "ENOMEM", "EINVAL"],
    "epoll_wait": ["EINTR"],
    "read": ["EINTR", "EAGAIN"],  # the timer
    "recvfrom": ["EINTR", "EAGAIN"],
    "recvmmsg": ["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS", "ENETUNREACH"],
    "sendmsg": ["EINTR", "EAGAIN", "ENOBUFS"],
    "shutdown": ["ENOTCONN"],
    "getpeername": ["ENOTCONN", "ENOBUFS"],
    "write": ["ENOSPC"],  # the log
}
# Requests may fail, the gateway may not.
HARMFUL = {
    "socket": ["EMFILE", "ENOBUFS"],
    "connect": ["ENETUNREACH", "ECONNREFUSED", "EADDRNOTAVAIL", "EAGAIN", "EPERM", "EINTR"],
    "getsockopt": ["ENOBUFS"],
    "recvfrom": ["ECONNRESET", "ENOMEM", "ETIMEDOUT"],
    "recvmmsg": ["ECONNREFUSED"],
    "sendmsg": ["EPIPE", "ECONNRESET", "EPERM", "ENETUNREACH", "EMSGSIZE", "EIO"],
    "epoll_ctl": ["ENOSPC"],
}


def cases(table):
    return [pytest.param(call, error, id=f"{call}-{error}") for call in table for error in table[call]]


def requests(front, version):
    """A few, over connections of their own: small, large, uploaded."""
    quick = ["--max-time", "20"]
    yield front.curl(version, "/inspect", *quick, check=False)
    yield front.curl(version, "/blob/300000", *quick, check=False)
    yield front.curl(version, "/upload", *quick, "-d", "x" * 3000, check=False)


def assert_well(front):
    for version in VERSIONS:
        for response in requests(front, version):
            assert (response.exit, response.status) == (0, 200), response


@pytest.mark.parametrize("call, error", cases(HARMLESS))
def test_harmless(front, call, error):
    with injected(front, call, f"error={error}"):
        assert_well(front)


@pytest.mark.parametrize("call, error", cases(HARMFUL))
def test_harmful(front, call, error):
    with injected(front, call, f"error={error}", "1+3"):
        for version in VERSIONS:
            for response in requests(front, version):
                assert response.exit != 0 or response.status in (200, 502), response
    assert_well(front)


def stats(port):
    """The control thread wakes each worker for it, and waits."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/stats/prometheus")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("call, error", [("write", "EINTR"), ("write", "EIO"), ("read", "EINTR")])
def test_workers_are_woken(factory, call, error):
    port = free_port()
    front = factory.gateway("--stats", f"127.0.0.1:{port}", "--workers", "2")
    with injected(front, call, f"error={error}"):
        for _ in range(10):
            assert stats(port) == 200


def test_the_kernel_refuses_watches(factory, raw):
    """Also of what the gateway wakes itself by: libev begins anew when it cannot take back a
    watch, here that of a client which has to wait."""
    size, port, go, sent = 16 << 20, free_port(), threading.Event(), []

    def script(conn):
        conn.read_head()
        assert go.wait(60)
        while len(conn.got) < size and conn.read_some():
            conn.rest = b""
        conn.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def upload():
        for _ in range(size >> 14):
            client.send(b"x" * 16384)
            sent.append(16384)

    upstream = raw(script)
    front = factory.gateway("--upstream", upstream.url, "--stats", f"127.0.0.1:{port}")
    with front.curl.h1() as client:
        client.send(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % size)
        wait_for(lambda: b"POST" in upstream.bytes, "the upstream to be asked")
        with injected(front, "epoll_ctl", "error=ENOSPC", "1+"):
            thread = threading.Thread(target=upload, daemon=True)
            thread.start()
            assert wait_steady(lambda: sum(sent), "upload") < size
        go.set()
        assert client.head().status == 200
        thread.join(10)
    assert stats(port) == 200


# File descriptors

def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def connected(front, count, address="127.0.0.1"):
    """TCP connections, whether anybody accepts them or not."""
    return [socket.create_connection((address, front.port), timeout=10) for _ in range(count)]


def test_file_descriptors_run_out(factory, backend):
    """Of two addresses and two workers, which say so as one."""
    port = free_port()
    front = factory.gateway("--upstream", backend.url, "--upstream-idle-timeout", "100ms", "--workers=2",
                            listen=[f"--listen=127.0.0.{n}:{port}" for n in (1, 2)], port=port)
    pid = front.server.process.pid
    before = wait_steady(lambda: open_files(pid), "open files")
    most = before + 5
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    clients = [one for pair in zip(connected(front, 20), connected(front, 20, "127.0.0.2"))
               for one in pair]
    wait_for(lambda: "no connection can be accepted" in front.server.err, "the gateway to say so")
    wait_for(lambda: open_files(pid) == most, "all to be taken")

    begin, cpu = time.monotonic(), cpu_seconds(pid)
    time.sleep(2)  # what is counted here is how little happens
    assert cpu_seconds(pid) - cpu < (time.monotonic() - begin) / 5
    # QUIC needs none, but the upstream does
    for _ in range(5):
        response = front.curl("h3", "/inspect")
        assert response.status == 503 and "open files" in response.text, response
    took = time.monotonic() - begin
    for words in ("no connection can be accepted", "a limit of the gateway was reached",
                  f"upstream {backend.url}: Too many open files"):
        assert 1 <= front.server.err.count(words) <= 2 + took, front.server.err
    assert f"all {most} are in use: raise ulimit -n, or lower max-connections" in front.server.err

    for client in clients[:10]:
        client.close()
    # how soon it looks again, net_test's out_of_descriptors says
    wait_for(lambda: open_files(pid) == most and front.server.err, "others to take their places")
    for client in clients[10:]:
        client.close()
    assert front.curl("h1", "/inspect").status == 200
    wait_for(lambda: open_files(pid) == before, "all to be closed")
    for version in VERSIONS:
        assert front.curl(version, "/inspect").status == 200


def test_quic_goes_on_without_file_descriptors(factory):
    front = factory.gateway()
    pid = front.server.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files(pid), limits[1]))
    clients = connected(front, 3)
    for _ in range(3):
        assert front.curl("h3", "/bytes/100000").status == 200
    for client in clients:
        client.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert front.curl("h1", "/get", "--max-time", "5").status == 200


def test_the_logs_disk_is_full(factory):
    front = factory.gateway("--access-log", "/dev/full")
    for version in VERSIONS:
        for _ in range(5):
            assert front.curl(version, "/get").status == 200
    assert front.server.err.lower().count("no space") == 1, front.server.err
