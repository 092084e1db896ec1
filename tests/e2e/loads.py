# SPDX-License-Identifier: GPL-3.0-or-later
"""Load: clients of all three versions that ask again and again, each over connections that are
kept for a while, until they are told to stop. Every request must be answered."""

import subprocess
import threading
import time

from clients import FLAG, curl_path
from live import HeldH1, HeldH2

EACH = 25  # requests of one connection, then a new one


class Client(threading.Thread):
    """One client. `judge(connection, body)` says what is wrong with an answer, or None; it runs
    for h1 and h2, and gets a dict that lives as long as the connection."""

    def __init__(self, load):
        super().__init__(daemon=True)
        self.load, self.answered, self.connections, self.faults = load, 0, 0, []
        self.slowest = 0.0  # seconds of a request; for people to read, never asserted

    def run(self):
        while not self.load.stopping.is_set() and len(self.faults) < 3:
            try:
                self.connections += 1
                self.connect()
            except Exception as error:  # whatever it is: nobody else hears of it
                self.faults.append(f"{type(self).__name__} at {time.monotonic():.3f}, "
                                   f"request {self.answered}: {type(error).__name__} {error}")


class TcpClient(Client):
    def connect(self):
        facts = self.load.begin()
        held = self.kind(self.load.front)
        try:
            for _ in range(EACH):
                begin = time.monotonic()
                fault = self.load.judge(facts, held.ask(self.load.path))
                self.slowest = max(self.slowest, time.monotonic() - begin)
                if fault:
                    self.faults.append(f"{type(self).__name__}: {fault}")
                self.answered += 1
                if self.load.stopping.is_set():
                    return
        finally:
            held.close()


class H1Client(TcpClient):
    kind = HeldH1


class H2Client(TcpClient):
    kind = HeldH2


class H3Client(Client):
    """curl: so many requests over one connection, one after the other."""

    def connect(self):
        facts, front = self.load.begin(), self.load.front
        command = [curl_path(), "-q", "-sS", FLAG["h3"], "--max-time", "60", "-w",
                   "\x1e%{http_code} %{http_version} %{time_total}\x1e", *front.curl.arguments(),
                   *[front.curl.url(self.load.path)] * EACH]
        result = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=90, check=False)
        assert result.returncode == 0, f"curl {result.returncode}: {result.stderr}"
        parts = result.stdout.split("\x1e")[:-1]
        assert [words[:5] for words in parts[1::2]] == ["200 3"] * EACH, result.stdout
        self.slowest = max(self.slowest, *[float(words.split()[2]) for words in parts[1::2]])
        self.answered += EACH
        for body in parts[0::2]:
            fault = self.load.judge(facts, body)
            if fault:
                self.faults.append(f"H3Client: {fault}")


class Load:
    """`count` clients of each version that ask for `path`. `begin()` is called before each
    connection, and what it gives goes to `judge` with each answer of that connection."""

    def __init__(self, front, path="/", *, begin=dict, judge=lambda facts, body: None, count=2):
        self.front, self.path, self.begin, self.judge = front, path, begin, judge
        self.stopping = threading.Event()
        curl_path()  # not from several threads at once
        self.clients = [kind(self) for kind in (H1Client, H2Client, H3Client) for _ in range(count)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for client in self.clients:
            client.join(120)

    @property
    def faults(self):
        return [fault for client in self.clients for fault in client.faults]

    @property
    def answered(self):
        return sum(client.answered for client in self.clients)

    @property
    def slowest(self):
        return ", ".join(f"{client.slowest * 1000:.0f} ms {type(client).__name__}"
                         for client in self.clients)

    def check(self):
        """After its end: nobody was let down, and every client was served."""
        assert not self.faults, "\n".join(self.faults[:20])
        assert not [client for client in self.clients if client.is_alive()]
        idle = [type(client).__name__ for client in self.clients if client.answered == 0]
        assert not idle, f"never answered: {idle}"
