/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "h2_bytes.h"

/* What one connection may cost: floods, and heads that never end. */

/* CVE-2024-28182. */
static void test_continuation_flood(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        struct world *w = world_new(100);
        hello(w);
        get_lines(w, "/hello");
        put_headers(w, 1, 0);
        for (int i = 0; i < 100; i++) {
            buf_reset(&w->frame);
            for (int k = 0; !empty && k < 50; k++)
                line(w, "x-flood", "0123456789012345678901234567890123456789");
            put_frame(w, CONTINUATION, 0, 1, w->frame.p, w->frame.n);
        }
        look(w);
        assert_true(w->fin);
        assert_int_equal(w->site.started, 0);
        world_free(w);
    }
}

static void test_continuations(void **state) {
    (void)state;
    for (int n = 8; n <= 9; n++) {
        struct world *w = world_new(100);
        hello(w);
        get_lines(w, "/hello");
        put_headers(w, 1, END_STREAM);
        for (int i = 1; i <= n; i++) {
            line(w, "x-piece", "1");
            put_frame(w, CONTINUATION, i == n ? END_HEADERS : 0, 1, w->frame.p, w->frame.n);
            buf_reset(&w->frame);
        }
        look(w);
        assert_int_equal(w->status, n == 8 ? 200 : 0);
        assert_int_equal(w->fin, n == 9);
        assert_int_equal(w->site.started, n == 8);
        world_free(w);
    }
}

enum { FRAME_MOST = 16384 };

/* Lines that fill n bytes. */
static void fill_lines(struct world *w, size_t n) {
    char text[100];
    size_t most = 9 + sizeof(text);
    memset(text, 'v', sizeof(text));
    for (; n > 2 * most; n -= most)
        line_n(w, "x-fill", text, sizeof(text));
    line_n(w, "x-fill", text, (n - n / 2) - 9);
    line_n(w, "x-fill", text, n / 2 - 9);
}

/* A field block of n bytes in frames as long as they may be. */
static void put_long_block(struct world *w, uint32_t id, size_t n) {
    int type = HEADERS, flags = END_STREAM;
    fill_lines(w, n - w->frame.n);
    assert_int_equal(w->frame.n, n);
    for (size_t at = 0, piece; at < n; at += piece, type = CONTINUATION, flags = 0) {
        piece = n - at < FRAME_MOST ? n - at : FRAME_MOST;
        put_frame(w, type, flags | (at + piece == n ? END_HEADERS : 0), id, w->frame.p + at, piece);
    }
    buf_reset(&w->frame);
}

/* What is too large for us gets an answer; what is too large even as it is sent, an end as well. */
static void test_long_block(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct world *w = world_new(100);
        hello(w);
        get_lines(w, "/hello");
        put_long_block(w, 1, w->limits.head_bytes + over);
        get_lines(w, "/hello");
        put_headers(w, 3, END_STREAM | END_HEADERS);
        look(w);
        assert_int_equal(w->site.started, !over);
        assert_int_equal(w->frames[HEADERS], over ? 1 : 2);
        assert_int_equal(w->status, over ? -1 : 200); /* 431: no field of the static table */
        assert_int_equal(w->goaway, over ? 0xb : 0);
        assert_int_equal(w->fin, over);
        world_free(w);
    }
}

static void test_long_trailers(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/echo");
    put_headers(w, 1, END_HEADERS);
    put_long_block(w, 1, w->limits.head_bytes + 1);
    look(w);
    assert_int_equal(w->goaway, 0xb);
    assert_true(w->fin);
    world_free(w);
}

/* Who began something has header-timeout to end it. */
static void ends_in_time(struct world *w) {
    let_pass(w, w->limits.header_timeout_ns + SECOND_NS);
    look(w);
    assert_true(w->fin);
}

/* Who does not take the answer has no longer than for the block. */
static void test_long_block_with_closed_window(void **state) {
    (void)state;
    static const uint8_t zero[6] = {0, 4, 0, 0, 0, 0};
    struct world *w = world_new(100);
    hello(w);
    put_frame(w, SETTINGS, 0, 0, zero, 6);
    get_lines(w, "/hello");
    put_long_block(w, 1, 2 * w->limits.head_bytes);
    look(w);
    assert_int_equal(w->status, -1);
    ends_in_time(w);
    world_free(w);
}

