/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "echo_stage.h"

/* ---- the request as it was understood ---- */

static void get_in_full(void **state) {
    struct stage *s = *state;

    stage_begin(s, "GET /get?a=1&b=%C3%BC&a=2&c", STR(""));
    stage_field(s, "user-agent", "me");
    stage_field(s, "x-forwarded-for", "10.0.0.1, 10.0.0.2");
    stage_finish(s);
    assert_int_equal(s->status, 200);
    stage_assert_head(s, "content-type: application/json");
    stage_assert_body(s, "{\n"
                         "  \"args\": {\n"
                         "    \"a\": [\n"
                         "      \"1\",\n"
                         "      \"2\"\n"
                         "    ],\n"
                         "    \"b\": \"ü\",\n"
                         "    \"c\": \"\"\n"
                         "  },\n"
                         "  \"headers\": {\n"
                         "    \"Host\": \"example.org\",\n"
                         "    \"User-Agent\": \"me\"\n"
                         "  },\n"
                         "  \"origin\": \"10.0.0.1, 10.0.0.2\",\n"
                         "  \"url\": \"https://example.org/get?a=1&b=%C3%BC&a=2&c\"\n"
                         "}\n");
    assert_int_equal(s->length, s->front.got.n);
}

static void ask_with_fields(struct stage *s, const char *line) {
    stage_begin(s, line, STR(""));
    stage_field(s, "x-b3-traceid", "1");
    stage_field(s, "x-two", "a");
    stage_field(s, "x-two", "b");
    stage_field(s, "x-forwarded-for", "10.0.0.1");
    stage_field(s, "x-request-id", "2");
    stage_field(s, "via", "2 h3gw");
    stage_field(s, "user-agent", "me");
    stage_finish(s);
}

static void headers(void **state) {
    struct stage *s = *state;

    ask_with_fields(s, "GET /headers");
    stage_assert_json(s, "",
                      "{\"headers\":{\"Host\":\"example.org\",\"User-Agent\":\"me\","
                      "\"X-B3-Traceid\":\"1\",\"X-Two\":\"a,b\"}}");
    ask_with_fields(s, "GET /headers?show_env=1");
    stage_assert_json(s, "/headers/Via", "\"2 h3gw\"");
    stage_assert_json(s, "/headers/X-Forwarded-For", "\"10.0.0.1\"");
    ask_with_fields(s, "GET /ip");
    stage_assert_json(s, "", "{\"origin\":\"10.0.0.1\"}");
    ask_with_fields(s, "GET /user-agent");
    stage_assert_json(s, "", "{\"user-agent\":\"me\"}");
    stage_ask(s, "GET /user-agent");
    stage_assert_json(s, "", "{\"user-agent\":null}");
}

static void post_it(struct stage *s, const char *line, const char *type, struct str body) {
    stage_begin(s, line, body);
    if (type)
        stage_field(s, "content-type", type);
    s->front.end.x->request.content_length = (int64_t)body.n;
    stage_finish(s);
    assert_int_equal(s->status, 200);
}

static void bodies(void **state) {
    struct stage *s = *state;

    post_it(s, "POST /post", NULL, STR("plain"));
    stage_assert_json(s, "/data", "\"plain\"");
    stage_assert_json(s, "/json", "null");
    stage_assert_json(s, "/form", "{}");
    stage_assert_json(s, "/files", "{}");
    stage_assert_json(s, "/headers/Content-Length", "\"5\"");
    stage_assert_json(s, "/method", "(nothing)");
    post_it(s, "PUT /put", "application/json", STR("{\"b\": [1, 2.5], \"a\": null}"));
    stage_assert_json(s, "/json", "{\"a\":null,\"b\":[1,2.5]}");
    stage_assert_json(s, "/data", "\"{\\\"b\\\": [1, 2.5], \\\"a\\\": null}\"");
    post_it(s, "PATCH /patch", "application/x-www-form-urlencoded; charset=utf-8",
            STR("a=1+2&b=%26&a=3"));
    stage_assert_json(s, "/form", "{\"a\":[\"1 2\",\"3\"],\"b\":\"&\"}");
    stage_assert_json(s, "/data", "\"\"");
    post_it(s, "DELETE /delete", NULL, STR("\xff\x00\x01"));
    stage_assert_json(s, "/data", "\"data:application/octet-stream;base64,/wAB\"");
    post_it(s, "POST /post", NULL, STR(""));
    stage_assert_json(s, "/data", "\"\"");
    post_it(s, "PROPFIND /anything/x/y?z=1", NULL, STR("b"));
    stage_assert_json(s, "/method", "\"PROPFIND\"");
    stage_assert_json(s, "/url", "\"https://example.org/anything/x/y?z=1\"");
}

