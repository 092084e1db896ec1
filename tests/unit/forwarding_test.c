/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exchange_fakes.h"
#include "gateway/forwarding.h"
#include "gateway/outfit.h"
#include "http/reply.h"
#include "http/validate.h"

/* A request goes through the hook to something that answers "200" with a few fields. */
struct way {
    struct world w;
    struct fake_front front;
    struct peer peer;
    struct worker worker;
    struct outfit outfit;
    struct config config;
    struct buf errors, request, response; /* fields, "name: value\n" each */
    const char *add[2];                   /* a field that the upstream sets */
    bool proxied;
    const char *alt_svc;
};

/* Nothing but what the hook sets, replaces or drops stands in these heads, and none of it may come
 * in trailers. */
static void note(struct buf *to, const struct fields *f) {
    for (size_t i = 0; i < f->n; i++) {
        if (!field_forbidden_in_trailers(f->v[i].name))
            fail_msg("would pass in trailers: " STR_FMT, STR_ARG(f->v[i].name));
        buf_format(to, STR_FMT ": " STR_FMT "\n", STR_ARG(f->v[i].name), STR_ARG(f->v[i].value));
    }
}

static struct way *way_of(struct exchange *x) {
    return container_of(x->env, struct way, w.env);
}

static void answer(struct exchange *x) {
    struct way *w = way_of(x);

    note(&w->request, &x->request.fields);
    x->alt_svc = str_of(w->alt_svc);
    if (w->proxied)
        x->upstream_ns = x->env->turn->now_ns - 17 * (uint64_t)MS_NS;
    if (w->add[0])
        assert_int_equal(fields_add(&x->response.fields, str_of(w->add[0]), str_of(w->add[1])), 0);
    reply(x, 200, STR(""), STR(""));
}

static int on_response(struct exchange *x) {
    note(&way_of(x)->response, &x->response.fields);
    return 0;
}

static const struct hook watching = {.name = "watching", .response = on_response};

