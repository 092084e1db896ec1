# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Chromium, headless, driven over a pipe (the DevTools protocol: JSON texts, each
with a NUL behind it). A profile and an NSS database of its own: the machine is not changed."""

import json
import os
import select
import shutil
import signal
import subprocess
import time

from procs import run

# What makes it quiet and quick; nothing here has to do with HTTP/3.
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-extensions",
         "--disable-dev-shm-usage", "--remote-debugging-pipe"]


def chromium_path():
    path = shutil.which("chromium")
    assert path, "no chromium here: ./build.sh test installs it"
    return path


def trust(home, ca):
    """Puts a CA into the NSS database of this home, where Chromium looks for it."""
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    database = f"sql:{folder}"
    for command in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "h3gw", "-i", str(ca)]):
        result = run("certutil", "-d", database, *command)
        assert result.returncode == 0, result.stderr


class Browser:
    """with Browser(folder, flag, …, ca=FILE) as browser: page = browser.open(url)"""

    def __init__(self, folder, *flags, ca=None, limit=180):
        self.folder, self.end = folder, time.monotonic() + limit
        self.home, self.profile = folder / "home", folder / "profile"
        self.home.mkdir()
        if ca:
            trust(self.home, ca)
        self.number, self.rest, self.events = 0, b"", []
        own = [] if any(flag.startswith("--user-data-dir=") for flag in flags) else [
            f"--user-data-dir={self.profile}"]
        self.start([chromium_path(), *QUIET, *own, *flags, "about:blank"])

    def start(self, command):
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("XDG_", "DBUS_"))} | {"HOME": str(self.home)}
        reads, self.to = os.pipe()
        self.source, writes = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4.
        words = ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "bash", *command]
        with open(self.folder / "chromium.log", "wb") as log:
            self.process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, pass_fds=(reads, writes),
                                            start_new_session=True)
        os.close(reads)
        os.close(writes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """As a user would, so that its connections end; then whatever is left."""
        try:
            self.ask("Browser.close")
            self.process.wait(10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            pass  # it has ended, or it never will
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the helpers it started are in its session
        except ProcessLookupError:
            pass
        self.process.wait(10)
        os.close(self.to)
        os.close(self.source)

    # --- the protocol ---

    def log(self):
        return (self.folder / "chromium.log").read_text(errors="replace")

    def receive(self):
        """The next message."""
        while b"\0" not in self.rest:
            left = self.end - time.monotonic()
            ready = left > 0 and select.select([self.source], [], [], left)[0]
            assert ready, f"Chromium was too slow:\n{self.log()}"
            data = os.read(self.source, 65536)
            assert data, f"Chromium ended:\n{self.log()}"
            self.rest += data
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def ask(self, method, session=None, **params):
        """One command, to its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            got = self.receive()
            if got.get("id") == message["id"]:
                assert "error" not in got, f"{method}: {got['error']}"
                return got["result"]
            if "method" in got:
                self.events.append(got)

    def wait_event(self, method, session):
        """The next event of that name which nobody has taken yet."""
        while True:
            for i, event in enumerate(self.events):
                if event["method"] == method and event.get("sessionId") == session:
                    return self.events.pop(i)
            got = self.receive()
            if "method" in got:
                self.events.append(got)

    def open(self, url):
        """A new tab with this page, loaded to its end."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.ask("Target.attachToTarget", targetId=target,
                                   flatten=True)["sessionId"])
        page.go(url)
        return page


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        browser.ask("Page.enable", session)

    def go(self, url):
        self.browser.events.clear()
        result = self.browser.ask("Page.navigate", self.session, url=url)
        assert "errorText" not in result, f"{url}: {result['errorText']}\n{self.browser.log()}"
        self.browser.wait_event("Page.loadEventFired", self.session)

    def fails(self, url):
        """The name of the error that keeps this page from loading."""
        return self.browser.ask("Page.navigate", self.session, url=url).get("errorText", "")

    def run(self, script):
        """The value of a JavaScript expression; of a promise, when it is kept."""
        result = self.browser.ask("Runtime.evaluate", self.session, expression=script,
                                  awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def protocols(self):
        """{path: the protocol that it came over} of the page and all that it loaded."""
        entries = self.run("""performance.getEntriesByType('navigation')
            .concat(performance.getEntriesByType('resource'))
            .map(e => [new URL(e.name).pathname, e.nextHopProtocol])""")
        return dict(entries)

    def screenshot(self, path):
        import base64
        path.write_bytes(base64.b64decode(
            self.browser.ask("Page.captureScreenshot", self.session)["data"]))
