# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain listeners for probes and scrapers: [gateway] health and stats."""

import http.client
import re
import threading

import pytest

from clients import VERSIONS
from procs import REPO, free_port, wait_for
from spellings import DRAIN_TIMEOUT
from upstreams import answer_when, closed_port

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\d+(?:\.\d+)?)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


def parse_labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"labels: {text}"
        assert match[1] not in labels, f"{match[1]} stands twice: {text}"
        labels[match[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), match[2])
        at = match.end()
    return labels


def check_histogram(name, samples):
    """Buckets ascend, the last is +Inf and equals the count."""
    series = {}
    for (sample, labels), value in samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        if sample == name + "_bucket":
            series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    for rest, buckets in series.items():
        assert buckets == sorted(buckets), buckets
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1] == (float("inf"), samples[name + "_count", rest])
        assert (name + "_sum", rest) in samples


class Metrics:
    """Prometheus' text format, read strictly: every sample belongs to the family above it, a
    family is there once and has HELP and TYPE, no series is there twice."""

    def __init__(self, text):
        self.types, self.samples, family, helped = {}, {}, None, None
        assert text.endswith("\n")
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                helped = line.split(" ", 3)[2]
                assert helped not in self.types, f"{helped} stands twice"
            elif line.startswith("# TYPE "):
                _, _, family, kind = line.split(" ")
                assert family == helped and kind in ("counter", "gauge", "histogram", "summary")
                assert kind != "counter" or family.endswith("_total"), family
                self.types[family] = kind
            else:
                self.add(line, family)
        for name, kind in self.types.items():
            if kind == "histogram":
                check_histogram(name, self.samples)

    def add(self, line, family):
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        name, labels, value = match[1], tuple(parse_labels(match[2] or "").items()), match[3]
        allowed = SUFFIXES.get(self.types[family], ("",))
        assert name in [family + suffix for suffix in allowed], line
        assert (name, labels) not in self.samples, f"twice: {line}"
        self.samples[name, labels] = float(value)

    def sum(self, name, **wanted):
        return sum(value for (sample, labels), value in self.samples.items()
                   if sample == name and wanted.items() <= dict(labels).items())

    def growing(self):
        kinds = {name + suffix: kind for name, kind in self.types.items()
                 for suffix in SUFFIXES.get(kind, ("",))}
        return {key: value for key, value in self.samples.items() if kinds[key[0]] != "gauge"}


