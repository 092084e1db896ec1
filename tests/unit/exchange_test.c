/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "exchange_fakes.h"
#include "http/reply.h"

struct stage {
    struct world w;
    struct fake_front front;
    struct fake_back back, other;
    char *text; /* a request body of BIG bytes */
};

enum { BIG = 100000 };

static struct str big(struct stage *s) {
    return (struct str){s->text, BIG};
}

static int setup(void **state) {
    struct stage *s = test_calloc(1, sizeof(*s));
    s->text = test_malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        s->text[i] = (char)(i % 251);
    world_start(&s->w);
    s->w.limits.body_buffer_bytes = 5000;
    fake_back_init(&s->w, &s->back, FAKE_ECHO);
    fake_back_init(&s->w, &s->other, FAKE_ECHO);
    s->back.other = &s->other;
    s->w.route_to = &s->back;
    *state = s;
    return 0;
}

static int teardown(void **state) {
    struct stage *s = *state;
    world_run(&s->w);
    fake_front_end(&s->front);
    assert_null(s->back.end.x);
    assert_null(s->other.end.x);
    task_fini(&s->back.end.task);
    task_fini(&s->other.end.task);
    world_end(&s->w);
    test_free(s->text);
    test_free(s);
    return 0;
}

static void expect_echo(struct stage *s) {
    assert_true(s->front.done);
    assert_int_equal(s->front.got.n, BIG);
    assert_memory_equal(s->front.got.p, s->text, BIG);
}

static void goes_through(void **state) {
    struct stage *s = *state;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    assert_int_equal(s->w.env.n_exchanges, 1);
    world_run(&s->w);
    expect_echo(s);
    assert_string_equal((char *)s->front.heads.p, "200 ");
    assert_true(s->front.heard & END_WANT);
    assert_false(s->front.heard & (END_STOP | END_RESET));
    assert_false(s->back.heard & (END_STOP | END_RESET | END_BACK));
    assert_int_equal(s->w.env.n_exchanges, 0);
}

static void holds_the_back_when_the_front_takes_nothing(void **state) {
    struct stage *s = *state;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    s->front.takes_nothing = true;
    world_run(&s->w);
    struct exchange *x = s->front.end.x;
    assert_int_equal(body_unsent(&x->response.body), 5000);
    assert_int_equal(body_unsent(&x->request.body), 5000);
    s->front.takes_nothing = false;
    task_wake(&s->front.end.task, END_DATA);
    world_run(&s->w);
    expect_echo(s);
}

static void front_resets(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    exchange_reset(&s->front.end, REASON_CLIENT_CANCEL);
    exchange_reset(&s->front.end, REASON_CLIENT_GONE); /* it has left */
    assert_null(s->front.end.x);
    assert_non_null(s->back.end.x);
    assert_int_equal(s->back.end.x->reason, REASON_CLIENT_CANCEL);
    assert_int_equal(s->back.end.x->request.body.state, BODY_ABORTED);
    assert_int_equal(s->back.end.x->response.body.state, BODY_STOPPED);
    assert_null(s->back.end.x->peer);
    world_run(&s->w);
    assert_true(s->back.was_reset);
}

static void front_resets_before_the_router_ran(void **state) {
    struct stage *s = *state;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    exchange_reset(&s->front.end, REASON_CLIENT_CANCEL);
    world_run(&s->w);
    assert_int_equal(s->back.runs, 0);
    assert_int_equal(s->w.env.n_exchanges, 0);
}

static void back_resets(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_RESET;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    assert_int_equal(s->front.reset, REASON_UPSTREAM_CUT);
    assert_false(s->front.done);
}

static void back_resets_half_way(void **state) {
    struct stage *s = *state;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    s->front.takes_nothing = true;
    world_run(&s->w);
    exchange_reset(&s->back.end, REASON_UPSTREAM_RESET);
    struct exchange *x = s->front.end.x;
    assert_int_equal(x->response.body.state, BODY_ABORTED);
    assert_int_equal(x->request.body.state, BODY_STOPPED);
    assert_true(body_unsent(&x->response.body) > 0); /* may still be passed on */
    world_run(&s->w);
    assert_int_equal(s->front.reset, REASON_UPSTREAM_RESET);
    assert_string_equal((char *)s->front.heads.p, "200 ");
}

static void back_leaves_without_a_word(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEAVE;
    fake_front_start(&s->w, &s->front, "GET", STR(""));
    world_run(&s->w);
    assert_int_equal(s->front.reset, REASON_INTERNAL);
}

