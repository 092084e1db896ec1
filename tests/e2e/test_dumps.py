# SPDX-License-Identifier: GPL-3.0-or-later
"""`h3gw listeners` and its kin, and `h3gw check`: the article's commands with h3gw in istioctl's
place. The shapes are pinned in golden/; tests/README.md says how they were judged by Envoy's own
definitions."""

import base64
import json
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
HOST = "httpbin.quic-corp.com"
ROUTE = "https.443.https.httpbin-gateway.istio-system"

# The example of the article, as a file.
EXAMPLE = """\
[gateway]
http3 = on                      ; PILOT_ENABLE_QUIC_LISTENERS
alt-svc-max-age = 86400
health = 0.0.0.0:15021          ; /healthz/ready
stats = 0.0.0.0:15090           ; /stats/prometheus

[server httpbin-gateway]        ; Gateway.spec.servers[]
listen = 0.0.0.0:8443           ; TCP, and UDP as its mirror
advertise = 443                 ; the port that alt-svc names
hosts = httpbin.quic-corp.com
namespace = istio-system        ; only for the names in the dumps
tls = simple
credential = httpbin-cred

[credential httpbin-cred]
cert = httpbin.crt
key = httpbin.key

[route httpbin]                 ; VirtualService
hosts = httpbin.quic-corp.com
path = /
upstream = httpbin

[upstream httpbin]              ; destination
url = http://127.0.0.1:8000
"""


@pytest.fixture
def example(home):
    made = home.h3gw("certgen", HOST, "--cert-file", home.folder / "httpbin.crt",
                     "--key-file", home.folder / "httpbin.key")
    assert made.returncode == 0, made.stderr
    path = home.folder / "article.ini"
    path.write_text(EXAMPLE)
    return path


def ask(home, *arguments, wanted=0):
    result = home.h3gw(*arguments)
    assert result.returncode == wanted, (arguments, result.stderr)
    return result.stderr if wanted else result.stdout


def test_table_of_the_article(home, example):
    assert ask(home, "listeners", "--config", example).splitlines() == [
        "ADDRESS PORT  MATCH                      DESTINATION",
        f"0.0.0.0 8443  SNI: {HOST} Route: {ROUTE}",
        f"0.0.0.0 8443  SNI: {HOST} Route: {ROUTE}",
        "0.0.0.0 15021 ALL                        Inline Route: /healthz/ready*",
        "0.0.0.0 15090 ALL                        Inline Route: /stats/prometheus*",
    ]


def test_names_of_the_article(home, example):
    shown = json.loads(ask(home, "listeners", "--config", example, "--address", "0.0.0.0",
                           "--port", "8443", "-o", "json"))
    assert [listener["name"] for listener in shown] == ["0.0.0.0_8443", "udp_0.0.0.0_8443"]
    socket = shown[1]["filterChains"][0]["transportSocket"]
    assert socket["name"] == "envoy.transport_sockets.quic"
    assert socket["typedConfig"] == {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.quic.v3."
                 "QuicDownstreamTransport",
        "downstreamTlsContext": {
            "commonTlsContext": {
                "tlsCertificateSdsSecretConfigs": [{
                    "name": "kubernetes://httpbin-cred",
                    "sdsConfig": {"ads": {}, "resourceApiVersion": "V3"}}],
                "alpnProtocols": ["h3"]},
            "requireClientCertificate": False}}


@pytest.mark.parametrize("what", ["listeners", "routes", "upstreams"])
def test_shape(home, example, what):
    shown = json.loads(ask(home, what, "--config", example, "--json"))
    assert shown == json.loads((GOLDEN / f"{what}.json").read_text())


def test_certs(home, example):
    lines = ask(home, "certs", "--config", example).splitlines()
    assert lines[0].split("  ")[0] == "RESOURCE NAME"
    assert lines[1].split()[:5] == ["kubernetes://httpbin-cred", "Cert", "Chain", "ACTIVE", "true"]
    shown = json.loads(ask(home, "certs", "--config", example, "--json"))
    secret = shown["dynamicActiveSecrets"][0]["secret"]
    pem = base64.b64decode(secret["tlsCertificate"]["certificateChain"]["inlineBytes"])
    assert pem == (home.folder / "httpbin.crt").read_bytes()
    key = base64.b64decode(secret["tlsCertificate"]["privateKey"]["inlineBytes"])
    assert key == b"[redacted]"


def test_looking_makes_nothing(home):
    path = home.folder / "auto.ini"
    path.write_text("[server s]\nhosts = a.test\n[route r]\nhandler = echo\n")
    assert "WARMING" in ask(home, "certs", "--config", path)
    assert ask(home, "check", path) == "fine\n"
    assert not home.caroot.exists() or not list(home.caroot.iterdir())


def test_http3_off(home, example):
    example.write_text(EXAMPLE.replace("http3 = on", "http3 = off"))
    shown = json.loads(ask(home, "listeners", "--config", example, "--port", "8443", "--json"))
    assert [listener["name"] for listener in shown] == ["0.0.0.0_8443"]


def test_filters(home, example):
    table = ask(home, "listeners", "--config", example, "--port", "15021", "-o", "short")
    assert table == "ADDRESS PORT  TYPE\n0.0.0.0 15021 HTTP\n"
    assert ask(home, "listeners", "-c", example, "--type", "tcp", "--json") == "[]\n"
    assert "--port" in ask(home, "routes", "-c", example, "--port", "1", wanted=2)


