# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Chromium. Judged is what the server saw; what the browser says of itself is
looked at too. The facts about trust and flags are those of the start screen (src/gateway/screen.c):
when one of these tests fails with a newer Chromium, it has to change."""

import re
import shlex

import pytest

from browser import Browser
from procs import free_port, wait_for
from spellings import CA_CERT

LOADS = 6  # of a page, for what never happens


def seen(front):
    """[(version, path)] of the access log, without what the test's own clients asked for."""
    lines = front.server.out.splitlines()
    return [(match[2], match[1]) for line in lines if "Chrome" in line
            and (match := re.search(r'"[A-Z]+ (\S+) (HTTP/\S+)" ', line))]


def versions(front):
    return {version for version, _ in seen(front)}


@pytest.fixture
def serve(gateway):
    """On both addresses of localhost: Chromium's QUIC tries only the first, which is ::1."""
    def start(*arguments, port=None, **options):
        port = port or free_port()
        return gateway("--access-log=-", "--drain-timeout", "1s", *arguments, port=port,
                       listen=[f"--listen=localhost:{port}"], **options)
    return start


@pytest.fixture
def echo(serve):
    return serve()


@pytest.fixture
def browse(tmp_path):
    """Starts browsers, and ends them before the gateway ends."""
    browsers = []

    def start(*flags, **options):
        folder = tmp_path / f"browser{len(browsers)}"
        folder.mkdir()
        browsers.append(Browser(folder, *flags, **options))
        return browsers[-1]
    yield start
    for browser in browsers:
        browser.close()


def ca_of(front):
    return front.home.caroot / CA_CERT


def forced(front):
    return f"--origin-to-force-quic-on={front.authority}"


def test_start_page(echo, browse):
    """With the CA trusted, one flag makes it HTTP/3 from the first byte."""
    page = browse(forced(echo), ca=ca_of(echo)).open(echo.url())
    assert "h3gw" in page.run("document.title")
    wait_for(lambda: page.run("document.getElementById('now').textContent") == "h3",
             "the page to tell its version")
    assert set(page.protocols().values()) == {"h3"}
    facts = page.run("fetch('/h3gw').then(r => r.json())")
    assert facts["protocol"] == "h3"
    assert facts["tls"]["version"] == "TLSv1.3"
    assert facts["quic"]["version"] == "0x00000001"
    wait_for(lambda: ("HTTP/3.0", "/h3gw") in seen(echo), "the access log")
    assert versions(echo) == {"HTTP/3.0"}


def launch_line(front, profile):
    """The flags of the line that the start screen shows."""
    line = next(line for line in front.server.said.splitlines() if "--origin-to-force-quic-on" in line)
    words = shlex.split(line.replace("$(mktemp -d)", shlex.quote(str(profile))))
    assert words[:2] == ["browser", "chromium"]
    return words[2:-1], words[-1]


@pytest.mark.parametrize("place", ["localhost", "127.0.0.1"])
def test_launch_line_of_the_start_screen(gateway, browse, tmp_path, place):
    """It works with a CA that nobody trusts, and where only IPv4 is listened on."""
    port = free_port()
    front = gateway("--access-log=-", "--drain-timeout", "1s", port=port,
                    listen=[f"--listen={place}:{port}"])
    flags, url = launch_line(front, tmp_path / "profile of its own")
    page = browse(*flags).open(url)
    assert page.run("document.title")
    assert page.run("fetch('/h3gw').then(r => r.json())")["protocol"] == "h3"
    wait_for(lambda: ("HTTP/3.0", "/h3gw") in seen(front), "the access log")
    assert versions(front) == {"HTTP/3.0"}


def test_trust_alone_is_h2_for_ever(echo, browse):
    """Chromium heeds no alt-svc of a CA that is not built in: nobody should wait for it."""
    assert echo.curl("h2", "/").get("alt-svc").startswith("h3=")
    page = browse(ca=ca_of(echo)).open(echo.url())
    for i in range(LOADS):
        assert page.run(f"fetch('/h3gw?{i}').then(r => r.json())")["protocol"] == "h2"
        page.go(echo.url())
    assert versions(echo) == {"HTTP/2.0"}


def test_trust_alone_is_not_enough_for_quic(echo, browse):
    """Forced to QUIC without trust: the client says no, and the server stays well."""
    browser = browse(forced(echo))
    page = browser.open("about:blank")
    assert page.fails(echo.url()) == "net::ERR_QUIC_PROTOCOL_ERROR"
    assert echo.curl("h3", "/get").status == 200
    assert seen(echo) == []


@pytest.fixture
def site(factory):
    return factory.app(script="site.mjs")


def test_real_app(serve, site, browse):
    """A page with all that pages have; everything over HTTP/3."""
    front = serve("--upstream", site.url)
    page = browse(forced(front), ca=ca_of(front)).open(front.url())
    images = page.run("[...document.images].map(i => [i.complete, i.naturalWidth])")
    assert images == [[True, 100]] * 24
    assert page.run("window.answer") == 42

    uploaded = page.run("upload(3000000)")
    assert uploaded["length"] == 3000000
    assert uploaded["sha256"] == uploaded["wanted"]

    form = page.run("form()")
    assert form["type"].startswith("multipart/form-data; boundary=")
    assert "value \u20ac" in form["text"] and "in the file" in form["text"]

    # Each event comes only after the page has seen the one before.
    assert page.run("events(5)") == [f"event {i}" for i in range(5)]
    wait_for(lambda: site.control("")["listeners"] == 0, "the app to hear that the page closed it")

    assert set(page.protocols().values()) == {"h3"}
    saw = site.control("")["log"]
    assert {(entry["proto"], entry["version"]) for entry in saw} == {("https", "h3")}
    assert "seen=1" in next(entry["cookie"] for entry in saw if entry["url"] == "/upload")
    wanted = {"/events", *(f"/image/{i}.png" for i in range(24))}
    wait_for(lambda: wanted <= {path for _, path in seen(front)}, "the access log")
    assert versions(front) == {"HTTP/3.0"}


def test_reload_and_a_gateway_that_starts_anew(serve, site, browse):
    """Reloads share the connection; after a restart the page loads again."""
    front = serve("--upstream", site.url)
    page = browse(forced(front), ca=ca_of(front)).open(front.url())
    for _ in range(3):
        page.go(front.url())
    front.server.close()
    again = serve("--upstream", site.url, home=front.home, port=front.port)
    page.go(again.url())
    assert page.run("document.images.length") == 24
    assert set(page.protocols().values()) == {"h3"}
    assert again.curl("h3", "/style.css").status == 200
    assert versions(front) | versions(again) == {"HTTP/3.0"}