static void flood(int type, const void *p, size_t n, uint32_t id) {
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/never");
    put_headers(w, 1, END_HEADERS);
    for (int i = 0; i < 40000; i++)
        put_frame(w, type, 0, id, p, n);
    look(w);
    assert_true(w->fin);
    world_free(w);
}

static void test_floods(void **state) {
    (void)state;
    static const uint8_t setting[6] = {0, 4, 0, 1, 0, 0}, ping[8] = {1}, window[4] = {0, 0, 0, 1};
    flood(SETTINGS, setting, 6, 0);
    flood(PING, ping, 8, 0);
    flood(WINDOW, window, 4, 0);
    flood(DATA, NULL, 0, 1);
    flood(PRIORITY, "\0\0\0\0\1", 5, 1);
    flood(0x42, ping, 8, 0); /* a type that nobody knows */
}

/* What nghttp2 drops costs as well: the stream is over. */
static void test_flood_of_a_closed_stream(void **state) {
    (void)state;
    static const uint8_t window[4] = {0, 0, 0, 1};
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, END_HEADERS | END_STREAM);
    look(w);
    for (int i = 0; i < 20000; i++)
        put_frame(w, WINDOW, 0, 1, window, 4);
    look(w);
    assert_true(w->fin);
    world_free(w);
}

/* CVE-2019-9511: many streams, and windows that open a byte at a time. */
static void test_data_dribble(void **state) {
    (void)state;
    static const uint8_t zero[6] = {0, 4, 0, 0, 0, 0}, one[4] = {0, 0, 0, 1};
    struct world *w = world_new(100);
    hello(w);
    put_frame(w, SETTINGS, 0, 0, zero, 6);
    for (uint32_t i = 0; i < 100; i++) {
        get_lines(w, "/bytes/100000");
        put_headers(w, 2 * i + 1, END_STREAM | END_HEADERS);
    }
    look(w);
    assert_int_equal(w->frames[HEADERS], 100);
    for (uint32_t i = 0; i < 40000; i++) {
        put_frame(w, WINDOW, 0, 2 * (i % 100) + 1, one, 4);
        join_run(w->join, 0, NULL, NULL);
    }
    look(w);
    assert_true(w->fin);
    assert_int_equal(w->goaway, 0xb);
    assert_in_range(w->frames[DATA], 1000, 15000);
    world_free(w);
}

/* A byte of a body now and then does not pay for thousands of frames. */
static void test_flood_beside_a_body(void **state) {
    (void)state;
    static const uint8_t ping[8] = {1};
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/never");
    put_headers(w, 1, END_HEADERS);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 9000; i++)
            put_frame(w, PING, ACK, 0, ping, 8);
        put_frame(w, DATA, 0, 1, "x", 1);
        look(w);
        if (w->fin)
            break;
    }
    assert_true(w->fin);
    assert_int_equal(w->goaway, 0xb);
    world_free(w);
}

/* An honest client that answers each message of n bytes with two WINDOW_UPDATEs. */
static void converse(size_t n, uint64_t pause_ns, int rounds) {
    const uint8_t window[4] = {0, 0, 0, (uint8_t)n};
    struct world *w = world_new(100);
    char *message = test_calloc(n, 1);
    int echoed = 0;
    join_whole(w->join);
    hello(w);
    look(w);
    put_frame(w, SETTINGS, ACK, 0, NULL, 0); /* its window is larger from here on */
    get_lines(w, "/echo");
    put_headers(w, 1, END_HEADERS);
    for (int i = 0; i < rounds && !w->fin; i++) {
        put_frame(w, DATA, 0, 1, message, n);
        let_pass(w, pause_ns);
        look(w);
        echoed += w->frames[DATA];
        put_frame(w, WINDOW, 0, 0, window, 4);
        put_frame(w, WINDOW, 0, 1, window, 4);
    }
    assert_false(w->fin || w->goaway_came);
    assert_int_equal(echoed, rounds);
    test_free(message);
    world_free(w);
}

/* gRPC as fast as it can, and an event stream that dribbles for hours. */
static void test_small_messages(void **state) {
    (void)state;
    converse(24, 0, 12000);
    converse(1, 4 * MS_NS, 12000);
}

