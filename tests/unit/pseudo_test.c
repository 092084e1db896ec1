/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "http/pseudo.h"

struct fixture {
    struct arena arena;
    struct http_limits limits;
    struct head_builder b;
    struct message m;
};

static int setup(void **state) {
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    arena_init(&f.arena, NULL, 0);
    http_limits_default(&f.limits);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    arena_fini(&f->arena);
    return 0;
}

static void begin(struct fixture *f, enum section section) {
    head_builder_init(&f->b, section, &f->arena, &f->limits);
}

static void add(struct fixture *f, const char *name, const char *value) {
    assert_int_equal(head_builder_add(&f->b, str_of(name), str_of(value)), 0);
}

static void begin_get(struct fixture *f) {
    begin(f, SECTION_REQUEST);
    add(f, ":method", "GET");
    add(f, ":scheme", "HTTPS");
    add(f, ":authority", "Example.COM:8443");
    add(f, ":path", "/a?b=C");
}

static void assert_str(struct str s, const char *text) {
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.p, text, s.n);
}

static void makes_a_request(void **state) {
    struct fixture *f = *state;
    begin_get(f);
    add(f, "cookie", "a=1");
    add(f, "accept", "text/html");
    add(f, "cookie", "b=2");
    add(f, "expect", "100-Continue");
    add(f, "te", "trailers");
    add(f, "content-length", "12");
    assert_int_equal(head_builder_request(&f->b, &f->m), 0);
    assert_str(f->m.method, "GET");
    assert_str(f->m.scheme, "https");
    assert_str(f->m.authority, "example.com:8443");
    assert_str(f->m.path, "/a?b=C");
    assert_str(fields_get(&f->m.fields, STR("cookie")), "a=1; b=2");
    assert_str(fields_get(&f->m.fields, STR("te")), "trailers");
    assert_int_equal(fields_count(&f->m.fields, STR("cookie")), 1);
    assert_false(fields_has(&f->m.fields, STR("expect")));
    assert_false(fields_has(&f->m.fields, STR("content-length")));
    assert_true(f->m.expect_continue);
    assert_int_equal(f->m.content_length, 12);
}

static void takes_host_for_authority(void **state) {
    struct fixture *f = *state;
    begin(f, SECTION_REQUEST);
    add(f, ":method", "GET");
    add(f, ":scheme", "https");
    add(f, ":path", "/");
    add(f, "host", "Example.com");
    assert_int_equal(head_builder_request(&f->b, &f->m), 0);
    assert_str(f->m.authority, "example.com");
    assert_false(fields_has(&f->m.fields, STR("host")));
    begin_get(f);
    add(f, "host", "example.com:8443");
    assert_int_equal(head_builder_request(&f->b, &f->m), 0);
}

static void refuses(struct fixture *f, const char *name, const char *value) {
    begin_get(f);
    add(f, name, value);
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_INVALID);
    assert_non_null(f->b.problem);
}

static void refuses_what_does_not_belong(void **state) {
    struct fixture *f = *state;
    static const char *const pairs[][2] = {
        {"host", "other.example"},
        {"X-Upper", "1"},
        {"x a", "1"},
        {"x:a", "1"},
        {"", "1"},
        {"x-a", "a\r\nb: c"},
        {"x-a", " a"},
        {"x-a", "a\t"},
        {"connection", "close"},
        {"keep-alive", "1"},
        {"upgrade", "websocket"},
        {"transfer-encoding", "chunked"},
        {"proxy-connection", "x"},
        {"te", "gzip"},
        {"content-length", "-1"},
        {"content-length", "1,1"},
        {"content-length", ""},
        {":method", "GET"},
        {":status", "200"},
        {":protocol", "x"},
        {":unknown", "x"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        refuses(f, pairs[i][0], pairs[i][1]);
    begin_get(f);
    add(f, "content-length", "1");
    add(f, "content-length", "1");
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_INVALID);
    assert_str(f->m.method, "GET"); /* what the log shows, and no more */
    assert_int_equal(f->m.fields.n, 0);
    begin_get(f);
    add(f, "host", "example.com:8443");
    add(f, "host", "example.com:8443");
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_INVALID);
}

static void refuses_nul_in_a_value(void **state) {
    struct fixture *f = *state;
    begin_get(f);
    head_builder_add(&f->b, STR("x-a"), (struct str){"a\0b", 3});
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_INVALID);
}

