# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in httpbin: `h3gw serve` without an upstream. The shapes are httpbin's."""

import base64
import json
import re
import time

import pytest

from spellings import DRAIN_TIMEOUT


@pytest.fixture(scope="module")
def echo(shared):
    # curl is killed by some tests, and over HTTP/3 nobody hears of that
    return shared.gateway(DRAIN_TIMEOUT, "1s")


def as_httpbin_writes(value):
    """Sorted keys, two spaces, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def plain(text):
    """httpbin of old leaves a space after a comma at a line's end."""
    return text.replace(", \n", ",\n")


def test_get(echo, version):
    response = echo.curl(version, "/get?b=2&a=1&a=3&empty=", "-H", "x-custom-thing: Value")
    assert response.status == 200
    assert response.get("content-type") == "application/json"
    assert response.get("content-length") == str(len(response.body))
    seen = response.json()
    assert plain(response.text) == as_httpbin_writes(seen)
    assert set(seen) == {"args", "headers", "origin", "url"}
    assert seen["args"] == {"a": ["1", "3"], "b": "2", "empty": ""}
    assert seen["origin"] == "127.0.0.1"
    assert seen["url"] == echo.url("/get?b=2&a=1&a=3&empty=")
    assert seen["headers"]["X-Custom-Thing"] == "Value"
    assert seen["headers"]["Accept"] == "*/*"
    assert seen["headers"]["Host"] == echo.authority
    assert seen["headers"]["User-Agent"].startswith("curl/8.")
    assert list(seen["headers"]) == sorted(seen["headers"])


def test_args_are_decoded(echo, version):
    seen = echo.curl(version, "/get?q=a%20b%26c+d&%C3%A4=%E2%82%AC&flag").json()
    assert seen["args"]["q"] == "a b&c d"
    assert seen["args"]["\u00e4"] == "\u20ac"


def test_json_escapes(echo, version):
    response = echo.curl(version, "/get?q=%22%5C%0A%01%7F")
    assert response.json()["args"]["q"] == '"\\\n\x01\x7f'


def test_headers(echo, version):
    response = echo.curl(version, "/headers", "-H", "x-b3-sampled: 0", "-H", "X-UPPER: 1",
                         "-H", "lower_case: 2")
    seen = response.json()
    assert set(seen) == {"headers"}
    assert plain(response.text) == as_httpbin_writes(seen)
    assert seen["headers"]["X-B3-Sampled"] == "0"
    assert seen["headers"]["X-Upper"] == "1"


HIDDEN = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Via": "1.1 elsewhere",
          "X-Request-Id": "abc-123", "X-Forwarded-Host": "elsewhere"}


def test_forwarding_fields_are_hidden(echo, version):
    given = [word for name, value in HIDDEN.items() for word in ("-H", f"{name}: {value}")]
    seen = echo.curl(version, "/headers", *given).json()["headers"]
    assert not set(HIDDEN) & set(seen)
    shown = echo.curl(version, "/headers?show_env=1", *given).json()["headers"]
    assert "203.0.113.9" in shown["X-Forwarded-For"]
    assert shown["X-Request-Id"] == "abc-123"


def test_ip_and_user_agent(echo, version):
    assert echo.curl(version, "/ip").json() == {"origin": "127.0.0.1"}
    response = echo.curl(version, "/user-agent", "-A", "tester/1.0")
    assert response.text == '{\n  "user-agent": "tester/1.0"\n}\n'


