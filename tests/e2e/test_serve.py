# SPDX-License-Identifier: GPL-3.0-or-later
"""`h3gw serve`: its flags, its start and its end, and upstreams that misbehave."""

import os
import re
import shlex
import signal
import socket
import ssl
import stat
import subprocess

import pytest

from clients import VERSIONS, RawH1, curl_path
from procs import HAS_IPV6, can_bind, free_port, is_free, run, wait_for
from spellings import CA_CERT, CA_KEY, CONNECT_TIMEOUT, DRAIN_TIMEOUT, RESPONSE_TIMEOUT
from upstreams import OK, answer, full_listener


# The start

def test_start_screen(gateway, app):
    backend = app()
    front = gateway("--upstream", backend.url)
    said = wait_for(lambda: front.server.said if backend.url in front.server.said else "", "the screen")
    assert f"https://localhost:{front.port}" in said or f"https://127.0.0.1:{front.port}" in said
    assert re.search(r"HTTP/3|\bh3\b", said)
    assert str(front.home.caroot) in said
    assert "trust" in said
    assert "\033[" not in said, "colour, though this is no terminal"


@pytest.mark.parametrize("address, arguments, shown", [
    ("127.0.0.1", ["--route", "app.test/=URL"], "app.test/"),
    ("127.0.0.1", ["--route", "app.localhost/=URL"], "app.localhost/"),
    ("127.0.0.1", ["--route", "*.app.test/=URL"], "www.app.test/"),
    ("127.0.0.1", ["--route", "/api=URL"], "localhost/api"),
    ("127.0.0.1", ["--route", "app.test/v1=URL", "--route", "app.test/=URL"], "app.test/"),
    ("127.0.0.1", ["--host", "one.test", "--route", "two.test/v1=URL"], "two.test/v1"),
    ("127.0.0.1", ["--host", "one.test", "--route", "two.test/v1=URL", "--echo"], "one.test/"),
    ("127.0.0.2", [], "localhost/"),
    ("0.0.0.0", ["--host", "one.test"], "one.test/"),
    ("[::1]", ["--host", "one.test"], "one.test/"),
])
def test_what_the_start_screen_suggests_is_answered(gateway, raw, address, arguments, shown):
    if address == "[::1]" and not HAS_IPV6:
        pytest.skip("no IPv6 here")
    upstream, port = raw(answer(OK)), free_port()
    front = gateway(*[argument.replace("URL", upstream.url) for argument in arguments], port=port,
                    listen=[f"--listen={address}:{port}"], ready=False)
    line = wait_for(lambda: re.search("^ *try +curl (.*)\n", front.server.said, re.M), "the screen")
    words = shlex.split(line[1])
    assert words[-1] == f"https://{shown.replace('/', f':{port}/', 1)}"
    done = run(curl_path(), "--silent", "--write-out", "%{http_code}", "--output", "/dev/null", *words)
    assert done.stdout == "200", done.stderr


def test_start_screen_says_when_the_network_can_come_in(gateway):
    port = free_port()
    front = gateway("--listen", f":{port}", port=port, listen=[])
    assert re.search("network|0\\.0\\.0\\.0|all addresses", front.server.said)
    assert front.curl("h3", "/get").status == 200