static void send_parts(struct stage *s, const char *body) {
    post_it(s, "POST /post", "multipart/form-data; boundary=\"B\"", str_of(body));
    stage_assert_json(s, "/data", "\"\"");
}

static void multipart(void **state) {
    struct stage *s = *state;

    send_parts(s, "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2"
                  "\r\n--B\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n"
                  "Content-Type: text/plain\r\n\r\nfile\r\n--B--\r\n");
    stage_assert_json(s, "/form", "{\"a\":\"1\\r\\n2\"}");
    stage_assert_json(s, "/files", "{\"f\":\"file\"}");
    send_parts(s, "a preamble\r\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
                  "\r\n--B--\r\nand what follows");
    stage_assert_json(s, "/form", "{\"a\":\"\"}");
}

/* None of these may read beyond the body: ASan watches. */
static void broken_multipart(void **state) {
    static const char *const broken[] = {
        "x--B",
        "--B",
        "--B\r\n",
        "\r\n--B",
        "--B--",
        "x\r\n--B",
        "\r\n--B\r\n--B",
        "--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--B",
        "--B\r\n\r\n\r\n--B",
        "--B\r\nno blank line\r\n--B--",
    };
    struct stage *s = *state;

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        send_parts(s, broken[i]);
        stage_assert_json(s, "/files", "{}");
    }
    post_it(s, "POST /post", "multipart/form-data; boundary=", STR("--\r\n"));
    post_it(s, "POST /post",
            "multipart/form-data; "
            "boundary=12345678901234567890123456789012345678901234567890123456789012345678901",
            STR("--\r\n"));
}

/* A body in pieces of every size, each in turns of its own. */
static void any_split(void **state) {
    static const char text[] = "a=1234567890&b=x";
    struct stage *s = *state;

    for (size_t piece = 1; piece < sizeof text; piece++) {
        stage_begin(s, "POST /anything", STR(""));
        stage_field(s, "content-type", "application/x-www-form-urlencoded");
        s->front.holds = true;
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t n = sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece;
            s->front.to_send = (struct str){text + at, n};
            task_wake(&s->front.end.task, END_ROOM);
            world_run(&s->w);
            assert_int_equal(s->status, 0);
        }
        s->front.holds = false;
        task_wake(&s->front.end.task, END_ROOM);
        stage_finish(s);
        stage_assert_json(s, "/form", "{\"a\":\"1234567890\",\"b\":\"x\"}");
    }
}

static void too_much(void **state) {
    struct stage *s = *state;
    size_t n = (16 << 20) + 1;
    char *body = test_calloc(1, n);

    stage_begin(s, "POST /post", (struct str){body, n});
    stage_finish(s);
    assert_int_equal(s->status, 413);
    test_free(body);
}

/* ---- methods and origins ---- */

static void methods(void **state) {
    struct stage *s = *state;

    stage_ask(s, "POST /get");
    assert_int_equal(s->status, 405);
    stage_assert_head(s, "allow: GET, HEAD, OPTIONS");
    stage_ask(s, "GET /post");
    assert_int_equal(s->status, 405);
    stage_assert_head(s, "allow: POST, OPTIONS");
    stage_ask(s, "get /get");
    assert_int_equal(s->status, 405);
    stage_ask(s, "GET /nothing");
    assert_int_equal(s->status, 404);
    stage_ask(s, "GET /get/");
    assert_int_equal(s->status, 404);
}

static void head_has_no_body(void **state) {
    static const char *const lines[] = {"HEAD /get", "HEAD /", "HEAD /bytes/10", "HEAD /stream/3",
                                        "HEAD /drip?numbytes=5&duration=0"};
    struct stage *s = *state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        stage_ask(s, lines[i]);
        assert_int_equal(s->status, 200);
        assert_int_equal(s->front.got.n, 0);
        assert_true(s->length != 0);
    }
    assert_int_equal(s->length, 5);
}

static void other_origins(void **state) {
    struct stage *s = *state;

    stage_ask(s, "GET /get");
    stage_assert_head(s, "access-control-allow-origin: *");
    stage_assert_head(s, "access-control-allow-credentials: true");
    stage_begin(s, "OPTIONS /put", STR(""));
    stage_field(s, "origin", "https://a.test");
    stage_field(s, "access-control-request-headers", "x-a, x-b");
    stage_finish(s);
    assert_int_equal(s->status, 200);
    stage_assert_head(s, "allow: PUT, OPTIONS");
    stage_assert_head(s, "access-control-allow-origin: https://a.test");
    stage_assert_head(s, "access-control-allow-headers: x-a, x-b");
    stage_assert_head(s, "access-control-allow-methods: GET, POST, PUT, DELETE, PATCH, OPTIONS");
    stage_assert_head(s, "access-control-max-age: 3600");
    stage_ask(s, "OPTIONS *");
    assert_int_equal(s->status, 200);
    stage_begin(s, "GET /nothing", STR(""));
    stage_field(s, "origin", "https://a.test");
    stage_finish(s);
    stage_assert_head(s, "access-control-allow-origin: https://a.test");
}

