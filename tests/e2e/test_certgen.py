# SPDX-License-Identifier: GPL-3.0-or-later
"""`h3gw certgen`, judged by openssl."""

import datetime
import re
import socket
import stat

import pytest

from procs import run
from spellings import CA_CERT, CA_KEY


def openssl(*arguments):
    result = run("openssl", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def certgen(home, *arguments, wanted=0):
    result = home.h3gw("certgen", *arguments)
    assert result.returncode == wanted, (arguments, result.returncode, result.stderr)
    return result


def make(home, *names, flags=()):
    """A leaf; (certificate, key, openssl's text of the certificate)."""
    cert, key = home.folder / "leaf.pem", home.folder / "leaf.key"
    certgen(home, *names, *flags, "--cert-file", cert, "--key-file", key)
    return cert, key, text_of(cert)


def text_of(cert):
    return openssl("x509", "-in", cert, "-noout", "-text", "-nameopt", "RFC2253")


def extension(text, name):
    """(critical, value) of an extension in openssl's text."""
    match = re.search(rf"X509v3 {name}: *(critical)?\s*\n\s*(.*)", text)
    return (bool(match[1]), match[2].strip()) if match else (False, None)


def dates(cert):
    lines = openssl("x509", "-in", cert, "-noout", "-dates").splitlines()
    return [datetime.datetime.strptime(line.split("=")[1], "%b %d %H:%M:%S %Y %Z") for line in lines]


NAMES = ["dev.example", "*.dev.example", "127.0.0.1", "::1"]


@pytest.fixture(params=["P-256", "RSA"])
def kind(request):
    return request.param


def flags_of(kind):
    return ["--rsa"] if kind == "RSA" else []


def test_names(home):
    text = make(home, *NAMES)[2]
    names = [name.strip() for name in extension(text, "Subject Alternative Name")[1].split(",")]
    assert names == ["DNS:dev.example", "DNS:*.dev.example", "IP Address:127.0.0.1",
                     "IP Address:0:0:0:0:0:0:0:1"]


def test_verifies(home, kind):
    cert, key, _ = make(home, *NAMES, flags=flags_of(kind))
    ca = home.caroot / CA_CERT
    for how in (["-verify_hostname", "dev.example"], ["-verify_hostname", "any.dev.example"],
                ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]):
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca, *how, cert)
    other = run("openssl", "verify", "-CAfile", ca, "-verify_hostname", "other.example", cert)
    assert other.returncode != 0
    assert openssl("pkey", "-in", key, "-pubout") == openssl("x509", "-in", cert, "-noout", "-pubkey")


def test_leaf(home, kind):
    cert, key, text = make(home, *NAMES, flags=flags_of(kind))
    if kind == "RSA":
        assert "Public-Key: (2048 bit)" in text
        wanted_usage = {"Digital Signature", "Key Encipherment"}
    else:
        assert "ASN1 OID: prime256v1" in text
        wanted_usage = {"Digital Signature"}
    assert re.search(r"Signature Algorithm: ecdsa-with-SHA256", text)
    assert "Version: 3" in text
    critical, usage = extension(text, "Key Usage")
    assert critical and set(usage.split(", ")) == wanted_usage
    assert "TLS Web Server Authentication" in extension(text, "Extended Key Usage")[1]
    assert extension(text, "Basic Constraints")[1] in (None, "CA:FALSE")
    begin, end = dates(cert)
    now = datetime.datetime.utcnow()
    assert begin <= now < end
    assert (end - begin).days <= 825, "Apple takes no more"
    assert (end - now).days >= 30
    assert int(openssl("x509", "-in", cert, "-noout", "-serial").split("=")[1], 16).bit_length() > 64
    assert "PRIVATE KEY" in key.read_text()


def test_ca(home):
    make(home, "dev.example")
    text = text_of(home.caroot / CA_CERT)
    assert "ASN1 OID: prime256v1" in text
    critical, constraints = extension(text, "Basic Constraints")
    assert critical and constraints == "CA:TRUE, pathlen:0"
    critical, usage = extension(text, "Key Usage")
    assert critical and "Certificate Sign" in usage
    begin, end = dates(home.caroot / CA_CERT)
    assert (end - begin).days > 365 * 5
    subject = openssl("x509", "-in", home.caroot / CA_CERT, "-noout", "-subject", "-issuer")
    lines = [line.split("=", 1)[1].strip() for line in subject.splitlines()]
    assert lines[0] == lines[1] and "h3gw" in lines[0]


