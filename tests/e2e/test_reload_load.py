# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload every second while clients of all versions ask as fast as they can (H3GW_LONG=1: for a
minute)."""

import itertools
import json
import os
import threading

import pytest

from live import ONE, UPSTREAM, Live
from loads import Load
from procs import wait_for

SECONDS = 60 if os.environ.get("H3GW_LONG") else 10


@pytest.mark.parametrize("count", [1, 4])
def test_reload_every_second(factory, count):
    """security.md: 0 failed requests. Nor is one answered by a configuration that is older than
    its connection, nor does a connection change over to another one. H3GW_LONG=1: a minute."""
    live = Live(factory, numbered(0), "--workers", count)
    state = {"number": 0}

    def judge(facts, body):
        number = int(body)
        if number < facts["at_least"]:
            return f"{number}, though {facts['at_least']} was there before the connection"
        if facts.setdefault("number", number) != number:
            return f"{number} on a connection that was begun with {facts['number']}"
        return None

    with Load(live, begin=lambda: {"at_least": state["number"]}, judge=judge) as load:
        tick = threading.Event()
        for number in itertools.count(1):
            live.reload(numbered(number))
            state["number"] = number
            tick.wait(1)  # the pace is what is asked for
            assert not load.faults, load.faults
            if number >= SECONDS and load.answered > 20 * SECONDS:  # slow machines need more reloads
                break
        wait_for(lambda: all(client.answered for client in load.clients), "all to be served")
    load.check()


def numbered(number):
    """A configuration that answers with its number. Every second one has other servers, routes and
    listeners beside."""
    text = ONE.replace("= one", f"= {number}")
    if number % 2:
        text += "[server more]\nlisten = 127.0.0.1:{port}\nhosts = more.localhost\n"
        text += "[route more]\nhosts = more.localhost\nhandler = echo\n"
    return text


def test_reload_under_the_load_of_an_app(factory, app):
    """The same with an upstream, whose connections each configuration has for itself."""
    one = UPSTREAM.replace("URL", app().url)
    other = one.replace("[route all]", "[route all]\nset-request-header = x-more: 1")
    live = Live(factory, one, "--workers=4")
    judge = (lambda _, body: None if json.loads(body)["url"] == "/inspect" else body)
    with Load(live, "/inspect", judge=judge, count=1) as load:
        for number in range(8):
            wait_for(lambda: load.answered > number * 40 or load.faults, "some answers", 60)
            live.reload(other if number % 2 == 0 else one)
    load.check()
