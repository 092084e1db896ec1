/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

static void test_slow_header(void **state) {
    (void)state;
    struct world *w = world_new(100);
    hello(w);
    get_lines(w, "/hello");
    put_headers(w, 1, END_STREAM);
    look(w);
    assert_false(w->fin);
    let_pass(w, w->limits.header_timeout_ns + SECOND_NS);
    look(w);
    assert_true(w->fin);
    assert_int_equal(w->site.started, 0);
    world_free(w);
}

static void test_slow_preface(void **state) {
    (void)state;
    struct world *w = world_new(100);
    join_write(w->join, JOIN_A, "PRI", 3);
    let_pass(w, w->limits.header_timeout_ns + SECOND_NS);
    look(w);
    assert_true(w->fin);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_slow_header),
        cmocka_unit_test(test_slow_preface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
