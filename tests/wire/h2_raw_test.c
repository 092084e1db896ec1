/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h2_bytes.h"

/* Bytes written by hand against the server: what no honest client sends. */

static void test_plain(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, END_STREAM | END_HEADERS);
    look(w);
    assert_int_equal(w->status, 200);
    assert_int_equal(w->frames[DATA], 1);
    assert_int_equal(w->frames[RST], 0);
    world_free(w);
}

/* One wrong thing in a request of its own: nothing reaches the handler, the next one works. */
static void refuse(const char *name, const char *value, size_t n) {
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    line_n(w, name, value, n);
    put_headers(w, 1, END_STREAM | END_HEADERS);
    look(w);
    assert_int_equal(w->site.started, 0);
    assert_true(w->status == 400 || w->frames[RST] == 1);
    get_lines(w, "/hello");
    put_headers(w, 3, END_STREAM | END_HEADERS);
    look(w);
    assert_int_equal(w->status, 200);
    world_free(w);
}

/* An informational head that waits behind other output outlives its exchange, which ends with words
 * of our own. */
static void test_last_words_behind_a_continue(void **state) {
    static const char bytes[20];
    (void)state;
    struct world *w = world_new(100);
    w->limits.request_body_bytes = 10;
    hello(w);
    look(w);
    join_room(w->join, 0);
    get_lines(w, "/bytes/60000");
    put_headers(w, 1, END_STREAM | END_HEADERS);
    look(w);
    get_lines(w, "/never");
    line(w, "expect", "100-continue");
    put_headers(w, 3, END_HEADERS);
    look(w);
    put_frame(w, DATA, 0, 3, bytes, sizeof(bytes));
    look(w);
    assert_int_equal(w->site.resets, 1);
    assert_int_equal(w->frames[HEADERS], 0);
    join_room(w->join, 4096);
    look(w);
    assert_int_equal(w->frames[HEADERS], 3);
    world_free(w);
}

static void test_malformed(void **state) {
    (void)state;
    refuse("x-a", "b\r\nx-evil: 1", 12);
    refuse("x-a", "a\0b", 3);
    refuse("x-a", " a", 2);
    refuse("x a", "1", 1);
    refuse("x:a", "1", 1);
    refuse("", "1", 1);
    refuse("X-Upper", "1", 1);
    refuse("host", "other.example", 13);
    refuse("te", "gzip", 4);
    refuse("connection", "close", 5);
    refuse("transfer-encoding", "chunked", 7);
    refuse("upgrade", "websocket", 9);
    refuse("content-length", "5", 1);
    refuse("content-length", "+0", 2);
    refuse("content-length", "0x0", 3);
    refuse(":method", "GET", 3);
    refuse(":protocol", "websocket", 9);
    refuse(":status", "200", 3);
}

static void refuse_path(const char *path) {
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, path);
    put_headers(w, 1, END_STREAM | END_HEADERS);
    look(w);
    assert_int_equal(w->site.started, 0);
    assert_true(w->status == 400 || w->frames[RST] == 1);
    world_free(w);
}

static void test_malformed_path(void **state) {
    (void)state;
    refuse_path("/a b");
    refuse_path("/a#b");
    refuse_path("/a\r\nx: y");
    refuse_path("hello");
    refuse_path("");
    refuse_path("*");
}

static void test_host_only(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    line(w, ":method", "GET");
    line(w, ":scheme", "https");
    line(w, ":path", "/hello");
    line(w, "host", "Only.Example:8443");
    line(w, "cookie", "a=1");
    line(w, "cookie", "b=2");
    put_headers(w, 1, END_STREAM | END_HEADERS);
    look(w);
    assert_int_equal(w->status, 200);
    assert_string_equal(w->site.host, "only.example:8443");
    assert_string_equal(w->site.cookie, "a=1; b=2");
    world_free(w);
}

/* CVE-2023-44487, also with the request and its reset in one packet. */
static void test_rapid_reset(void **state) {
    (void)state;
    static const uint8_t cancel[4] = {0, 0, 0, 8};
    for (int apart = 0; apart < 2; apart++) {
        struct world *w = world_new(100);
        hello(w);
        for (uint32_t i = 0; i < 300; i++) {
            get_lines(w, "/never");
            put_headers(w, 2 * i + 1, END_STREAM | END_HEADERS);
            if (apart)
                join_run(w->join, 0, NULL, NULL);
            put_frame(w, RST, 0, 2 * i + 1, cancel, 4);
        }
        look(w);
        assert_true(w->goaway_came);
        assert_int_equal(w->goaway, 0xb);
        assert_true(w->fin);
        assert_true(w->site.started <= 101);
        world_free(w);
    }
}

static bool after_steps(void *context) {
    int *left = context;
    return (*left)-- <= 0;
}

/* CVE-2026-23918: at any moment between the request and the end of its response. */
static void test_reset_at_any_moment(void **state) {
    (void)state;
    static const char *const paths[] = {"/hello", "/bytes/100000", "/hints", "/early", "/refuse"};
    static const uint8_t cancel[4] = {0, 0, 0, 8};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        for (int steps = 0; steps < 12; steps++) {
            struct world *w = world_new(100);
            int left = steps;
            hello(w);
            get_lines(w, paths[i]);
            put_headers(w, 1, END_HEADERS | (steps % 2 ? END_STREAM : 0));
            if (steps > 0)
                (void)join_run(w->join, SECOND_NS, after_steps, &left);
            put_frame(w, RST, 0, 1, cancel, 4);
            look(w);
            assert_int_equal(w->site.live, 0);
            get_lines(w, "/hello");
            put_headers(w, 3, END_STREAM | END_HEADERS);
            look(w);
            assert_int_equal(w->status, 200);
            world_free(w);
        }
    }
}

