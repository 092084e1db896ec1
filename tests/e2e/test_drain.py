# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a drain does not wait for: QUIC clients that were killed, which no FIN of a kernel tells, and
handshakes that do not go on."""

import threading

import pytest

from crowds import crowd
from procs import free_port, wait_for
from spellings import DRAIN_TIMEOUT
from test_limits import half_open
from upstreams import OK

CLIENTS = 3
MUCH = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + bytes(1000000)


class Patient:
    """An upstream that answers when it is told, or sends MUCH at once."""

    def __init__(self, raw, much):
        self.much, self.answers = much, threading.Event()
        self.raw = raw(self.script)

    def script(self, conn):
        conn.read_head()
        if self.much:
            conn.send(MUCH)
        self.answers.wait(60)
        conn.send(OK)
        conn.read_to_end()


@pytest.mark.parametrize("when", ["idle", "waiting", "receiving", "answered", "draining"])
def test_clients_that_were_killed(gateway, raw, when):
    upstream = Patient(raw, when == "receiving")
    front = gateway("--upstream", upstream.raw.url, DRAIN_TIMEOUT, "100s")
    clients = crowd(front.server, "h3", CLIENTS)
    if when != "idle":
        clients.begin("GET")
        wait_for(lambda: len(upstream.raw.heads) == CLIENTS, "the requests at the upstream")
    if when == "draining":
        front.server.signal()
        wait_for(front.server.refuses_connections, "the listener to close")
    clients.close()
    if when == "answered":
        upstream.answers.set()
    if when != "draining":
        front.server.signal()
    try:
        assert front.server.wait(40) == 0
    finally:
        upstream.answers.set()
    assert "drain-timeout" not in front.server.err


PEEKS = """
[server site]
listen = 127.0.0.1:{port}
hosts = site.localhost

[server passed]
listen = 127.0.0.1:{port}
hosts = passed.localhost
tls = passthrough

[route passed]
hosts = passed.localhost
upstream = nobody

[upstream nobody]
url = tcp://127.0.0.1:9
"""


@pytest.mark.parametrize("kind", ["tcp", "tls", "quic", "peek"])
def test_handshakes_that_do_not_end(gateway, home, kind):
    """Browsers open connections before they need them: who stops the gateway does not wait for them
    as long as a handshake may take."""
    options, port = ["--handshake-timeout", "100s", DRAIN_TIMEOUT, "100s"], free_port()
    if kind == "peek":
        (home.folder / "peek.ini").write_text(PEEKS.format(port=port))
        options += ["--config", home.folder / "peek.ini"]
    front = gateway(*options, home=home, port=port, listen=[] if kind == "peek" else None,
                    host="site.localhost" if kind == "peek" else "localhost")
    clients = half_open(port, "tcp" if kind == "peek" else kind, CLIENTS)
    try:
        front.server.signal()
        assert front.server.wait(40) == 0
    finally:
        for client in clients:
            client.close()
    assert "drain-timeout" not in front.server.err
