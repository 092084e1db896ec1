# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/3 as bytes on streams, for what no decent client sends."""

import os
import re
import select
import subprocess

from procs import tool

DATA, HEADERS = 0, 1


def varint(value):
    return bytes([value]) if value < 64 else (value | 0x80000000).to_bytes(4, "big")


def integer(pattern, bits, value):
    """RFC 9204 4.1.1: an integer behind the bits of a pattern."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([pattern | value])
    value, out = value - most, bytes([pattern | most])
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def octets(text):
    return text if isinstance(text, bytes) else text.encode("latin1")


def qpack(fields):
    """Literals with literal names, so that any octets can be sent."""
    block = b"\0\0"
    for name, value in fields:
        name, value = octets(name), octets(value)
        block += integer(0x20, 3, len(name)) + name + integer(0, 7, len(value)) + value
    return block


def frame(kind, payload):
    return varint(kind) + varint(len(payload)) + payload


PSEUDO = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "localhost")]


def pseudo(**changes):
    """Those of a GET /, but for the changes."""
    return [(name, changes.get(name[1:], value)) for name, value in PSEUDO]


class RawH3:
    """One connection, by tests/tools/h3_hand.c."""

    def __init__(self, front):
        self.process = subprocess.Popen([tool("h3_hand"), str(front.port), front.host],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.rest, self.told = b"", []
        assert self.hear("open", "gone") == "open"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()

    def hang_up(self):
        """"gone" is told before its packet is sent: the end of the input comes after that."""
        try:
            self.say("close")
            self.hear("gone")
            self.process.stdin.close()
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait(10)
            self.process.stdout.close()

    def say(self, words):
        self.process.stdin.write(words.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, *wanted, timeout=40):
        """The next line that begins so; others wait until they are asked for. "gone" stays."""
        while True:
            for line in self.told:
                if line.startswith(wanted):
                    if not line.startswith("gone"):
                        self.told.remove(line)
                    return line
            ready, _, _ = select.select([self.process.stdout], [], [], timeout)
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert data, f"h3_hand did not say {wanted}, but {self.told}"
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.told += [line.decode() for line in lines]

    def request(self, fields, body=None, end=True):
        """The stream's id. Without `end` more may come, with data() and end()."""
        sent = frame(HEADERS, qpack(fields)) + (b"" if body is None else frame(DATA, body))
        self.say(f"{'whole' if end else 'open'} {sent.hex()}")
        return int(self.hear("stream").split()[1])

    def data(self, stream, body):
        self.say(f"send {stream} {frame(DATA, body).hex()}")

    def trailers(self, stream, fields):
        self.say(f"send {stream} {frame(HEADERS, qpack(fields)).hex()}")
        self.end(stream)

    def end(self, stream):
        self.say(f"end {stream}")

    def reset(self, stream):
        self.say(f"reset {stream}")

    def wait_head(self, stream):
        """Until something of the answer is there."""
        self.hear(f"began {stream}")

    def outcome(self, stream):
        """How a request ended: ("reset", code), ("gone", code) or ("status", n)."""
        line = self.hear(f"end {stream} ", f"reset {stream} ", "gone")
        if line.startswith("gone"):
            code = re.search(r"\(application code (0x\w+)", line)
            assert code, line
            return "gone", int(code[1], 16)
        word, _, value = line.split()
        return ("status", int(value)) if word == "end" else ("reset", int(value, 16))