/* CVE-2025-8671: the server is made to reset. */
static void test_made_you_reset(void **state) {
    (void)state;
    static const uint8_t zero[4] = {0, 0, 0, 0};
    struct world *w = world_new(50);
    hello(w);
    for (uint32_t i = 0; i < 200; i++) {
        get_lines(w, "/never");
        put_headers(w, 2 * i + 1, END_STREAM | END_HEADERS);
        join_run(w->join, 0, NULL, NULL);
        put_frame(w, WINDOW, 0, 2 * i + 1, zero, 4);
        join_run(w->join, 0, NULL, NULL);
    }
    look(w);
    assert_true(w->fin);
    assert_true(w->site.started <= 52);
    world_free(w);
}

/* CVE-2026-49975: many tiny fields. */
static void test_header_bomb(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    for (int i = 0; i < 4000; i++)
        buf_char(&w->frame, (char)0x90); /* accept-encoding: gzip, deflate */
    put_headers(w, 1, END_STREAM | END_HEADERS);
    look(w);
    assert_int_equal(w->site.started, 0);
    assert_int_equal(w->status, -1);
    get_lines(w, "/hello");
    put_headers(w, 3, END_STREAM | END_HEADERS);
    look(w);
    assert_int_equal(w->status, 200);
    world_free(w);
}

/* CVE-2026-27135: a bad frame, then a frame-size error in the same write. */
static void test_after_the_end(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    put_frame(w, DATA, 0, 1, "x", 1); /* an idle stream */
    put_frame(w, PING, 0, 0, "short", 5);
    put_frame(w, SETTINGS, 0, 0, "odd", 3);
    look(w);
    assert_true(w->fin && w->goaway_came);
    world_free(w);
}

static void test_wrong_length(void **state) {
    (void)state;
    static const char *const lengths[] = {"3", "8"};
    for (int i = 0; i < 2; i++) {
        struct world *w = world_new(100);
        hello(w);
        get_lines(w, "/count");
        line(w, "content-length", lengths[i]);
        put_headers(w, 1, END_HEADERS);
        put_frame(w, DATA, 0, 1, "ab", 2);
        put_frame(w, DATA, END_STREAM, 1, "cde", 3);
        look(w);
        assert_int_equal(w->frames[RST], 1);
        assert_int_equal(w->rst, 1);
        assert_int_equal(w->site.live, 0);
        world_free(w);
    }
}

static void test_garbage(void **state) {
    (void)state;
    struct world *w = world_new(100);
    join_write(w->join, JOIN_A, "GET / HTTP/1.1\r\nhost: x\r\n\r\n", 27);
    look(w);
    assert_true(w->fin);
    world_free(w);
}

/* No window for the response: the stream goes, not the connection. */
static void test_zero_window(void **state) {
    (void)state;
    static const uint8_t zero[6] = {0, 4, 0, 0, 0, 0};
    struct world *w = world_new(100);
    hello(w);
    put_frame(w, SETTINGS, 0, 0, zero, 6);
    for (uint32_t i = 0; i < 50; i++) {
        get_lines(w, "/bytes/100000");
        put_headers(w, 2 * i + 1, END_STREAM | END_HEADERS);
    }
    look(w);
    assert_int_equal(w->frames[HEADERS], 50);
    assert_int_equal(w->frames[DATA], 0);
    let_pass(w, w->limits.write_timeout_ns + 3 * SECOND_NS);
    look(w);
    assert_int_equal(w->frames[RST], 50);
    assert_int_equal(w->site.live, 0);
    world_free(w);
}

/* What nobody reads is waited for, as long as it comes, behind a response that is out. */
static void test_slow_upload_behind_the_response(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, END_HEADERS);
    look(w);
    assert_int_equal(w->status, 200);
    for (int i = 0; i < 12; i++) {
        put_frame(w, DATA, 0, 1, "\x03", 1);
        look(w);
        let_pass(w, w->limits.write_timeout_ns / 4);
        look(w);
        assert_int_equal(w->frames[RST], 0);
    }
    world_free(w);
}

/* The text of a 400 does not get lost when trailers come in the same read. */
static void test_malformed_with_trailers(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    look(w);
    get_lines(w, "/hello");
    line(w, "host", "other.example");
    put_headers(w, 1, END_HEADERS);
    buf_reset(&w->frame);
    line(w, "x-sum", "1");
    put_headers(w, 1, END_HEADERS | END_STREAM);
    join_run(w->join, SECOND_NS, NULL, NULL);
    struct buf *in = join_read(w->join, JOIN_A);
    assert_non_null(memmem(in->p, in->n, "differ", 6));
    look(w);
    assert_int_equal(w->status, 400);
    world_free(w);
}

static void test_slow_header(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, 0);
    look(w);
    let_pass(w, w->limits.header_timeout_ns + SECOND_NS);
    look(w);
    assert_int_equal(w->status, -1); /* 408 is not in HPACK's static table */
    assert_true(w->goaway_came && w->goaway == 0 && w->fin);
    assert_int_equal(w->site.live, 0);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_last_words_behind_a_continue),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_malformed_path),
        cmocka_unit_test(test_host_only),
        cmocka_unit_test(test_rapid_reset),
        cmocka_unit_test(test_reset_at_any_moment),
        cmocka_unit_test(test_made_you_reset),
        cmocka_unit_test(test_header_bomb),
        cmocka_unit_test(test_after_the_end),
        cmocka_unit_test(test_wrong_length),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_zero_window),
        cmocka_unit_test(test_slow_upload_behind_the_response),
        cmocka_unit_test(test_malformed_with_trailers),
        cmocka_unit_test(test_slow_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
