/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conversations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct carrier *carrier; /* of the tests that run */

struct scene *talk(const struct carrier *by, uint64_t seed) {
    struct scene *s = by->make();
    by->connect(s, seed);
    return s;
}

void talk_end(struct scene *s) {
    s->carrier->free(s);
}

void talk_run(struct scene *s) {
    assert_true(s->carrier->run(s, 300 * SECOND_NS, scene_all_over, s));
}

static bool never(void *context) {
    (void)context;
    return false;
}

void talk_wait(struct scene *s, uint64_t ns) {
    assert_false(s->carrier->run(s, ns, never, NULL));
}

void talk_quiet(struct scene *s) {
    talk_wait(s, SECOND_NS);
}

struct visit *talk_visit(struct scene *s, const char *path) {
    scene_start(s, 0, path);
    talk_run(s);
    return &s->visits[0];
}

static void hello(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < carrier->seeds; seed++) {
        struct scene *s = talk(carrier, seed);
        struct visit *v = talk_visit(s, "/hello");
        assert_int_equal(v->status, 200);
        assert_int_equal(v->length, 5);
        assert_int_equal(v->received, 5);
        assert_true(v->complete && !v->wrong);
        assert_string_equal(s->site.host, "test.example");
        talk_quiet(s);
        assert_int_equal(s->client->n_streams, 0);
        assert_int_equal(s->client->max_streams, s->limits.streams);
        assert_int_equal(s->server_env.n_exchanges, 0);
        assert_int_equal(s->chunks.n_live, 0);
        talk_end(s);
    }
}

static void bytes_down(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct scene *s = talk(carrier, seed);
        carrier->disturb(s, seed == 2 ? 3 : 0);
        struct visit *v = talk_visit(s, seed == 1 ? "/chunks/3000000" : "/bytes/3000000");
        assert_int_equal(v->received, 3000000);
        assert_true(v->complete && !v->wrong);
        talk_end(s);
    }
}

static void bytes_up(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct scene *s = talk(carrier, seed);
        carrier->disturb(s, seed == 1 ? 3 : 0);
        s->visits[0].body_bytes = 3000000;
        s->visits[0].no_length = seed == 1;
        s->visits[0].trailers = seed == 2;
        struct visit *v = talk_visit(s, "/count");
        assert_string_equal(v->count, "3000000");
        assert_string_equal(v->trailer, seed == 2 ? "from the client" : "");
        talk_end(s);
    }
}

static void echo_with_trailers(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 3);
    s->visits[0].body_bytes = 500000;
    s->visits[0].trailers = true;
    struct visit *v = talk_visit(s, "/echo");
    assert_int_equal(v->received, 500000);
    assert_false(v->wrong);
    assert_string_equal(v->trailer, "from the client");
    talk_end(s);
}

static void trailers(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 4);
    struct visit *v = talk_visit(s, "/trailers");
    assert_int_equal(v->received, 5);
    assert_string_equal(v->trailer, "from the server");
    scene_start(s, 1, "/only-trailers");
    talk_run(s);
    assert_int_equal(s->visits[1].received, 0);
    assert_string_equal(s->visits[1].trailer, "from the server");
    talk_end(s);
}

static void informational(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 5);
    struct visit *v = talk_visit(s, "/hints");
    assert_int_equal(v->informed, 103);
    assert_int_equal(v->n_informed, 2);
    assert_string_equal(v->hint, "</style.css>");
    assert_int_equal(v->status, 200);
    talk_end(s);
}

static void continues_when_told(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 6);
    s->visits[0].expect = true;
    s->visits[0].trailers = true; /* a body that begins only when told */
    struct visit *v = talk_visit(s, "/count");
    assert_int_equal(v->status, 200);
    talk_end(s);
}

static void head_and_empty(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 7);
    s->visits[0].method = "HEAD";
    struct visit *v = talk_visit(s, "/bytes/1000");
    assert_int_equal(v->length, 1000);
    assert_int_equal(v->received, 0);
    assert_true(v->complete);
    scene_start(s, 1, "/empty");
    talk_run(s);
    assert_int_equal(s->visits[1].status, 204);
    assert_true(s->visits[1].complete);
    talk_end(s);
}