/* ---- what is made up ---- */

static void statuses(void **state) {
    struct stage *s = *state;

    stage_ask(s, "GET /status/418");
    assert_int_equal(s->status, 418);
    assert_non_null(strstr((char *)s->front.got.p, "teapot"));
    stage_ask(s, "PUT /status/302");
    assert_int_equal(s->status, 302);
    stage_assert_head(s, "location: /redirect/1");
    stage_ask(s, "GET /status/401");
    stage_assert_head(s, "www-authenticate: Basic realm=\"Fake Realm\"");
    stage_ask(s, "GET /status/204");
    assert_int_equal(s->status, 204);
    assert_int_equal(s->length, LENGTH_UNKNOWN);
    stage_ask(s, "GET /status/200:0,503:1");
    assert_int_equal(s->status, 503);
    stage_ask(s, "GET /status/500%3A1");
    assert_int_equal(s->status, 500);
}

static void no_statuses(void **state) {
    static const char *const lines[] = {
        "GET /status/",      "GET /status/abc",    "GET /status/100",  "GET /status/600",
        "GET /status/200:x", "GET /status/200:-1", "GET /status/200,,"};
    struct stage *s = *state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        stage_ask(s, lines[i]);
        assert_int_equal(s->status, 400);
    }
}

static void bytes(void **state) {
    struct stage *s = *state;
    uint8_t first[1000], unlike[1000];

    stage_ask(s, "GET /bytes/1000?seed=7");
    assert_int_equal(s->front.got.n, 1000);
    stage_assert_head(s, "content-type: application/octet-stream");
    memcpy(first, s->front.got.p, sizeof first);
    stage_ask(s, "GET /bytes/1000?seed=7");
    assert_memory_equal(s->front.got.p, first, sizeof first);
    stage_ask(s, "GET /bytes/1000");
    assert_memory_not_equal(s->front.got.p, first, sizeof first);
    memcpy(unlike, s->front.got.p, sizeof unlike);
    stage_ask(s, "GET /bytes/1000");
    assert_memory_not_equal(s->front.got.p, unlike, sizeof unlike);
    stage_ask(s, "GET /bytes/1000?seed=");
    memcpy(first, s->front.got.p, sizeof first);
    stage_ask(s, "GET /bytes/1000?seed=");
    assert_memory_equal(s->front.got.p, first, sizeof first);
    stage_ask(s, "GET /bytes/0");
    assert_int_equal(s->front.got.n, 0);
    stage_ask(s, "GET /bytes/999999999");
    assert_int_equal(s->front.got.n, 102400);
    stage_ask(s, "GET /bytes/x");
    assert_int_equal(s->status, 404);
}

static void pages(void **state) {
    struct stage *s = *state;

    stage_ask(s, "GET /");
    stage_assert_head(s, "content-type: text/html; charset=utf-8");
    assert_non_null(strstr((char *)s->front.got.p, "<a href=\"/get\">"));
    strcpy(s->peer.alpn, "h2");
    assert_int_equal(peer_set_sni(&s->peer, "a.test"), 0);
    s->peer.tls_version = "TLSv1.3";
    stage_ask(s, "GET /h3gw");
    stage_assert_json(s, "/protocol", "\"h2\"");
    stage_assert_json(s, "/alpn", "\"h2\"");
    stage_assert_json(s, "/tls",
                      "{\"cipher\":null,\"early_data\":false,\"group\":null,\"resumed\":false,"
                      "\"sni\":\"a.test\",\"version\":\"TLSv1.3\"}");
    stage_assert_json(s, "/quic", "null");
    stage_assert_json(s, "/client_certificate", "null");
    peer_fini(&s->peer);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, stage_set_up, stage_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(get_in_full),
        TEST(headers),
        TEST(bodies),
        TEST(multipart),
        TEST(broken_multipart),
        TEST(any_split),
        TEST(too_much),
        TEST(methods),
        TEST(head_has_no_body),
        TEST(other_origins),
        TEST(statuses),
        TEST(no_statuses),
        TEST(bytes),
        TEST(pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
