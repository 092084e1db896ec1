# SPDX-License-Identifier: GPL-3.0-or-later
"""Qlogs, as tools for them read them: JSON text sequences (RFC 7464), one file a QUIC connection."""

import json
import select
import socket
import stat
import statistics
import threading

import pytest

from clients import VERSIONS
from procs import free_port, wait_for
from spellings import CA_CERT, DRAIN_TIMEOUT, GET_VERSION

class Qlog:
    """What a file says: its head, and the events behind it."""

    def __init__(self, text):
        assert text.startswith("\x1e") and text.endswith("\n"), text[-200:]
        self.head, *self.events = [json.loads(record) for record in text[1:].split("\x1e")]
        assert self.head["qlog_format"] == "JSON-SEQ"
        assert all(event["time"] >= 0 and event["name"] and event["data"] for event in self.events)

    @property
    def role(self):
        return self.head["trace"]["vantage_point"]["type"]

    def frames(self, way):
        """The types of frames in packets "sent" or "received"."""
        return [frame["frame_type"] for event in self.events
                if event["name"] == f"transport:packet_{way}" for frame in event["data"]["frames"]]


def qlogs(folder):
    return sorted(folder.glob("*.sqlog"))


def wait_closed(path):
    def whole():
        text = path.read_text()
        return text if "connection_close" in text and text.endswith("\n") else None
    return Qlog(wait_for(whole, "the connection's end"))


