/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "proto/h1/headers.h"
#include "proto/h1/write.h"

enum { FIELDS = 8 };

/* A head as the parser records it: "name: value" lines. */
struct recorded {
    struct h1_head head;
    struct field v[FIELDS];
};

static void record(struct recorded *r, const char *method, const char *target,
                   const char *const *lines) {
    *r = (struct recorded){.head = {.major = 1, .minor = 1, .status = 200}};
    r->head.method = str_of(method);
    r->head.target = str_of(target);
    r->head.v = r->v;
    for (; *lines; lines++) {
        struct str rest = str_of(*lines), name;
        assert_true(str_cut(&rest, ':', &name));
        r->v[r->head.n++] = (struct field){name, str_trim(rest)};
    }
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_request_facts(void **state) {
    (void)state;
    struct recorded r;
    struct h1_facts f;
    record(&r, "POST", "/x?y",
           LINES("Host: A.example:80", "Content-Length: 12", "TE: gzip, trailers",
                 "Expect: 100-Continue", "Connection: keep-alive"));
    assert_int_equal(h1_request_check(&r.head, true, &f), 0);
    assert_int_equal(f.framing, H1_LENGTH);
    assert_int_equal(f.length, 12);
    assert_int_equal(f.content_length, 12);
    assert_true(f.keep_alive && f.expect_continue && f.te_trailers && !f.names_fields);
    assert_true(str_eq(f.scheme, STR("https")));
    assert_true(str_eq(f.path, STR("/x?y")));

    record(&r, "GET", "/", LINES("Host: a"));
    assert_int_equal(h1_request_check(&r.head, false, &f), 0);
    assert_int_equal(f.framing, H1_NO_BODY);
    assert_int_equal(f.content_length, LENGTH_UNKNOWN);
    assert_true(str_eq(f.scheme, STR("http")));

    r.head.minor = 0;
    assert_int_equal(h1_request_check(&r.head, false, &f), 0);
    assert_false(f.keep_alive);
}

static void test_expect_without_a_body_says_nothing(void **state) {
    (void)state;
    struct recorded r;
    struct h1_facts f;
    record(&r, "POST", "/", LINES("Host: a", "Expect: 100-continue"));
    assert_int_equal(h1_request_check(&r.head, false, &f), 0);
    assert_false(f.expect_continue);
}

static void test_absolute_form(void **state) {
    (void)state;
    struct recorded r;
    struct h1_facts f;
    record(&r, "GET", "HTTP://A.example", LINES("Host: a.EXAMPLE"));
    assert_int_equal(h1_request_check(&r.head, false, &f), 0);
    assert_true(str_eq(f.authority, STR("A.example")));
    assert_true(str_eq(f.path, STR("/")));
    assert_int_equal(h1_request_check(&r.head, true, &f), ERR_INVALID);
    assert_int_equal(f.status, 421);
    record(&r, "GET", "http://a/x", LINES("Host: a:80")); /* equal, yet not the same */
    assert_int_equal(h1_request_check(&r.head, false, &f), ERR_INVALID);
    assert_int_equal(f.status, 400);
}

/* RFC 9110 4.2.3, RFC 9112 3.2.4: an empty path is "/", with OPTIONS only if there is a query. */
static void test_absolute_form_with_a_query_alone(void **state) {
    (void)state;
    static const char *const methods[] = {"GET", "OPTIONS"};
    struct recorded r;
    struct h1_facts f;
    for (size_t i = 0; i < 2; i++) {
        struct arena arena;
        struct message m = {0};
        arena_init(&arena, NULL, 0);
        fields_init(&m.fields, &arena);
        record(&r, methods[i], "http://a?q=1/2?3", LINES("Host: a"));
        assert_int_equal(h1_request_check(&r.head, false, &f), 0);
        assert_int_equal(h1_request_fill(&r.head, &f, &m), 0);
        assert_true(str_eq(m.authority, STR("a")));
        assert_true(str_eq(m.path, STR("/?q=1/2?3")));
        arena_fini(&arena);
    }
    record(&r, "GET", "http://a?q#f", LINES("Host: a"));
    assert_int_equal(h1_request_check(&r.head, false, &f), ERR_INVALID);
    assert_int_equal(f.status, 400);
    record(&r, "GET", "http://?q", LINES("Host: a"));
    assert_int_equal(h1_request_check(&r.head, false, &f), ERR_INVALID);
}

static void test_response_facts(void **state) {
    (void)state;
    struct recorded r;
    struct h1_facts f;
    record(&r, "", "", LINES("Content-Length: 7"));
    assert_int_equal(h1_response_check(&r.head, STR("GET"), &f), 0);
    assert_int_equal(f.framing, H1_LENGTH);
    assert_int_equal(h1_response_check(&r.head, STR("HEAD"), &f), 0);
    assert_int_equal(f.framing, H1_NO_BODY);
    assert_int_equal(f.content_length, 7);
    r.head.status = 204;
    assert_int_equal(h1_response_check(&r.head, STR("GET"), &f), 0);
    assert_int_equal(f.framing, H1_NO_BODY);
    assert_int_equal(f.content_length, LENGTH_UNKNOWN);

    record(&r, "", "", LINES("Server: x"));
    assert_int_equal(h1_response_check(&r.head, STR("GET"), &f), 0);
    assert_int_equal(f.framing, H1_UNTIL_EOF);
    record(&r, "", "", LINES("Transfer-Encoding: gzip"));
    assert_int_equal(h1_response_check(&r.head, STR("GET"), &f), ERR_INVALID);
}

static void test_request_fill(void **state) {
    (void)state;
    struct recorded r;
    struct h1_facts f;
    struct arena arena;
    struct message m = {0};
    record(&r, "GET", "/a",
           LINES("Host: A", "X-One: 1", "X-Gone: 2", "Connection: x-gone, content-length",
                 "TE: trailers", "Keep-Alive: 3", "Upgrade: h2c", "HTTP2-Settings: AA"));
    arena_init(&arena, NULL, 0);
    fields_init(&m.fields, &arena);
    assert_int_equal(h1_request_check(&r.head, true, &f), 0);
    assert_int_equal(h1_request_fill(&r.head, &f, &m), 0);
    assert_true(str_eq(m.authority, STR("a")));
    assert_true(str_eq(m.method, STR("GET")));
    assert_int_equal(m.fields.n, 2);
    assert_true(str_eq(fields_get(&m.fields, STR("x-one")), STR("1")));
    assert_true(str_eq(fields_get(&m.fields, STR("te")), STR("trailers")));
    arena_fini(&arena);
}

static void test_trailers(void **state) {
    (void)state;
    struct arena arena;
    struct fields trailers;
    arena_init(&arena, NULL, 0);
    fields_init(&trailers, &arena);
    assert_int_equal(h1_trailer_fill(&trailers, STR("X-Sum"), STR("5")), 0);
    assert_int_equal(h1_trailer_fill(&trailers, STR("Content-Length"), STR("5")), 0);
    assert_int_equal(h1_trailer_fill(&trailers, STR("Host"), STR("5")), 0);
    assert_int_equal(h1_trailer_fill(&trailers, STR("Connection"), STR("5")), 0);
    assert_int_equal(trailers.n, 1);
    assert_true(str_eq(trailers.v[0].name, STR("x-sum")));
    arena_fini(&arena);
}

static void test_write(void **state) {
    (void)state;
    struct arena arena;
    struct message m = {.status = 200, .content_length = 5};
    struct buf b;
    arena_init(&arena, NULL, 0);
    buf_init(&b);
    fields_init(&m.fields, &arena);
    fields_add(&m.fields, STR("a"), STR("b"));
    fields_add(&m.fields, STR("c"), STR("d\r\ne: f")); /* whoever made it */
    fields_add(&m.fields, STR("g h"), STR("i"));
    h1_response_write(&b, &m, H1_LENGTH, NULL);
    assert_string_equal(b.p, "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 5\r\n\r\n");
    buf_reset(&b);
    h1_response_write(&b, &m, H1_CHUNKED, "close");
    assert_string_equal(b.p, "HTTP/1.1 200 OK\r\na: b\r\ntransfer-encoding: chunked\r\n"
                             "connection: close\r\n\r\n");
    buf_reset(&b);
    h1_trailers_write(&b, &m.fields);
    assert_string_equal(b.p, "0\r\na: b\r\n\r\n");
    buf_reset(&b);
    m.status = 299; /* no text is known for it: the blank stays, RFC 9112 4 */
    h1_response_write(&b, &m, H1_UNTIL_EOF, NULL);
    assert_string_equal(b.p, "HTTP/1.1 299 \r\na: b\r\n\r\n");
    buf_fini(&b);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_facts),
        cmocka_unit_test(test_expect_without_a_body_says_nothing),
        cmocka_unit_test(test_absolute_form),
        cmocka_unit_test(test_absolute_form_with_a_query_alone),
        cmocka_unit_test(test_response_facts),
        cmocka_unit_test(test_request_fill),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