static int set_up(void **state) {
    struct way *w = test_calloc(1, sizeof *w);

    world_start(&w->w);
    w->w.hooks[0] = &forwarding_hook;
    w->w.hooks[1] = &watching;
    w->w.env.route = answer;
    w->outfit.worker = &w->worker;
    w->w.env.owner = &w->outfit;
    buf_init(&w->errors);
    buf_init(&w->request);
    buf_init(&w->response);
    assert_int_equal(config_init(&w->config, &w->errors), 0);
    w->outfit.config = &w->config;
    w->worker.turn.wall_s = 784111777;
    turn_begin(&w->w.turn, 1000 * SECOND_NS, 0);
    w->peer.version = HTTP_3;
    assert_int_equal(addr_parse(STR("192.0.2.7:5555"), &w->peer.remote), 0);
    assert_int_equal(addr_parse(STR("192.0.2.1:8443"), &w->peer.local), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct way *w = *state;

    config_fini(&w->config);
    buf_fini(&w->errors);
    buf_fini(&w->request);
    buf_fini(&w->response);
    world_end(&w->w);
    test_free(w);
    return 0;
}

static void begin(struct way *w) {
    buf_reset(&w->request);
    buf_reset(&w->response);
    fake_front_start(&w->w, &w->front, "GET", STR(""));
    w->front.end.x->peer = &w->peer;
}

static void field(struct way *w, const char *name, const char *value) {
    struct fields *f = &w->front.end.x->request.fields;

    assert_int_equal(fields_add(f, str_of(name), str_of(value)), 0);
}

static void finish(struct way *w) {
    world_run(&w->w);
    assert_true(w->front.done);
    fake_front_end(&w->front);
}

static void go(struct way *w) {
    begin(w);
    finish(w);
}

/* The value of the only field of that name; p NULL: none. */
static struct str value(const struct buf *fields, const char *name) {
    struct str rest = buf_view(fields), line, key, found = {NULL, 0};

    while (str_cut(&rest, '\n', &line)) {
        if (!str_cut(&line, ':', &key) || !str_eq(key, str_of(name)))
            continue;
        assert_null(found.p);
        found = str_trim(line);
    }
    return found;
}

static void assert_field(const struct buf *fields, const char *name, const char *wanted) {
    struct str v = value(fields, name);

    if (!wanted)
        assert_null(v.p);
    else if (!str_eq(v, str_of(wanted)))
        fail_msg("%s: \"" STR_FMT "\", not \"%s\"", name, STR_ARG(v), wanted);
}

static void who_asked_what(void **state) {
    struct way *w = *state;

    go(w);
    assert_field(&w->request, "x-forwarded-for", "192.0.2.7");
    assert_field(&w->request, "x-forwarded-proto", "https");
    assert_field(&w->request, "x-forwarded-host", "example.org");
    assert_field(&w->request, "x-forwarded-port", "443");
    assert_field(&w->request, "x-forwarded-proto-version", "h3");
    assert_field(&w->request, "via", "3 h3gw");
    assert_field(&w->request, "forwarded", NULL);
    assert_field(&w->request, "early-data", NULL);
}

static void lists_grow_and_claims_go(void **state) {
    struct way *w = *state;

    w->peer.version = HTTP_1_1;
    begin(w);
    w->front.end.x->request.authority = STR("app.test:8443");
    field(w, "x-forwarded-for", "10.0.0.1");
    field(w, "x-forwarded-proto", "http");
    field(w, "x-forwarded-host", "evil.test");
    field(w, "x-forwarded-port", "1");
    field(w, "x-forwarded-proto-version", "h9");
    field(w, "x-forwarded-client-cert", "Hash=1");
    field(w, "via", "1.1 other");
    finish(w);
    assert_field(&w->request, "x-forwarded-for", "10.0.0.1, 192.0.2.7");
    assert_field(&w->request, "x-forwarded-proto", "https");
    assert_field(&w->request, "x-forwarded-host", "app.test:8443");
    assert_field(&w->request, "x-forwarded-port", "8443");
    assert_field(&w->request, "x-forwarded-proto-version", "h1");
    assert_field(&w->request, "x-forwarded-client-cert", NULL);
    assert_field(&w->request, "via", "1.1 other, 1.1 h3gw");
}

static void no_authority(void **state) {
    struct way *w = *state;

    w->peer.version = HTTP_1_0;
    w->config.gateway.forwarded = true;
    begin(w);
    w->front.end.x->request.authority = STR("");
    field(w, "x-forwarded-host", "evil.test");
    finish(w);
    assert_field(&w->request, "x-forwarded-host", NULL);
    assert_field(&w->request, "x-forwarded-port", "8443");
    assert_field(&w->request, "via", "1.0 h3gw");
    assert_field(&w->request, "forwarded", "for=192.0.2.7;proto=https");
}

static void forwarded(void **state) {
    struct way *w = *state;

    w->config.gateway.forwarded = true;
    go(w);
    assert_field(&w->request, "forwarded", "for=192.0.2.7;host=\"example.org\";proto=https");
    assert_int_equal(addr_parse(STR("[2001:db8::1]:1"), &w->peer.remote), 0);
    begin(w);
    field(w, "forwarded", "for=x");
    finish(w);
    assert_field(&w->request, "forwarded",
                 "for=x, for=\"[2001:db8::1]\";host=\"example.org\";proto=https");
    assert_field(&w->request, "x-forwarded-for", "2001:db8::1");
}

/* RFC 8470 5.1: set for early data, never removed. */
static void early_data(void **state) {
    struct way *w = *state;

    begin(w);
    field(w, "early-data", "1");
    finish(w);
    assert_field(&w->request, "early-data", "1");
    w->peer.early_data = true;
    go(w);
    assert_field(&w->request, "early-data", "1");
}

static void request_ids(void **state) {
    struct way *w = *state;
    char first[37];

    go(w);
    struct str id = value(&w->request, "x-request-id");
    assert_int_equal(id.n, 36);
    assert_int_equal(id.p[14], '4');
    assert_non_null(strchr("89ab", id.p[19]));
    memcpy(first, id.p, 36);
    go(w);
    assert_memory_not_equal(value(&w->request, "x-request-id").p, first, 36);
    begin(w);
    field(w, "x-request-id", "mine");
    finish(w);
    assert_field(&w->request, "x-request-id", "mine");
}

static void traces(void **state) {
    struct way *w = *state;

    go(w);
    struct str parent = value(&w->request, "traceparent"), id = value(&w->request, "x-b3-traceid"),
               span = value(&w->request, "x-b3-spanid");
    assert_int_equal(parent.n, 55);
    assert_memory_equal(parent.p + 3, id.p, 32);
    assert_memory_equal(parent.p + 36, span.p, 16);
    assert_true(str_ends(parent, STR("-00")));
    assert_field(&w->request, "x-b3-sampled", "0");
}

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void forward_trace(struct way *w, const char *parent) {
    begin(w);
    field(w, "traceparent", parent);
    field(w, "tracestate", "a=1");
    finish(w);
}

static void traces_that_came(void **state) {
    static const char *const parents[] = {
        "00-" TRACE_ID "-" PARENT "-01",
        "00-" TRACE_ID "-" PARENT "-ff",
        "cc-" TRACE_ID "-" PARENT "-01",
        "cc-" TRACE_ID "-" PARENT "-01-what-comes",
    };
    struct way *w = *state;

    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
        forward_trace(w, parents[i]);
        assert_field(&w->request, "traceparent", parents[i]);
        assert_field(&w->request, "tracestate", "a=1");
        assert_field(&w->request, "x-b3-traceid", NULL);
    }
    begin(w);
    field(w, "b3", "0");
    finish(w);
    assert_field(&w->request, "traceparent", NULL);
}