def test_key_identifiers(home, kind):
    """The leaf names its issuer's key, so that chains are found."""
    text = make(home, "dev.example", flags=flags_of(kind))[2]
    ca = text_of(home.caroot / CA_CERT)
    authority = extension(text, "Authority Key Identifier")[1].replace("keyid:", "")
    assert authority == extension(ca, "Subject Key Identifier")[1]
    assert extension(text, "Subject Key Identifier")[1] not in (None, authority)


def test_modes(home):
    cert, key, _ = make(home, "dev.example")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((home.caroot / CA_KEY).stat().st_mode) == 0o600
    assert stat.S_IMODE(cert.stat().st_mode) & 0o444 == 0o444


def test_nothing_is_overwritten(home):
    cert, key, _ = make(home, "dev.example")
    before = cert.read_bytes(), key.read_bytes()
    refused = certgen(home, "dev.example", "--cert-file", cert, "--key-file", key, wanted=1)
    assert "--force" in refused.stderr and "leaf.pem" in refused.stderr
    refused = certgen(home, "dev.example", "--cert-file", home.folder / "new.pem", "--key-file", key,
                      wanted=1)
    assert "leaf.key" in refused.stderr
    assert not (home.folder / "new.pem").exists(), "half of a pair"
    assert (cert.read_bytes(), key.read_bytes()) == before
    certgen(home, "dev.example", "--cert-file", cert, "--key-file", key, "--force")
    assert cert.read_bytes() != before[0] and key.read_bytes() != before[1]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not [path for path in home.folder.iterdir() if "tmp" in path.name.lower()]


def test_ca_is_reused(home):
    make(home, "one.example")
    ca = (home.caroot / CA_CERT).read_bytes(), (home.caroot / CA_KEY).read_bytes()
    certgen(home, "two.example", "--cert-file", "two.pem", "--key-file", "two.key")
    assert ca == ((home.caroot / CA_CERT).read_bytes(), (home.caroot / CA_KEY).read_bytes())
    serials = {openssl("x509", "-in", home.folder / name, "-noout", "-serial")
               for name in ("leaf.pem", "two.pem")}
    assert len(serials) == 2


def test_default_file_names(home):
    """As mkcert has them: the first name, and how many more."""
    certgen(home, "*.dev.example", "dev.example", "127.0.0.1")
    assert (home.folder / "_wildcard.dev.example+2.pem").exists()
    assert (home.folder / "_wildcard.dev.example+2-key.pem").exists()
    certgen(home, "::1")
    assert (home.folder / "__1.pem").exists()
    result = certgen(home, "plain.example")
    assert "plain.example.pem" in result.stdout + result.stderr
    assert (home.folder / "plain.example-key.pem").exists()


@pytest.mark.parametrize("arguments", [
    [], ["not a name"], ["*.*.example"], ["a..b"], ["-x"], ["300.1.1.1.1:"], ["--rsa=17", "a.example"],
    ["a" * 64 + ".example"], ["dev.example", "--cert-file"],
], ids=" ".join)
def test_wrong_usage(home, arguments):
    certgen(home, *arguments, wanted=2)
    assert not list(home.folder.glob("*.pem"))


def test_folder_that_is_not_there(home):
    result = certgen(home, "a.example", "--cert-file", "/no/such/folder/a.pem", "--key-file", "a.key",
                     wanted=1)
    assert "/no/such/folder" in result.stderr
    assert not (home.folder / "a.key").exists()


def test_default_place_of_the_ca(home):
    """Without H3GW_CAROOT the CA is under XDG_DATA_HOME, and else under ~/.local/share."""
    for variable, base in (("XDG_DATA_HOME", home.folder / "data"),
                           ("HOME", home.folder / "home" / ".local" / "share")):
        env = dict(home.env, H3GW_CAROOT="")
        if variable == "HOME":
            env["XDG_DATA_HOME"] = ""
        result = home.h3gw("certgen", "a.example", "--force", env=env)
        assert result.returncode == 0, result.stderr
        assert (base / "h3gw" / CA_CERT).exists()
        assert stat.S_IMODE((base / "h3gw" / CA_KEY).stat().st_mode) == 0o600


def test_serve_uses_it(home, gateway, version):
    cert, key, _ = make(home, "rsa.example", flags=["--rsa"])
    front = gateway("--cert", cert, "--key", key, home=home, host="rsa.example")
    assert front.curl(version, "/get").status == 200


def test_host_name(home):
    name = socket.gethostname()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name):
        pytest.skip(f"the host name {name!r} is none for a certificate")
    assert f"DNS:{name}" in make(home, name)[2]
