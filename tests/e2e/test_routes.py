# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes: who answers what, and what is done to requests and responses on their way; plain HTTP
that leads to HTTPS; the access log."""

import json
import os
import re
import signal

import pytest

from clients import curl_path, parse_heads
from procs import REPO, free_port, run, wait_for
from upstreams import naming

PATHS = (REPO / "ini" / "paths.ini").read_text()

MORE = """
[gateway]
forwarded = on

[server s]
listen = 127.0.0.1:{port}
hosts = localhost, *.app.localhost

[route rest]
handler = echo

[route deep]
path = /any/
rewrite = /anything/
handler = echo
set-request-header = x-set: one, two
add-request-header = X-Added: a
add-request-header = x-added: b
set-request-header = "user-agent: route; quoted"
remove-request-header = x-gone, X-Gone-Too
set-response-header = Server: mine
add-response-header = set-cookie: a=1; Path=/
add-response-header = set-cookie: b=2, c
remove-response-header = access-control-allow-origin

[route very]
exact = /anything
respond = 202
respond-body = very
set-response-header = content-type: text/x-very

[route empty]
exact = /empty
respond = 204

[route teapot]
path = /teapot
respond = 418
respond-body = short and stout

[route moved]
exact = /moved
redirect = https://example.org/there?mine=1

[route path]
path = /move
redirect = /anything/new
redirect-status = 307

[route host]
hosts = old.app.localhost
redirect = https://new.app.localhost
redirect-status = 308

[route wide]
hosts = *.app.localhost
path = /any
respond = 201

[route slow]
path = /slow
upstream = hole
timeout = 200ms

[route down]
path = /down
upstream = nobody
set-response-header = x-mine: also on errors

[upstream hole]
url = http://127.0.0.1:{hole}

