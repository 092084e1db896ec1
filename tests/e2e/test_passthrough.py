# SPDX-License-Identifier: GPL-3.0-or-later
"""tls = passthrough: names of one address whose TLS ends here, and others whose TLS ends at their
upstreams, whom the gateway only connects."""

import hashlib
import socket
import ssl
from pathlib import Path
from types import SimpleNamespace

import pytest

from procs import free_port, wait_for, wait_steady
from spellings import CA_CERT, DRAIN_TIMEOUT
from upstreams import content, content_sha256, file_sha256

EXAMPLE = (Path(__file__).resolve().parents[2] / "ini" / "passthrough.ini").read_text()

CONFIG = """
[server site]
listen = 127.0.0.1:{port}
hosts = site.localhost

[server passed]
listen = 127.0.0.1:{port}
hosts = passed.localhost, strict.localhost, raw.localhost, reset.localhost, down.localhost
tls = passthrough

[route site]
hosts = site.localhost
handler = echo
"""

PASSED = """
[route {name}]
hosts = {name}.localhost
upstream = {name}

[upstream {name}]
url = {url}
"""

VERSIONS_OF_TCP = pytest.mark.parametrize("version", ["h1", "h2"])


def certgen(home, *arguments):
    made = home.h3gw("certgen", *arguments)
    assert made.returncode == 0, made.stderr


def tcp(upstream):
    return f"tcp://127.0.0.1:{upstream.port}"


def tell_who_asks(conn):
    """Over TLS: answers with the subject of the client's certificate."""
    conn.read_head()
    subject = dict(part[0] for part in conn.sock.getpeercert()["subject"])
    body = subject["commonName"].encode()
    conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
              % (len(body), body))


def count_to_the_end(conn):
    conn.read_to_end()
    conn.send(b"%d bytes" % len(conn.got))


def reset_at_once(conn):
    conn.read_some()
    conn.reset()


def strict_context(theirs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.folder / "strict.pem", theirs.folder / "strict.key")
    context.load_verify_locations(theirs.caroot / CA_CERT)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture(scope="module")
def world(shared):
    """The gateway with a CA of its own, and upstreams whose certificates another CA has signed."""
    home, theirs, port = shared.home(), shared.home(), free_port()
    for name in ("passed", "strict"):
        certgen(theirs, f"{name}.localhost", "--cert-file", f"{name}.pem", "--key-file",
                f"{name}.key")
    certgen(theirs, "me.localhost", "--client", "--cert-file", "me.pem", "--key-file", "me.key")
    app = shared.app(name="passed", tls=(theirs.folder / "passed.pem",
                                         theirs.folder / "passed.key"))
    strict = shared.raw(tell_who_asks, strict_context(theirs))
    raw, reset = shared.raw(count_to_the_end), shared.raw(reset_at_once)
    urls = {"passed": app.url, "strict": tcp(strict), "raw": tcp(raw), "reset": tcp(reset),
            "down": f"tcp://127.0.0.1:{free_port()}"}
    (home.folder / "passthrough.ini").write_text(CONFIG.format(port=port) + "".join(
        PASSED.format(name=name, url=url) for name, url in urls.items()))
    front = shared.gateway("--config", home.folder / "passthrough.ini", port=port, listen=[],
                           host="site.localhost", home=home)
    return SimpleNamespace(front=front, theirs=theirs, app=app, raw=raw)


def ask(world, version, path, *arguments, **options):
    """As a client that trusts the upstream's CA, not the gateway's."""
    options.setdefault("host", "passed.localhost")
    return world.front.curl(version, path, "--cacert", world.theirs.caroot / CA_CERT, *arguments,
                            **options)


def hello(name, alpn=("h2", "http/1.1")):
    """The bytes of a ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(list(alpn))
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def connect(front):
    return socket.create_connection(("127.0.0.1", front.port), timeout=15)


def read_to_end(sock):
    got = bytearray()
    while piece := sock.recv(65536):
        got += piece
    return bytes(got)


# --- who ends TLS ------------------------------------------------------------------------------

@VERSIONS_OF_TCP
def test_two_names_on_one_port(world, version):
    mine = world.front.curl(version, "/headers")
    assert mine.status == 200 and mine.get("server") == "h3gw"
    assert mine.get("alt-svc") == f'h3=":{world.front.port}"; ma=86400'
    passed = ask(world, version, "/inspect")
    seen = passed.json()
    assert passed.get("x-app") == "passed"
    assert seen["httpVersion"] == {"h1": "1.1", "h2": "2.0"}[version]
    # Not a byte is ours.
    assert passed.get("server") is None and passed.get("via") is None
    assert "x-forwarded-for" not in {name.lower() for name in seen["rawHeaders"]}


def test_the_certificate_is_the_upstreams(world):
    refused = world.front.curl("h1", "/", host="passed.localhost", check=False)
    assert refused.exit == 60, refused  # who trusts the gateway's CA does not know this one


def test_the_client_certificate_reaches_the_upstream(world):
    folder = world.theirs.folder
    answer = ask(world, "h1", "/", "--cert", folder / "me.pem", "--key", folder / "me.key",
                 host="strict.localhost")
    assert answer.text
    refused = ask(world, "h1", "/", host="strict.localhost", check=False)
    assert refused.exit != 0 and refused.status == 0


def test_there_is_no_http3(world):
    refused = ask(world, "h3", "/inspect", check=False, host="passed.localhost")
    assert refused.exit != 0 and refused.status == 0
    assert world.front.curl("h3", "/get").status == 200
    assert ask(world, "h2", "/inspect").get("alt-svc") is None


def test_an_unknown_name_is_the_first_servers(world):
    context = ssl.create_default_context(cafile=world.front.home.caroot / CA_CERT)
    context.check_hostname = False
    for name in ("nobody.localhost", None):
        with context.wrap_socket(connect(world.front), server_hostname=name) as sock:
            names = [value for _, value in sock.getpeercert()["subjectAltName"]]
            assert "site.localhost" in names


@VERSIONS_OF_TCP
def test_a_passed_name_in_a_request_is_misdirected(world, version):
    authority = f"passed.localhost:{world.front.port}"
    assert world.front.curl(version, "/inspect", "-H", f"Host: {authority}").status == 421


# --- bytes -------------------------------------------------------------------------------------

@VERSIONS_OF_TCP
def test_large_bodies(world, version, tmp_path):
    size = 30_000_000
    assert hashlib.sha256(ask(world, version, f"/blob/{size}").body).hexdigest() \
        == content_sha256(size)
    body = tmp_path / "body"
    body.write_bytes(content(size))
    answer = ask(world, version, "/upload", "-T", body).json()
    assert answer == {"length": size, "sha256": file_sha256(body)}


def test_a_hello_in_many_pieces(world):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=world.theirs.caroot / CA_CERT)
    tls = context.wrap_bio(incoming, outgoing, server_hostname="passed.localhost")
    with connect(world.front) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    sock.sendall(bytes([byte]))
                incoming.write(sock.recv(65536))
        assert tls.getpeercert()


def test_half_close(world):
    """What comes behind the client's FIN still comes through."""
    said = hello("raw.localhost") + b"and some bytes that are no TLS"
    with connect(world.front) as sock:
        sock.sendall(said)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b"%d bytes" % len(said)
    assert said in map(bytes, world.raw.received)