static void parallel(void **state) {
    (void)state;
    static const char *const paths[VISITS] = {"/bytes/300000", "/hello", "/chunks/200000",
                                              "/count",        "/hints", "/bytes/100000",
                                              "/trailers",     "/empty"};
    for (uint64_t seed = 1; seed < 4; seed++) {
        struct scene *s = talk(carrier, seed);
        carrier->disturb(s, (unsigned)seed);
        for (int i = 0; i < VISITS; i++) {
            s->visits[i].body_bytes = i == 3 ? 400000 : 0;
            scene_start(s, i, paths[i]);
        }
        talk_run(s);
        for (int i = 0; i < VISITS; i++)
            assert_true(s->visits[i].complete && !s->visits[i].wrong);
        assert_string_equal(s->visits[3].count, "400000");
        talk_end(s);
    }
}

/* A client that does not read holds nobody else up, and holds up its own server end. */
static void slow_reader(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 8);
    s->visits[0].paused = true;
    scene_start(s, 0, "/bytes/5000000");
    talk_quiet(s);
    assert_false(s->visits[0].over);
    assert_true(carrier->sent(s, FROM_SERVER) < 700000);
    scene_start(s, 1, "/hello");
    talk_quiet(s);
    assert_true(s->visits[1].complete);
    visit_resume(&s->visits[0]);
    talk_run(s);
    assert_int_equal(s->visits[0].received, 5000000);
    talk_end(s);
}

static void slow_handler(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 9);
    s->site.paused = true;
    s->visits[0].body_bytes = 5000000;
    scene_start(s, 0, "/count");
    talk_quiet(s);
    assert_true(s->visits[0].taken < 1200000);
    assert_true(carrier->sent(s, FROM_CLIENT) < 700000);
    visit_cancel(&s->visits[0]);
    talk_quiet(s);
    assert_int_equal(s->site.resets, 1);
    assert_int_equal(s->site.last_reset, REASON_CLIENT_CANCEL);
    assert_int_equal(s->client->n_streams, 0);
    talk_end(s);
}

static void cut(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < carrier->seeds; seed++) {
        struct scene *s = talk(carrier, seed);
        struct visit *v = talk_visit(s, "/cut/10000");
        assert_false(v->complete);
        assert_int_not_equal(v->reason, REASON_NONE);
        talk_quiet(s);
        assert_int_equal(s->client->n_streams, 0);
        talk_end(s);
    }
}

static void refused(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 1);
    struct visit *v = talk_visit(s, "/refuse");
    assert_int_equal(v->status, 503);
    talk_end(s);
}

/* RFC 9113 8.1, RFC 9114 4.1: a whole response, and then the rest is not wanted, which is no
 * error. */
static void early_response(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 2);
    s->visits[0].endless = true;
    s->visits[0].body_bytes = 100000;
    struct visit *v = talk_visit(s, "/early");
    assert_int_equal(v->status, 200);
    assert_true(v->complete);
    talk_quiet(s);
    assert_int_equal(s->client->n_streams, 0);
    assert_int_equal(s->server_env.n_exchanges, 0);
    talk_end(s);
}

static void cancel(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < carrier->seeds; seed++) {
        struct scene *s = talk(carrier, seed);
        scene_start(s, 0, "/never");
        talk_quiet(s);
        visit_cancel(&s->visits[0]);
        talk_quiet(s);
        assert_int_equal(s->site.resets, 1);
        assert_int_equal(s->client->n_streams, 0);
        assert_int_equal(s->server_env.n_exchanges, 0);
        talk_end(s);
    }
}

static void drain(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 3);
    s->visits[0].paused = true;
    scene_start(s, 0, "/bytes/3000000");
    talk_quiet(s);
    carrier->drain(s);
    talk_quiet(s);
    assert_false(s->client->usable);
    assert_true(s->owner_events & CLIENT_GONE);
    assert_true(carrier->is_open(s));
    visit_resume(&s->visits[0]);
    talk_run(s);
    assert_true(s->visits[0].complete);
    talk_wait(s, 5 * SECOND_NS);
    assert_false(carrier->is_open(s));
    talk_end(s);
}

static void request_limit(void **state) {
    (void)state;
    struct scene *s = carrier->make();
    s->limits.requests = 2;
    carrier->connect(s, 1);
    for (int i = 0; i < 2; i++) {
        scene_start(s, i, "/hello");
        talk_run(s);
        assert_int_equal(s->visits[i].status, 200);
    }
    talk_wait(s, 10 * SECOND_NS);
    assert_true(s->owner_events & CLIENT_GONE);
    assert_false(carrier->is_open(s));
    talk_end(s);
}

