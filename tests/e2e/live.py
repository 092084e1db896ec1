# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway that is reloaded while clients hold on to it: connections that are kept and asked
again, and the configuration file that changes under them."""

import os
import select
import subprocess
from pathlib import Path

from clients import VERSIONS, RawH1, RawH2, parse_heads
from procs import H3GW, free_port, tool, wait_for

# One server, one route that says a word.
ONE = """
[server local]
listen = 127.0.0.1:{port}
hosts = localhost

[route all]
respond = 200
respond-body = one
"""
TWO = ONE.replace("= one", "= two")
THREE = ONE.replace("= one", "= three")
FAULTY = ONE.replace("respond = 200", "respond = maybe") + "nonsense = 1\n[upstream u]\nurl = ftp://x\n"

UPSTREAM = """
[server local]
listen = 127.0.0.1:{port}
hosts = localhost

[route all]
upstream = app

[upstream app]
url = URL
"""

GET = ((":method", "GET"), (":scheme", "https"))


class Cut(Exception):
    """A request that was not answered to its end."""


class Talk:
    """HTTP/3 connections, one after the other, by tests/tools/h3_talk.c: the newest session ticket
    is kept, and the address may change."""

    def __init__(self, folder, port, host="localhost"):
        self.folder, self.rest, self.heard = Path(folder), b"", []
        self.process = subprocess.Popen([tool("h3_talk"), str(port), host], cwd=folder,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, words):
        self.process.stdin.write(words.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, *wanted, timeout=40):
        """The next line that begins so; others wait until they are asked for."""
        while True:
            for line in self.heard:
                if line.startswith(wanted):
                    self.heard.remove(line)
                    return line
            ready, _, _ = select.select([self.process.stdout], [], [], timeout)
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert data, f"h3_talk did not say {wanted}, but {self.heard}"
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.heard += [line.decode() for line in lines]

    def open(self):
        """"open full", "open resumed" or "failed WHY"; the connection before is closed. A client
        without the certificate that is asked for is told so only when it believes to be in."""
        self.say("open")
        return self.hear("open ", "failed ")

    def get(self, path):
        """Begins a request, and gives the file that its response goes to."""
        name = os.urandom(6).hex()
        self.say(f"get {name} {path}")
        return self.folder / name

    def finish(self, file):
        word, _, rest = self.hear(f"end {file.name} ", f"cut {file.name} ").partition(" ")
        if word == "cut":
            raise Cut(rest)
        head, _, body = file.read_bytes().partition(b"\r\n\r\n")
        response = parse_heads(head.decode())
        response.body = body
        return response

    def response(self, path):
        return self.finish(self.get(path))

    def limit(self, count):
        """No more than so much of a body is read, until another limit; 0: all."""
        self.say(f"limit {count}")
        self.hear("ok")

    def change(self, how, address):
        """"rebind": as behind a router that forgot; "move": QUIC migrates."""
        self.say(f"{how} {address}")
        assert self.hear("ok ", "failed ").startswith("ok ")

    @property
    def state(self):
        self.say("state")
        return self.hear("usable", "going", "gone")

    def hang_up(self):
        self.say("close")
        self.hear("closed")

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


class HeldH1:
    """A connection of HTTP/1.1 that is kept and asked again."""

    def __init__(self, front, host=None):
        self.authority = f"{host or front.host}:{front.port}"
        self.raw = RawH1(front.curl.tls(host=host))

    def response(self, path):
        self.raw.send(f"GET {path} HTTP/1.1\r\nHost: {self.authority}\r\n\r\n".encode())
        try:
            return self.raw.response()
        except (EOFError, OSError) as error:
            raise Cut(str(error)) from error

    def ask(self, path="/"):
        response = self.response(path)
        assert response.status == 200, response
        return response.text

    def close(self):
        self.raw.sock.close()


class HeldH2:
    """The same of HTTP/2."""

    def __init__(self, front, host=None):
        self.authority = f"{host or front.host}:{front.port}"
        self.raw = RawH2(front.curl.tls(("h2",), host=host))

    def ask(self, path="/"):
        fields = [*GET, (":authority", self.authority), (":path", path)]
        try:
            outcome = self.raw.outcome(self.raw.request(fields))
        except OSError as error:
            raise Cut(str(error)) from error
        if outcome[0] != "status":
            raise Cut(str(outcome))
        assert outcome[1] == 200, outcome
        return outcome[2].decode()

    def close(self):
        self.raw.sock.close()


class HeldH3(Talk):
    """The same of HTTP/3."""

    def __init__(self, front, host=None):
        super().__init__(front.home.folder, front.port, host or front.host)
        line = self.open()
        assert line.startswith("open "), line

    def ask(self, path="/"):
        response = self.response(path)
        assert response.status == 200, response
        return response.text


HELD = {"h1": HeldH1, "h2": HeldH2, "h3": HeldH3}


class Live:
    """A gateway with a configuration file that changes. It watches no files unless told to, so
    that a reload is when the test wants it. watch=None: as the file says."""

    def __init__(self, factory, text, *arguments, home=None, port=None, watch="off", **options):
        self.factory, self.port = factory, port or free_port()
        self.home = home or factory.home()
        self.path = self.home.folder / "live.ini"
        self.write(text)
        watching = [f"--watch={watch}"] if watch else []
        self.gateway = factory.gateway("--config", self.path, *watching, *arguments, listen=[],
                                       port=self.port, home=self.home, **options)
        self.server, self.curl, self.host = (self.gateway.server, self.gateway.curl,
                                             self.gateway.host)

    @property
    def pid(self):
        return self.server.process.pid

    def write(self, text):
        """{port}: ours, {home}: the folder of the file, {ca}: where the local CA is."""
        self.path.write_text(self.filled(text))

    def replace(self, text):
        """The same by renaming another file, as editors do it."""
        other = self.path.with_suffix(".new")
        other.write_text(self.filled(text))
        other.rename(self.path)

    def filled(self, text):
        places = {"port": getattr(self, "port", None), "home": self.home.folder,
                  "ca": self.home.caroot}
        for name, value in places.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def reload(self, text=None):
        """Must succeed; the new configuration holds when this returns."""
        if text is not None:
            self.write(text)
        result = self.home.h3gw("reload")
        assert (result.returncode, result.stdout) == (0, "reloaded\n"), result

    def refused(self, text=None):
        """Must be refused: what was told."""
        if text is not None:
            self.write(text)
        result = self.home.h3gw("reload")
        assert (result.returncode, result.stdout) == (1, ""), result
        return result.stderr

    def wait_log(self, *words, count=1):
        """Until a line of the log has all these words, or so many lines have."""
        def lines():
            return [line for line in self.server.err.splitlines()
                    if all(word in line for word in words)]
        wait_for(lambda: len(lines()) >= count, f"{count} lines with {words} in the log")
        return lines()

    def hold(self, version, host=None):
        held = HELD[version](self, host)
        self.factory.things.append(held)
        return held

    def talk(self, host=None):
        talk = Talk(self.home.folder, self.port, host or self.host)
        self.factory.things.append(talk)
        return talk

    def ask(self, version, path="/", **options):
        """On a new connection."""
        response = self.curl(version, path, **options)
        assert response.status == 200, response
        return response.text


class Running:
    """A subcommand in the background."""

    def __init__(self, home, *arguments):
        self.process = subprocess.Popen([str(H3GW), *map(str, arguments)], env=home.env,
                                        stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


def certificate(home, name, *names):
    """A certificate and key of the home's CA: home/NAME.pem, home/NAME.key."""
    made = home.h3gw("certgen", *(names or ["localhost", "127.0.0.1"]), "--force",
                     "--cert-file", f"{name}.pem", "--key-file", f"{name}.key")
    assert made.returncode == 0, made.stderr
    return home.folder / f"{name}.pem", home.folder / f"{name}.key"