def test_default_listen(gateway):
    if not is_free(8443):
        pytest.skip("port 8443 is in use on this machine")
    front = gateway(port=8443, listen=[], ready=False)
    wait_for(lambda: not front.server.running or front.server.answers(), "an outcome")
    if not front.server.running and "in use" in front.server.err:
        front.server.expected_exit = 1
        pytest.skip("port 8443 came to be used meanwhile")
    front.server.wait_ready()
    for version in VERSIONS:
        assert front.curl(version, "/get").status == 200
    if HAS_IPV6:
        front.curl.address = "::1"
        assert front.curl("h2", "/get").status == 200
        assert front.curl("h3", "/get").status == 200
    assert can_bind(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.2", 8443), "not only loopback"


def test_several_listens(gateway, version):
    ports = [free_port(), free_port()]
    front = gateway(*[f"--listen=127.0.0.1:{port}" for port in ports], port=ports[0], listen=[])
    for port in ports:
        front.server.port = port
        response = front.curl(version, "/get")
        assert response.get("alt-svc") == f'h3=":{port}"; ma=86400'


@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 loopback here")
def test_ipv6(gateway, version):
    front = gateway(address="::1", host="[::1]")
    response = front.curl(version, "/ip", "--interface", "::1")
    assert response.json() == {"origin": "::1"}


def refused_start(home, *arguments, wanted=1):
    result = home.h3gw("serve", *arguments)
    assert result.returncode == wanted, (result.returncode, result.stderr)
    return result.stderr


def test_tcp_port_in_use(home):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        said = refused_start(home, f"--listen=127.0.0.1:{port}")
    assert str(port) in said and "in use" in said


def test_port_in_use_by_another_h3gw(gateway, home):
    """Its sockets share ports, and that must not let a second one in unnoticed."""
    front = gateway()
    said = refused_start(home, f"--listen=127.0.0.1:{front.port}")
    assert str(front.port) in said and "in use" in said
    assert front.curl("h3", "/get").status == 200


def test_udp_port_in_use(gateway):
    """Either it says so and ends, or it says so and does not promise HTTP/3."""
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        front = gateway(port=port, ready=False)
        wait_for(lambda: not front.server.running or front.server.answers(), "an outcome")
        if front.server.running:
            assert front.curl("h2", "/get").get("alt-svc") is None
        else:
            front.server.expected_exit = 1
        assert "UDP" in front.server.err and str(port) in front.server.err


def test_http3_off(gateway):
    front = gateway("--http3=off")
    assert can_bind(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", front.port)
    for version in ("h1", "h2"):
        assert front.curl(version, "/get").get("alt-svc") is None
    assert front.curl("h3", "/get", "--connect-timeout", "5", check=False).exit != 0


def test_cert_and_key(gateway, home):
    made = home.h3gw("certgen", "own.example", "--cert-file", "own.pem", "--key-file", "own.key")
    assert made.returncode == 0, made.stderr
    folder = home.folder
    front = gateway("--cert", folder / "own.pem", "--key", folder / "own.key", host="own.example",
                    home=home)
    for version in VERSIONS:
        assert front.curl(version, "/get").status == 200


@pytest.mark.parametrize("fault", ["no cert", "no key", "only a cert", "other key", "no pem"])
def test_wrong_cert_and_key(home, fault):
    for name in ("a", "b"):
        home.h3gw("certgen", "x.example", "--cert-file", f"{name}.pem", "--key-file", f"{name}.key")
    (home.folder / "junk.pem").write_text("this is no certificate\n")
    arguments, word = {
        "no cert": (["--cert=gone.pem", "--key=a.key"], "gone.pem"),
        "no key": (["--cert=a.pem", "--key=gone.key"], "gone.key"),
        "only a cert": (["--cert=a.pem"], "key"),
        "other key": (["--cert=a.pem", "--key=b.key"], "b.key"),
        "no pem": (["--cert=junk.pem", "--key=a.key"], "junk.pem"),
    }[fault]
    result = home.h3gw("serve", f"--listen=127.0.0.1:{free_port()}", *arguments)
    assert result.returncode in (1, 2)
    assert word in result.stderr


def test_host(gateway, version):
    front = gateway("--host", "one.example", "--host", "two.example")
    for host in ("one.example", "two.example", "localhost", "127.0.0.1"):
        assert front.curl(version, "/get", host=host).status == 200


def test_leaf_by_sni(gateway, version):
    """Browsers refuse a wildcard under localhost, so each name gets a leaf when asked for."""
    front = gateway()
    assert front.curl(version, "/get", host="app.localhost").status == 200
    assert front.curl(version, "/get", host="deep.app.localhost").status == 200


# Certificates that it makes

def served_certificate(front, host="localhost"):
    with front.curl.tls(host=host) as sock:
        return sock.getpeercert(binary_form=True), sock.getpeercert()


def test_leaf_is_reused(factory, home):
    first = factory.gateway(home=home)
    der, fields = served_certificate(first)
    names = {value for _, value in fields["subjectAltName"]}
    assert {"localhost", "127.0.0.1"} <= names
    assert "::1" in names or "0:0:0:0:0:0:0:1" in names
    assert socket.gethostname() in names
    ca = (home.caroot / CA_CERT).read_bytes()
    first.server.close()
    second = factory.gateway(home=home)
    assert served_certificate(second)[0] == der
    assert (home.caroot / CA_CERT).read_bytes() == ca


def test_keys_are_private(gateway):
    front = gateway()
    assert stat.S_IMODE((front.home.caroot / CA_KEY).stat().st_mode) == 0o600
    places = [front.home.caroot, front.home.folder / "data"]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    for path in files:
        if b"PRIVATE KEY" in path.read_bytes():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_keys_are_never_told(gateway):
    front = gateway("--log-level=debug")
    front.curl("h2", "/get")
    front.curl("h3", "/get")
    assert "PRIVATE KEY" not in front.server.said


# TLS

def tls_client(front, **changes):
    context = front.curl.context(changes.pop("alpn", ("http/1.1",)))
    for name, value in changes.items():
        if name == "ciphers":
            context.set_ciphers(value)
        else:
            setattr(context, name, value)
    return context


def test_tls_versions(gateway):
    front = gateway()
    for tls, name in ((ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")):
        context = tls_client(front, minimum_version=tls, maximum_version=tls)
        with RawH1(front.curl.tls(context=context)) as client:
            assert client.sock.version() == name
            client.send(b"GET /get HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.response().status == 200


def test_tls_1_2_has_aead_only(gateway):
    front = gateway()
    old = ssl.TLSVersion.TLSv1_2
    for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                  "ECDHE-ECDSA-CHACHA20-POLY1305"):
        context = tls_client(front, maximum_version=old, ciphers=suite)
        with front.curl.tls(context=context) as sock:
            assert sock.cipher()[0] == suite
    for suite in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"):
        context = tls_client(front, maximum_version=old, ciphers=suite)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            front.curl.tls(context=context).close()


def test_old_tls_is_refused(gateway):
    front = gateway()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        front.curl.tls(context=context).close()


def test_alpn(gateway):
    front = gateway()
    for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1")):
        with front.curl.tls(offered) as sock:
            assert sock.selected_alpn_protocol() == chosen
    with pytest.raises((ssl.SSLError, ConnectionError)):
        front.curl.tls(("gopher/0",)).close()


def test_no_alpn_is_http_1_1(gateway):
    front = gateway()
    context = ssl.create_default_context(cafile=str(front.curl.ca))
    with RawH1(front.curl.tls(context=context)) as client:
        client.send(b"GET /get HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.response().status == 200


def test_session_is_resumed(gateway):
    front = gateway()
    context = front.curl.context()
    with RawH1(front.curl.tls(context=context)) as client:
        client.send(b"GET /get HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.response()
        session = client.sock.session
    plain = socket.create_connection(("127.0.0.1", front.port), timeout=30)
    with context.wrap_socket(plain, server_hostname="localhost", session=session) as again:
        assert again.session_reused


def keep_session(port, path):
    """Whether there is a server, whose ticket is in the file then. It comes behind the handshake:
    the client stays until it is written."""
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                           "localhost", "-sess_out", str(path)], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
        wait_for(lambda: client.poll() is not None or path.exists() and path.read_text().endswith(
            "-----END SSL SESSION PARAMETERS-----\n"), "a ticket")
        client.stdin.close()  # now it ends
    return path.exists()


@pytest.fixture(scope="module")
def foreign_session(tmp_path_factory):
    """A session of another server on localhost, which takes early data."""
    folder, port = tmp_path_factory.mktemp("foreign"), free_port()
    key, cert, session = folder / "key.pem", folder / "cert.pem", folder / "session.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=localhost", "-keyout", key, "-out", cert)
    words = ["openssl", "s_server", "-quiet", "-early_data", "-accept", f"127.0.0.1:{port}",
             "-cert", str(cert), "-key", str(key)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as other:
        try:
            wait_for(lambda: keep_session(port, session), "a session")
        finally:
            other.kill()
    return session


# The second way, the client's first key share is for a group that h3gw does not speak.
@pytest.mark.parametrize("groups", ["X25519:P-256", "P-521:X25519"])
def test_early_data_for_another_server_is_skipped(gateway, foreign_session, tmp_path, groups):
    front, early, session = gateway(), tmp_path / "early", tmp_path / "session"
    request = "GET /anything/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    early.write_text(request.format("early"))
    said = run("openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", "-servername", "localhost",
               "-groups", groups, "-sess_in", foreign_session, "-early_data", early, "-sess_out", session,
               "-ign_eof", stdin=request.format("late")).stdout
    assert "Early data was rejected" in said
    assert "HTTP/1.1 200 OK" in said and "/anything/late" in said and "/anything/early" not in said
    facts = run("openssl", "sess_id", "-in", session, "-text", "-noout").stdout
    assert "Max Early Data: 0" in facts, "a promise that is not kept"


def test_bytes_that_are_no_tls(gateway):
    front = gateway()
    for junk in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"a" * 70000):
        with socket.create_connection(("127.0.0.1", front.port), timeout=30) as sock:
            try:
                sock.sendall(junk)
                while sock.recv(4096):
                    pass
            except ConnectionError:
                pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for junk in (b"", b"\0", b"\xc0\0\0\0\0\xff" + b"a" * 1300, b"\xc0\0\0\0\1\x14" + b"b" * 1300,
                     b"\x40" + os.urandom(1200), os.urandom(1500)):
            udp.sendto(junk, ("127.0.0.1", front.port))
    for version in VERSIONS:
        assert front.curl(version, "/get").status == 200


def test_quic_version_negotiation(gateway):
    """A version that nobody knows is answered with those that the gateway speaks (RFC 8999)."""
    front = gateway()
    packet = b"\xc0\x1a\x2a\x3a\x4a\x08destid..\x08sourceid" + bytes(1200)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(20)
        udp.sendto(packet, ("127.0.0.1", front.port))
        reply = udp.recv(2000)
    assert reply[0] & 0x80 and reply[1:5] == bytes(4)
    assert reply[5:14] == b"\x08sourceid" and reply[14:23] == b"\x08destid.."
    versions = {reply[i:i + 4] for i in range(23, len(reply), 4)}
    assert {b"\0\0\0\1", b"\x6b\x33\x43\xcf"} <= versions
    assert len(reply) <= 3 * len(packet)


def keylog_lines(path):
    lines = path.read_text().splitlines()
    assert all(re.fullmatch(r"[A-Z_0-9]+ [0-9a-fA-F]{64} [0-9a-fA-F]+", line) or line.startswith("#")
               for line in lines)
    return [line.split() for line in lines if line.startswith("CLIENT_TRAFFIC_SECRET_0 ")]


@pytest.mark.parametrize("way", ["flag", "environment"])
def test_keylog(factory, tmp_path, way):
    log = tmp_path / "keys.log"
    front = (factory.gateway("--keylog", log) if way == "flag"
             else factory.gateway(env={"SSLKEYLOGFILE": str(log)}))
    for version in VERSIONS:
        theirs = tmp_path / f"{way}-{version}"
        os.environ["SSLKEYLOGFILE"] = str(theirs)
        try:
            front.curl(version, "/get")
        finally:
            del os.environ["SSLKEYLOGFILE"]
        mine = {tuple(map(str.lower, words[1:])) for words in keylog_lines(theirs)}
        assert mine, f"curl wrote no secrets for {version}"
        assert mine <= {tuple(map(str.lower, words[1:])) for words in keylog_lines(log)}
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_no_keylog_unasked(gateway):
    front = gateway()
    front.curl("h2", "/get")
    front.curl("h3", "/get")
    assert not list(front.home.folder.rglob("*key*log*"))


# Upstreams

def test_upstream_that_comes_later(gateway, app, version):
    port = free_port()
    front = gateway("--upstream", f"http://127.0.0.1:{port}")
    warning = f"warn: upstream http://127.0.0.1:{port}: nothing listens there yet"
    wait_for(lambda: warning in front.server.said, "the warning")
    refused = front.curl(version, "/blob/10")
    assert refused.status == 502
    assert f"127.0.0.1:{port}" in refused.text
    assert refused.get("content-type").startswith("text/")
    app(port=port)
    wait_for(lambda: front.curl(version, "/blob/10").status == 200, "the upstream to be used")


def test_upstream_that_is_there(gateway, raw, app, tmp_path):
    """Nothing is said of it, and it sees no connection but those of requests."""
    by_path, by_port = app(unix=tmp_path / "app.sock"), raw(lambda conn: conn.read_head())
    front = gateway("--upstream", by_path.url, "--upstream", by_port.url, "--upstream",
                    f"http://localhost:{by_port.port}")
    assert front.curl("h1", "/blob/10").status == 200
    assert "nothing listens" not in front.server.said
    assert by_port.received == []


def test_upstream_on_the_other_loopback_address(gateway):
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        front = gateway("--upstream", f"http://127.0.0.1:{port}")
        wait_for(lambda: f"something does on [::1]:{port}" in front.server.said, "the hint")


def test_upstream_that_comes_back(factory, version):
    backend = factory.app(port=free_port())  # none that a connection may get meanwhile
    front = factory.gateway("--upstream", backend.url)
    assert front.curl(version, "/blob/10").status == 200
    backend.close()
    assert front.curl(version, "/blob/10").status == 502
    factory.app(port=backend.port)
    wait_for(lambda: front.curl(version, "/blob/10").status == 200, "the upstream to be used")


def test_stalled_upstream(gateway, app, version):
    backend = app()
    front = gateway("--upstream", backend.url, RESPONSE_TIMEOUT, "300ms")
    response = front.curl(version, "/stall")
    assert response.status == 504
    assert f"127.0.0.1:{backend.port}" in response.text
    wait_for(lambda: "aborted" in backend.events("/stall"), "the request to be given up")
    # so soon, if the app can
    wait_for(lambda: front.curl(version, "/blob/10").status == 200, "others to be answered")


def test_upstream_that_cannot_be_reached(gateway, version):
    """A full backlog: connecting neither succeeds nor fails."""
    with full_listener() as full:
        front = gateway("--upstream", "http://127.0.0.1:%d" % full.getsockname()[1],
                        CONNECT_TIMEOUT, "300ms")
        assert front.curl(version, "/").status == 504


def test_upstream_name(gateway, app, version):
    backend = app()
    front = gateway("--upstream", f"http://localhost:{backend.port}")
    assert front.curl(version, "/blob/10").status == 200


def test_upstream_name_that_is_none(gateway, version):
    front = gateway("--upstream", "http://no-such-name.invalid:80")
    response = front.curl(version, "/")
    assert response.status == 502
    assert "no-such-name.invalid" in response.text


def test_unix_upstream(gateway, app, version, tmp_path):
    backend = app(unix=tmp_path / "app.sock")
    front = gateway("--upstream", backend.url)
    seen = front.curl(version, "/inspect?x", "--data-binary", "hello").json()
    assert (seen["url"], seen["body"]) == ("/inspect?x", "hello")


def test_several_upstreams_take_turns(gateway, app, version):
    backends = [app(name=name) for name in ("one", "two", "three")]
    front = gateway(*[f"--upstream={backend.url}" for backend in backends])
    names = [front.curl(version, "/inspect").json()["name"] for _ in range(9)]
    assert sorted(names) == ["one"] * 3 + ["three"] * 3 + ["two"] * 3
    assert names[:3] == names[3:6] == names[6:]


def test_one_of_several_upstreams_is_down(gateway, app, version):
    backend = app()
    front = gateway("--upstream", f"http://127.0.0.1:{free_port()}", "--upstream", backend.url)
    assert [front.curl(version, "/blob/10").status for _ in range(6)] == [200] * 6


def test_connections_to_the_upstream_are_reused(gateway, app, version):
    backend = app()
    front = gateway("--upstream", backend.url)
    numbers = {front.curl(version, "/inspect").json()["connection"] for _ in range(5)}
    assert len(numbers) == 1


def test_upstream_that_closes_idle_connections(gateway, raw, version):
    """A connection that the upstream closed meanwhile is not an error of the client's."""
    upstream = raw(answer(OK))
    front = gateway("--upstream", upstream.url)
    for _ in range(5):
        assert front.curl(version, "/").body == b"ok"
    assert len(upstream.heads) == 5


def test_upstream_that_closes_a_used_connection_at_once(gateway, raw, version):
    """Keep-alive promised, then closed when the second request arrives: a GET is tried again."""
    def script(conn):
        conn.read_head()
        conn.send(OK)
        conn.read_head()
    upstream = raw(script)
    front = gateway("--upstream", upstream.url)
    for _ in range(4):
        response = front.curl(version, "/")
        assert (response.status, response.body) == (200, b"ok")


# The end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_end_without_work(gateway, number):
    front = gateway()
    front.curl("h2", "/get")
    front.curl("h3", "/get")
    front.server.signal(number)
    assert front.server.wait(15) == 0


def test_end_with_idle_connections(gateway):
    """Connections that wait for nothing are closed, not waited for."""
    front = gateway(DRAIN_TIMEOUT, "60s")
    with front.curl.h1() as one, front.curl.h2() as two, front.curl.tls() as silent:
        one.send(b"GET /get HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert one.response().status == 200
        stream = two.request([(":method", "GET"), (":scheme", "https"), (":path", "/get"),
                              (":authority", "localhost")])
        assert two.outcome(stream)[1] == 200
        front.server.signal()
        assert front.server.wait(30) == 0
        assert one.to_end() == b"" and one.clean
        assert silent.recv(1) == b""


def test_drain(gateway, app, version):
    """A running download ends as if nothing had happened; nobody new is let in."""
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "60s")
    transfer = front.curl.start(version, "/gated?gate=g&n=2&size=100000&length")
    backend.permit("g")
    transfer.wait_body(100000)
    front.server.signal()
    wait_for(front.server.refuses_connections, "the listener to close")
    assert front.server.running
    backend.permit("g")
    assert transfer.finish().body == b"a" * 100000 + b"b" * 100000
    assert front.server.wait(30) == 0


def test_drain_of_a_request_that_waits(gateway, app, version):
    """Not yet answered when the end is asked for: answered still."""
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "60s")
    transfer = front.curl.start(version, "/gated?gate=w&n=1&size=10")
    wait_for(lambda: backend.events("/gated?gate=w&n=1&size=10"), "the request to arrive")
    front.server.signal()
    wait_for(front.server.refuses_connections, "the listener to close")
    backend.permit("w")
    assert transfer.finish().body == b"a" * 10
    assert front.server.wait(30) == 0


def test_drain_has_an_end(gateway, app, version):
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "500ms")
    transfer = front.curl.start(version, "/gated?gate=never&n=2&size=1000")
    backend.permit("never")
    transfer.wait_body(1000)
    front.server.signal()
    assert front.server.wait(15) == 0
    assert transfer.finish(check=False).exit != 0


def test_second_signal_ends_at_once(gateway, app, version):
    backend = app()
    front = gateway("--upstream", backend.url, DRAIN_TIMEOUT, "100s")
    front.server.expected_exit = None
    transfer = front.curl.start(version, "/gated?gate=never&n=2&size=1000")
    backend.permit("never")
    transfer.wait_body(1000)
    front.server.signal()
    wait_for(front.server.refuses_connections, "the listener to close")
    assert front.server.running
    front.server.signal()
    front.server.wait(10)
    assert transfer.finish(check=False).exit != 0


# Usage

@pytest.mark.parametrize("arguments, wanted", [
    (["--upstraem=http://127.0.0.1:1"], "--upstream"),
    (["--http-3=off"], "--http3"),
    (["--listn", "127.0.0.1:1"], "--listen"),
])
def test_did_you_mean(home, arguments, wanted):
    said = refused_start(home, *arguments, wanted=2)
    assert "did you mean" in said and wanted in said


def test_did_you_mean_a_command(home):
    result = home.h3gw("sevre")
    assert result.returncode == 2
    assert "did you mean" in result.stderr and "serve" in result.stderr


@pytest.mark.parametrize("arguments", [
    ["--listen=127.0.0.1"],
    ["--listen=127.0.0.1:99999"],
    ["--listen=not-an-address:1"],
    ["--upstream=ftp://127.0.0.1/"],
    ["--upstream=127.0.0.1:"],
    ["--upstream"],
    ["--http3=perhaps"],
    ["--alt-svc-port=70000"],
    ["--alt-svc-max-age=-1"],
    [RESPONSE_TIMEOUT + "=2 parsecs"],
    ["leftover"],
], ids=" ".join)
def test_wrong_usage(home, arguments):
    said = refused_start(home, *arguments, wanted=2)
    assert arguments[0].split("=")[0].lstrip("-") in said


# The configuration file

def write_config(folder, text):
    path = folder / "dev.ini"
    path.write_text(text)
    return path


def test_config_equals_flags(gateway, app, home, version):
    backend = app()
    made = home.h3gw("certgen", "httpbin.quic-corp.com", "--cert-file", "httpbin.crt",
                     "--key-file", "httpbin.key")
    assert made.returncode == 0, made.stderr
    port = free_port()
    config = write_config(home.folder, f"""\
; the article's gateway
[gateway]
http3 = on                      ; as PILOT_ENABLE_QUIC_LISTENERS
alt-svc-max-age = 3600

[server httpbin-gateway]
listen = 127.0.0.1:{port}
advertise = 443
hosts = httpbin.quic-corp.com
tls = simple
credential = httpbin-cred

[credential httpbin-cred]
cert = httpbin.crt
key = "httpbin.key"

[route httpbin]
hosts = httpbin.quic-corp.com
path = /
upstream = httpbin

[upstream httpbin]
url = {backend.url}
""")
    by_file = gateway("--config", config, home=home, port=port, listen=[],
                      host="httpbin.quic-corp.com")
    by_flags = gateway("--host=httpbin.quic-corp.com", "--alt-svc-port=443", "--alt-svc-max-age=3600",
                       "--upstream", backend.url, host="httpbin.quic-corp.com")
    path = "/blob/70000"
    one, two = by_file.curl(version, path), by_flags.curl(version, path)
    assert (one.status, one.body) == (two.status, two.body) == (200, two.body)
    varying = {"date", "x-h3gw-upstream-service-time"}
    assert [f for f in one.fields if f[0] not in varying] == [f for f in two.fields
                                                              if f[0] not in varying]
    assert one.get("alt-svc") == 'h3=":443"; ma=3600'


def test_flags_override_scalars_of_the_config(gateway, home):
    port = free_port()
    config = write_config(home.folder, "[gateway]\nalt-svc-max-age = 10\n"
                                       f"[server one]\nlisten = 127.0.0.1:{port}\n"
                                       "[route all]\nhandler = echo\n")
    front = gateway("--config", config, "--alt-svc-max-age=20", home=home, port=port, listen=[])
    assert front.curl("h2", "/get").get("alt-svc").endswith("ma=20")


@pytest.mark.parametrize("flag", ["--listen=127.0.0.1:1", "--upstream=http://127.0.0.1:1"])
def test_flags_that_make_servers_beside_a_config(home, flag):
    config = write_config(home.folder, f"[server one]\nlisten = 127.0.0.1:{free_port()}\n")
    said = refused_start(home, "--config", config, flag, wanted=2)
    assert flag.split("=")[0] in said and "--config" in said


@pytest.mark.parametrize("text, line, words", [
    ("[gateway]\nhttp3 = on\nhtpp3 = on\n", 3, ["htpp3", "http3"]),
    ("[gatway]\nhttp3 = on\n", 1, ["gatway", "gateway"]),
    ("[gateway]\nhttp3 = maybe\n", 2, ["http3", "maybe"]),
    ("[gateway]\nhttp3 = on\nhttp3 = off\n", 3, ["http3"]),
    ("[server a]\nlisten = 127.0.0.1:8443\n[server a]\nlisten = 127.0.0.1:8444\n", 3, ["a"]),
    ("[server a]\nlisten = nowhere\n", 2, ["nowhere"]),
    ("[server a]\nlisten = 127.0.0.1:8443\ncredential = gone\n", 3, ["gone"]),
    ("[route a]\npath = /\nupstream = gone\n", 3, ["gone"]),
    ("[upstream a]\nurl = ftp://x/\n", 2, ["ftp"]),
    ("[credential a]\ncert = gone.crt\nkey = gone.key\n[server s]\nlisten = 127.0.0.1:1\n"
     "credential = a\n[route r]\nhandler = echo\n", 2, ["gone.crt"]),
    ("# fine\n\nno section = here\n", 3, []),
    ("[gateway]\nhttp3 on\n", 2, []),
    ("[server " + "x" * 5000 + "]\n", 1, ["long"]),
], ids=["unknown key", "unknown section", "bad value", "duplicate key", "duplicate section",
        "bad address", "unknown credential", "unknown upstream", "bad scheme", "missing file",
        "no section", "no equals sign", "name too long"])
def test_faults_of_the_config(home, text, line, words):
    write_config(home.folder, text)
    said = refused_start(home, "--config", "dev.ini", wanted=1)
    assert f"dev.ini:{line}" in said
    for word in words:
        assert word in said


def test_faults_are_told_all_at_once(home):
    write_config(home.folder, "[gateway]\nhttp3 = maybe\nbad = 1\n[server a]\nlisten = x\n")
    said = refused_start(home, "--config=dev.ini", wanted=1)
    for line in (2, 3, 5):
        assert f"dev.ini:{line}" in said


def test_config_that_is_not_there(home):
    said = refused_start(home, "--config=gone.ini", wanted=1)
    assert "gone.ini" in said


# The access log

def test_access_log(gateway, app, tmp_path):
    backend = app()
    log = tmp_path / "access.log"
    front = gateway("--upstream", backend.url, "--access-log", log)
    for version in VERSIONS:
        front.curl(version, f"/blob/1234?{version}", "-A", "some agent/1")
    front.curl("h2", "/missing")
    wait_for(lambda: log.exists() and log.read_text().count("\n") >= 4, "four lines")
    lines = log.read_text().splitlines()
    assert len(lines) == 4
    for line, version, number in zip(lines, VERSIONS, ("1.1", "2", "3")):
        assert re.search(rf'"GET /blob/1234\?{version} HTTP/{number}(\.0)?" 200 1234\b', line), line
        assert line.startswith("127.0.0.1 ")
        assert "some agent/1" in line
        assert f"127.0.0.1:{backend.port}" in line
    assert " 404 " in lines[3]


def test_access_log_on_stdout(gateway):
    front = gateway("--access-log=-")
    front.curl("h3", "/get?x=1")
    wait_for(lambda: "/get?x=1" in front.server.out, "the line")


def test_no_access_log_without_a_terminal(gateway):
    front = gateway()
    front.curl("h2", "/get?quiet")
    front.server.close()
    assert "/get?quiet" not in front.server.said


def test_access_log_escapes_what_clients_send(gateway, tmp_path):
    log = tmp_path / "access.log"
    front = gateway("--access-log", log)
    with front.curl.h1() as client:
        client.send(b'GET /get?"\x7f HTTP/1.1\r\nHost: a\r\nUser-Agent: x" \x1b[31m 200\r\n\r\n')
        client.to_end() if client.head().status == 400 else None
    front.curl("h1", "/get", "-A", 'quote " and \\ backslash')
    wait_for(lambda: log.exists() and "backslash" in log.read_text(), "the line")
    assert "\x1b" not in log.read_text() and "\x7f" not in log.read_text()
    assert 'quote " and' not in log.read_text()


def test_access_log_that_cannot_be_written(home):
    said = refused_start(home, f"--listen=127.0.0.1:{free_port()}", "--access-log=/no/such/folder/log")
    assert "/no/such/folder/log" in said


# Helped by nobody

def test_h3gw_needs_no_home(factory):
    """As a service: no HOME, and a folder for data only."""
    front = factory.gateway(env={"HOME": ""})
    assert front.curl("h2", "/get").status == 200