# --- ends --------------------------------------------------------------------------------------

def test_a_reset_is_a_reset(world):
    with connect(world.front) as sock:
        sock.sendall(hello("reset.localhost"))
        with pytest.raises(ConnectionResetError):
            read_to_end(sock)


def test_the_upstream_is_down(world):
    with connect(world.front) as plain:
        with pytest.raises(ssl.SSLError) as told:
            ssl.create_default_context().wrap_socket(plain, server_hostname="down.localhost")
    assert told.value.reason == "TLSV1_ALERT_INTERNAL_ERROR"
    wait_for(lambda: "connection refused" in world.front.server.err, "the reason in the log")
    line = next(line for line in world.front.server.err.splitlines()
                if "down.localhost" in line and "connection refused" in line)
    assert "upstream tcp://127.0.0.1:" in line


def test_a_malformed_hello(world):
    with connect(world.front) as sock:
        sock.sendall(hello("passed.localhost").replace(b"passed.localhost", b"passed\0localhost"))
        assert read_to_end(sock) == bytes([21, 3, 3, 0, 2, 2, 50])


def test_plain_http_is_told_where_to_go(world):
    with connect(world.front) as sock:
        sock.sendall(b"GET /x HTTP/1.1\r\nHost: passed.localhost\r\n\r\n")
        answer = read_to_end(sock)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https://passed.localhost/x" in answer


def only_passes(shared, upstream, *arguments):
    home, port = shared.home(), free_port()
    (home.folder / "p.ini").write_text(
        f"[server p]\nlisten = 127.0.0.1:{port}\ntls = passthrough\n"
        f"[route r]\nupstream = u\n[upstream u]\nurl = {tcp(upstream)}\n")
    front = shared.gateway("--config", home.folder / "p.ini", *arguments, port=port, listen=[],
                           home=home, ready=False)
    wait_for(lambda: not front.server.refuses_connections(), "the gateway")
    return front


def test_a_paused_client_is_not_cut(shared, raw):
    """write-timeout is for responses: how long a pause may be only the two ends know."""
    sent = []

    def tell_much(conn):
        conn.read_some()
        for _ in range(512):
            conn.send(bytes(65536))
            sent.append(65536)

    front = only_passes(shared, raw(tell_much), "--write-timeout", "100ms")
    with connect(front) as sock:
        sock.sendall(hello("any.test"))
        wait_for(lambda: sent, "the upstream to begin")
        assert wait_steady(lambda: sum(sent), "bytes of the upstream") < 512 * 65536
        assert len(read_to_end(sock)) == 512 * 65536


def test_drain(shared, raw):
    """A tunnel lives on behind SIGTERM, as nobody can tell where its messages end."""
    upstream = raw(count_to_the_end)
    front = only_passes(shared, upstream, DRAIN_TIMEOUT, "60s")
    said = hello("any.test")
    with connect(front) as sock:
        sock.sendall(said)
        wait_for(lambda: any(len(record) == len(said) for record in upstream.received), "the bytes")
        front.server.signal()
        wait_for(front.server.refuses_connections, "the drain")
        sock.sendall(b"later")
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b"%d bytes" % (len(said) + 5)
    assert front.server.wait() == 0


def test_the_example(shared, world):
    """ini/passthrough.ini, on ports of its own."""
    home, port, site = shared.home(), free_port(), shared.app(name="site")
    text = EXAMPLE.replace("localhost:8443", f"127.0.0.1:{port}").replace(":3000", f":{site.port}")
    (home.folder / "example.ini").write_text(text.replace(":8200", f":{world.app.port}"))
    front = shared.gateway("--config", home.folder / "example.ini", port=port, listen=[],
                           host="site.localhost", home=home)
    assert front.curl("h2", "/inspect").get("x-app") == "site"
    # The app's certificate is for another name, so that is not looked at here.
    assert front.curl("h2", "/inspect", "-k", host="vault.localhost").get("x-app") == "passed"
