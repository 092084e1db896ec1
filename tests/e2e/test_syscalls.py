# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that fail, by strace, and file descriptors that run out: nothing falls over, what
could be finished is, and when the trouble is over all is as before."""

import contextlib
import hashlib
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
from live import ONE, THREE, TWO, Live, everywhere
from procs import free_port, wait_for, wait_steady
from spellings import CONNECT_TIMEOUT, DRAIN_TIMEOUT, RESPONSE_TIMEOUT
from upstreams import OK, answer_each, content

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
    said, told = front.home.folder / "strace", front.home.folder / "strace.err"
    with open(told, "wb") as err, subprocess.Popen(
            [strace, "-f", "-o", str(said), "-e", f"trace={call}", "-e",
             f"inject={call}:{fault}:when={when}", "-p", str(pid)],
            stdin=subprocess.DEVNULL, stderr=err) as tracer:
        # It says so when it has all threads; the kernel knows it as their tracer before.
        wait_for(lambda: b" attached" in told.read_bytes() or tracer.poll() is not None, "strace")
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
    "recvmsg": ["EINTR", "EAGAIN"],  # bodies of upstreams
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
    "recvmsg": ["ECONNRESET", "ENOMEM"],
    "recvmmsg": ["ECONNREFUSED"],
    "sendmsg": ["EPIPE", "ECONNRESET", "EPERM", "ENETUNREACH", "EMSGSIZE", "EIO"],
    "epoll_ctl": ["ENOSPC"],
}


def cases(table):
    return [pytest.param(call, error, id=f"{call}-{error}") for call in table for error in table[call]]


BLOB, UPLOAD = content(300000), b"x" * 3000
REQUESTS = [  # small, large, uploaded: what is asked, and whether the answer is right
    (["/inspect?q"], lambda answer: answer.json()["url"] == "/inspect?q"),
    (["/blob/300000"], lambda answer: answer.body == BLOB),
    (["/upload", "-d", UPLOAD.decode()], lambda answer: answer.json() == {
        "length": len(UPLOAD), "sha256": hashlib.sha256(UPLOAD).hexdigest()}),
]


def requests(front, version, patience):
    """A few, over connections of their own. What says that it is whole, is."""
    for arguments, right in REQUESTS:
        response = front.curl(version, *arguments, "--max-time", patience, check=False)
        if (response.exit, response.status) == (0, 200):
            assert right(response), response
        yield response


def assert_well(front):
    for version in VERSIONS:
        for response in requests(front, version, 120):
            assert (response.exit, response.status) == (0, 200), response


@pytest.mark.parametrize("call, error", cases(HARMLESS))
def test_harmless(front, call, error):
    with injected(front, call, f"error={error}"):
        assert_well(front)


@pytest.mark.parametrize("call, error", cases(HARMFUL))
def test_harmful(front, call, error):
    with injected(front, call, f"error={error}", "1+3"):
        for version in VERSIONS:
            for response in requests(front, version, 20):
                assert response.exit != 0 or response.status in (200, 502, 503), response
    assert_well(front)


def test_the_timer_cannot_be_set(factory, raw):
    """What is to be done later is done all the same, if not to the millisecond."""
    front = factory.gateway("--upstream", raw(lambda conn: conn.read_to_end()).url, RESPONSE_TIMEOUT, "300ms")
    for version in VERSIONS:
        with injected(front, "timerfd_settime", "error=EINVAL", "1+"):
            assert front.curl(version, "/", "--max-time", "20", check=False).status == 504


# Reloads

NEW_ADDRESS = TWO.replace("hosts =", "listen = 127.0.0.1:{other}\nhosts =")
NEW_NAME = TWO.replace("hosts =", "hosts = new.localhost,")
# What is read, and of each call what fails, and what is told. All of them fail then.
REFUSED = {
    "openat": (TWO, {"EMFILE": "Too many open files", "ENFILE": "Too many open files in system"}),
    "fcntl": (NEW_NAME, {"ENOLCK": "No locks available", "EIO": "Input/output error"}),
    "socket": (NEW_ADDRESS, {"EMFILE": "Too many open files", "ENOMEM": "out of memory"}),
    "setsockopt": (NEW_ADDRESS, {"ENOBUFS": "No buffer space", "ENOMEM": "out of memory"}),
    "bind": (NEW_ADDRESS, {"EADDRINUSE": "in use", "EADDRNOTAVAIL": "Cannot assign requested address"}),
    "listen": (NEW_ADDRESS, {"EADDRINUSE": "in use", "ENOBUFS": "No buffer space"}),
}


@pytest.fixture(scope="module")
def live(shared):
    return Live(shared, ONE)


def begin(live):
    """From the same configuration for each, and with an address that was never there."""
    live.reload(ONE)
    everywhere(live, "one")
    live.other = free_port()


def assert_reloads(live, text=TWO):
    live.reload(text.replace("{other}", str(live.other)))
    everywhere(live, "two")


@pytest.mark.parametrize("call, error", cases({call: list(row[1]) for call, row in REFUSED.items()}))
def test_a_reload_that_is_refused(live, call, error):
    """The old configuration serves on, the reason is told, the next reload works."""
    text, reasons = REFUSED[call]
    begin(live)
    held = [live.hold(version) for version in VERSIONS]
    with injected(live, call, f"error={error}", "1+"):
        said = live.refused(text.replace("{other}", str(live.other)))
        assert reasons[error] in said, said
        assert [one.ask() for one in held] == ["one"] * len(held)
    everywhere(live, "one")
    assert_reloads(live, text)


@pytest.mark.parametrize("text, call, error", [
    (NEW_ADDRESS, "getsockname", "ENOBUFS"),
    (NEW_ADDRESS, "epoll_ctl", "ENOSPC"),
    (TWO, "timerfd_settime", "EINVAL"),
])
def test_a_reload_in_trouble(live, text, call, error):
    """Done or refused; requests may fail meanwhile, the gateway may not."""
    begin(live)
    live.write(text.replace("{other}", str(live.other)))
    with injected(live, call, f"error={error}", "1+2"):
        result = live.home.h3gw("reload")
        assert result.returncode in (0, 1), result
        for version in VERSIONS:
            response = live.curl(version, "/", "--max-time", "20", check=False)
            assert response.exit != 0 or response.text in ("one", "two"), response
    assert_reloads(live, text)


# The call, how it fails, and the reason that the warning gives.
UNWATCHED = [
    ("inotify_init1", "EMFILE", "raise fs.inotify.max_user_instances"),
    ("inotify_init1", "ENFILE", "Too many open files in system"),
    ("inotify_init1", "ENOMEM", "Cannot allocate memory"),
    ("inotify_add_watch", "ENOSPC", "raise fs.inotify.max_user_watches"),
    ("inotify_add_watch", "ENOMEM", "out of memory"),
    ("inotify_add_watch", "EACCES", "Permission denied"),
]


@pytest.mark.parametrize("call, error, why", UNWATCHED, ids=[f"{call}-{error}" for call, error, _ in UNWATCHED])
def test_files_cannot_be_watched(factory, call, error, why):
    """The new configuration holds, the reason is told; and after the next reload they are."""
    live = Live(factory, ONE, watch="on")
    with injected(live, call, f"error={error}", "1+"):
        live.reload(TWO)
        live.wait_log("will not be noticed: ", why)
        everywhere(live, "two")
    live.reload(THREE)
    told = live.server.err.count("will not be noticed")
    everywhere(live, "three")
    live.write(ONE)
    wait_for(lambda: live.ask("h2") == "one", "the change to be noticed")
    assert live.server.err.count("will not be noticed") == told


# Names

NAMES = """
[server local]
listen = 127.0.0.1:{port}
hosts = localhost