[upstream nobody]
url = http://127.0.0.1:1
"""


@pytest.fixture(scope="module")
def front(shared):
    hole = shared.raw(lambda peer: peer.read_to_end())
    home, port = shared.home(), free_port()
    (home.folder / "routes.ini").write_text(MORE.format(port=port, hole=hole.port))
    return shared.gateway("--config", home.folder / "routes.ini", port=port, listen=[], home=home)


def test_the_longest_prefix_and_the_very_path(front, version):
    assert front.curl(version, "/get").status == 200
    assert front.curl(version, "/any/thing").json()["url"].endswith("/anything/thing")
    very = front.curl(version, "/anything?q")
    assert (very.status, very.text, very.get("content-type")) == (202, "very", "text/x-very")
    plain = front.curl(version, "/anything/x").json()
    assert plain["url"].endswith("/anything/x") and "X-Set" not in plain["headers"]


def test_hosts_go_before_paths(front, version):
    assert front.curl(version, "/anything", host="x.app.localhost").status == 201
    moved = front.curl(version, "/anything?a=1", host="old.app.localhost")
    assert moved.status == 308
    assert moved.get("location") == "https://new.app.localhost/anything?a=1"


def test_request_fields(front, version):
    seen = front.curl(version, "/any/x?k=v", "-H", "x-set: theirs", "-H", "x-gone: 1", "-H",
                      "x-gone-too: 2", "-H", "x-added: theirs").json()
    fields = seen["headers"]
    assert fields["X-Set"] == "one, two"
    assert fields["X-Added"].replace(", ", ",") == "theirs,a,b"
    assert fields["User-Agent"] == "route; quoted"
    assert not {"X-Gone", "X-Gone-Too"} & set(fields)
    assert seen["args"] == {"k": "v"}


def test_response_fields(front, version):
    response = front.curl(version, "/any/x")
    assert response.get("server") == "mine"
    assert response.all("set-cookie") == ["a=1; Path=/", "b=2, c"]
    assert response.get("access-control-allow-origin") is None
    assert response.get("alt-svc") == f'h3=":{front.port}"; ma=86400'
    down = front.curl(version, "/down")
    assert (down.status, down.get("x-mine")) == (502, "also on errors")


def test_respond(front, version):
    empty = front.curl(version, "/empty")
    assert (empty.status, empty.body) == (204, b"")
    assert "content-length" not in empty.names and "content-type" not in empty.names
    teapot = front.curl(version, "/teapot/x", "-d", "x" * 100000)
    assert (teapot.status, teapot.text) == (418, "short and stout")
    assert teapot.get("content-type") == "text/plain; charset=utf-8"
    head = front.curl(version, "/teapot", "-I")
    assert (head.status, head.get("content-length")) == (418, "15")


def test_redirect(front, version):
    moved = front.curl(version, "/moved?theirs=1")
    assert (moved.status, moved.get("location")) == (301, "https://example.org/there?mine=1")
    assert moved.get("alt-svc")
    moved = front.curl(version, "/move/x?q=%20")
    assert (moved.status, moved.get("location")) == (307, "/anything/new?q=%20")
    assert front.curl(version, "/move", "-L", "-d", "kept=1").json()["form"] == {"kept": "1"}


def test_timeout_of_a_route(front, version):
    assert front.curl(version, "/slow").status == 504


def test_the_example(shared, app_pair):
    """ini/paths.ini, on ports of its own."""
    pages, api = app_pair
    port, plain, home = free_port(), free_port(), shared.home()
    text = PATHS.replace("localhost:8443\nhosts", f"127.0.0.1:{port}\nhosts")
    text = text.replace("https://localhost:8443", f"https://localhost:{port}")
    text = text.replace("localhost:8080   ", f"127.0.0.1:{plain}   ")
    text = text.replace(":3000", f":{pages.port}").replace(":4000", f":{api.port}")
    (home.folder / "paths.ini").write_text(text)
    front = shared.gateway("--config", home.folder / "paths.ini", port=port, listen=[], home=home)
    for version in ("h1", "h2", "h3"):
        assert front.curl(version, "/x").text == "pages GET /x"
        assert front.curl(version, "/api/users?a").text == "api GET /v1/users?a"
        assert front.curl(version, "/api/").get("cache-control") == "no-store"
        assert front.curl(version, "/httpbin/get").json()["url"].endswith("/get")
        old = front.curl(version, "/old")
        assert (old.status, old.get("location")) == (308, "/new")
        shop = front.curl(version, "/a?b", host="shop.localhost")
        assert (shop.status, shop.get("location")) == (302, f"https://localhost:{port}/a?b")
        alive = front.curl(version, "/alive")
        assert alive.json() == {"alive": True} and alive.get("x-robots-tag") == "noindex"
    heads = api.bytes.lower()
    assert b"x-api-client: browser, by way of h3gw" in heads
    assert plain_head(plain, f"localhost:{plain}").get("location") == f"https://localhost:{port}/x?y"


@pytest.fixture(scope="module")
def app_pair(shared):
    return shared.raw(naming("pages")), shared.raw(naming("api"))


# ---- by flags ---------------------------------------------------------------------------------

def test_flags(gateway, raw, version):
    one, two, rest = (raw(naming(name)) for name in ("one", "two", "rest"))
    front = gateway("--route", f"/api=http://127.0.0.1:{one.port}", "--route",
                    f"app.test/=http://127.0.0.1:{two.port}", "--upstream",
                    f"http://127.0.0.1:{rest.port}")
    assert front.curl(version, "/x").text == "rest GET /x"
    assert front.curl(version, "/api/x").text == "one GET /api/x"
    assert front.curl(version, "/api/x", host="app.test").text == "two GET /api/x"
    assert f"app.test/ -> http://127.0.0.1:{two.port}" in front.server.out
    assert "https://localhost:" in front.server.out.splitlines()[0]


def test_only_routes_by_flags(gateway, raw):
    front = gateway("--route", f"/api=http://127.0.0.1:{raw(naming('one')).port}")
    assert front.curl("h2", "/api").text == "one GET /api"
    assert front.curl("h2", "/").status == 404


@pytest.mark.parametrize("arguments, word", [
    (["--route", "nonsense"], "is not HOST/PREFIX=URL"),
    (["--route", "=http://127.0.0.1:1"], "is not HOST/PREFIX=URL"),
    (["--route", "/a="], "is not HOST/PREFIX=URL"),
    (["--route", "/a=ftp://x"], "must begin with http://"),
    (["--route", "a b/=http://127.0.0.1:1"], "is no host name"),
    (["--route", "/=http://127.0.0.1:1", "--upstream", "http://127.0.0.1:1"], "already"),
    (["--config", "x.ini", "--route", "/a=http://127.0.0.1:1"], "--route beside --config"),
    (["--http-redirect", "somewhere"], "is not ADDR:PORT"),
])
def test_wrong_usage(home, arguments, word):
    (home.folder / "x.ini").write_text("[server s]\n[route r]\nhandler = echo\n")
    result = home.h3gw("serve", "--access-log=off", *arguments)
    assert result.returncode == 2, result
    assert word in result.stderr


# ---- plain HTTP -------------------------------------------------------------------------------

def plain_head(port, host, path="/x?y", version="1.1", method="GET"):
    answer = run(curl_path(), "-q", "-sS", "-D", "-", "-o", "/dev/null", f"--http{version}", "-X",
                 method, "-H", f"Host: {host}" if host else "Host:",
                 f"http://127.0.0.1:{port}{path}")
    assert answer.returncode == 0, answer
    return parse_heads(answer.stdout)


def test_http_redirect(gateway):
    plain = free_port()
    front = gateway("--http-redirect", f"127.0.0.1:{plain}", "--access-log", "-")
    for method in ("GET", "POST", "DELETE"):
        response = plain_head(plain, f"localhost:{plain}", method=method)
        assert response.status == 308
        assert response.get("location") == f"https://localhost:{front.port}/x?y"
        assert response.get("alt-svc") is None and response.get("server") == "h3gw"
    assert plain_head(plain, "[::1]:1").get("location") == f"https://[::1]:{front.port}/x?y"
    assert plain_head(plain, "a b").status == 400
    assert plain_head(plain, "x:0").status == 400
    assert plain_head(plain, "", version="1.0").status == 400
    assert f"redirects  127.0.0.1:{plain}" in front.server.out
    wait_for(lambda: '"GET /x?y HTTP/1.1" 308 ' in front.server.out, "the line")


def test_http_redirect_knows_its_hosts(gateway, home):
    plain, port = free_port(), free_port()
    (home.folder / "p.ini").write_text(
        f"[gateway]\nhttp-redirect = 127.0.0.1:{plain}\n[server s]\nlisten = 127.0.0.1:{port}\n"
        "hosts = app.localhost\nadvertise = 443\n[route r]\nhandler = echo\n")
    gateway("--config", home.folder / "p.ini", home=home, port=port, listen=[])
    assert plain_head(plain, "App.localhost:1").get("location") == "https://app.localhost/x?y"
    assert plain_head(plain, "evil.test").status == 400


def test_http_redirect_where_a_server_is(home):
    (home.folder / "p.ini").write_text("[gateway]\nhttp-redirect = localhost:9\n[server s]\n"
                                       "listen = 127.0.0.1:9\n[route r]\nhandler = echo\n")
    result = home.h3gw("serve", "--config", "p.ini")
    assert result.returncode == 1
    assert "p.ini:2: http-redirect: a server listens on localhost:9 already" in result.stderr


# ---- the access log ---------------------------------------------------------------------------

def lines_of(path):
    return re.findall(r"^(.*)\n", path.read_text(), re.M) if path.exists() else []


def test_json_lines(gateway, raw, home, version):
    path = home.folder / "access.json"
    app = raw(naming("app"))
    front = gateway("--upstream", f"http://127.0.0.1:{app.port}", "--access-log", path,
                    "--access-log-format=json", home=home)
    front.curl(version, "/a?b=%22", "-A", 'agent "x"\\', "-e", "https://from/", "-H",
               "X-Request-Id: seven", "-d", "12345")
    (line,) = wait_for(lambda: lines_of(path), "a line")
    said = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said.pop("time"))
    assert said.pop("duration_ms") >= said.pop("upstream_ms") >= 0
    assert said.pop("tls_version") == "TLSv1.3" and said.pop("tls_cipher").startswith("TLS_")
    assert said == {
        "client": "127.0.0.1", "method": "POST", "path": "/a?b=%22",
        "authority": front.authority, "status": 200, "bytes_in": 5, "bytes_out": len("app POST /a?b=%22"),
        "protocol": {"h1": "HTTP/1.1", "h2": "HTTP/2.0", "h3": "HTTP/3.0"}[version],
        "upstream": f"http://127.0.0.1:{app.port}", "route": "all", "request_id": "seven",
        "user_agent": 'agent "x"\\', "referer": "https://from/", "reason": None}


@pytest.mark.parametrize("signalled", [True, False])
def test_a_renamed_log(gateway, home, signalled):
    path, old = home.folder / "access.log", home.folder / "access.log.1"
    front = gateway("--access-log", path, home=home)
    front.curl("h1", "/get?one")
    wait_for(lambda: lines_of(path), "a line")
    path.rename(old)
    if signalled:
        front.server.signal(signal.SIGUSR1)
        wait_for(path.exists, "the new file")

    def asked_again():
        front.curl("h1", "/get?two")
        return lines_of(path)
    wait_for(asked_again, "a line in the new file")
    assert "/get?one" in old.read_text() and "/get?one" not in path.read_text()
    assert oct(os.stat(path).st_mode)[-3:] == "640"
