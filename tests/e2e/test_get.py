# SPDX-License-Identifier: GPL-3.0-or-later
"""`h3gw get`, against the gateway and against a Node server (OpenSSL)."""

import json
import re

import pytest

from clients import HTTP_VERSION
from procs import assert_no_report, free_port
from spellings import CA_CERT, GET_VERSION
from upstreams import answer, content


@pytest.fixture(scope="module")
def echo(shared):
    return shared.gateway()


def get(gateway, *arguments, wanted=0, ca=True, timeout=60):
    """`h3gw get` with a home of the gateway's, so that it knows the CA only when told."""
    more = ["--cacert", gateway.home.caroot / CA_CERT] if ca else []
    result = gateway.home.h3gw("get", *arguments, *more, timeout=timeout,
                               env={"H3GW_CAROOT": str(gateway.home.folder / "no-ca")})
    assert result.returncode == wanted, (result.returncode, result.stdout, result.stderr)
    assert_no_report(result.stderr)
    return result


def test_get(echo, version):
    result = get(echo, GET_VERSION[version], echo.url("/get?a=b"))
    seen = json.loads(result.stdout)
    assert seen["args"] == {"a": "b"}
    assert seen["headers"]["User-Agent"].startswith("h3gw/")


def test_protocol(echo, version):
    result = get(echo, GET_VERSION[version], echo.url("/h3gw"))
    assert {"h1": "http/1.1", "h2": "h2", "h3": "h3"}[version] in result.stdout.lower()


def test_method_fields_and_body(echo, version, tmp_path):
    (tmp_path / "body").write_bytes(b'{"from": "a file"}')
    result = get(echo, GET_VERSION[version], "-X", "PUT", "-H", "Content-Type: application/json",
                 "-H", "X-Two: 2", "-d", f"@{tmp_path}/body", echo.url("/put"))
    seen = json.loads(result.stdout)
    assert seen["json"] == {"from": "a file"}
    assert seen["headers"]["X-Two"] == "2"
    assert seen["headers"]["Content-Length"] == "18"


def test_data_makes_it_a_post(echo, version):
    result = get(echo, GET_VERSION[version], "--data", "a=1&b=2", echo.url("/post"))
    assert json.loads(result.stdout)["form"] == {"a": "1", "b": "2"}


def test_output_file(front, version, tmp_path):
    size = 20_000_000
    result = get(front, GET_VERSION[version], "-o", tmp_path / "out", front.url(f"/blob/{size}"))
    assert (tmp_path / "out").read_bytes() == content(size)
    assert result.stdout == ""


def test_upload(front, version, tmp_path):
    (tmp_path / "in").write_bytes(content(20_000_000))
    result = get(front, GET_VERSION[version], "-X", "POST", "-d", f"@{tmp_path}/in",
                 front.url("/echo"), "-o", tmp_path / "out")
    assert result.returncode == 0
    assert (tmp_path / "out").read_bytes() == content(20_000_000)


def test_head(front, version):
    result = get(front, GET_VERSION[version], "-X", "HEAD", "-v", front.url("/blob/1000"))
    assert result.stdout == ""
    assert re.search(r"content-length: 1000", result.stderr, re.I)


def test_verbose(echo, version):
    said = get(echo, GET_VERSION[version], "-v", echo.url("/get")).stderr
    assert re.search(r"TLS ?v?1\.3", said)
    assert re.search(r"AES.?128.?GCM|CHACHA20", said, re.I)
    assert "X25519MLKEM768" in said.upper().replace("_", "")
    assert {"h1": "http/1.1", "h2": "h2", "h3": "h3"}[version] in said
    assert re.search(r"HTTP/" + re.escape(HTTP_VERSION[version]) + r"(\.0)? 200", said)
    assert re.search(r"content-type: application/json", said, re.I)
    assert re.search(r"\d(\.\d+)? ?ms", said), "no timings"


def test_quiet_without_verbose(echo):
    assert get(echo, "--http3", echo.url("/get")).stderr == ""


def test_alt_svc_is_told_and_followed(echo):
    """The first request goes over TCP, what follows goes where alt-svc pointed."""
    result = get(echo, echo.url("/h3gw"), echo.url("/h3gw"))
    first, second = result.stdout.split("}\n{")
    assert '"h2"' in first and '"h3"' not in first
    assert '"h3"' in second
    assert re.search(rf"alt-svc.*h3.*{echo.port}", result.stderr)