static void test_slow_header(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, END_STREAM);
    look(w);
    assert_false(w->fin);
    ends_in_time(w);
    assert_int_equal(w->site.started, 0);
    world_free(w);
}

static void test_slow_preface(void **state) {
    (void)state;
    struct world *w = world_new(100);
    join_write(w->join, JOIN_A, "PRI", 3);
    ends_in_time(w);
    world_free(w);
}

/* Another stream's end must not call off the wait for this one's head. */
static void test_slow_header_beside_others(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, END_STREAM | END_HEADERS);
    get_lines(w, "/hello");
    put_headers(w, 3, END_STREAM);
    look(w);
    assert_int_equal(w->status, 200);
    assert_false(w->fin);
    ends_in_time(w);
    assert_int_equal(w->site.started, 1);
    world_free(w);
}

/* Nor its own, when it is reset for what has come of it. */
static void test_slow_header_that_is_wrong(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/never");
    put_headers(w, 1, END_STREAM | END_HEADERS);
    get_lines(w, "/hello");
    line(w, ":status", "200");
    put_headers(w, 3, END_STREAM);
    look(w);
    assert_int_equal(w->frames[RST], 1);
    assert_false(w->fin);
    ends_in_time(w);
    world_free(w);
}

/* Of a frame only the first bytes come: in its head, or where nghttp2 tells nothing yet. */
static void stop_in_frame(int type, int flags, size_t sent) {
    uint8_t frame[9 + 64] = {0, 0, 64, (uint8_t)type, (uint8_t)flags, 0, 0, 0, 3};
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/never");
    put_headers(w, 1, END_STREAM | END_HEADERS);
    join_write(w->join, JOIN_A, frame, sent);
    look(w);
    assert_false(w->fin);
    ends_in_time(w);
    assert_int_equal(w->site.started, 1);
    world_free(w);
}

static void test_slow_frames(void **state) {
    (void)state;
    stop_in_frame(HEADERS, END_HEADERS, 1);
    stop_in_frame(HEADERS, END_HEADERS, 5);
    stop_in_frame(HEADERS, END_HEADERS | 0x20, 11); /* in the priority */
    stop_in_frame(PRIORITY, 0, 3);
    stop_in_frame(DATA, 0, 5);
    stop_in_frame(0x42, 0, 30); /* a type that nobody knows */
}

/* Each frame has this time, not all of them: and a body's has another one. */
static void test_patience(void **state) {
    (void)state;
    static const uint8_t ping[17] = {0, 0, 8, PING};
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/never"); /* so that it does not count as idle */
    put_headers(w, 1, END_HEADERS | END_STREAM);
    look(w);
    join_write(w->join, JOIN_A, ping, 5);
    for (int i = 0; i < 4; i++) {
        let_pass(w, w->limits.header_timeout_ns * 2 / 3);
        join_write(w->join, JOIN_A, ping + 5, 12);
        join_write(w->join, JOIN_A, ping, 5);
    }
    join_write(w->join, JOIN_A, ping + 5, 12);
    get_lines(w, "/count");
    put_headers(w, 3, END_HEADERS);
    join_write(w->join, JOIN_A, "\0\0\2\0\1\0\0\0\3a", 10);
    let_pass(w, w->limits.header_timeout_ns * 3 / 2);
    join_write(w->join, JOIN_A, "b", 1);
    look(w);
    assert_int_equal(w->frames[PING], 5);
    assert_int_equal(w->status, 200);
    assert_false(w->fin || w->goaway_came);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_continuations),
        cmocka_unit_test(test_long_block),
        cmocka_unit_test(test_long_trailers),
        cmocka_unit_test(test_long_block_with_closed_window),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_flood_of_a_closed_stream),
        cmocka_unit_test(test_data_dribble),
        cmocka_unit_test(test_flood_beside_a_body),
        cmocka_unit_test(test_small_messages),
        cmocka_unit_test(test_slow_header),
        cmocka_unit_test(test_slow_preface),
        cmocka_unit_test(test_slow_header_beside_others),
        cmocka_unit_test(test_slow_header_that_is_wrong),
        cmocka_unit_test(test_slow_frames),
        cmocka_unit_test(test_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