class Plain:
    """A gateway with both listeners."""

    def __init__(self, make, *arguments, **options):
        self.health_port, self.stats_port = free_port(), free_port()
        self.gateway = make("--health", f"127.0.0.1:{self.health_port}",
                            "--stats", f"localhost:{self.stats_port}", *arguments, **options)

    def ask(self, port, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def ready(self):
        return self.ask(self.health_port, "/healthz/ready")

    def stats(self):
        response, text = self.ask(self.stats_port, "/stats/prometheus")
        assert response.status == 200
        assert response.getheader("content-type") == "text/plain; version=0.0.4; charset=utf-8"
        return Metrics(text)

    def wait_sum(self, wanted, name, **labels):
        """A request counts when it has ended, which its client may see a little before."""
        wait_for(lambda: self.stats().sum(name, **labels) >= wanted, f"{name} {labels} {wanted}")
        stats = self.stats()
        assert stats.sum(name, **labels) == wanted
        return stats


@pytest.fixture
def plain(gateway):
    return Plain(gateway)


def test_ready(plain):
    response, text = plain.ready()
    assert (response.status, text) == (200, "ready\n")
    assert response.getheader("alt-svc") is None and response.getheader("via") is None
    assert response.getheader("date") and response.getheader("cache-control") == "no-store"
    response, text = plain.ask(plain.health_port, "/healthz/ready", "HEAD")
    assert (response.status, text, response.getheader("content-length")) == (200, "", "6")


def test_nothing_else_is_there(plain):
    for port, other in ((plain.health_port, "/stats/prometheus"), (plain.stats_port, "/get")):
        response, text = plain.ask(port, other)
        assert response.status == 404 and "here are only: /" in text
        assert response.getheader("alt-svc") is None
    response, _ = plain.ask(plain.health_port, "/healthz/ready", "POST")
    assert response.status == 405 and response.getheader("allow") == "GET, HEAD"


def test_off_by_default(gateway):
    server = gateway().server
    assert "healthz" not in server.said and "prometheus" not in server.said


def test_not_ready_while_draining(gateway, raw, version):
    permit = threading.Event()
    upstream = raw(answer_when(permit))
    plain = Plain(gateway, "--upstream", upstream.url, DRAIN_TIMEOUT, "600s")
    gateway = plain.gateway
    download = gateway.curl.start(version, "/")
    wait_for(lambda: upstream.heads, "the request to arrive")
    gateway.server.signal()
    response, text = wait_for(lambda: (lambda r: r if r[0].status == 503 else None)(plain.ready()),
                              "503 while draining")
    assert text == "draining\n"
    assert plain.stats().sum("h3gw_requests_active") == 1
    permit.set()
    assert download.finish().body == b"ok"
    assert gateway.server.wait() == 0


def test_requests(plain):
    gateway = plain.gateway
    for version in VERSIONS:
        for _ in range(3):
            assert gateway.curl(version, "/bytes/1000").status == 200
        assert gateway.curl(version, "/status/404").status == 404
        gateway.curl(version, "/post", "--data-binary", "x" * 500)
    for version in VERSIONS:
        labels = {"server": "local", "route": "all", "version": version}
        plain.wait_sum(5, "h3gw_requests_total", version=version)
        stats = plain.wait_sum(4, "h3gw_requests_total", code="2xx", **labels)
        assert stats.sum("h3gw_requests_total", code="4xx", **labels) == 1
        assert stats.sum("h3gw_request_duration_seconds_count", **labels) == 5
        assert stats.sum("h3gw_request_body_bytes_total", **labels) == 500
        assert stats.sum("h3gw_response_body_bytes_total", **labels) > 3000
    assert stats.sum("h3gw_connections_total", transport="quic") == 5
    assert stats.sum("h3gw_quic_handshakes_active") == 0
    assert stats.sum("h3gw_handshakes_total", version="h3") == 5
    assert stats.sum("h3gw_handshakes_total", version="h2") == 5
    assert stats.sum("h3gw_quic_packets_sent_total") > 10
    assert stats.sum("h3gw_quic_packets_received_total") > 10
    assert stats.sum("process_resident_memory_bytes") > 1 << 20
    assert 3 < stats.sum("process_open_fds") < stats.sum("process_max_fds")


def test_counters_never_go_down(plain):
    before = plain.stats().growing()
    for version in (*VERSIONS, *VERSIONS):
        plain.gateway.curl(version, "/get")
        now = plain.stats().growing()
        assert all(now[key] >= value for key, value in before.items())
        before = now


def test_failed_handshakes(plain):
    gateway = plain.gateway
    for version, transport in (("h2", "tcp"), ("h3", "quic")):
        untrusting = gateway.curl(version, "/get", "--capath", "/dev/null", "--cacert",
                                  "/etc/ssl/certs/ca-certificates.crt", check=False)
        assert untrusting.exit != 0
        wait_for(lambda: plain.stats().sum("h3gw_handshake_failures_total", transport=transport,
                                           reason="refused") == 1, f"refused over {transport}")


def test_retries(gateway):
    plain = Plain(gateway, "--quic-retry", "always")
    assert plain.gateway.curl("h3", "/get").status == 200
    # one for each datagram of a long ClientHello
    assert plain.stats().sum("h3gw_quic_retries_total") >= 1


def test_upstreams(gateway, app):
    app = app()
    plain = Plain(gateway, "--upstream", app.url)
    for version in VERSIONS:
        assert plain.gateway.curl(version, "/").status < 500
    stats = plain.wait_sum(3, "h3gw_requests_total")
    labels = {"upstream": "app", "origin": app.url}
    assert 1 <= stats.sum("h3gw_upstream_connects_total", **labels) <= 3
    assert stats.sum("h3gw_upstream_connect_failures_total", **labels) == 0
    wait_for(lambda: plain.stats().sum("h3gw_upstream_connections", state="busy") == 0, "nothing to do")
    app.close()
    wait_for(lambda: plain.stats().sum("h3gw_upstream_connections") == 0, "the pool to be empty")
    assert plain.gateway.curl("h2", "/").status == 502
    stats = plain.wait_sum(1, "h3gw_requests_total", code="5xx", route="all")
    assert stats.sum("h3gw_upstream_connect_failures_total", **labels) >= 1


def test_their_own_requests_do_not_count(plain):
    for _ in range(3):
        plain.ready()
    assert plain.stats().sum("h3gw_requests_total") == 0


def test_not_in_the_access_log(gateway, tmp_path):
    plain = Plain(gateway, "--access-log", tmp_path / "log")
    plain.ready()
    plain.stats()
    plain.gateway.curl("h2", "/get")
    wait_for(lambda: "/get" in (tmp_path / "log").read_text(), "the line of /get")
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_open_to_the_network(gateway):
    port = free_port()
    server = gateway("--stats", f"0.0.0.0:{port}").server
    assert f"http://0.0.0.0:{port}/stats/prometheus is open to the network" in server.err


def test_port_in_use(plain, gateway):
    second = gateway("--health", f"127.0.0.1:{plain.health_port}", ready=False).server
    second.expected_exit = 1
    assert second.wait() == 1
    assert f"cannot listen on TCP 127.0.0.1:{plain.health_port} for /healthz/ready: " \
           "the port is in use" in second.err


@pytest.mark.parametrize("value", [":15021", "15021", "unix:/tmp/x", "127.0.0.1", "somewhere:1"])
def test_wrong_addresses(home, value):
    result = home.h3gw("serve", "--health", value)
    assert result.returncode == 2
    assert "--health must be ADDR:PORT" in result.stderr


@pytest.fixture
def nobody():
    with closed_port() as port:
        yield port


def test_the_article(gateway, home, tmp_path, nobody):
    """ini/article.ini, but for its ports."""
    ports = {"8443": free_port(), "15021": free_port(), "15090": free_port()}
    text = (REPO / "ini" / "article.ini").read_text()
    for port, other in ports.items():
        assert f":{port} " in text
        text = text.replace(f":{port} ", f":{other} ")
    assert "127.0.0.1:8000\n" in text
    text = text.replace("127.0.0.1:8000\n", f"127.0.0.1:{nobody}\n")
    host = "httpbin.quic-corp.com"
    made = home.h3gw("certgen", host, "--cert-file", tmp_path / "httpbin.crt",
                     "--key-file", tmp_path / "httpbin.key")
    assert made.returncode == 0, made.stderr
    (tmp_path / "article.ini").write_text(text)
    article = gateway("--config", tmp_path / "article.ini", listen=[], port=ports["8443"],
                      home=home, host=host)
    plain = Plain.__new__(Plain)
    plain.health_port, plain.stats_port = ports["15021"], ports["15090"]
    assert plain.ready()[0].status == 200
    assert article.curl("h3", "/headers").status == 502
    plain.wait_sum(1, "h3gw_requests_total", server="httpbin-gateway", route="httpbin",
                   version="h3", code="5xx")
    assert f"health     http://127.0.0.1:{plain.health_port}/healthz/ready" in article.server.out
    assert "open to the network, unencrypted" not in article.server.err


def test_odd_names(gateway, home, tmp_path):
    """What the file's author calls things comes out as it was."""
    ini = tmp_path / "odd.ini"
    port, stats_port = free_port(), free_port()
    ini.write_text(f"[gateway]\nstats = 127.0.0.1:{stats_port}\n[server s\\\"]\n"
                   f"listen = 127.0.0.1:{port}\n[route ü]\nhandler = echo\n")
    odd = gateway("--config", ini, listen=[], port=port, home=home)
    assert odd.curl("h2", "/get").status == 200
    plain = Plain.__new__(Plain)
    plain.stats_port = stats_port
    plain.wait_sum(1, "h3gw_requests_total", server='s\\"', route="ü", version="h2", code="2xx")
