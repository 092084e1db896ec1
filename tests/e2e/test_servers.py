# SPDX-License-Identifier: GPL-3.0-or-later
"""Several servers on one address, and client certificates: on TCP and HTTP/3 alike."""

import re

import pytest

from procs import free_port
from spellings import CA_CERT

CONFIG = """
[server open]
listen = 127.0.0.1:{port}
hosts = open.localhost

[server strict]
listen = 127.0.0.1:{port}
hosts = strict.localhost
tls = mutual
credential = clients

[server kind]
listen = 127.0.0.1:{port}
hosts = kind.localhost, *.kind.localhost
tls = optional-mutual
credential = clients
advertise = 443

[server plain]
listen = 127.0.0.1:{port}
hosts = plain.localhost
http3 = off

[credential clients]
client-ca = {caroot}/{ca}

[route all]
handler = echo
"""


@pytest.fixture(scope="module")
def front(shared):
    """Four servers behind one port, and a client certificate of the same CA."""
    home, port = shared.home(), free_port()
    made = home.h3gw("certgen", "me@example.com", "client.localhost", "--client",
                     "--cert-file", "me.pem", "--key-file", "me.key")
    assert made.returncode == 0, made.stderr
    (home.folder / "servers.ini").write_text(
        CONFIG.format(port=port, caroot=home.caroot, ca=CA_CERT))
    return shared.gateway("--config", home.folder / "servers.ini", port=port, listen=[],
                          host="open.localhost", home=home)


def with_certificate(front):
    return ["--cert", front.home.folder / "me.pem", "--key", front.home.folder / "me.key"]


def test_each_name_has_its_server(front, version):
    response = front.curl(version, "/headers", host="open.localhost")
    assert response.status == 200
    assert response.get("alt-svc") == f'h3=":{front.port}"; ma=86400'
    response = front.curl(version, "/headers", host="a.kind.localhost")
    assert response.status == 200
    assert response.get("alt-svc") == 'h3=":443"; ma=86400'


def test_without_a_certificate(front, version):
    refused = front.curl(version, "/get", host="strict.localhost", check=False)
    assert refused.exit != 0 and refused.status == 0, refused
    assert front.curl(version, "/get", host="kind.localhost").status == 200


def test_with_a_certificate(front, version):
    for host in ("strict.localhost", "kind.localhost"):
        seen = front.curl(version, "/headers?show_env", *with_certificate(front), host=host).json()
        told = seen["headers"]["X-Forwarded-Client-Cert"]
        assert re.fullmatch(r'Hash=[0-9a-f]{64};Subject=".*"', told), told
        facts = front.curl(version, "/h3gw", *with_certificate(front), host=host).json()
        assert facts["client_certificate"]["sha256"] in told


def test_a_certificate_of_another_ca(front, version, shared):
    other = shared.home()
    made = other.h3gw("certgen", "client.localhost", "--client", "--cert-file", "x.pem",
                      "--key-file", "x.key")
    assert made.returncode == 0, made.stderr
    foreign = ["--cert", other.folder / "x.pem", "--key", other.folder / "x.key"]
    for host in ("strict.localhost", "kind.localhost"):
        refused = front.curl(version, "/get", *foreign, host=host, check=False)
        assert refused.exit != 0 and refused.status == 0, refused


def test_the_name_of_another_server_is_misdirected(front, version):
    """The handshake was for the open one, so its connection must not reach the strict one."""
    for host in ("strict.localhost", "kind.localhost", "plain.localhost"):
        response = front.curl(version, "/get", "-H", f"Host: {host}:{front.port}",
                              host="open.localhost")
        assert response.status == 421, response
        assert response.get("alt-svc") is None


def test_forwarded_client_certificates_are_not_believed(front, version):
    seen = front.curl(version, "/headers?show_env", "-H", "X-Forwarded-Client-Cert: Hash=0",
                      host="open.localhost").json()
    assert "X-Forwarded-Client-Cert" not in seen["headers"]


def test_a_server_without_mirror(front):
    for version in ("h1", "h2"):
        response = front.curl(version, "/get", host="plain.localhost")
        assert response.status == 200 and response.get("alt-svc") is None
    refused = front.curl("h3", "/get", host="plain.localhost", check=False)
    assert refused.exit != 0 and refused.status == 0


def test_client_ca_by_flag(gateway, home, version):
    home.h3gw("certgen", "client.localhost", "--client", "--cert-file", "me.pem",
              "--key-file", "me.key")
    front = gateway("--client-ca", home.caroot / CA_CERT, home=home, ready=False)
    known = ["--cert", home.folder / "me.pem", "--key", home.folder / "me.key"]
    front.curl(version, "/get", "--retry", "20", "--retry-delay", "1", "--retry-all-errors", *known)
    assert front.curl(version, "/get", *known).status == 200
    assert front.curl(version, "/get", check=False).exit != 0


def test_client_certificates_need_a_ca(home):
    (home.folder / "no.ini").write_text("[server s]\ntls = mutual\n[route r]\nhandler = echo\n")
    result = home.h3gw("serve", "--config", home.folder / "no.ini")
    assert result.returncode == 1
    assert "no.ini:2" in result.stderr and "client-ca" in result.stderr