/* W3C Trace Context 3.2.2.3, 4.3: one that nobody can read is replaced, and its tracestate goes. */
static void traces_that_nobody_can_read(void **state) {
    static const char *const parents[] = {
        "",
        "junk",
        "00-1-2-01",
        "00-" TRACE_ID "-" PARENT "-1",
        "00-" TRACE_ID "-" PARENT "-01-more",
        "cc-" TRACE_ID "-" PARENT "-01more",
        "ff-" TRACE_ID "-" PARENT "-01",
        "0g-" TRACE_ID "-" PARENT "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE_ID "-0000000000000000-01",
        "00-" TRACE_ID "_" PARENT "-01",
        "00_" TRACE_ID "-" PARENT "-01",
        "00-" TRACE_ID "-" PARENT "-0x",
    };
    struct way *w = *state;

    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
        forward_trace(w, parents[i]);
        struct str parent = value(&w->request, "traceparent"),
                   id = value(&w->request, "x-b3-traceid");
        if (parent.n != 55 || str_eq(parent, str_of(parents[i])))
            fail_msg("passed on: %s", parents[i]);
        assert_memory_equal(parent.p + 3, id.p, 32);
        assert_field(&w->request, "tracestate", NULL);
    }
}

static void traces_of_two_kinds(void **state) {
    const char *const parent = "00-" TRACE_ID "-" PARENT "-01";
    struct way *w = *state;

    begin(w);
    field(w, "traceparent", parent);
    field(w, "traceparent", parent);
    finish(w);
    assert_int_equal(value(&w->request, "traceparent").n, 55);
    assert_false(str_eq(value(&w->request, "traceparent"), str_of(parent)));
    begin(w);
    field(w, "traceparent", "junk");
    field(w, "tracestate", "a=1");
    field(w, "x-b3-traceid", TRACE_ID);
    finish(w);
    assert_field(&w->request, "traceparent", NULL);
    assert_field(&w->request, "tracestate", NULL);
    assert_field(&w->request, "x-b3-traceid", TRACE_ID);
}

static void our_own_answer(void **state) {
    struct way *w = *state;

    go(w);
    assert_field(&w->response, "server", "h3gw");
    assert_field(&w->response, "date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_field(&w->response, "via", NULL);
    assert_field(&w->response, "x-h3gw-upstream-service-time", NULL);
    assert_field(&w->response, "alt-svc", NULL);
}

static void an_upstreams_answer(void **state) {
    struct way *w = *state;

    w->proxied = true;
    w->alt_svc = "h3=\":443\"; ma=86400";
    w->add[0] = "server";
    w->add[1] = "theirs";
    go(w);
    assert_field(&w->response, "server", "h3gw");
    assert_field(&w->response, "via", "1.1 h3gw");
    assert_field(&w->response, "x-h3gw-upstream-service-time", "17");
    assert_field(&w->response, "alt-svc", "h3=\":443\"; ma=86400");
    w->config.gateway.server_header = 1;
    go(w);
    assert_field(&w->response, "server", "theirs");
    w->add[0] = NULL;
    go(w);
    assert_field(&w->response, "server", "h3gw");
}

static void what_the_upstream_says_of_itself(void **state) {
    struct way *w = *state;

    w->proxied = true;
    w->add[0] = "date";
    w->add[1] = "yesterday";
    go(w);
    assert_field(&w->response, "date", "yesterday");
    w->add[0] = "via";
    w->add[1] = "1.1 inner";
    go(w);
    assert_field(&w->response, "via", "1.1 inner, 1.1 h3gw");
    w->add[0] = "alt-svc";
    w->add[1] = "h3=\":3000\"";
    go(w);
    assert_field(&w->response, "alt-svc", NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(who_asked_what),
        TEST(lists_grow_and_claims_go),
        TEST(no_authority),
        TEST(forwarded),
        TEST(early_data),
        TEST(request_ids),
        TEST(traces),
        TEST(traces_that_came),
        TEST(traces_that_nobody_can_read),
        TEST(traces_of_two_kinds),
        TEST(our_own_answer),
        TEST(an_upstreams_answer),
        TEST(what_the_upstream_says_of_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