KEYS = {"args", "data", "files", "form", "headers", "json", "origin", "url"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_methods_with_bodies(echo, version, method):
    response = echo.curl(version, f"/{method.lower()}?x=1", "-X", method,
                         "-H", "Content-Type: text/plain", "--data-binary", "some text")
    seen = response.json()
    assert set(seen) == KEYS
    assert plain(response.text) == as_httpbin_writes(seen)
    assert seen["args"] == {"x": "1"}
    assert seen["data"] == "some text"
    assert seen["form"] == {} and seen["files"] == {} and seen["json"] is None
    assert seen["headers"]["Content-Length"] == "9"
    assert seen["headers"]["Content-Type"] == "text/plain"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_anything(echo, version, method):
    for path in ("/anything", "/anything/of/the/kind?k=v"):
        seen = echo.curl(version, path, "-X", method).json()
        assert set(seen) == KEYS | {"method"}
        assert seen["method"] == method
        assert seen["url"] == echo.url(path)
        assert seen["data"] == ""


def test_json_body(echo, version):
    body = '{"b": [1, 2.5, null, true], "a": "\\u20ac"}'
    seen = echo.curl(version, "/anything", "-H", "Content-Type: application/json",
                     "--data-binary", body).json()
    assert seen["json"] == {"a": "\u20ac", "b": [1, 2.5, None, True]}
    assert seen["data"] == body
    assert seen["form"] == {}


def test_broken_json_body(echo, version):
    seen = echo.curl(version, "/anything", "-H", "Content-Type: application/json",
                     "--data-binary", '{"a": ').json()
    assert seen["json"] is None
    assert seen["data"] == '{"a": '


def test_form_body(echo, version):
    seen = echo.curl(version, "/post", "-d", "a=1&b=2&b=3&c=x%20y+z").json()
    assert seen["form"] == {"a": "1", "b": ["2", "3"], "c": "x y z"}
    assert seen["data"] == ""
    assert seen["json"] is None


def test_multipart_body(echo, version, tmp_path):
    file = tmp_path / "note.txt"
    file.write_text("content of the file\n")
    seen = echo.curl(version, "/post", "-F", "field=value", "-F", f"upload=@{file}").json()
    assert seen["form"] == {"field": "value"}
    assert seen["files"] == {"upload": "content of the file\n"}
    assert seen["data"] == ""


def test_binary_body(echo, version):
    body = bytes(range(256))
    seen = echo.curl(version, "/anything", "-H", "Content-Type: application/octet-stream",
                     "--data-binary", "@-", stdin=body).json()
    prefix = "data:application/octet-stream;base64,"
    assert seen["data"].startswith(prefix)
    assert base64.b64decode(seen["data"][len(prefix):]) == body


def test_chunked_body(echo, version):
    response = echo.curl(version, "/put", "-H", "Expect:", "-H", "Content-Type: text/plain",
                         "-T", "-", stdin=b"length not told")
    assert response.json()["data"] == "length not told"


def test_body_of_half_a_mebibyte(echo, version):
    body = b"0123456789abcdef" * 32768
    response = echo.curl(version, "/post", "-H", "Content-Type: text/plain", "-H", "Expect:",
                         "--data-binary", "@-", stdin=body)
    assert response.json()["data"] == body.decode()


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 404, 429, 500, 503, 599])
def test_status(echo, version, status):
    response = echo.curl(version, f"/status/{status}")
    assert response.status == status
    assert response.body == b""


def test_status_with_more(echo, version):
    teapot = echo.curl(version, "/status/418")
    assert teapot.status == 418
    assert "teapot" in teapot.text
    assert teapot.get("x-more-info") == "http://tools.ietf.org/html/rfc2324"
    for status in (301, 302, 303, 305, 307):
        moved = echo.curl(version, f"/status/{status}")
        assert moved.status == status
        assert moved.get("location") == "/redirect/1"
    assert echo.curl(version, "/status/401").get("www-authenticate") == 'Basic realm="Fake Realm"'
    assert echo.curl(version, "/status/407").get("proxy-authenticate")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_status_by_any_method(echo, version, method):
    assert echo.curl(version, "/status/202", "-X", method, "-d", "x").status == 202


@pytest.mark.parametrize("codes", ["abc", "99", "1000", "-1", ""])
def test_status_that_is_none(echo, version, codes):
    assert echo.curl(version, f"/status/{codes}").status in (400, 404)


def test_bytes(echo, version):
    for size in (0, 1, 1024, 102400):
        response = echo.curl(version, f"/bytes/{size}")
        assert response.status == 200
        assert len(response.body) == size
        assert response.get("content-length") == str(size)
        assert response.get("content-type") == "application/octet-stream"
    assert len(echo.curl(version, "/bytes/999999999").body) == 102400
    first, second = (echo.curl(version, "/bytes/64?seed=7").body for _ in range(2))
    assert first == second
    assert echo.curl(version, "/bytes/64?seed=8").body != first


def test_delay(echo, version):
    begin = time.monotonic()
    seen = echo.curl(version, "/delay/1?a=b").json()
    assert time.monotonic() - begin >= 0.95
    assert {"args", "data", "files", "form", "headers", "origin", "url"} <= set(seen)
    assert seen["url"] == echo.url("/delay/1?a=b")


def test_delay_does_not_hold_up_others(echo, version):
    slow = echo.curl.start(version, "/delay/10")
    assert echo.curl(version, "/get").status == 200
    assert slow.process.poll() is None
    slow.kill()


def test_stream(echo, version):
    response = echo.curl(version, "/stream/3?k=v")
    lines = response.text.splitlines()
    assert len(lines) == 3
    for i, line in enumerate(lines):
        seen = json.loads(line)
        assert set(seen) == {"args", "headers", "id", "origin", "url"}
        assert seen["id"] == i
        assert seen["args"] == {"k": "v"}
    assert len(echo.curl(version, "/stream/1000").text.splitlines()) == 100


def test_drip(echo, version):
    response = echo.curl(version, "/drip?numbytes=5&duration=0&delay=0")
    assert response.status == 200
    assert response.body == b"*****"
    assert response.get("content-type") == "application/octet-stream"
    assert echo.curl(version, "/drip?numbytes=3&duration=0.2&delay=0.1&code=206").status == 206
    assert echo.curl(version, "/drip?numbytes=0").status == 400


