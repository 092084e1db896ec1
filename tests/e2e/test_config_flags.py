# SPDX-License-Identifier: GPL-3.0-or-later
"""Every flag of serve has a form in the file, and the other way round: `h3gw check --dump` of the one
and of the other are the same. The options come from ini/reference.ini, which scripts/options makes
from the table of options."""

import re

import pytest

from procs import REPO

OPTION = re.compile(r"((?:^; .*\n)+)^;?([a-z0-9-]+) = ?(.*)$", re.M)


def options():
    """(section, key, kind of value, default, flag or None)"""
    found = []
    for part in re.split(r"\n\n;?(?=\[)", (REPO / "ini" / "reference.ini").read_text())[1:]:
        for comment, key, standard in OPTION.findall(part):
            words = comment.replace("\n; ", " ").strip("; \n")
            flag = re.search(r" --([a-z0-9-]+)$", words)
            found.append((re.match(r"\[(\w+)", part)[1], key, words.split(": ")[0], standard,
                          flag and flag[1]))
    return found


OPTIONS = options()

# What makes a server, its credential, a route or an upstream: flags, and the sections that say so.
LOCAL = "[server local]\nlisten = localhost:8443\n"
ALL_ECHO = "[route all]\nhandler = echo\n"
ALL_APP = "[route all]\nupstream = app\n[upstream app]\n"
MAKERS = {
    "nothing": ([], LOCAL + ALL_ECHO),
    "echo": (["--echo"], LOCAL + ALL_ECHO),
    "listen": (["--listen=127.0.0.1:1", "-l", ":2"],
               "[server local]\nlisten = 127.0.0.1:1\nlisten = :2\n" + ALL_ECHO),
    "host": (["--host=a.test", "--host=b.test,c.test"],
             "[server local]\nlisten = localhost:8443\nhosts = a.test, b.test, c.test, *\n" + ALL_ECHO),
    "upstream": (["--upstream=http://127.0.0.1:1", "-u", "unix:/s"],
                 LOCAL + ALL_APP + "url = http://127.0.0.1:1\nurl = unix:/s\n"),
    "cert": (["--cert=a.pem", "--key=a.key"],
             LOCAL + "credential = given\n[credential given]\ncert = a.pem\nkey = a.key\n" + ALL_ECHO),
    "client-ca": (["--client-ca=a.pem"], LOCAL + "credential = given\ntls = mutual\n"
                  "[credential given]\nclient-ca = a.pem\n" + ALL_ECHO),
    "route": (["--route=/api=http://127.0.0.1:1", "-r", "a.test/x=http://127.0.0.1:2", "--upstream",
               "http://127.0.0.1:3"],
              "[server local]\nlisten = localhost:8443\nhosts = localhost, a.test, *\n"
              "[route route1]\npath = /api\nupstream = route1\n"
              "[route route2]\nhosts = a.test\npath = /x\nupstream = route2\n" + ALL_APP
              + "url = http://127.0.0.1:3\n[upstream route1]\nurl = http://127.0.0.1:1\n"
              "[upstream route2]\nurl = http://127.0.0.1:2\n"),
}
SCALARS = [option for option in OPTIONS if option[4] and option[4] not in (*MAKERS, "key")]


def another(kind, standard):
    """A value that is not the default."""
    if kind in ("TIME", "SIZE", "N", "PORT"):
        digits = re.match(r"\d+", standard)[0]
        return str(int(digits) + 1) + standard[len(digits):]
    if kind.startswith("ADDR:PORT"):
        return "127.0.0.1:9"
    if kind.startswith("FILE"):
        return "some/file"
    return [word for word in kind.split("|") if word != standard][-1]


def dump(home, *words):
    result = home.h3gw("check", "--dump", *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def home(shared):
    made = shared.home()
    assert made.h3gw("certgen", "a.test", "--cert-file=a.pem", "--key-file=a.key").returncode == 0
    (made.folder / "base.ini").write_text(dump(made))
    return made


@pytest.mark.parametrize("option", SCALARS, ids=[option[4] for option in SCALARS])
def test_scalar(home, option):
    section, key, kind, standard, flag = option
    value = another(kind, standard)
    base = (home.folder / "base.ini").read_text()
    said, count = re.subn(rf"(\n\[{section}\b[^\[]*?\n);?{key} =.*", rf"\1{key} = {value}", "\n" + base)
    assert count == 1
    (home.folder / "said.ini").write_text(said)
    by_flag = dump(home, f"--{flag}={value}")
    assert by_flag != base
    assert by_flag == dump(home, "said.ini")
    assert by_flag == dump(home, "--config", "base.ini", f"--{flag}={value}")


@pytest.mark.parametrize("name", MAKERS)
def test_what_makes_something(home, name):
    words, text = MAKERS[name]
    (home.folder / "said.ini").write_text(text)
    assert sections(dump(home, *words)) == sections(dump(home, "said.ini"))


def sections(text):
    """Their order is no matter."""
    return sorted(text.strip().split("\n\n"))


def test_all_options_of_the_gateway_have_a_flag():
    assert [key for section, key, _, _, flag in OPTIONS if section == "gateway" and flag != key] == [
        "include"]


def test_all_flags_are_in_the_table(home):
    shown = set(re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)", home.h3gw("serve", "--help").stdout, re.M))
    assert shown == {*MAKERS, *(option[4] for option in SCALARS), "key", "config", "help"} - {"nothing"}