def test_each_connection_has_a_file(gateway, tmp_path):
    folder = tmp_path / "new" / "qlogs"
    front = gateway("--qlog", folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for version in (*VERSIONS, "h3"):
        assert front.curl(version, "/bytes/100000").status == 200
    assert len(qlogs(folder)) == 2  # of QUIC only
    for path in qlogs(folder):
        seen = wait_closed(path)
        assert seen.role == "server" and stat.S_IMODE(path.stat().st_mode) == 0o600
        assert seen.head["trace"]["common_fields"]["group_id"] == path.stem
        assert "stream" in seen.frames("sent") and "handshake_done" in seen.frames("sent")
        owners = [event["data"]["owner"] for event in seen.events
                  if event["name"] == "transport:parameters_set"]
        assert sorted(owners) == ["local", "remote"]


def test_both_sides(gateway, tmp_path):
    """`h3gw get` has the flag too; the files are called the same."""
    front = gateway("--qlog", tmp_path / "ours")
    front.home.h3gw("get", GET_VERSION["h3"], "--qlog", tmp_path / "theirs", "--resolve",
                    f"localhost:{front.port}:127.0.0.1", "--cacert", front.home.caroot / CA_CERT,
                    front.url("/get"))
    (ours,), (theirs,) = qlogs(tmp_path / "ours"), qlogs(tmp_path / "theirs")
    assert ours.name == theirs.name
    assert (wait_closed(ours).role, wait_closed(theirs).role) == ("server", "client")


def test_no_qlog_unasked(gateway):
    front = gateway()
    front.curl("h3", "/get")
    assert not list(front.home.folder.rglob("*.sqlog"))


def test_folder_beside_the_config(gateway, tmp_path):
    port = free_port()
    (tmp_path / "dev.ini").write_text(f"[gateway]\nqlog = logs\n[server a]\nlisten = 127.0.0.1:{port}\n"
                                      "[route all]\nhandler = echo\n")
    front = gateway("--config", tmp_path / "dev.ini", listen=[], port=port)
    assert front.curl("h3", "/get").status == 200
    assert qlogs(tmp_path / "logs")


@pytest.mark.parametrize("folder", ["/dev/null", "/dev/null/logs", "/proc/none"])
def test_folder_that_cannot_be(home, folder):
    result = home.h3gw("serve", "--listen", "127.0.0.1:0", "--qlog", folder)
    assert result.returncode == 1
    assert f"qlog {folder}: " in result.stderr and "name a folder" in result.stderr


@pytest.mark.parametrize("end", ["drain", "kill"])
def test_client_that_vanishes(gateway, app, tmp_path, end):
    """What was told until then is there, whatever becomes of us."""
    backend = app()
    front = gateway("--upstream", backend.url, "--qlog", tmp_path, DRAIN_TIMEOUT, "100ms")
    transfer = front.curl.start("h3", "/gated?gate=never&n=2&size=1000")
    backend.permit("never")
    transfer.wait_body(1000)
    transfer.kill()
    if end == "kill":
        front.server.expected_exit = None
        front.server.process.kill()
    else:
        front.server.signal()
    front.server.wait()
    seen = Qlog(qlogs(tmp_path)[0].read_text())
    assert "stream" in seen.frames("sent") and "stream" in seen.frames("received")


class Relay:
    """Datagrams to and fro; from move() on they come from another port, as after a NAT's restart.
    Of what the gateway sends, the datagrams of these numbers are lost."""

    def __init__(self, port, loses=()):
        self.loses, self.came = loses, 0
        self.to = ("127.0.0.1", port)
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(("127.0.0.1", 0))
        self.port = self.inside.getsockname()[1]
        self.client, self.over = None, False
        self.move()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def move(self):
        self.outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outside.bind(("127.0.0.1", 0))

    def run(self):
        while not self.over:
            outside = self.outside
            for sock in select.select([self.inside, outside], [], [], 0.05)[0]:
                data, address = sock.recvfrom(65536)
                if sock is self.inside:
                    self.client = address
                    outside.sendto(data, self.to)
                    continue
                self.came += 1
                if self.came not in self.loses:
                    self.inside.sendto(data, self.client)

    def close(self):
        self.over = True
        self.thread.join(5)


def test_client_that_moves(gateway, app, tmp_path):
    """One connection, one file: the new path is in it."""
    backend = app()
    front = gateway("--upstream", backend.url, "--qlog", tmp_path)
    relay = Relay(front.port)
    try:
        transfer = front.curl.start("h3", "/gated?gate=m&n=2&size=100000", "--connect-to",
                                    f"::127.0.0.1:{relay.port}")
        backend.permit("m")
        transfer.wait_body(100000)
        relay.move()
        backend.permit("m")
        assert transfer.finish().body == b"a" * 100000 + b"b" * 100000
        path, = qlogs(tmp_path)
        seen = wait_closed(path)
    finally:
        relay.close()
    assert "path_challenge" in seen.frames("sent") and "path_response" in seen.frames("received")
    assert qlogs(tmp_path) == [path]


def thresholds(seen):
    """Of the window before, what each loss left of it as the threshold of slow start."""
    ratios, window, threshold = [], 0, None
    for data in (event["data"] for event in seen.events if event["name"] == "recovery:metrics_updated"):
        before, window = window, data.get("congestion_window", window)
        last, threshold = threshold, data.get("ssthresh", threshold)
        if threshold != last and window < before:
            ratios.append(threshold / before)
    return ratios


# RFC 9002 7.3.2, RFC 9438 4.6; BBR has no such threshold.
@pytest.mark.parametrize("name, ratio", [("reno", 0.5), ("cubic", 0.7), ("bbr", None)])
def test_congestion_control(gateway, app, tmp_path, name, ratio):
    """That cc reaches the connection. The first loss ends slow start, where the window has grown in
    the same moment: the later ones tell."""
    front = gateway("--upstream", app().url, f"--cc={name}", "--qlog", tmp_path)
    relay = Relay(front.port, loses=(100, 500, 1000, 1500, 2000))
    try:
        response = front.curl("h3", "/blob/3000000", "--connect-to", f"::127.0.0.1:{relay.port}")
        assert len(response.body) == 3000000
    finally:
        relay.close()
    seen = wait_closed(qlogs(tmp_path)[0])
    assert any(event["name"] == "recovery:packet_lost" for event in seen.events)
    told = thresholds(seen)
    print(name, [round(one, 3) for one in told])
    if ratio is None:
        assert not told
    else:
        assert len(told) > 2 and ratio - 0.05 < statistics.median(told[1:]) < ratio + 0.1