def test_no_alt_svc_without_http3(gateway):
    front = gateway("--http3=off")
    result = get(front, front.url("/get"))
    assert result.returncode == 0
    assert "h3" not in result.stderr.replace("h3gw", "")


def test_status_is_no_failure(echo, version):
    """As with curl: an answer is an answer."""
    result = get(echo, GET_VERSION[version], "-v", echo.url("/status/418"))
    assert "teapot" in result.stdout
    assert "418" in result.stderr


def test_untrusted_certificate(echo, version):
    result = get(echo, GET_VERSION[version], echo.url("/get"), ca=False, wanted=1)
    assert "certificate" in result.stderr
    assert result.stdout == ""
    get(echo, GET_VERSION[version], "--insecure", echo.url("/get"), ca=False)
    get(echo, GET_VERSION[version], "-k", echo.url("/get"), ca=False)


def test_certificate_of_another_name(echo, version):
    url = f"https://other.example:{echo.port}/get"
    resolve = ["--resolve", f"other.example:{echo.port}:127.0.0.1"]
    result = get(echo, GET_VERSION[version], *resolve, url, wanted=1)
    assert "other.example" in result.stderr
    assert get(echo, GET_VERSION[version], *resolve, "-k", url).returncode == 0


def test_resolve(gateway, version):
    front = gateway("--host", "far.example")
    result = get(front, GET_VERSION[version], "--resolve", f"far.example:{front.port}:127.0.0.1",
                 f"https://far.example:{front.port}/headers")
    assert json.loads(result.stdout)["headers"]["Host"] == f"far.example:{front.port}"


def test_nobody_listens(echo, version):
    port = free_port()
    result = get(echo, GET_VERSION[version], f"https://127.0.0.1:{port}/", wanted=1)
    assert str(port) in result.stderr


def test_cut_body_is_a_failure(gateway, raw, version):
    front = gateway("--upstream", raw(answer(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")).url)
    result = get(front, GET_VERSION[version], front.url("/"), wanted=1)
    assert result.stderr


def test_trailers_and_early_hints_are_shown(front, version):
    said = get(front, GET_VERSION[version], "-v", front.url("/trailers")).stderr
    assert re.search("x-checksum: abc123", said, re.I)
    said = get(front, GET_VERSION[version], "-v", front.url("/early")).stderr
    assert "103" in said and "/style.css" in said


@pytest.mark.parametrize("arguments", [
    [], ["not-a-url"], ["ftp://localhost/"], ["https://localhost/", "--resolve", "nonsense"],
    ["https://localhost/", "-H", "no colon"], ["https://localhost/", "--http4"],
    ["https://localhost/", "-X", "GE T"],
], ids=" ".join)
def test_wrong_usage(home, arguments):
    assert home.h3gw("get", *arguments).returncode == 2


def test_files_that_are_not_there(echo):
    result = get(echo, echo.url("/post"), "-d", "@/no/such/file", wanted=1)
    assert "/no/such/file" in result.stderr
    result = get(echo, echo.url("/get"), "-o", "/no/such/folder/out", wanted=1)
    assert "/no/such/folder/out" in result.stderr


# Another server than ours

@pytest.fixture(scope="module")
def node(shared):
    home = shared.home()
    made = home.h3gw("certgen", "localhost", "127.0.0.1", "--cert-file", "n.pem", "--key-file", "n.key")
    assert made.returncode == 0, made.stderr
    app = shared.app(name="node", tls=(home.folder / "n.pem", home.folder / "n.key"))
    app.home = home
    return app


@pytest.mark.parametrize("tcp_version", ["h1", "h2"])
def test_against_node(node, tcp_version, tmp_path):
    flag, base = GET_VERSION[tcp_version], f"https://localhost:{node.port}"
    ca = ["--cacert", node.home.caroot / CA_CERT]
    (tmp_path / "in").write_bytes(content(3_000_000))
    seen = json.loads(node.home.h3gw("get", flag, *ca, base + "/inspect", "-X", "POST",
                                     "-d", f"@{tmp_path}/in").stdout)
    assert seen["httpVersion"] == {"h1": "1.1", "h2": "2.0"}[tcp_version]
    assert seen["length"] == 3_000_000
    result = node.home.h3gw("get", flag, *ca, base + "/blob/5000000?chunked", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out").read_bytes() == content(5_000_000)
