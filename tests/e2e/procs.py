# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes, ports and waiting: nothing here sleeps for a fixed time, everything
has an end."""

import contextlib
import functools
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
H3GW = Path(os.environ.get("H3GW") or REPO / "h3gw").resolve()

INSTRUMENTED = H3GW.exists() and re.search(rb"__(asan|tsan|ubsan)_", H3GW.read_bytes()) is not None
SANITIZERS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "UndefinedBehaviorSanitizer",
              "runtime error:")


# Seconds, for whatever must happen at some time: only what fails takes so long, on however busy a
# machine, so it is the same for all.
BOUND = 60


def wait_for(condition, what, timeout=BOUND):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s in vain for: {what}"
        time.sleep(0.02)


def wait_steady(measure, what, timeout=BOUND):
    """Polls until measure() has not changed in twenty looks, and returns it."""
    end = time.monotonic() + timeout
    last, same = measure(), 0
    while same < 20:
        assert time.monotonic() < end, f"waited {timeout} s in vain for steady {what} (now {last})"
        time.sleep(0.05)
        now = measure()
        same = same + 1 if now == last else 0
        last = now
    return last


def can_bind(family, kind, address, port):
    try:
        with socket.socket(family, kind) as probe:
            probe.bind((address, port))
        return True
    except OSError:
        return False


HAS_IPV6 = can_bind(socket.AF_INET6, socket.SOCK_STREAM, "::1", 0)


def is_free(port):
    """Whether TCP and UDP have this port free, on every address that tests use."""
    places = [(socket.AF_INET, "0.0.0.0")] + ([(socket.AF_INET6, "::")] if HAS_IPV6 else [])
    return all(can_bind(family, kind, address, port) for family, address in places
               for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


_given = set()  # ports of free_port: they are free until somebody binds them, and have one owner


def free_port():
    """A port below the range that the kernel gives to outgoing connections; never the same twice."""
    for _ in range(200):
        port = random.randrange(10000, 32000)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise AssertionError("no free port")


def run(*command, env=None, timeout=2 * BOUND, cwd=None, stdin=None):
    """A short-lived program, to its end. Text in, text out."""
    return subprocess.run([str(word) for word in command], env=env, timeout=timeout, cwd=cwd,
                          input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", check=False)


def merged(env, changes):
    """Environment variables; those that change to None go."""
    return {key: value for key, value in {**env, **(changes or {})}.items() if value is not None}


@functools.lru_cache
def tool(name):
    """A program of tests/tools/, made now if it is not there or old; the environment may name
    another: H3_CROWD=FILE for h3_crowd."""
    path = f"build/release/tests/tools/{name}"
    if name.upper() not in os.environ:
        subprocess.run(["make", "-s", "CONFIG=release", path], cwd=REPO, check=True, timeout=600)
    return os.environ.get(name.upper()) or str(REPO / path)


class Home:
    """A folder that stands for everything h3gw keeps for a user."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.caroot = self.folder / "ca"
        for name in ("home", "data", "run", "ca"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            (self.folder / name).chmod(0o700)

    @property
    def env(self):
        env = {key: value for key, value in os.environ.items()
               if key not in ("SSLKEYLOGFILE", "NO_COLOR") and not key.startswith("XDG_")}
        env.update(HOME=str(self.folder / "home"), XDG_DATA_HOME=str(self.folder / "data"),
                   XDG_RUNTIME_DIR=str(self.folder / "run"), H3GW_CAROOT=str(self.caroot))
        return env

    def h3gw(self, *arguments, timeout=2 * BOUND, cwd=None, env=None, stdin=None):
        """A subcommand that ends by itself. Its output must be free of sanitizer reports."""
        result = run(H3GW, *arguments, env=merged(self.env, env), timeout=timeout,
                     cwd=cwd or self.folder, stdin=stdin)
        assert_no_report(result.stderr)
        assert result.returncode >= 0, f"h3gw {arguments} died of signal {-result.returncode}"
        return result


def assert_no_report(text):
    for word in SANITIZERS:
        assert word not in text, text


class Server:
    """A running `h3gw serve`."""

    def __init__(self, home, folder, arguments, port, env=None):
        self.home, self.port = home, port
        self.expected_exit = 0
        self.out_path, self.err_path = folder / "stdout", folder / "stderr"
        self.command = [str(H3GW), "serve", *map(str, arguments)]
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err, env=merged(home.env, env), cwd=folder)

    def _told(self, path):
        """Whole lines, while it may be in the midst of one."""
        running = self.running
        text = path.read_text(errors="replace")
        return text[:text.rfind("\n") + 1] if running else text

    @property
    def out(self):
        return self._told(self.out_path)

    @property
    def err(self):
        return self._told(self.err_path)

    @property
    def said(self):
        return self.out + self.err

    @property
    def running(self):
        return self.process.poll() is None

    def wait_ready(self, address="127.0.0.1"):
        """Until a TLS handshake is answered, and the start is over: the workers answer while the
        control thread still has to watch files and to show the screen, whose last line this is."""
        wait_for(lambda: not self.running or "  stop       Ctrl-C\n" in self.out, "the start screen")
        wait_for(lambda: not self.running or self.answers(address), "the gateway to answer")
        assert self.running, f"{self.command} ended with {self.process.returncode}:\n{self.said}"
        return self

    def answers(self, address="127.0.0.1"):
        """Whether somebody speaks TLS there, who has closed this connection then: it is not counted
        any more by who counts connections."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with socket.create_connection((address, self.port), timeout=5) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as tls:
                    with contextlib.suppress(OSError):  # who wants certificates ends it otherwise
                        rest = tls.unwrap()
                        while rest.recv(100):
                            pass
                    return True
        except ssl.SSLError:
            return True  # it speaks TLS, if not with us
        except OSError:
            return False

    def refuses_connections(self, address="127.0.0.1"):
        try:
            socket.create_connection((address, self.port), timeout=5).close()
            return False
        except OSError:
            return True

    def _status_bytes(self, name):
        """With a sanitizer always 0, which is in all bounds: most would be its own."""
        if INSTRUMENTED:
            return 0
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines()
                    if line.startswith(name + ":"))

    def memory(self):
        """Resident bytes."""
        return self._status_bytes("VmRSS")

    def forget_peak(self):
        """What peak() tells begins anew; returns the resident bytes."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory()

    def peak(self):
        """The most resident bytes since forget_peak()."""
        return self._status_bytes("VmHWM")

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, timeout=BOUND):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise AssertionError(f"{self.command} did not end in {timeout} s:\n{self.said}") from None

    def close(self):
        """Ends it as a user would, and judges how it went."""
        if self.running:
            self.signal()
        status = self.wait()
        assert_no_report(self.said)
        if self.expected_exit is not None:
            assert status == self.expected_exit, \
                f"{self.command} ended with {status}, not {self.expected_exit}:\n{self.said}"