static void idle(void **state) {
    (void)state;
    struct scene *s = carrier->make();
    s->limits.idle_timeout_ns = 20 * SECOND_NS;
    carrier->connect(s, 4);
    talk_visit(s, "/hello");
    talk_wait(s, 30 * SECOND_NS);
    assert_false(carrier->is_open(s));
    assert_true(s->owner_events & CLIENT_GONE);
    talk_end(s);
}

static void stalled_body(void **state) {
    (void)state;
    struct scene *s = carrier->make();
    s->limits.body_timeout_ns = 20 * SECOND_NS;
    carrier->connect(s, 5);
    s->visits[0].endless = true;
    struct visit *v = talk_visit(s, "/count");
    assert_int_equal(v->status, 408);
    talk_end(s);
}

static void stalled_reader(void **state) {
    (void)state;
    struct scene *s = carrier->make();
    s->limits.write_timeout_ns = 20 * SECOND_NS;
    carrier->connect(s, 6);
    s->visits[0].paused = true;
    struct visit *v = talk_visit(s, "/bytes/3000000");
    assert_false(v->complete);
    assert_int_equal(s->site.last_reset, REASON_CLIENT_STALLED);
    talk_end(s);
}

static void lost_connection(void **state) {
    (void)state;
    struct scene *s = talk(carrier, 7);
    s->visits[1].paused = true;
    scene_start(s, 0, "/never");
    scene_start(s, 1, "/bytes/3000000");
    talk_quiet(s);
    carrier->cut(s);
    talk_wait(s, 100 * SECOND_NS);
    visit_resume(&s->visits[1]);
    talk_quiet(s);
    assert_int_equal(s->visits[0].reason, REASON_UPSTREAM_CLOSED);
    assert_int_equal(s->visits[1].reason, REASON_UPSTREAM_CUT);
    talk_end(s);
}

static void too_large(void **state) {
    (void)state;
    struct scene *s = carrier->make();
    s->limits.request_body_bytes = 100000;
    carrier->connect(s, 1);
    s->visits[0].body_bytes = 100001;
    struct visit *v = talk_visit(s, "/count");
    assert_int_equal(v->status, 413);
    s->visits[1].body_bytes = 200000;
    s->visits[1].no_length = true;
    scene_start(s, 1, "/count");
    talk_run(s);
    assert_int_equal(s->visits[1].status, 413);
    for (int i = 0; i < 2; i++) { /* the answers explain themselves */
        assert_true(s->visits[i].complete && s->visits[i].length > 20);
        assert_int_equal(s->visits[i].received, s->visits[i].length);
    }
    talk_end(s);
}

static void stream_limit(void **state) {
    (void)state;
    struct scene *s = carrier->make();
    s->limits.streams = 2;
    carrier->connect(s, 1);
    talk_visit(s, "/hello");
    talk_quiet(s);
    for (int i = 1; i < 4; i++)
        scene_start(s, i, "/never");
    talk_quiet(s);
    assert_int_equal(s->client->n_streams, 2);
    assert_int_equal(s->visits[3].status, 503);
    talk_end(s);
}

int conversations_run(const struct carrier *by) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello),
        cmocka_unit_test(bytes_down),
        cmocka_unit_test(bytes_up),
        cmocka_unit_test(echo_with_trailers),
        cmocka_unit_test(trailers),
        cmocka_unit_test(informational),
        cmocka_unit_test(continues_when_told),
        cmocka_unit_test(head_and_empty),
        cmocka_unit_test(parallel),
        cmocka_unit_test(slow_reader),
        cmocka_unit_test(slow_handler),
        cmocka_unit_test(cut),
        cmocka_unit_test(refused),
        cmocka_unit_test(early_response),
        cmocka_unit_test(cancel),
        cmocka_unit_test(drain),
        cmocka_unit_test(request_limit),
        cmocka_unit_test(idle),
        cmocka_unit_test(stalled_body),
        cmocka_unit_test(stalled_reader),
        cmocka_unit_test(lost_connection),
        cmocka_unit_test(too_large),
        cmocka_unit_test(stream_limit),
    };
    carrier = by;
    return cmocka_run_group_tests_name("conversations", tests, NULL, NULL);
}
