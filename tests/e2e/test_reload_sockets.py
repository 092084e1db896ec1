# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload and where the gateway listens: sockets come, stay and go, HTTP/3 is switched off and on,
certificates are replaced, and nobody is turned away meanwhile."""

import re
import signal
import socket

import pytest

from clients import VERSIONS, RawH1
from live import (Cut, FAULTY, ONE, THREE, TWO, UPSTREAM, Live, certificate, everywhere, listening)
from procs import HAS_IPV6, free_port, wait_for
from spellings import CA_CERT
from test_admin import Plain
from test_routes import plain_head


@pytest.fixture
def live(factory):
    return Live(factory, ONE)


# ---- where it listens -----------------------------------------------------------------------

SECOND = """
[server second]
listen = 127.0.0.1:SECOND
hosts = localhost
"""


def on_port(front, port, version="h2", **options):
    """curl for another port of the same gateway."""
    before, front.server.port = front.server.port, port
    try:
        return front.curl(version, "/", **options)
    finally:
        front.server.port = before


def wait_closed(live, port):
    """Asked of the kernel: to bind it ourselves would have to wait for TIME_WAIT."""
    for table in ("tcp", "udp"):
        wait_for(lambda: not listening(live.pid, port, table), f"{table} {port} to be closed")


def test_a_listener_more_and_less(live):
    port = free_port()
    both = TWO + SECOND.replace("SECOND", str(port))
    live.reload(both)
    for version in VERSIONS:
        assert on_port(live, port, version).get("alt-svc") == f'h3=":{port}"; ma=86400'
    everywhere(live, "two")
    live.reload(THREE)
    wait_closed(live, port)
    everywhere(live, "three")
    live.reload(both)
    assert on_port(live, port, "h3").text == "two"


def test_another_port(live):
    """All listeners change at once."""
    port, before = free_port(), live.port
    live.reload(TWO.replace("{port}", str(port)))
    assert [on_port(live, port, version).text for version in VERSIONS] == ["two"] * 3
    wait_for(live.server.refuses_connections, "the old port to be closed")
    live.port = live.server.port = port
    live.reload(THREE.replace("{port}", str(before)))
    live.port = live.server.port = before
    everywhere(live, "three")


def test_the_port_of_another(live):
    """In use: the whole reload is refused, also the listeners that could have been opened."""
    free, taken = free_port(), free_port()
    with socket.create_server(("127.0.0.1", taken)):
        text = TWO + SECOND.replace("SECOND", str(free))
        text += SECOND.replace("second", "third").replace("SECOND", str(taken))
        said = live.refused(text)
        assert str(taken) in said and "in use" in said
        live.wait_log(str(taken), "in use")
        assert not listening(live.pid, free) and not listening(live.pid, free, "udp")
        everywhere(live, "one")
    live.reload(text)
    assert on_port(live, free).text == on_port(live, taken, "h3").text == "two"


def test_a_listener_that_stays_keeps_its_sockets(live):
    sockets = listening(live.pid, live.port), listening(live.pid, live.port, "udp")
    assert all(sockets)
    for text in (TWO, THREE.replace("[route all]", "tls = simple\n[route all]"), ONE):
        live.reload(text)
        assert sockets == (listening(live.pid, live.port), listening(live.pid, live.port, "udp"))
    live.refused(FAULTY)
    assert sockets == (listening(live.pid, live.port), listening(live.pid, live.port, "udp"))


def test_connections_that_wait_to_be_accepted(live):
    """They came while nobody looked, and a reload comes before their turn: all are served."""
    live.write(TWO)
    live.server.signal(signal.SIGSTOP)
    waiting = []
    try:
        for _ in range(20):
            waiting.append(socket.create_connection(("127.0.0.1", live.port), timeout=30))
        quick = [live.curl.start("h3", "/") for _ in range(4)]
        live.server.signal(signal.SIGHUP)
    finally:
        live.server.signal(signal.SIGCONT)
    context = live.curl.context()
    for sock in waiting:
        with RawH1(context.wrap_socket(sock, server_hostname="localhost")) as raw:
            raw.send(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % live.port)
            assert raw.response().text in ("one", "two")
    for transfer in quick:
        assert transfer.finish().text in ("one", "two")
    live.wait_log("reloaded")
    everywhere(live, "two")


def test_a_listener_that_goes_is_drained(factory, app, version):
    """What was begun there is finished; the port is free then, and nobody new comes in before."""
    backend = app()
    text = UPSTREAM.replace("URL", backend.url)
    port = free_port()
    live = Live(factory, text + SECOND.replace("SECOND", str(port)))
    live.server.port = port
    transfer = live.curl.start(version, "/gated?gate=l&n=2&size=60000&length")
    live.server.port = live.port
    backend.permit("l")
    transfer.wait_body(60000)
    live.reload(text)
    refused = on_port(live, port, version, check=False) if version != "h3" else None
    assert refused is None or refused.exit == 7, refused
    backend.permit("l")
    assert transfer.finish().body == b"a" * 60000 + b"b" * 60000
    wait_closed(live, port)
    assert live.curl(version, "/blob/5").status == 200


def test_idle_connections_of_a_listener_that_goes(live, version):
    """Nobody waits for them: the port is free though the client holds on."""
    port = free_port()
    live.reload(ONE + SECOND.replace("SECOND", str(port)))
    kept = live.hold(version)
    live.port, live.server.port, first = port, port, live.port
    held = live.hold(version)
    assert held.ask() == "one"
    live.port = live.server.port = first
    live.reload(TWO)
    wait_closed(live, port)
    if version == "h1":
        assert held.raw.to_end() == b""
    elif version == "h2":
        while held.raw.frame() is not None:
            pass
    else:
        wait_for(lambda: held.state.startswith("gone"), "the connection to be closed")
    assert kept.ask() == "one"


@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 loopback here")
def test_dual_stack(live):
    both = TWO.replace("listen = 127.0.0.1:{port}", "listen = 127.0.0.1:{port}, [::1]:{port}")
    v4 = listening(live.pid, live.port)
    live.reload(both)
    assert v4 < listening(live.pid, live.port)
    for address in ("127.0.0.1", "::1"):
        live.curl.address = address
        everywhere(live, "two")
    live.reload(THREE.replace("127.0.0.1:{port}", "[::1]:{port}"))
    everywhere(live, "three")
    wait_for(live.server.refuses_connections, "127.0.0.1 to be closed")
    live.curl.address = "127.0.0.1"
    live.reload(THREE)
    everywhere(live, "three")
    wait_for(lambda: live.server.refuses_connections("::1"), "::1 to be closed")


def test_health_stats_and_redirect(factory):
    plain, ports = Plain.__new__(Plain), [free_port() for _ in range(6)]
    head = "[gateway]\nhealth = 127.0.0.1:{}\nstats = 127.0.0.1:{}\nhttp-redirect = 127.0.0.1:{}\n"
    live = Live(factory, ONE)
    for text in (head.format(*ports[:3]), head.format(*ports[3:]), ""):
        live.reload(text + TWO)
        plain.health_port, plain.stats_port, redirect = (
            map(int, re.findall(r":(\d+)", text)) if text else (0, 0, 0))
        if text:
            assert plain.ready()[0].status == 200
            assert plain.stats().sum("process_open_fds") > 0
            assert plain_head(redirect, f"localhost:{redirect}").status == 308
    for port in ports:
        wait_closed(live, port)


def test_admin_address(factory, home):
    """The command that asks for it is still answered."""
    live = Live(factory, ONE, home=home)
    first = home.folder / "run" / "h3gw" / f"{live.pid}.sock"
    there, port = home.folder / "there.sock", free_port()
    live.reload(f"[gateway]\nadmin = unix:{there}\n" + TWO)
    wait_for(lambda: there.exists() and not first.exists(), "the socket to move")
    live.write(f"[gateway]\nadmin = 127.0.0.1:{port}\n" + THREE)
    assert home.h3gw("reload", "--admin", f"unix:{there}").stdout == "reloaded\n"
    live.write(ONE)
    assert home.h3gw("reload", "--admin", f"127.0.0.1:{port}").stdout == "reloaded\n"
    wait_for(lambda: first.exists() and not there.exists(), "the socket to come back")
    live.reload(TWO)
    everywhere(live, "two")


# ---- HTTP/3 off and on ----------------------------------------------------------------------

OFF = "[gateway]\nhttp3 = off\n"


def udp_is_free(live):
    return not listening(live.pid, live.port, "udp")


def test_http3_goes(live):
    """Clients are told to forget it; who is there is told to go, and then the port is closed."""
    held = live.hold("h3")
    assert held.ask() == "one"
    live.reload(OFF + TWO)
    for version in ("h1", "h2"):
        assert live.curl(version, "/").get("alt-svc") == "clear"
    assert live.curl("h3", "/", "--connect-timeout", "2", check=False).exit != 0
    with pytest.raises(Cut):
        held.ask()
    wait_for(lambda: udp_is_free(live), "the UDP port to be closed")
    assert live.ask("h2") == "two"


def test_http3_goes_while_something_is_on_its_way(factory, app):
    backend = app()
    text = UPSTREAM.replace("URL", backend.url)
    live = Live(factory, text)
    transfer = live.curl.start("h3", "/gated?gate=h&n=3&size=70000&length")
    backend.permit("h")
    transfer.wait_body(70000)
    live.reload(OFF + text)
    backend.permit("h", 2)
    assert len(transfer.finish().body) == 210000
    wait_for(lambda: udp_is_free(live), "the UDP port to be closed")


def test_old_connections_hear_of_it_at_most_once(live):
    """On those that had been promised HTTP/3, `clear` may be said, but not again and again."""
    held = live.hold("h1")
    assert held.response("/").get("alt-svc") == f'h3=":{live.port}"; ma=86400'
    live.reload(OFF + TWO)
    wait_for(lambda: udp_is_free(live), "the UDP port to be closed")
    told = [held.response("/").get("alt-svc") for _ in range(4)]
    assert f'h3=":{live.port}"; ma=86400' not in told, "what is gone must not be promised"
    assert told.count("clear") <= 1 or told == ["clear"] * 4


def test_http3_comes(factory):
    live = Live(factory, OFF + ONE)
    assert live.curl("h2", "/").get("alt-svc") is None
    assert udp_is_free(live)
    live.reload(TWO)
    assert live.curl("h2", "/").get("alt-svc") == f'h3=":{live.port}"; ma=86400'
    everywhere(live, "two")
    live.reload(OFF + THREE)
    wait_for(lambda: udp_is_free(live), "the UDP port to be closed")
    live.reload(ONE)
    everywhere(live, "one")


def test_http3_comes_where_the_port_is_taken(factory):
    """As at the start: without UDP there is no promise, or the reload is refused."""
    live = Live(factory, OFF + ONE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", live.port))
        live.write(TWO)
        result = live.home.h3gw("reload")
        assert "UDP" in live.server.err and str(live.port) in live.server.err
        word = "two" if result.returncode == 0 else "one"
        assert live.ask("h2") == word
        assert live.curl("h2", "/").get("alt-svc") is None
    live.reload(THREE)
    everywhere(live, "three")


def test_http3_of_one_server(factory, home):
    """Off for one of two servers of an address: the other keeps its UDP socket and its clients."""
    def text(http3):
        return (ONE.replace("hosts = localhost", "hosts = a.localhost")
                + "[server b]\nlisten = 127.0.0.1:{port}\nhosts = b.localhost\n" + http3)
    live = Live(factory, text(""), home=home, host="a.localhost")
    udp, held = listening(live.pid, live.port, "udp"), live.hold("h3")
    live.reload(text("http3 = off\n"))
    assert listening(live.pid, live.port, "udp") == udp
    assert live.curl("h2", "/", host="b.localhost").get("alt-svc") == "clear"
    assert live.curl("h2", "/").get("alt-svc") == f'h3=":{live.port}"; ma=86400'
    assert live.ask("h3") == "one" and held.ask() == "one"
    refused = live.curl("h3", "/", "--connect-timeout", "2", host="b.localhost", check=False)
    assert refused.exit != 0
    live.reload(text(""))
    assert live.ask("h3", host="b.localhost") == "one"


# ---- certificates ---------------------------------------------------------------------------

SHOWN = ONE.replace("hosts = localhost", "hosts = localhost\ncredential = shown") + """
[credential shown]
cert = shown.pem
key = shown.key
"""


@pytest.fixture
def other(factory):
    """Somebody else, with a CA of its own: whom a client trusts tells which certificate it saw."""
    home = factory.home()
    certificate(home, "shown")
    return home


def trusts(front, home, version):
    """Whether a new connection shows a certificate of this CA."""
    response = front.curl(version, "/", "--cacert", home.caroot / CA_CERT, check=False)
    assert response.exit in (0, 60), response
    return response.exit == 0


def shows(front, home):
    return [trusts(front, home, version) for version in VERSIONS]


def copy(folder, source, name):
    (folder / name).write_bytes((source / name).read_bytes())


def rename(folder, source, name):
    copy(folder.parent, source, name)
    (folder.parent / name).rename(folder / name)


def shown_by(factory, home, how, **options):
    certificate(home, "shown")
    if how == "file":
        return Live(factory, SHOWN, home=home, **options)
    return factory.gateway("--cert", home.folder / "shown.pem", "--key", home.folder / "shown.key",
                           home=home)


@pytest.mark.parametrize("put", [copy, rename])
@pytest.mark.parametrize("how", ["file", "flags"])
def test_changed_certificate(factory, home, other, how, put):
    """The certificate first, then its key: in between nothing is adopted and nothing breaks."""
    front = shown_by(factory, home, how, watch="on")
    assert shows(front, home) == [True] * 3
    put(home.folder, other.folder, "shown.pem")
    for _ in range(3):
        assert shows(front, home) == [True] * 3
    put(home.folder, other.folder, "shown.key")
    for version in VERSIONS:
        wait_for(lambda: trusts(front, other, version), f"the new certificate over {version}")
    assert shows(front, other) == [True] * 3 and shows(front, home) == [False] * 3


def test_changed_certificate_by_command(factory, home, other):
    live = shown_by(factory, home, "file")
    held = [live.hold(version) for version in VERSIONS]
    copy(live.home.folder, other.folder, "shown.pem")
    said = live.refused()
    assert "shown.key" in said and "does not belong" in said
    assert shows(live, home) == [True] * 3
    copy(live.home.folder, other.folder, "shown.key")
    live.reload()
    assert shows(live, other) == [True] * 3 and shows(live, home) == [False] * 3
    assert [one.ask() for one in held] == ["one"] * 3


@pytest.mark.parametrize("fault", ["junk", "empty", "gone", "other"])
def test_broken_key(factory, home, fault):
    live = shown_by(factory, home, "file")
    key = home.folder / "shown.key"
    good = key.read_bytes()
    if fault == "gone":
        key.unlink()
    elif fault == "other":
        certificate(home, "x")
        copy(home.folder, home.folder, "x.key")
        (home.folder / "x.key").rename(key)
    else:
        key.write_bytes(b"" if fault == "empty" else b"this is no key\n")
    said = live.refused()
    assert re.search(r"live\.ini:\d+: ", said) and "shown.key" in said
    live.wait_log("shown.key")
    assert shows(live, home) == [True] * 3
    key.write_bytes(good)
    live.reload(SHOWN.replace("= one", "= two"))
    everywhere(live, "two")


def test_broken_key_of_flags(factory, home):
    """There is no file and line then, but a file and a reason."""
    front = shown_by(factory, home, "flags")
    (home.folder / "shown.key").write_text("this is no key\n")
    result = home.h3gw("reload")
    assert result.returncode == 1 and "shown.key" in result.stderr
    assert shows(front, home) == [True] * 3


def test_another_credential(factory, home, other):
    """Another name for it in the configuration, not another content of the file."""
    live = shown_by(factory, home, "file")
    for name in ("pem", "key"):
        (home.folder / f"next.{name}").write_bytes((other.folder / f"shown.{name}").read_bytes())
    live.reload(SHOWN.replace("shown.", "next."))
    assert shows(live, other) == [True] * 3 and shows(live, home) == [False] * 3


def test_leaf_for_another_host(live):
    """Hosts that are new get a leaf of the local CA."""
    assert live.curl("h2", "/", host="new.example", check=False).exit != 0
    live.reload(TWO.replace("hosts = localhost", "hosts = localhost, new.example"))
    for version in VERSIONS:
        assert live.ask(version, host="new.example") == "two"
        assert live.ask(version, host="localhost") == "two"
