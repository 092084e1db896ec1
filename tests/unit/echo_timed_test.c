/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "echo_stage.h"

/* The endpoints that take time, and all of them when the client goes in the middle. */

static void go_to(struct stage *s, uint64_t ms) {
    turn_begin(&s->w.turn, 1000 * SECOND_NS + ms * MS_NS, 0);
    world_run(&s->w);
}

static void delay(void **state) {
    struct stage *s = *state;

    stage_begin(s, "POST /delay/0.5", STR("a"));
    go_to(s, 0);
    go_to(s, 499);
    assert_int_equal(s->status, 0);
    go_to(s, 500);
    assert_int_equal(s->status, 200);
    stage_finish(s);
    stage_assert_json(s, "/data", "\"a\"");
    assert_int_equal(s->w.turn.now_ns, 1000 * SECOND_NS + 500 * MS_NS);
}

static void delay_has_bounds(void **state) {
    struct stage *s = *state;

    stage_ask(s, "GET /delay/1e9");
    assert_int_equal(s->status, 200);
    assert_int_equal(s->w.turn.now_ns, 1010 * SECOND_NS);
    stage_ask(s, "GET /delay/x");
    assert_int_equal(s->status, 404);
    stage_ask(s, "GET /delay/-1");
    assert_int_equal(s->status, 404);
    stage_ask(s, "GET /delay/nan");
    assert_int_equal(s->status, 404);
}

static void drip(void **state) {
    struct stage *s = *state;

    stage_begin(s, "GET /drip?numbytes=5&duration=1&delay=2&code=206", STR(""));
    go_to(s, 0);
    go_to(s, 1999);
    assert_int_equal(s->status, 0);
    go_to(s, 2000);
    assert_int_equal(s->status, 206);
    assert_int_equal(s->length, 5);
    stage_assert_body(s, "*");
    go_to(s, 2399);
    stage_assert_body(s, "**");
    go_to(s, 2601);
    stage_assert_body(s, "****");
    stage_finish(s);
    stage_assert_body(s, "*****");
    assert_int_equal(s->w.turn.now_ns, 1000 * SECOND_NS + UINT64_C(2800) * MS_NS);
}

static void drip_as_fast_as_it_is_read(void **state) {
    struct stage *s = *state;

    stage_ask(s, "GET /drip?numbytes=1000000&duration=0");
    assert_int_equal(s->front.got.n, 1000000);
    stage_ask(s, "GET /drip?numbytes=1000000&duration=1"); /* more bytes than ticks */
    assert_int_equal(s->front.got.n, 1000000);
    stage_ask(s, "GET /drip?numbytes=10&duration=0&code=204");
    assert_int_equal(s->status, 204);
    assert_int_equal(s->front.got.n, 0);
    assert_int_equal(s->length, LENGTH_UNKNOWN);
}

static void drip_has_bounds(void **state) {
    static const char *const lines[] = {
        "GET /drip?numbytes=0",  "GET /drip?numbytes=10485761", "GET /drip?numbytes=x",
        "GET /drip?duration=-1", "GET /drip?duration=nan",      "GET /drip?delay=1h",
        "GET /drip?code=199",    "GET /drip?code=600",          "GET /drip?numbytes=1%00",
    };
    struct stage *s = *state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        stage_ask(s, lines[i]);
        assert_int_equal(s->status, 400);
        assert_non_null(strstr((char *)s->front.got.p, "must be a number from"));
    }
}

static void lines(void **state) {
    struct stage *s = *state;
    struct str rest, line;
    size_t n = 0;

    stage_ask(s, "GET /stream/100?x=1");
    stage_assert_head(s, "content-type: application/json");
    assert_int_equal(s->length, LENGTH_UNKNOWN);
    rest = buf_view(&s->front.got);
    while (str_cut(&rest, '\n', &line)) {
        struct json_limits limits = {line.n, 10};
        uint64_t id;
        assert_int_equal(json_parse(&s->json, line, limits, &s->value), 0);
        assert_int_equal(json_to_u64(json_at(s->value, "/id"), &id), 0);
        assert_int_equal(id, n++);
        stage_assert_json(s, "/args", "{\"x\":\"1\"}");
    }
    assert_int_equal(n, 100);
    stage_ask(s, "GET /stream/0");
    assert_int_equal(s->front.got.n, 0);
    stage_ask(s, "GET /stream/x");
    assert_int_equal(s->status, 404);
}

/* The client goes after each number of tasks that ran; what it asked for holds nothing then. */
static void reset_at_any_moment(void **state) {
    static const char *const asked[] = {
        "GET /",
        "GET /get",
        "POST /post",
        "POST /delay/1",
        "GET /drip",
        "GET /stream/9",
        "GET /bytes/90000",
        "GET /status/200",
        "GET /nothing",
        "OPTIONS /get",
        "GET /drip?numbytes=90000&duration=0",
    };
    struct stage *s = *state;

    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        for (int laps = 0; laps < 24; laps++) {
            stage_begin(s, asked[i], STR("a body"));
            s->front.takes_nothing = laps % 2;
            for (int lap = 0; lap < laps; lap++) {
                uint64_t next_ns = turn_next_ns(&s->w.turn);
                if (!turn_run(&s->w.turn, 1) && next_ns != UINT64_MAX)
                    turn_begin(&s->w.turn, next_ns, 0);
            }
            exchange_reset(&s->front.end, REASON_CLIENT_CANCEL);
            task_fini(&s->front.end.task);
            world_run(&s->w);
            assert_int_equal(s->w.env.n_exchanges, 0);
            assert_int_equal(s->w.pool.n_live, 0);
            assert_int_equal(turn_next_ns(&s->w.turn), UINT64_MAX);
        }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, stage_set_up, stage_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(delay),
        TEST(delay_has_bounds),
        TEST(drip),
        TEST(drip_as_fast_as_it_is_read),
        TEST(drip_has_bounds),
        TEST(lines),
        TEST(reset_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