def test_drip_comes_in_drops(echo, version):
    transfer = echo.curl.start(version, "/drip?numbytes=60&duration=60&delay=0")
    transfer.wait_body(1)
    assert len(transfer.body) < 60
    transfer.kill()


def test_start_page(echo, version):
    response = echo.curl(version, "/")
    assert response.status == 200
    assert response.get("content-type").startswith("text/html")
    assert "/anything" in response.text


def test_unknown_path(echo, version):
    assert echo.curl(version, "/no-such-thing").status == 404
    assert echo.curl(version, "/getx").status == 404
    assert echo.curl(version, "/get/").status == 404


@pytest.mark.parametrize("method, path", [("POST", "/get"), ("GET", "/post"), ("PUT", "/headers"),
                                          ("DELETE", "/put"), ("POST", "/bytes/3")])
def test_wrong_method(echo, version, method, path):
    response = echo.curl(version, path, "-X", method)
    assert response.status == 405
    allowed = {word.strip() for word in response.get("allow").split(",")}
    assert method not in allowed and "OPTIONS" in allowed


def test_head(echo, version):
    body = echo.curl(version, "/headers").body
    response = echo.curl(version, "/headers", "--head")
    assert response.status == 200
    assert response.get("content-length") == str(len(body))
    assert response.get("content-type") == "application/json"


def test_cors(echo, version):
    response = echo.curl(version, "/get")
    assert response.get("access-control-allow-origin") == "*"
    assert response.get("access-control-allow-credentials") == "true"
    response = echo.curl(version, "/no-such-thing", "-H", "Origin: https://example.com")
    assert response.get("access-control-allow-origin") == "https://example.com"


def test_preflight(echo, version):
    response = echo.curl(version, "/post", "-X", "OPTIONS", "-H", "Origin: https://example.com",
                         "-H", "Access-Control-Request-Method: POST",
                         "-H", "Access-Control-Request-Headers: x-one, x-two")
    assert response.status in (200, 204)
    assert response.get("access-control-allow-origin") == "https://example.com"
    assert response.get("access-control-allow-methods") == "GET, POST, PUT, DELETE, PATCH, OPTIONS"
    assert response.get("access-control-max-age") == "3600"
    assert response.get("access-control-allow-headers") == "x-one, x-two"


def leaves(value, path=""):
    """{path: leaf} of a JSON value, paths in lower case without punctuation."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items()
                for k, v in leaves(inner, path + re.sub(r"[^a-z0-9]", "", key.lower())).items()}
    return {path: value}


def reported(facts, *words):
    """The values whose path contains one of the words."""
    return [value for path, value in facts.items() if any(word in path for word in words)]


def test_facts_of_the_connection(echo, version):
    response = echo.curl(version, "/h3gw")
    assert response.status == 200
    assert response.get("content-type") == "application/json"
    facts = leaves(response.json())
    names = {"h1": ("h1", "http/1.1"), "h2": ("h2", "http/2"), "h3": ("h3", "http/3")}[version]
    assert any(str(v).lower() in names for v in reported(facts, "protocol"))
    alpn = {"h1": "http/1.1", "h2": "h2", "h3": "h3"}[version]
    assert alpn in reported(facts, "alpn")
    assert any("1.3" in str(v) for v in reported(facts, "version", "tls"))
    assert any(re.search("AES|CHACHA20", str(v)) for v in reported(facts, "cipher"))
    assert any("MLKEM768" in str(v).upper() for v in reported(facts, "group"))
    assert "localhost" in reported(facts, "sni", "servername")
    assert False in reported(facts, "resumed")
    assert False in reported(facts, "earlydata")
    assert reported(facts, "clientcert") and not any(reported(facts, "clientcert"))
    if version == "h3":
        assert reported(facts, "connectionid", "cid", "dcid", "scid")
        assert any(isinstance(v, (int, float)) and v > 0 for v in reported(facts, "rtt"))
        assert any(isinstance(v, int) and v > 1000 for v in reported(facts, "congestionwindow", "cwnd"))
        assert any(str(v) in ("1", "v1", "0x00000001", "0x1", "QUICv1")
                   for v in reported(facts, "quicversion", "version"))


def test_pipelined_echo(echo):
    with echo.curl.h1() as client:
        client.send(b"".join(b"GET /anything/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % i
                             for i in range(20)))
        for i in range(20):
            assert client.response().json()["url"] == f"https://localhost/anything/{i}"


def test_two_cookies_of_h2_are_one_field(echo):
    with echo.curl.h2() as client:
        stream = client.request([(":method", "GET"), (":scheme", "https"), (":path", "/headers"),
                                 (":authority", "localhost"), ("cookie", "a=1"), ("cookie", "b=2")])
        kind, status, body = client.outcome(stream)
    assert (kind, status) == ("status", 200)
    assert json.loads(body)["headers"]["Cookie"] == "a=1; b=2"