static void front_leaves_too_early(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "GET", STR(""));
    world_run(&s->w);
    exchange_leave(&s->front.end);
    exchange_leave(&s->front.end);
    assert_int_equal(s->back.end.x->reason, REASON_CLIENT_GONE);
    world_run(&s->w);
    assert_true(s->back.was_reset);
}

static void route_forgets(void **state) {
    struct stage *s = *state;
    s->w.route_to = NULL;
    fake_front_start(&s->w, &s->front, "GET", STR(""));
    world_run(&s->w);
    assert_int_equal(s->front.reset, REASON_INTERNAL);
}

static void back_leaves_before_it_was_sent_everything(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    struct exchange *x = s->back.end.x;
    x->response.status = 204;
    exchange_respond(x);
    body_finish(&x->response.body);
    exchange_leave(&s->back.end);
    assert_int_equal(x->request.body.state, BODY_STOPPED);
    assert_int_equal(x->request.body.reason, REASON_UPSTREAM_DONE);
    world_run(&s->w);
    assert_true(s->front.heard & END_STOP);
    assert_false(s->front.heard & END_RESET);
    assert_true(s->front.done);
    assert_string_equal((char *)s->front.heads.p, "204 ");
}

static void lends(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    expect_echo(s);
    assert_true(s->other.heard & END_HEAD);
    assert_null(s->back.end.x);
    assert_null(s->back.end.task.turn); /* retired: never woken again */
    assert_false(s->back.came_back || s->back.was_reset);
}

static void gets_back_what_failed(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    s->other.mode = FAKE_FAIL;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    struct exchange *x = s->back.end.x;
    assert_non_null(x);
    assert_true(s->back.came_back);
    assert_null(s->other.end.x);
    assert_int_equal(x->reason, REASON_UPSTREAM_CONNECT);
    assert_true(exchange_replayable(x));
    s->other.mode = FAKE_ECHO;
    exchange_lend(x, &s->other.end);
    assert_int_equal(x->reason, REASON_NONE);
    world_run(&s->w);
    expect_echo(s);
}

static void answers_itself_what_failed(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    s->other.mode = FAKE_FAIL;
    fake_front_start(&s->w, &s->front, "GET", STR(""));
    world_run(&s->w);
    reply_error(s->back.end.x, 502, STR("no luck"));
    assert_null(s->back.end.x);
    world_run(&s->w);
    assert_true(s->front.done);
    assert_string_equal((char *)s->front.got.p, "502 Bad Gateway\nno luck\n");
}

static void fails_after_the_response_as_a_reset(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    s->front.takes_nothing = true;
    world_run(&s->w);
    exchange_fail(&s->other.end, REASON_UPSTREAM_CUT);
    world_run(&s->w);
    assert_false(s->back.came_back);
    assert_int_equal(s->front.reset, REASON_UPSTREAM_CUT);
}

static void replies_over_what_is_lent(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    s->other.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    reply_error(s->back.end.x, 504, STR(""));
    assert_null(s->back.end.x);
    world_run(&s->w);
    assert_true(s->other.was_reset); /* the client stream must hear of it */
    assert_true(s->front.done);
}

static void recalls(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    s->other.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    struct exchange *x = s->back.end.x;
    assert_ptr_equal(x->back, &s->other.end);
    assert_int_equal(fields_add(&x->response.fields, STR("half"), STR("a head")), 0);
    exchange_recall(x);
    assert_null(s->other.end.x);
    assert_ptr_equal(x->back, &s->back.end);
    assert_int_equal(x->response.fields.n, 0);
    reply_error(x, 504, STR(""));
    world_run(&s->w);
    assert_true(s->other.was_reset);
    assert_true(s->front.done);
    assert_string_equal((char *)s->front.heads.p, "504 ");
}

static void manager_resets(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    s->other.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    exchange_reset(&s->back.end, REASON_SHUTDOWN);
    world_run(&s->w);
    assert_true(s->other.was_reset);
    assert_int_equal(s->front.reset, REASON_SHUTDOWN);
}

static void front_resets_what_is_lent(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    s->other.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    exchange_reset(&s->front.end, REASON_CLIENT_GONE);
    assert_null(s->back.end.x); /* the manager goes without a word */
    unsigned runs = s->back.runs;
    world_run(&s->w);
    assert_true(s->other.was_reset);
    assert_int_equal(s->back.runs, runs);
}