[route echo]
handler = echo

[route known]
path = /known
upstream = known

[route unknown]
path = /unknown
upstream = unknown

[upstream known]
url = http://localhost:APP

[upstream unknown]
url = http://no-such-name.invalid:80
"""
RESOLVING = {
    "socket": ["EMFILE", "ENOBUFS"],
    "connect": ["ENETUNREACH", "EPERM"],
    "sendto": ["ENETUNREACH", "EPERM", "ENOBUFS"],
}


@pytest.fixture(scope="module")
def named(shared):
    """One upstream whose name nobody is asked for, and one for which the DNS is."""
    upstream = shared.raw(answer_each(OK))
    return Live(shared, NAMES.replace("APP", str(upstream.port)), "--upstream-idle-timeout", "1ms",
                CONNECT_TIMEOUT, "2s")


@pytest.mark.parametrize("call, error", cases(RESOLVING))
def test_names_cannot_be_resolved(named, call, error):
    """Requests to it may fail, the gateway may not. No question leaves the machine, as each of
    these calls fails all the time."""
    assert named.curl("h2", "/known").text == "ok"
    with injected(named, call, f"error={error}", "1+"):
        for version in VERSIONS:
            response = named.curl(version, "/unknown", "--max-time", "20")
            assert response.status in (502, 504) and "no-such-name.invalid" in response.text
            response = named.curl(version, "/known", "--max-time", "20")
            assert (response.status, response.text) == (200, "ok") or response.status in (502, 503, 504)
            assert named.curl(version, "/get", "--max-time", "20").status == 200
    for version in VERSIONS:
        assert named.curl(version, "/known").text == "ok"


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
    most, begin = before + 5, time.monotonic()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    clients = [one for pair in zip(connected(front, 20), connected(front, 20, "127.0.0.2"))
               for one in pair]
    wait_for(lambda: "no connection can be accepted" in front.server.err, "the gateway to say so")
    wait_for(lambda: open_files(pid) == most, "all to be taken")

    quiet, cpu = time.monotonic(), cpu_seconds(pid)
    time.sleep(2)  # what is counted here is how little happens
    assert cpu_seconds(pid) - cpu < (time.monotonic() - quiet) / 5
    # QUIC needs none, but the upstream does
    for _ in range(5):
        response = front.curl("h3", "/inspect")
        assert response.status == 503 and "open files" in response.text, response
    told = front.server.err
    took = time.monotonic() - begin
    for words in ("no connection can be accepted", "a limit of the gateway was reached",
                  f"upstream {backend.url}: Too many open files"):
        assert 1 <= told.count(words) <= 1 + took, told
    assert f"all {most} are in use: raise ulimit -n, or lower max-connections" in told

    for client in clients[:10]:
        client.close()
    # how soon it looks again, net_test's out_of_descriptors says
    wait_for(lambda: open_files(pid) == most and front.server.err, "others to take their places")
    for client in clients[10:]:
        client.close()
    assert front.curl("h1", "/inspect").status == 200
    wait_for(lambda: open_files(pid) <= before, "all to be closed")
    for version in VERSIONS:
        assert front.curl(version, "/inspect").status == 200


def test_upstream_connections_that_are_there_serve_all(factory):
    """No further one can be opened: who asks meanwhile waits for it, and is not turned away."""
    go = threading.Event()

    def script(conn):
        conn.read_head()
        go.wait(30)
        conn.send(OK)
        conn.read_head()
        conn.send(OK)
        conn.read_to_end()

    upstream = factory.raw(script)
    front = factory.gateway("--upstream", upstream.url)
    first = front.curl.start("h1", "/first")
    wait_for(lambda: upstream.heads, "the first request at the upstream")
    try:
        with injected(front, "socket", "error=EMFILE", "1+"):
            second = front.curl.start("h2", "/second")
            wait_for(lambda: "Too many open files" in front.server.err, "the gateway to say so")
            go.set()
            assert (first.finish().status, second.finish().status) == (200, 200)
    finally:
        go.set()


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
    assert front.curl("h1", "/get").status == 200


def test_the_logs_disk_is_full(factory):
    front = factory.gateway("--access-log", "/dev/full")
    for version in VERSIONS:
        for _ in range(5):
            assert front.curl(version, "/get").status == 200
    assert front.server.err.lower().count("no space") == 1, front.server.err