static void refuses_pseudo_fields_late_or_missing(void **state) {
    struct fixture *f = *state;
    static const char *const all[][2] = {
        {":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.example"}};
    for (size_t missing = 0; missing < 4; missing++) {
        begin(f, SECTION_REQUEST);
        for (size_t i = 0; i < 4; i++)
            if (i != missing)
                add(f, all[i][0], all[i][1]);
        assert_int_equal(head_builder_request(&f->b, &f->m), ERR_INVALID);
    }
    begin(f, SECTION_REQUEST);
    add(f, ":method", "GET");
    add(f, "accept", "*");
    add(f, ":scheme", "https");
    add(f, ":path", "/");
    add(f, ":authority", "a.example");
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_INVALID);
}

static void knows_connect(void **state) {
    struct fixture *f = *state;
    begin(f, SECTION_REQUEST);
    add(f, ":method", "CONNECT");
    add(f, ":authority", "a.example:443");
    assert_int_equal(head_builder_request(&f->b, &f->m), 0);
    begin(f, SECTION_REQUEST);
    add(f, ":method", "CONNECT");
    add(f, ":authority", "a.example:443");
    add(f, ":path", "/");
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_INVALID);
    begin(f, SECTION_REQUEST);
    f->b.connect_protocol = true;
    add(f, ":method", "CONNECT");
    add(f, ":protocol", "websocket");
    add(f, ":scheme", "https");
    add(f, ":path", "/chat");
    add(f, ":authority", "a.example");
    assert_int_equal(head_builder_request(&f->b, &f->m), 0);
    assert_str(f->m.protocol, "websocket");
}

static void limits_size_and_number(void **state) {
    struct fixture *f = *state;
    size_t used = 0;
    f->limits.fields = 10;
    begin_get(f);
    for (int i = 0; i < 100000; i++) {
        add(f, "x-many", "v");
        if (i == 10)
            used = f->arena.used_bytes;
    }
    assert_int_equal(f->arena.used_bytes, used);
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_LIMIT);
    f->limits.fields = 100;
    f->limits.head_bytes = 500;
    begin_get(f);
    for (int i = 0; i < 10; i++)
        add(f, "x", "");
    assert_int_equal(head_builder_request(&f->b, &f->m), ERR_LIMIT);
}

static void makes_responses(void **state) {
    struct fixture *f = *state;
    begin(f, SECTION_RESPONSE);
    add(f, ":status", "103");
    add(f, "link", "</a>");
    f->m.status = 7;
    assert_int_equal(head_builder_response(&f->b, &f->m), 0);
    assert_int_equal(f->b.status, 103);
    assert_int_equal(f->m.status, 7);
    begin(f, SECTION_RESPONSE);
    add(f, ":status", "204");
    add(f, "content-length", "0");
    assert_int_equal(head_builder_response(&f->b, &f->m), 0);
    assert_int_equal(f->m.status, 204);
    assert_int_equal(f->m.content_length, LENGTH_UNKNOWN);
    static const char *const wrong[] = {"101", "99", "20", "2000", "abc", "", "-20", "+20"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(f, SECTION_RESPONSE);
        add(f, ":status", wrong[i]);
        assert_int_equal(head_builder_response(&f->b, &f->m), ERR_INVALID);
    }
    begin(f, SECTION_RESPONSE);
    add(f, "x-a", "1");
    assert_int_equal(head_builder_response(&f->b, &f->m), ERR_INVALID);
}

static void makes_trailers(void **state) {
    struct fixture *f = *state;
    struct fields trailers;
    begin(f, SECTION_TRAILERS);
    add(f, "x-sum", "1");
    add(f, "content-type", "no");
    add(f, "grpc-status", "0");
    assert_int_equal(head_builder_trailers(&f->b, &trailers), 0);
    assert_int_equal(trailers.n, 2);
    begin(f, SECTION_TRAILERS);
    add(f, ":path", "/");
    assert_int_equal(head_builder_trailers(&f->b, &trailers), ERR_INVALID);
}

static void writes_lines(void **state) {
    struct fixture *f = *state;
    struct field *v;
    size_t n;
    begin_get(f);
    add(f, "content-length", "12");
    add(f, "x-a", "1");
    assert_int_equal(head_builder_request(&f->b, &f->m), 0);
    assert_int_equal(head_request_lines(&f->m, &v, &n), 0);
    assert_int_equal(n, 6);
    assert_str(v[0].name, ":method");
    assert_str(v[4].name, "content-length");
    assert_str(v[4].value, "12");
    assert_str(v[5].name, "x-a");
    f->m.status = 404;
    assert_int_equal(head_response_lines(&f->m, &v, &n), 0);
    assert_str(v[0].value, "404");
    assert_int_equal(n, 3);
    f->m.status = 204;
    assert_int_equal(head_response_lines(&f->m, &v, &n), 0);
    assert_int_equal(n, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_host_for_authority, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_does_not_belong, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_nul_in_a_value, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_pseudo_fields_late_or_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(knows_connect, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_size_and_number, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_responses, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_trailers, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_lines, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