static void informs(void **state) {
    struct stage *s = *state;
    s->back.informs = 3;
    fake_front_start(&s->w, &s->front, "GET", STR(""));
    world_run(&s->w);
    assert_string_equal((char *)s->front.heads.p, "103 103 103 200 ");
}

static void informs_within_limits(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "GET", STR(""));
    world_run(&s->w);
    struct exchange *x = s->back.end.x;
    for (int i = 0; i < 16; i++)
        assert_int_equal(exchange_inform(x, 102, NULL), 0);
    assert_int_equal(exchange_inform(x, 102, NULL), ERR_LIMIT);
    int n = 16;
    for (; world_run(&s->w), exchange_inform(x, 102, NULL) == 0; n++)
        assert_true(n < 1000);
    assert_int_equal(s->front.heads.n, 4 * n); /* all that were taken arrived */
    s->back.mode = FAKE_ECHO;
    task_wake(&s->back.end.task, END_DATA);
}

/* A hook that counts, and says what it was told to say. */
static struct {
    int requests, informationals, responses, trailers, ends;
    int refuse_request, refuse_response;
    enum reason reason;
    enum http_version version;
} seen;

static int on_request(struct exchange *x) {
    (void)x;
    seen.requests++;
    return seen.refuse_request;
}

static void on_informational(struct exchange *x, struct informational *info) {
    (void)x;
    assert_true(str_eq(fields_get(&info->fields, STR("link")), STR("</x>")));
    seen.informationals++;
}

static int on_response(struct exchange *x) {
    seen.responses++;
    return seen.refuse_response ? seen.refuse_response
                                : fields_set(&x->response.fields, STR("server"), STR("test"));
}

static void on_trailers(struct exchange *x, struct fields *trailers) {
    (void)x;
    seen.trailers++;
    assert_int_equal(fields_add(trailers, STR("+"), STR("hook")), 0);
}

static void on_end(struct exchange *x) {
    seen.ends++;
    seen.reason = x->reason;
    seen.version = x->peer->version;
}

static const struct hook counting = {"counting",  on_request,  on_informational,
                                     on_response, on_trailers, on_end};
static const struct hook nothing = {.name = "nothing"};

static int setup_hooks(void **state) {
    setup(state);
    struct stage *s = *state;
    memset(&seen, 0, sizeof(seen));
    s->w.hooks[0] = &nothing;
    s->w.hooks[1] = &counting;
    return 0;
}

static void hooks_run(void **state) {
    struct stage *s = *state;
    s->back.informs = 2;
    s->back.trailer = true;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    expect_echo(s);
    assert_string_equal((char *)s->front.trailers.p, "check=sum+=hook");
    assert_int_equal(seen.requests, 1);
    assert_int_equal(seen.informationals, 2);
    assert_int_equal(seen.responses, 1);
    assert_int_equal(seen.trailers, 1);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.reason, REASON_NONE);
    assert_int_equal(seen.version, HTTP_2);
}

/* An answer says what went wrong; that its client goes then, its request half sent, is no news. */
static void the_first_reason_stays(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_LEND;
    s->other.mode = FAKE_FAIL;
    s->front.holds = true;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    reply_error(s->back.end.x, 502, STR("no luck"));
    turn_run(&s->w.turn, 1);
    exchange_reset(&s->front.end, REASON_CLIENT_GONE);
    assert_int_equal(seen.reason, REASON_UPSTREAM_CONNECT);
    world_run(&s->w);
}

static void hooks_refuse_requests(void **state) {
    struct stage *s = *state;
    seen.refuse_request = 403;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    assert_int_equal(s->back.runs, 0);
    assert_true(s->front.done);
    assert_string_equal((char *)s->front.heads.p, "403 ");
    assert_string_equal((char *)s->front.got.p, "403 Forbidden\n");
    assert_int_equal(seen.responses, 1);
    assert_int_equal(seen.ends, 1);
}

static void hooks_refuse_responses(void **state) {
    struct stage *s = *state;
    seen.refuse_response = ERR_NO_MEMORY;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    assert_int_equal(s->front.heads.n, 0);
    assert_int_equal(s->front.reset, REASON_INTERNAL);
    assert_true(s->back.was_reset);
    assert_int_equal(seen.reason, REASON_INTERNAL);
    assert_int_equal(seen.ends, 1);
}

