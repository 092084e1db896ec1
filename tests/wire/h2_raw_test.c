/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "join.h"
#include "proto/h2/h2.h"
#include "visit.h"

/* Bytes written by hand against the server: what no honest client sends. */

enum { SCRATCH = 16384 };
enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

struct world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct peer peer;
    struct site site;
    struct join *join;
    struct buf frame;
    /* what the server sent, since the last look */
    int frames[10], status, goaway, rst, last_rst_id;
    bool goaway_came, fin;
    uint8_t scratch[SCRATCH];
};

static struct world *world_new(uint32_t resets) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    turn_init(&w->turn);
    turn_begin(&w->turn, SECOND_NS, 1);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    w->limits.resets = resets;
    http_env_init(&w->env, &w->turn, &w->chunks);
    w->env.limits = &w->limits;
    w->env.scratch = w->scratch;
    w->env.scratch_bytes = SCRATCH;
    w->peer.version = HTTP_2;
    site_env(&w->env, &w->site);
    w->join = join_new(&w->turn, NULL, h2_server_new(&w->env, &w->peer), 7);
    assert_non_null(w->join);
    join_room(w->join, 1 << 24);
    buf_init(&w->frame);
    return w;
}

static void world_free(struct world *w) {
    join_free(w->join);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    assert_int_equal(w->env.n_exchanges, 0);
    assert_int_equal(w->site.live, 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    buf_fini(&w->frame);
    free(w);
}

static void put_frame(struct world *w, int type, int flags, uint32_t id, const void *p, size_t n) {
    uint8_t head[9] = {(uint8_t)(n >> 16),  (uint8_t)(n >> 8),  (uint8_t)n,
                       (uint8_t)type,       (uint8_t)flags,     (uint8_t)(id >> 24),
                       (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    join_write(w->join, JOIN_A, head, sizeof(head));
    if (n > 0)
        join_write(w->join, JOIN_A, p, n);
}

static void hello(struct world *w) {
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    join_write(w->join, JOIN_A, magic, sizeof(magic) - 1);
    put_frame(w, SETTINGS, 0, 0, NULL, 0);
}

/* A literal without indexing and without Huffman coding (RFC 7541 6.2.2). */
static void line_n(struct world *w, const char *name, const char *value, size_t value_n) {
    buf_char(&w->frame, 0);
    buf_char(&w->frame, (char)strlen(name));
    buf_add(&w->frame, name, strlen(name));
    buf_char(&w->frame, (char)value_n);
    buf_add(&w->frame, value, value_n);
}

static void line(struct world *w, const char *name, const char *value) {
    line_n(w, name, value, strlen(value));
}

static void get_lines(struct world *w, const char *path) {
    buf_reset(&w->frame);
    line(w, ":method", "GET");
    line(w, ":scheme", "https");
    line(w, ":path", path);
    line(w, ":authority", "test.example");
}

static void put_headers(struct world *w, uint32_t id, int flags) {
    put_frame(w, HEADERS, flags, id, w->frame.p, w->frame.n);
    buf_reset(&w->frame);
}

static void note_frame(struct world *w, const uint8_t *p, size_t n) {
    int type = p[3];
    if (type < 10)
        w->frames[type]++;
    if (type == GOAWAY) {
        w->goaway = p[16];
        w->goaway_came = true;
    }
    if (type == RST) {
        w->rst = p[12];
        w->last_rst_id = p[8];
    }
    /* :status as the static table has it, or as a literal with an indexed name */
    static const int indexed[] = {200, 204, 206, 304, 400, 404, 500};
    if (type == HEADERS && n > 9 && p[9] >= 0x88 && p[9] <= 0x8e)
        w->status = indexed[p[9] - 0x88];
    else if (type == HEADERS && n > 9)
        w->status = -1;
}

static void look(struct world *w) {
    join_run(w->join, SECOND_NS, NULL, NULL);
    memset(w->frames, 0, sizeof(w->frames));
    w->status = w->goaway = w->rst = 0;
    w->goaway_came = false;
    struct buf *in = join_read(w->join, JOIN_A);
    size_t at = 0;
    while (in->n - at >= 9) {
        const uint8_t *p = in->p + at;
        size_t n = 9 + ((size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2]);
        if (in->n - at < n)
            break;
        note_frame(w, p, n);
        at += n;
    }
    buf_drop(in, at);
    w->fin = join_ended(w->join, JOIN_B);
}

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

static bool never(void *context) {
    (void)context;
    return false;
}

static void test_slow_header(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, END_STREAM);
    look(w);
    assert_false(w->fin);
    join_run(w->join, w->limits.header_timeout_ns + SECOND_NS, never, NULL);
    look(w);
    assert_true(w->fin);
    assert_int_equal(w->site.started, 0);
    world_free(w);
}

static void test_slow_preface(void **state) {
    (void)state;
    struct world *w = world_new(100);
    join_write(w->join, JOIN_A, "PRI", 3);
    join_run(w->join, w->limits.header_timeout_ns + SECOND_NS, never, NULL);
    look(w);
    assert_true(w->fin);
    world_free(w);
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
    join_run(w->join, w->limits.write_timeout_ns + 3 * SECOND_NS, never, NULL);
    look(w);
    assert_int_equal(w->frames[RST], 50);
    assert_int_equal(w->site.live, 0);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),          cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_malformed_path), cmocka_unit_test(test_host_only),
        cmocka_unit_test(test_rapid_reset),    cmocka_unit_test(test_reset_at_any_moment),
        cmocka_unit_test(test_made_you_reset), cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_header_bomb),    cmocka_unit_test(test_floods),
        cmocka_unit_test(test_after_the_end),  cmocka_unit_test(test_wrong_length),
        cmocka_unit_test(test_slow_header),    cmocka_unit_test(test_slow_preface),
        cmocka_unit_test(test_garbage),        cmocka_unit_test(test_zero_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