# Two names whose TLS ends at their upstreams, beside one whose requests are seen.
PASSTHROUGH = """\
[server front]
listen = 0.0.0.0:8443
hosts = site.test

[server passed]
listen = 0.0.0.0:8443
hosts = a.test, *.b.test
tls = passthrough

[route site]
hosts = site.test
handler = echo

[route a]
hosts = a.test
upstream = a

[route b]
hosts = *.b.test
upstream = b

[upstream a]
url = https://127.0.0.1:4443

[upstream b]
url = tcp://b.example:5443
"""


@pytest.fixture
def passthrough(home):
    path = home.folder / "passthrough.ini"
    path.write_text(PASSTHROUGH)
    return path


def test_passthrough_table(home, passthrough):
    assert ask(home, "listeners", "-c", passthrough).splitlines() == [
        "ADDRESS PORT MATCH          DESTINATION",
        "0.0.0.0 8443 SNI: site.test Route: https.8443.https.front",
        "0.0.0.0 8443 SNI: *.b.test  Cluster: outbound|5443||b",
        "0.0.0.0 8443 SNI: a.test    Cluster: outbound|4443||a",
        "0.0.0.0 8443 SNI: site.test Route: https.8443.https.front",  # the mirror has only this
    ]
    assert ask(home, "listeners", "-c", passthrough, "-o", "short").splitlines() == [
        "ADDRESS PORT TYPE",
        "0.0.0.0 8443 HTTP+TCP",
        "0.0.0.0 8443 HTTP",
    ]


@pytest.mark.parametrize("what", ["listeners", "upstreams"])
def test_passthrough_shape(home, passthrough, what):
    shown = json.loads(ask(home, what, "-c", passthrough, "--json"))
    assert shown == json.loads((GOLDEN / f"passthrough-{what}.json").read_text())


def test_passthrough_has_no_routes_and_certificates(home, passthrough):
    routes = json.loads(ask(home, "routes", "-c", passthrough, "--json"))
    assert [route["name"] for route in routes] == ["https.8443.https.front"]
    assert [host["domains"] for host in routes[0]["virtualHosts"]] == [["site.test"]]
    assert "passed" not in ask(home, "certs", "-c", passthrough)


def test_passthrough_check_dump(home, passthrough):
    first = ask(home, "check", "--dump", passthrough)
    again = home.folder / "again.ini"
    again.write_text(first)
    assert ask(home, "check", "--dump", again) == first
    assert ask(home, "listeners", "-c", again) == ask(home, "listeners", "-c", passthrough)


def test_type_tcp(home, passthrough):
    """Of the listeners with another type, as istioctl: the very word."""
    def names(kind):
        shown = ask(home, "listeners", "-c", passthrough, "--type", kind, "--json")
        return [listener["name"] for listener in json.loads(shown)]
    assert names("http+tcp") == ["0.0.0.0_8443"]
    assert names("HTTP") == ["udp_0.0.0.0_8443"]
    assert names("TCP") == []
    alone = PASSTHROUGH.replace("0.0.0.0:8443\nhosts = site", "0.0.0.0:9443\nhosts = site")
    passthrough.write_text(alone)
    assert names("tcp") == ["0.0.0.0_8443"]
    assert names("HTTP") == ["0.0.0.0_9443", "udp_0.0.0.0_9443"]


def test_without_config(home):
    said = ask(home, "listeners", wanted=1)
    assert "--config" in said and "no gateway of yours is running" in said
    for command in ("reload", "stop"):  # have no such flag
        said = ask(home, command, wanted=1)
        assert "--config" not in said and "no gateway of yours is running" in said


def test_check_tells_all(home, example):
    assert ask(home, "check", "--config", example) == "fine\n"
    example.write_text(EXAMPLE.replace("tls = simple", "tsl = simple")
                       .replace("upstream = httpbin", "upstream = other")
                       .replace("httpbin.key", "nosuch.key"))
    said = ask(home, "check", example, wanted=1)
    assert f"{example}:12: unknown option tsl" in said
    assert "there is no [upstream other]" in said
    example.write_text(EXAMPLE.replace("httpbin.key", "nosuch.key"))
    said = ask(home, "check", example, wanted=1)
    assert "cannot read" in said and "nosuch.key" in said


def test_check_dump(home, example):
    """What is dumped says the same, wherever it is read."""
    first = ask(home, "check", "--dump", example)
    assert f"cert = {home.folder}/httpbin.crt" in first.splitlines()
    elsewhere = home.folder / "else" / "where.ini"
    elsewhere.parent.mkdir()
    elsewhere.write_text(first)
    assert ask(home, "check", "--dump", elsewhere) == first
    for what in ("listeners", "routes", "upstreams", "certs"):
        assert ask(home, what, "-c", elsewhere, "--json") == ask(home, what, "-c", example, "--json")


def test_check_dump_of_flags(home):
    first = ask(home, "check", "--dump", "--upstream", "http://127.0.0.1:3000", "--host", "a.test",
                "--access-log", "off")
    path = home.folder / "flags.ini"
    path.write_text(first)
    assert "hosts = *" in first.splitlines()
    assert ask(home, "check", "--dump", path) == first


def test_check_dump_of_several_files(home, example):
    """One file comes out, and it says the same as the example in one piece."""
    one = ask(home, "check", "--dump", example)
    gateway, rest = EXAMPLE.split("\n\n", 1)
    parts = home.folder / "parts"
    parts.mkdir()
    (home.folder / "main.ini").write_text("include = parts/*.ini\n" + rest.split("[route")[0])
    (parts / "a.ini").write_text(gateway)
    (parts / "b.ini").write_text("[route" + rest.split("[route")[1])
    dumped = ask(home, "check", "--dump", "main.ini")
    assert "include" not in dumped
    assert sorted(dumped.split("\n\n")) == sorted(one.split("\n\n"))
