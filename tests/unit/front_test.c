/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "exchange_fakes.h"
#include "http/front.h"
#include "http/validate.h"

/* The test is the front; of the back end only what it says is of interest. */

struct stage {
    struct world w;
    struct end front;
    struct exchange *x;
    struct peer peer;
    unsigned routed;
};

static void ignore(struct task *task, uint32_t events) {
    (void)task, (void)events;
}

static void count(struct exchange *x) {
    ((struct stage *)x->env->owner)->routed++;
}

static int setup(void **state) {
    struct stage *s = test_calloc(1, sizeof(*s));
    world_start(&s->w);
    s->w.env.route = count;
    s->w.env.owner = s;
    s->peer.version = HTTP_2;
    end_init(&s->front, &s->w.turn, ignore);
    s->x = exchange_new(&s->w.env, &s->front, &s->peer);
    assert_non_null(s->x);
    s->x->request.method = STR("GET");
    s->x->request.path = STR("/");
    *state = s;
    return 0;
}

static int teardown(void **state) {
    struct stage *s = *state;
    exchange_leave(&s->front);
    world_end(&s->w);
    test_free(s);
    return 0;
}

static void assert_answered(struct stage *s, int status) {
    struct message *m = exchange_take_head(s->x);
    assert_non_null(m);
    assert_int_equal(m->status, status);
    world_run(&s->w);
    assert_int_equal(s->routed, 0);
}

static void what_is_well_starts(void **state) {
    struct stage *s = *state;
    assert_int_equal(front_start(s->x, 0, NULL), REASON_NONE);
    world_run(&s->w);
    assert_int_equal(s->routed, 1);
}

static void malformed_is_answered(void **state) {
    struct stage *s = *state;
    assert_int_equal(front_start(s->x, ERR_INVALID, "no :method"), REASON_NONE);
    assert_answered(s, 400);
}

/* As HTTP/1.1 has it (h1_request_check). */
static void connect_is_answered(void **state) {
    struct stage *s = *state;
    struct iovec body;
    s->x->request.method = STR("CONNECT");
    assert_int_equal(front_start(s->x, 0, NULL), REASON_NONE);
    world_run(&s->w);
    assert_int_equal(body_peek(&s->x->response.body, &body, 1), 1);
    assert_non_null(memmem(body.iov_base, body.iov_len, connect_refusal, strlen(connect_refusal)));
    assert_answered(s, 501);
}

static void an_extended_connect_starts(void **state) {
    struct stage *s = *state;
    s->x->request.method = STR("CONNECT");
    s->x->request.protocol = STR("websocket");
    assert_int_equal(front_start(s->x, 0, NULL), REASON_NONE);
    world_run(&s->w);
    assert_int_equal(s->routed, 1);
}

static void a_large_header_is_answered(void **state) {
    struct stage *s = *state;
    assert_int_equal(front_start(s->x, ERR_LIMIT, NULL), REASON_NONE);
    assert_answered(s, 431);
}

static void what_cannot_be_is_given_up(void **state) {
    struct stage *s = *state;
    assert_int_equal(front_start(s->x, ERR_NO_MEMORY, NULL), REASON_NO_MEMORY);
    s->w.limits.request_body_bytes = 10;
    s->x->request.content_length = 11;
    assert_int_equal(front_start(s->x, 0, NULL), REASON_TOO_LARGE);
    world_run(&s->w);
    assert_int_equal(s->routed, 0);
}

static int next_status(struct stage *s, bool *continued) {
    struct informational *info = front_take_informational(s->x, continued);
    return info ? info->status : 0;
}

static void inform(struct stage *s) {
    exchange_inform(s->x, 100, NULL);
    exchange_inform(s->x, 103, NULL);
    exchange_inform(s->x, 100, NULL);
}

static void continue_for_who_waits(void **state) {
    struct stage *s = *state;
    bool continued = false;
    s->x->request.expect_continue = true;
    inform(s);
    assert_int_equal(next_status(s, &continued), 100);
    assert_true(continued);
    assert_int_equal(next_status(s, &continued), 103);
    assert_int_equal(next_status(s, &continued), 0);
}

static void none_for_who_does_not(void **state) {
    struct stage *s = *state;
    bool continued = false;
    inform(s);
    assert_int_equal(next_status(s, &continued), 103);
    assert_int_equal(next_status(s, &continued), 0);
    assert_false(continued);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_well_starts),        TEST(malformed_is_answered),
        TEST(connect_is_answered),        TEST(an_extended_connect_starts),
        TEST(a_large_header_is_answered), TEST(what_cannot_be_is_given_up),
        TEST(continue_for_who_waits),     TEST(none_for_who_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
