/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exchange_fakes.h"
#include "http/reply.h"

static char big[1000000];

struct stage {
    struct world w;
    struct fake_front front;
    int64_t length; /* what the response said */
};

/* Instead of a handler: the query says what to answer. */
static void answer(struct exchange *x) {
    struct str query = message_query(&x->request);
    if (str_eq(query, STR("big")))
        reply(x, 200, STR("application/octet-stream"), (struct str){big, sizeof(big)});
    else if (str_eq(query, STR("204")))
        reply(x, 204, STR(""), STR(""));
    else if (str_eq(query, STR("nothing")))
        reply(x, 201, STR(""), (struct str){0});
    else if (str_eq(query, STR("error")))
        reply_error(x, 502, STR("<nobody> at \"home\""));
    else
        reply(x, 200, STR("text/plain"), STR("hello"));
}

static int on_response(struct exchange *x) {
    ((struct stage *)x->env->owner)->length = x->response.content_length;
    return 0;
}

static const struct hook watching = {.name = "watching", .response = on_response};

static int setup(void **state) {
    struct stage *s = test_calloc(1, sizeof(*s));
    world_start(&s->w);
    s->w.env.route = answer;
    s->w.env.owner = s;
    s->w.hooks[0] = &watching;
    s->w.limits.body_buffer_bytes = 20000;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i % 253);
    *state = s;
    return 0;
}

static int teardown(void **state) {
    struct stage *s = *state;
    world_run(&s->w);
    fake_front_end(&s->front);
    world_end(&s->w);
    test_free(s);
    return 0;
}

static struct exchange *ask(struct stage *s, const char *method, const char *path,
                            struct str body) {
    fake_front_start(&s->w, &s->front, method, body);
    s->front.end.x->request.path = str_of(path);
    return s->front.end.x;
}

static void expect(struct stage *s, const char *heads, const char *body, int64_t length) {
    world_run(&s->w);
    assert_true(s->front.done);
    assert_string_equal((char *)s->front.heads.p, heads);
    assert_string_equal(s->front.got.n ? (char *)s->front.got.p : "", body);
    assert_int_equal(s->length, length);
}

static void answers(void **state) {
    struct stage *s = *state;
    ask(s, "GET", "/", STR(""));
    expect(s, "200 ", "hello", 5);
}

static void answers_head_without_body(void **state) {
    struct stage *s = *state;
    ask(s, "HEAD", "/", STR(""));
    expect(s, "200 ", "", 5);
}

static void says_nothing(void **state) {
    struct stage *s = *state;
    ask(s, "GET", "/?nothing", STR(""));
    expect(s, "201 ", "", 0);
}

static void gives_204_no_length(void **state) {
    struct stage *s = *state;
    ask(s, "GET", "/?204", STR(""));
    expect(s, "204 ", "", LENGTH_UNKNOWN);
}

static void sends_more_than_the_body_holds(void **state) {
    struct stage *s = *state;
    ask(s, "GET", "/?big", STR(""));
    world_run(&s->w);
    assert_true(s->front.done);
    assert_int_equal(s->front.got.n, sizeof(big));
    assert_memory_equal(s->front.got.p, big, sizeof(big));
    assert_int_equal(s->length, sizeof(big));
}

static void drains_what_is_sent_to_it(void **state) {
    struct stage *s = *state;
    ask(s, "POST", "/", (struct str){big, 200000});
    expect(s, "200 ", "hello", 5);
    assert_int_equal(s->front.to_send.n, 0);
    assert_false(s->front.heard & END_STOP);
}

static void stops_what_is_too_much(void **state) {
    struct stage *s = *state;
    ask(s, "POST", "/", (struct str){big, sizeof(big)});
    expect(s, "200 ", "hello", 5);
    assert_true(s->front.heard & END_STOP);
}

static void asks_for_no_body_that_waits(void **state) {
    struct stage *s = *state;
    struct exchange *x = ask(s, "POST", "/", STR(""));
    x->request.expect_continue = true;
    s->front.holds = true;
    expect(s, "200 ", "hello", 5);
    assert_false(s->front.heard & END_WANT); /* so nobody sends 100 */
    assert_true(s->front.heard & END_STOP);
}

static void gives_up_with_the_client(void **state) {
    struct stage *s = *state;
    ask(s, "GET", "/?big", STR(""));
    s->front.takes_nothing = true;
    world_run(&s->w);
    assert_false(s->front.done);
    exchange_reset(&s->front.end, REASON_CLIENT_CANCEL);
}

static void explain_to(struct stage *s, const char *accept, const char *starts) {
    struct exchange *x = ask(s, "GET", "/?error", STR(""));
    assert_int_equal(fields_add(&x->request.fields, STR("accept"), str_of(accept)), 0);
    world_run(&s->w);
    assert_true(s->front.done);
    assert_true(str_starts(buf_view(&s->front.got), str_of(starts)));
    fake_front_end(&s->front);
}

static void explains_in_the_form_that_is_liked(void **state) {
    struct stage *s = *state;
    const char *const plain = "502 Bad Gateway\n<nobody> at \"home\"\n",
                      *const json = "{\n  \"status\": 502", *const html = "<!doctype html>";
    explain_to(s, "*/*", plain);
    explain_to(s, "", plain);
    explain_to(s, "image/png", plain);
    explain_to(s, "application/json", json);
    explain_to(s, "text/html;q=0.5, application/json;q=0.25", html);
    explain_to(s, "text/html;q=0.125, application/json ; q=0.25, */*;q=0.1", json);
    explain_to(s, "text/html;q=0, text/plain;q=0.001", plain);
    explain_to(s, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", html);
    explain_to(s, ";;;q=,,q=1;q", plain);
}

static void escapes_html(void **state) {
    struct stage *s = *state;
    struct exchange *x = ask(s, "GET", "/?error", STR(""));
    assert_int_equal(fields_add(&x->request.fields, STR("accept"), STR("text/html")), 0);
    world_run(&s->w);
    assert_non_null(strstr((char *)s->front.got.p, "<p>&lt;nobody&gt; at &quot;home&quot;</p>"));
    assert_null(strstr((char *)s->front.got.p, "<nobody>"));
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(answers),
        ON_STAGE(answers_head_without_body),
        ON_STAGE(says_nothing),
        ON_STAGE(gives_204_no_length),
        ON_STAGE(sends_more_than_the_body_holds),
        ON_STAGE(drains_what_is_sent_to_it),
        ON_STAGE(stops_what_is_too_much),
        ON_STAGE(asks_for_no_body_that_waits),
        ON_STAGE(gives_up_with_the_client),
        ON_STAGE(explains_in_the_form_that_is_liked),
        ON_STAGE(escapes_html),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
