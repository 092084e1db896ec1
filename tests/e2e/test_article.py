# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo of the article that h3gw comes from: httpbin behind a gateway, asked
with curl over HTTP/2 and then over HTTP/3."""

import pytest

from clients import HTTP_VERSION, curl_path, parse_heads
from procs import free_port, run

HOST = "httpbin.quic-corp.com"


@pytest.fixture(scope="module")
def demo(shared):
    port = free_port()  # the article's 8443 may be somebody's
    return shared.gateway("--host", HOST, "--listen", f"0.0.0.0:{port}", "--alt-svc-port", "443",
                          listen=[], port=port, host=HOST)


@pytest.mark.parametrize("version", ["h2", "h3"])
def test_headers(demo, version):
    flag = {"h2": "--http2", "h3": "--http3"}[version]
    result = run(curl_path(), "-q", "-svk", flag, "--max-time", "30", "-D", "/dev/stderr",
                 "--resolve", f"{HOST}:{demo.port}:127.0.0.1", f"https://{HOST}:{demo.port}/headers")
    assert result.returncode == 0, result.stderr
    assert f"< HTTP/{HTTP_VERSION[version]} 200" in result.stderr
    assert '< alt-svc: h3=":443"; ma=86400' in result.stderr
    assert "< content-type: application/json" in result.stderr
    assert "< access-control-allow-origin: *" in result.stderr
    assert "< access-control-allow-credentials: true" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[:2] == ["{", '  "headers": {']
    assert '    "Accept": "*/*",' in [line.rstrip() for line in lines]
    assert any(line.startswith('    "User-Agent": "curl/8.') for line in lines)


def test_certificate_of_the_name(demo, version):
    """What the article skips with -k: the certificate is right, for who knows the CA."""
    response = demo.curl(version, "/headers")
    assert response.status == 200
    assert response.json()["headers"]["Host"] == f"{HOST}:{demo.port}"
    assert response.get("alt-svc") == 'h3=":443"; ma=86400'


def test_upgrade_by_alt_svc(gateway, tmp_path):
    """A client that keeps an alt-svc cache comes by HTTP/3 the second time."""
    cache = tmp_path / "alt-svc"
    gateway = gateway("--host", HOST, host=HOST)
    first = gateway.curl("h2", "/headers", "--alt-svc", cache)
    assert first.get("alt-svc") == f'h3=":{gateway.port}"; ma=86400'
    assert f"h3 {HOST} {gateway.port}" in cache.read_text()
    command = [curl_path(), "-q", "-sS", "--max-time", "30", "--alt-svc", cache,
               "-D", "/dev/stderr", "-o", "/dev/null", *gateway.curl.arguments(),
               gateway.url("/headers")]
    result = run(*command)
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("HTTP/3 200"), result.stderr
    assert parse_heads(result.stderr).get("alt-svc")
