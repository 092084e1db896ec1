# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload and those who are connected: they keep what they began with, whoever comes gets what is
new, and nobody comes in where a certificate was not asked for when it began."""

import socket
import ssl
import threading

import pytest

from clients import VERSIONS, RawH1
from live import (FAULTY, ONE, THREE, TWO, UPSTREAM, Cut, Live, everywhere, open_files, server_of)
from procs import wait_for
from spellings import CA_CERT
from upstreams import answer_when, content


@pytest.fixture
def live(factory):
    return Live(factory, ONE)


# ---- who is connected -----------------------------------------------------------------------

def test_old_connections_keep_what_they_began_with(live, version):
    first = live.hold(version)
    assert first.ask() == "one"
    live.reload(TWO)
    second = live.hold(version)
    assert (first.ask(), second.ask()) == ("one", "two")
    live.reload(THREE.replace("respond = 200", "path = /deep\nrespond = 200"))
    third = live.hold(version)
    assert third.ask("/deep") == "three"
    assert live.curl(version, "/").status == 404
    for _ in range(5):
        live.reload()
    assert (first.ask(), second.ask(), third.ask("/deep")) == ("one", "two", "three")
    live.refused(FAULTY)
    assert (first.ask(), second.ask(), third.ask("/deep")) == ("one", "two", "three")


def test_a_connection_without_a_request_yet(live):
    """It was begun with the old one, whatever it has said so far."""
    early = [live.hold(version) for version in VERSIONS]
    live.reload(TWO)
    assert [one.ask() for one in early] == ["one"] * 3


class SlowHandshake:
    """TLS whose bytes go when the test says so."""

    def __init__(self, live):
        self.sock = socket.create_connection(("127.0.0.1", live.port), timeout=30)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = live.curl.context().wrap_bio(self.incoming, self.outgoing,
                                                server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        hello = self.outgoing.read()
        self.sock.sendall(hello[:len(hello) // 2])
        self.rest = hello[len(hello) // 2:]

    def step(self, action, *arguments):
        while True:
            try:
                value = action(*arguments)
                self.sock.sendall(self.outgoing.read())
                return value
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                self.incoming.write(self.sock.recv(65536))

    def ask(self, request):
        self.sock.sendall(self.rest)
        self.step(self.tls.do_handshake)
        self.step(self.tls.write, request)
        with self.sock:
            return self.step(self.tls.read, 65536)


def test_a_handshake_under_way(live):
    """Neither refused nor mixed up: it ends with one of the two."""
    halves = [SlowHandshake(live) for _ in range(4)]
    live.reload(TWO)
    for half in halves:
        answer = half.ask(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % live.port)
        assert answer.startswith(b"HTTP/1.1 200 ") and answer[-3:] in (b"one", b"two"), answer


def test_many_generations(live):
    """As many as there are reloads may live side by side; each goes with its last connection."""
    files, held = len(open_files(live.pid)), []
    for n in range(12):
        live.reload(ONE.replace("= one", f"= {n}"))
        held.append((str(n), live.hold(VERSIONS[n % 3])))
    for word, one in held:
        assert one.ask() == word
    for _, one in held:
        one.hang_up() if hasattr(one, "hang_up") else one.close()
    wait_for(lambda: len(open_files(live.pid)) <= files, "what they held to be let go")
    everywhere(live, "11")


@pytest.fixture
def begun(factory, app):
    """An app, and a gateway that leads there until it is reloaded."""
    backend = app()
    return backend, Live(factory, UPSTREAM.replace("URL", backend.url))


def test_downloads_survive(begun, version):
    backend, live = begun
    transfer = live.curl.start(version, "/gated?gate=d&n=6&size=50000&length")
    for n in range(1, 7):
        backend.permit("d")
        transfer.wait_body(n * 50000)
        live.reload(ONE if n % 2 else TWO)
    body = transfer.finish().body
    assert body == b"".join(bytes([97 + n]) * 50000 for n in range(6))
    assert live.ask(version) == "two"


def test_downloads_that_nobody_reads_survive(begun):
    """Bytes that wait in the gateway and in QUIC belong to the old configuration."""
    _, live = begun
    talk = live.talk()
    assert talk.open().startswith("open ")
    talk.limit(100000)
    file = talk.get("/blob/5000000")
    wait_for(lambda: file.exists() and file.stat().st_size > 100000, "the first part")
    for text in (ONE, TWO, THREE):
        live.reload(text)
    talk.limit(0)
    assert talk.finish(file).body == content(5000000)


def test_uploads_survive(begun, version):
    backend, live = begun
    url = f"/upload?{version}"
    transfer = live.curl.start(version, url, "-H", "Expect:", "-T", ".", "-X", "POST", stdin=b"")
    for n in range(1, 5):
        before = backend.control(f"received?url={url}")
        transfer.process.stdin.write(b"u" * 200_000)
        transfer.process.stdin.flush()
        # not all of it: curl keeps some to itself until there is more
        wait_for(lambda: backend.control(f"received?url={url}") > before, f"some of part {n}")
        live.reload(TWO if n % 2 else ONE)
    assert transfer.finish().json()["length"] == 800_000
    assert live.ask(version) == "one"


def test_events_survive(begun, version):
    """A stream of server-sent events, each of them at once, over any number of reloads."""
    backend, live = begun
    transfer = live.curl.start(version, "/sse?gate=e&n=8")
    events = b""
    for n in range(8):
        events += b"id: %d\ndata: event %d\n\n" % (n, n)
        if n > 0:
            backend.permit("e")
        transfer.wait_body(len(events))
        assert transfer.body == events
        live.reload([ONE, TWO, UPSTREAM.replace("URL", backend.url)][n % 3])
    assert transfer.finish().body == events


def test_a_request_that_waits_for_its_answer(factory, raw, version):
    """The old upstream is gone from the configuration, and answers still."""
    permit = threading.Event()
    slow = raw(answer_when(permit))
    live = Live(factory, UPSTREAM.replace("URL", slow.url))
    transfer = live.curl.start(version, "/")
    wait_for(lambda: slow.heads, "the request to arrive")
    live.reload(TWO)
    assert live.ask(version) == "two"
    permit.set()
    assert transfer.finish().body == b"ok"


# ---- client certificates --------------------------------------------------------------------

ROUTES = "\n[route facts]\nhandler = echo\n"
CLIENTS = "\n[credential clients]\nclient-ca = {ca}/" + CA_CERT + "\n"
OPEN = server_of("door") + server_of("same") + ROUTES
STRICT = (server_of("door", "tls = mutual", "credential = clients") + server_of("same") + ROUTES
          + CLIENTS)
LAX = STRICT.replace("tls = mutual", "tls = optional-mutual")


@pytest.fixture
def door(factory, home):
    """A server that opens and closes to those without a certificate, and one that stays."""
    made = home.h3gw("certgen", "me.localhost", "--client", "--cert-file", "me.pem", "--key-file",
                     "me.key")
    assert made.returncode == 0, made.stderr
    return Live(factory, OPEN, home=home, host="door.localhost")


class Tickets:
    """A client that keeps its session tickets over TCP."""

    def __init__(self, live, host, tls):
        self.live, self.host, self.session = live, host, None
        self.context = live.curl.context()
        self.context.minimum_version = self.context.maximum_version = tls

    def visit(self):
        """Whether it got in, and how: "full", "resumed" or "refused"."""
        try:
            plain = socket.create_connection(("127.0.0.1", self.live.port), timeout=20)
            sock = self.context.wrap_socket(plain, server_hostname=self.host, session=self.session)
            with RawH1(sock) as raw:
                raw.send(f"GET /h3gw HTTP/1.1\r\nHost: {self.host}:{self.live.port}\r\n\r\n".encode())
                response = raw.response()
                self.session = sock.session
                assert response.status == 200, response
                assert response.json()["tls"]["resumed"] == sock.session_reused
                return "resumed" if sock.session_reused else "full"
        except (OSError, EOFError):
            return "refused"


class QuicTickets:
    """The same over QUIC."""

    def __init__(self, live, host):
        self.talk = live.talk(host)

    def visit(self):
        """A client without a certificate learns of it when it believes to be in."""
        line = self.talk.open()
        try:
            response = self.talk.response("/h3gw")
        except Cut:
            return "refused"
        assert response.status == 200, response
        assert line == ("open resumed" if response.json()["tls"]["resumed"] else "open full")
        return line.split()[1]


WAYS = {
    "tls12": lambda live, host: Tickets(live, host, ssl.TLSVersion.TLSv1_2),
    "tls13": lambda live, host: Tickets(live, host, ssl.TLSVersion.TLSv1_3),
    "quic": QuicTickets,
}


@pytest.fixture(params=WAYS)
def visitor(request, door):
    """Makes clients of one kind, that have been there once and hold a ticket."""
    def make(host):
        made = WAYS[request.param](door, host)
        assert made.visit() == "full"
        return made
    return make


def test_tickets_open_no_door_that_was_closed(door, visitor):
    """security.md 22: begun with a simple server, resumed with a mutual one of the same name."""
    client = visitor("door.localhost")
    assert client.visit() == "resumed"
    door.reload(STRICT)
    assert client.visit() == "refused"
    assert client.visit() == "refused"
    door.reload(OPEN)
    assert client.visit() in ("full", "resumed")


def test_tickets_of_a_simple_server_tell_a_lax_one_nothing(door, visitor):
    """Where a certificate may be shown, a whole handshake must ask for it."""
    client = visitor("door.localhost")
    door.reload(LAX)
    assert client.visit() == "full"


@pytest.mark.parametrize("tls", ["tls12", "tls13"])
def test_tickets_of_a_neighbour_open_nothing(door, tls):
    """Servers change places in the file: a ticket belongs to its server, not to a number."""
    client = WAYS[tls](door, "same.localhost")
    assert client.visit() == "full"
    client.host = "door.localhost"
    for text in (STRICT, server_of("first") + STRICT,
                 server_of("same") + STRICT.replace(server_of("same"), "")):
        door.reload(text)
        assert client.visit() == "refused", text


def test_tickets_of_an_unchanged_server_resume(door, visitor, request):
    """TLS 1.2 promises a ticket before the name is known: beside a server that asks for certificates
    it has none."""
    client = visitor("same.localhost")
    asking = () if "tls12" in request.node.name else (STRICT, LAX, server_of("first") + STRICT)
    for text in (OPEN, *asking, server_of("first") + OPEN, OPEN):
        door.reload(text)
        assert client.visit() == "resumed", text
    door.refused(OPEN + "nonsense = 1\n")
    assert client.visit() == "resumed"


def test_a_door_that_closes(door, version):
    """Who is in stays in, who comes shows a certificate."""
    inside = door.hold(version)
    inside.ask("/get")
    door.reload(STRICT)
    inside.ask("/get")
    refused = door.curl(version, "/get", check=False)
    assert refused.exit != 0 and refused.status == 0
    known = ["--cert", door.home.folder / "me.pem", "--key", door.home.folder / "me.key"]
    assert door.curl(version, "/get", *known).status == 200
    assert door.curl(version, "/get", host="same.localhost").status == 200
    door.reload(OPEN)
    assert door.curl(version, "/get").status == 200


def test_a_closed_door_is_not_opened_from_another_connection(door, version):
    """Nor by a connection to its neighbour, that was begun before or after: 421."""
    before = door.hold(version, "same.localhost")
    before.ask("/get")
    door.reload(STRICT)
    response = door.curl(version, "/get", "-H", f"Host: door.localhost:{door.port}",
                         host="same.localhost")
    assert response.status == 421
    before.authority = f"door.localhost:{door.port}"
    if version == "h1":
        assert before.response("/get").status == 421
    before.authority = f"same.localhost:{door.port}"
    before.ask("/get")


@pytest.mark.parametrize("watch", ["on", "off"])
def test_another_client_ca(factory, home, watch):
    """The file changes, and with it who may come in."""
    other = factory.home()
    for one in (home, other):
        made = one.h3gw("certgen", "me.localhost", "--client", "--cert-file", "me.pem",
                        "--key-file", "me.key")
        assert made.returncode == 0, made.stderr
    ca = home.folder / "clients.pem"
    ca.write_bytes((home.caroot / CA_CERT).read_bytes())
    live = Live(factory, STRICT.replace("{ca}/" + CA_CERT, "clients.pem"), home=home, watch=watch,
                host="same.localhost")

    def comes_in(who, version):
        known = ["--cert", who.folder / "me.pem", "--key", who.folder / "me.key"]
        return live.curl(version, "/get", *known, host="door.localhost", check=False).status == 200
    assert all(comes_in(home, version) for version in VERSIONS)
    assert not any(comes_in(other, version) for version in VERSIONS)
    ca.write_bytes((other.caroot / CA_CERT).read_bytes())
    if watch == "off":
        live.reload()
    wait_for(lambda: comes_in(other, "h2"), "the other CA to be known")
    assert all(comes_in(other, version) for version in VERSIONS)
    assert not any(comes_in(home, version) for version in VERSIONS)
