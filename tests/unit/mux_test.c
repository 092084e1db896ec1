/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/err.h"
#include "exchange_fakes.h"
#include "http/reply.h"
#include "http/validate.h"
#include "proto/mux/stream.h"

/* The test is the version below: it records what a stream tells a client, as
 * "(103) 200 413. !CLIENT_CANCEL", where a dot is the message's end and ! a reset; and it is who
 * routes, and does as `answer` says. */

struct stage {
    struct world w;
    struct peer peer;
    struct mux mux;
    struct mux_stream *s;
    void (*answer)(struct exchange *x);
    unsigned routed, drained, left;
    char said[100];
};

static struct stage *stage_of(const struct mux *m) {
    return container_of(m, struct stage, mux);
}

static void say(const struct mux *m, const char *before, struct str what, const char *after) {
    struct stage *s = stage_of(m);
    size_t n = strlen(s->said);
    snprintf(s->said + n, sizeof(s->said) - n, "%s%s%.*s%s", n > 0 ? " " : "", before, (int)what.n,
             what.p, after);
}

static int respond(struct mux_stream *s, const struct field *lines, size_t n, bool fin) {
    assert_true(n > 0 && str_eq(lines[0].name, STR(":status")));
    say(s->mux, "", lines[0].value, fin ? "." : "");
    return 0;
}

static int inform(struct mux_stream *s, const struct field *lines, size_t n) {
    assert_true(n > 0);
    say(s->mux, "(", lines[0].value, ")");
    return 0;
}

static void reset(struct mux_stream *s, enum reason reason) {
    say(s->mux, "!", str_of(reason_name(reason)), "");
}

static void leave(struct mux_stream *s) {
    stage_of(s->mux)->left++;
}

static enum reason lost(const struct mux_stream *s) {
    return s->closed ? REASON_CLIENT_CANCEL : REASON_NONE;
}

static void credit(struct mux_stream *s, size_t n, bool more) {
    (void)s, (void)n, (void)more;
}

static void nothing(struct mux_stream *s) {
    (void)s;
}

static void drain(struct mux *m) {
    stage_of(m)->drained++;
}

static void ignore(struct mux *m) {
    (void)m;
}

static const struct mux_ops ops = {
    .stream_bytes = sizeof(struct mux_stream),
    .leave = leave,
    .respond = respond,
    .inform = inform,
    .send_more = nothing,
    .credit = credit,
    .reset = reset,
    .end_early = nothing,
    .lost = lost,
    .drain = drain,
    .wake = ignore,
    .watch = ignore,
};

static void route(struct exchange *x) {
    struct stage *s = x->env->owner;
    s->routed++;
    s->answer(x);
}

static void reply_nothing(struct exchange *x) {
    reply(x, 204, STR(""), STR(""));
}

static int setup(void **state) {
    struct stage *s = test_calloc(1, sizeof(*s));
    world_start(&s->w);
    s->w.env.route = route;
    s->w.env.owner = s;
    s->answer = reply_nothing;
    s->peer.version = HTTP_2;
    mux_init(&s->mux, &ops, &s->w.env, &s->peer, true);
    s->s = mux_front_new(&s->mux, 1);
    assert_non_null(s->s);
    s->s->in->method = STR("GET");
    s->s->in->path = STR("/");
    *state = s;
    return 0;
}

static int teardown(void **state) {
    struct stage *s = *state;
    mux_end(&s->mux, REASON_NONE, true);
    world_end(&s->w);
    test_free(s);
    return 0;
}

/* The request's head is here, whole; what is said until all is quiet? */
static void assert_said(struct stage *s, int verdict, const char *said) {
    s->s->head_came = true;
    s->s->head_verdict = verdict;
    mux_stream_came(s->s);
    world_run(&s->w);
    assert_string_equal(s->said, said);
}

static void what_is_well_starts(void **state) {
    struct stage *s = *state;
    assert_said(s, 0, "204.");
    assert_int_equal(s->routed, 1);
}

static void malformed_is_answered(void **state) {
    struct stage *s = *state;
    s->s->head_problem = "no :method";
    assert_said(s, ERR_INVALID, "400");
    assert_int_equal(s->routed, 0);
}