def workers(pid):
    """The worker threads: {name: task folder}."""
    tasks = {(task / "comm").read_text().strip(): task
             for task in Path(f"/proc/{pid}/task").iterdir()}
    return {name: task for name, task in tasks.items() if name.startswith("h3gw-w")}


def cpu_ns(task):
    """What a thread has computed so far."""
    return int((task / "schedstat").read_text().split()[0])


def open_files(pid):
    """What the descriptors of a process lead to."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(fd))
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def listening(pid, port, table="tcp"):
    """The inodes of the process's sockets that are bound to a port: they tell one socket from
    another that took its place."""
    listen = {"tcp": "0A", "udp": "07"}[table]
    inodes = set()
    for name in (table, table + "6"):
        file = Path(f"/proc/net/{name}")
        for line in file.read_text().splitlines()[1:] if file.exists() else []:
            words = line.split()
            if int(words[1].rpartition(":")[2], 16) == port and words[3] == listen:
                inodes.add(words[9])
    return {inode for inode in inodes if f"socket:[{inode}]" in open_files(pid)}


def everywhere(front, word):
    """New connections of all versions get this."""
    assert [front.ask(version) for version in VERSIONS] == [word] * len(VERSIONS)


def server_of(name, *lines):
    """A [server] on our port for NAME.localhost."""
    return f"\n[server {name}]\nlisten = 127.0.0.1:{{port}}\nhosts = {name}.localhost\n" + \
        "".join(line + "\n" for line in lines)
