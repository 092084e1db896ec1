# SPDX-License-Identifier: GPL-3.0-or-later
"""The binary itself, its help and its licences."""

import json
import os
import re
import shutil

import pytest

from procs import H3GW, INSTRUMENTED, REPO, run

release_only = pytest.mark.skipif(INSTRUMENTED, reason="a sanitizer build is dynamic")


@release_only
def test_is_static():
    said = run("file", "-b", H3GW).stdout if shutil.which("file") else "static-pie linked"
    assert re.search(r"static(ally|-pie) linked", said), said
    headers = run("readelf", "--wide", "--program-headers", "--dynamic", H3GW).stdout
    assert "INTERP" not in headers and "(NEEDED)" not in headers


@release_only
def test_is_hardened():
    headers = run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", H3GW).stdout
    assert re.search(r"Type:\s+DYN", headers), "no position-independent executable"
    assert "GNU_RELRO" in headers
    assert re.search(r"GNU_STACK.* RW ", headers), "an executable stack"
    assert "TEXTREL" not in headers


@release_only
def test_is_small_and_stripped():
    assert H3GW.stat().st_size < 6 * 1024 * 1024
    assert ".symtab" not in run("readelf", "--wide", "--sections", H3GW).stdout


@release_only
def test_holds_no_path_of_this_machine():
    data = H3GW.read_bytes()
    for path in (str(REPO), os.path.expanduser("~/.cache")):
        assert path.encode() not in data, path


def test_version(home):
    result = home.h3gw("version")
    assert result.returncode == 0
    assert re.match(r"h3gw \d+\.\d+", result.stdout)
    assert home.h3gw("--version").stdout.splitlines()[0] == result.stdout.splitlines()[0]


def test_version_json(home):
    facts = json.loads(home.h3gw("version", "--json").stdout)
    assert home.h3gw("version").stdout.startswith(f"h3gw {facts['version']}\n")
    assert {"h3gw", *LIBRARIES} <= {part["name"].lower() for part in facts["parts"]}
    assert all(set(part) == {"name", "version", "license"} for part in facts["parts"])
    whole = json.loads(home.h3gw("version", "--json", "--licenses").stdout)
    assert all(len(part.pop("text")) > 100 for part in whole["parts"])
    assert whole == facts


LIBRARIES = ["ngtcp2", "nghttp3", "nghttp2", "llhttp", "wolfssl", "libev", "inih", "c-ares", "yyjson",
             "glibc", *([] if INSTRUMENTED else ["mimalloc"])]


def test_licences(home):
    said = home.h3gw("version", "--licenses").stdout
    assert "GPL-3.0-or-later" in said or "GNU GENERAL PUBLIC LICENSE" in said.upper()
    for library in LIBRARIES:
        assert re.search(rf"\b{re.escape(library)}\b", said, re.I), library


COMMANDS = ["serve", "certgen", "get", "version"]


def test_help(home):
    said = home.h3gw("help")
    assert said.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\b", said.stdout, re.M), command
    assert home.h3gw("--help").stdout == said.stdout
    assert home.h3gw("-h").stdout == said.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(home, command):
    one, two = home.h3gw("help", command), home.h3gw(command, "--help")
    assert (one.returncode, two.returncode) == (0, 0)
    assert one.stdout == two.stdout
    assert command in one.stdout and not one.stderr
    assert max(map(len, one.stdout.splitlines())) <= 100
    assert "\033[" not in one.stdout


SERVE_FLAGS = ["--listen", "--upstream", "--config", "--cert", "--key", "--host", "--http3",
               "--alt-svc-port", "--alt-svc-max-age", "--access-log", "--log-level", "--keylog"]


def test_help_names_every_flag(home):
    said = home.h3gw("help", "serve").stdout
    readme = (REPO / "README.md").read_text()
    for flag in SERVE_FLAGS:
        assert re.search(rf"{flag}\b", said), flag
        assert re.search(rf"{flag}\b", readme), f"{flag} is not in README.md"


def test_no_command(home):
    result = home.h3gw()
    assert result.returncode == 2
    assert "serve" in result.stderr and result.stdout == ""


@pytest.mark.parametrize("words", ["version", "version --licenses", "version --json", "help", "help serve"])
@pytest.mark.parametrize("nowhere", ["> /dev/full", ">&-"])
def test_result_that_cannot_be_written(home, words, nowhere):
    """A full disk is a failure, not a success."""
    result = run("sh", "-c", f"'{H3GW}' {words} {nowhere}", env=home.env)
    assert result.returncode == 1