static void hooks_refuse_responses_whose_back_has_left(void **state) {
    struct stage *s = *state;
    seen.refuse_response = ERR_INVALID;
    fake_front_start(&s->w, &s->front, "GET", STR(""));
    body_finish(&s->front.end.x->request.body);
    world_run(&s->w);
    assert_int_equal(s->front.reset, REASON_INTERNAL);
}

static void tells_what_can_be_replayed(void **state) {
    struct stage *s = *state;
    s->back.mode = FAKE_IDLE;
    fake_front_start(&s->w, &s->front, "POST", big(s));
    world_run(&s->w);
    struct exchange *x = s->front.end.x;
    assert_true(exchange_replayable(x));
    body_sent(&x->request.body, 1);
    assert_false(exchange_replayable(x));
    s->back.mode = FAKE_RESET;
    task_wake(&s->back.end.task, END_DATA);
}

/* Anybody does anything at any time; all that is asked is that nothing lives at the end,
 * and that ASan is content. */
static void disturb(struct stage *s, unsigned n) {
    struct exchange *x = s->front.end.x;
    switch (n % 12) {
    case 0: exchange_reset(&s->front.end, REASON_CLIENT_CANCEL); break;
    case 1: exchange_leave(&s->front.end); break;
    case 2: exchange_reset(&s->back.end, REASON_UPSTREAM_CUT); break;
    case 3: exchange_leave(&s->back.end); break;
    case 4: exchange_fail(&s->other.end, REASON_UPSTREAM_CLOSED); break;
    case 5: exchange_reset(&s->other.end, REASON_UPSTREAM_CUT); break;
    case 6: exchange_leave(&s->other.end); break;
    case 7:
        if (s->back.end.x && s->back.end.x->manager == &s->back.end)
            exchange_recall(s->back.end.x);
        break;
    case 8:
        if (x && x->back && !x->responded && !x->manager && x->back != &s->other.end &&
            s->other.end.task.turn) /* not retired */
            exchange_lend(x, &s->other.end);
        break;
    case 9:
        if (x && x->back && !x->responded)
            reply(x, 200, STR("text/plain"), (struct str){s->text, n % BIG});
        break;
    case 10: s->front.takes_nothing = !s->front.takes_nothing; break;
    case 11: s->front.holds = !s->front.holds; break;
    }
}

static void survives_anything(void **state) {
    (void)state;
    for (unsigned seed = 0; seed < 3000; seed++) {
        struct stage *s;
        unsigned random = seed;
        setup((void **)&s);
        s->back.mode = (enum fake_mode)(rand_r(&random) % 6);
        s->other.mode = (enum fake_mode)(rand_r(&random) % 5);
        s->back.informs = rand_r(&random) % 3;
        fake_front_start(&s->w, &s->front, "POST", (struct str){s->text, 20000});
        for (int step = 0; step < 8; step++) {
            if (rand_r(&random) % 3)
                turn_run(&s->w.turn, (size_t)rand_r(&random) % 4);
            disturb(s, (unsigned)rand_r(&random));
        }
        exchange_reset(&s->front.end, REASON_CLIENT_GONE);
        teardown((void **)&s);
    }
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_HOOKS(test) cmocka_unit_test_setup_teardown(test, setup_hooks, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(goes_through),
        ON_STAGE(holds_the_back_when_the_front_takes_nothing),
        ON_STAGE(front_resets),
        ON_STAGE(front_resets_before_the_router_ran),
        ON_STAGE(back_resets),
        ON_STAGE(back_resets_half_way),
        ON_STAGE(back_leaves_without_a_word),
        ON_STAGE(front_leaves_too_early),
        ON_STAGE(route_forgets),
        ON_STAGE(back_leaves_before_it_was_sent_everything),
        ON_STAGE(lends),
        ON_STAGE(gets_back_what_failed),
        ON_STAGE(answers_itself_what_failed),
        ON_STAGE(fails_after_the_response_as_a_reset),
        ON_STAGE(replies_over_what_is_lent),
        ON_STAGE(recalls),
        ON_STAGE(manager_resets),
        ON_STAGE(front_resets_what_is_lent),
        ON_STAGE(informs),
        ON_STAGE(informs_within_limits),
        WITH_HOOKS(hooks_run),
        WITH_HOOKS(the_first_reason_stays),
        WITH_HOOKS(hooks_refuse_requests),
        WITH_HOOKS(hooks_refuse_responses),
        WITH_HOOKS(hooks_refuse_responses_whose_back_has_left),
        ON_STAGE(tells_what_can_be_replayed),
        cmocka_unit_test(survives_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