static void a_large_header_is_answered(void **state) {
    struct stage *s = *state;
    assert_said(s, ERR_LIMIT, "431");
    assert_int_equal(s->routed, 0);
}

/* As HTTP/1.1 has it (h1_request_check). */
static void connect_is_answered(void **state) {
    struct stage *s = *state;
    struct iovec body;
    s->s->in->method = STR("CONNECT");
    assert_said(s, 0, "501");
    assert_int_equal(body_peek(&s->s->out->body, &body, 1), 1);
    assert_non_null(memmem(body.iov_base, body.iov_len, connect_refusal, strlen(connect_refusal)));
    assert_int_equal(s->routed, 0);
}

static void an_extended_connect_starts(void **state) {
    struct stage *s = *state;
    s->s->in->method = STR("CONNECT");
    s->s->in->protocol = STR("websocket");
    assert_said(s, 0, "204.");
    assert_int_equal(s->routed, 1);
}

static void ended_memory_is_answered(void **state) {
    struct stage *s = *state;
    assert_said(s, ERR_NO_MEMORY, "503");
    assert_int_equal(s->routed, 0);
    assert_int_equal(s->s->end.x->reason, REASON_NO_MEMORY);
}

/* The head of who is late may come yet, before the answer is sent. */
static void late_is_answered_once(void **state) {
    struct stage *s = *state;
    mux_stream_break(s->s, REASON_CLIENT_TIMEOUT);
    turn_run(&s->w.turn, 1);
    assert_said(s, 0, "408");
    assert_int_equal(s->routed, 0);
}

static void too_large_is_answered(void **state) {
    struct stage *s = *state;
    s->w.limits.request_body_bytes = 10;
    s->s->in->content_length = 11;
    s->s->in->method = STR("HEAD");
    assert_said(s, 0, "413.");
    assert_int_equal(s->routed, 0);
}

static void the_last_request_drains(void **state) {
    struct stage *s = *state;
    s->w.limits.requests = 1;
    assert_said(s, 0, "204.");
    assert_int_equal(s->drained, 1);
}

static void inform_and_reply(struct exchange *x) {
    exchange_inform(x, 100, NULL);
    exchange_inform(x, 103, NULL);
    exchange_inform(x, 100, NULL);
    reply(x, 200, STR("text/plain"), STR("well"));
}

static void continue_for_who_waits(void **state) {
    struct stage *s = *state;
    s->s->in->expect_continue = true;
    s->answer = inform_and_reply;
    assert_said(s, 0, "(100) (103) 200");
}

static void none_for_who_does_not(void **state) {
    struct stage *s = *state;
    s->answer = inform_and_reply;
    assert_said(s, 0, "(103) 200");
}

/* After the head only a reset can say it. */
static void what_breaks_is_reset(void **state) {
    struct stage *s = *state;
    s->answer = inform_and_reply;
    assert_said(s, 0, "(103) 200");
    mux_stream_break(s->s, REASON_CLIENT_STALLED);
    mux_stream_break(s->s, REASON_CLIENT_TIMEOUT); /* the first counts */
    world_run(&s->w);
    assert_string_equal(s->said, "(103) 200 !CLIENT_STALLED");
    assert_int_equal(s->left, 1);
}

static void who_has_gone_hears_nothing(void **state) {
    struct stage *s = *state;
    s->s->closed = true;
    assert_said(s, 0, "!CLIENT_CANCEL");
    assert_int_equal(s->routed, 0);
    assert_true(list_empty(&s->mux.streams));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_well_starts),        TEST(malformed_is_answered),
        TEST(a_large_header_is_answered), TEST(connect_is_answered),
        TEST(an_extended_connect_starts), TEST(ended_memory_is_answered),
        TEST(late_is_answered_once),      TEST(too_large_is_answered),
        TEST(the_last_request_drains),    TEST(continue_for_who_waits),
        TEST(none_for_who_does_not),      TEST(what_breaks_is_reset),
        TEST(who_has_gone_hears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
