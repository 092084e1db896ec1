/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "join.h"
#include "proto/h2/h2.h"
#include "visit.h"

/* Conversations between our HTTP/2 client and server, joined in memory, bytes cut anywhere;
 * and between bytes written by hand and the server. Each ends with nothing left alive. */

enum { SCRATCH = 16384, VISITS = 8 };

struct world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env client_env, server_env;
    struct peer client_peer, server_peer;
    struct site site;
    struct http_client *client;
    struct stream_engine *server;
    struct join *join;
    struct task owner;
    uint32_t owner_events;
    struct visit visits[VISITS];
    uint8_t scratch[2][SCRATCH];
};

static void owner_run(struct task *task, uint32_t events) {
    container_of(task, struct world, owner)->owner_events |= events;
}

static void env_init(struct world *w, struct http_env *env, uint8_t *scratch) {
    http_env_init(env, &w->turn, &w->chunks);
    env->limits = &w->limits;
    env->scratch = scratch;
    env->scratch_bytes = SCRATCH;
}

static struct world *world_new(void) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    turn_init(&w->turn);
    turn_begin(&w->turn, SECOND_NS, 1);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    env_init(w, &w->client_env, w->scratch[0]);
    env_init(w, &w->server_env, w->scratch[1]);
    w->client_peer.version = w->server_peer.version = HTTP_2;
    site_env(&w->server_env, &w->site);
    task_init(&w->owner, &w->turn, owner_run);
    return w;
}

static void world_join(struct world *w, uint64_t seed, bool with_client) {
    w->server = h2_server_new(&w->server_env, &w->server_peer);
    assert_non_null(w->server);
    if (with_client) {
        w->client = h2_client_new(&w->client_env, &w->client_peer, &w->owner);
        assert_non_null(w->client);
        visit_env(&w->client_env, w->client);
    }
    w->join = join_new(&w->turn, with_client ? w->client->engine : NULL, w->server, seed);
    assert_non_null(w->join);
}

static struct world *world_both(uint64_t seed) {
    struct world *w = world_new();
    world_join(w, seed, true);
    return w;
}

static void world_free(struct world *w) {
    join_free(w->join);
    task_fini(&w->owner);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    assert_int_equal(w->client_env.n_exchanges, 0);
    assert_int_equal(w->server_env.n_exchanges, 0);
    assert_int_equal(w->site.live, 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    free(w);
}

static bool all_over(void *context) {
    struct world *w = context;
    for (int i = 0; i < VISITS; i++)
        if (w->visits[i].path && !w->visits[i].over)
            return false;
    return true;
}

static void start(struct world *w, int i) {
    visit_start(&w->visits[i], &w->client_env, &w->client_peer);
}

static void run(struct world *w) {
    assert_true(join_run(w->join, 1000 * SECOND_NS, all_over, w));
}

static struct visit *visit(struct world *w, const char *path) {
    w->visits[0].path = path;
    start(w, 0);
    run(w);
    return &w->visits[0];
}

static bool never(void *context) {
    (void)context;
    return false;
}

static void wait_for(struct world *w, uint64_t ns) {
    assert_false(join_run(w->join, ns, never, NULL));
}

static void quiet(struct world *w) {
    join_run(w->join, SECOND_NS, NULL, NULL);
}

enum { SEEDS = 8 };

static void test_hello(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_both(seed);
        struct visit *v = visit(w, "/hello");
        assert_int_equal(v->status, 200);
        assert_int_equal(v->length, 5);
        assert_int_equal(v->received, 5);
        assert_true(v->complete && !v->wrong);
        assert_string_equal(w->site.host, "test.example");
        assert_int_equal(w->client->max_streams, w->limits.streams);
        quiet(w);
        assert_int_equal(w->client->n_streams, 0);
        assert_int_equal(w->site.live, 0);
        world_free(w);
    }
}

static void test_bytes_down(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct world *w = world_both(seed);
        struct visit *v = visit(w, seed == 1 ? "/chunks/3000000" : "/bytes/3000000");
        assert_int_equal(v->received, 3000000);
        assert_true(v->complete && !v->wrong);
        world_free(w);
    }
}

static void test_bytes_up(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct world *w = world_both(seed);
        w->visits[0].body_bytes = 3000000;
        w->visits[0].no_length = seed == 1;
        w->visits[0].trailers = seed == 2;
        struct visit *v = visit(w, "/count");
        assert_string_equal(v->count, "3000000");
        assert_string_equal(v->trailer, seed == 2 ? "from the client" : "");
        world_free(w);
    }
}

static void test_echo_with_trailers(void **state) {
    (void)state;
    struct world *w = world_both(3);
    w->visits[0].body_bytes = 500000;
    w->visits[0].trailers = true;
    struct visit *v = visit(w, "/echo");
    assert_int_equal(v->received, 500000);
    assert_false(v->wrong);
    assert_string_equal(v->trailer, "from the client");
    world_free(w);
}

static void test_trailers(void **state) {
    (void)state;
    struct world *w = world_both(4);
    struct visit *v = visit(w, "/trailers");
    assert_int_equal(v->received, 5);
    assert_string_equal(v->trailer, "from the server");
    w->visits[1].path = "/only-trailers";
    start(w, 1);
    run(w);
    assert_int_equal(w->visits[1].received, 0);
    assert_string_equal(w->visits[1].trailer, "from the server");
    world_free(w);
}

static void test_informational(void **state) {
    (void)state;
    struct world *w = world_both(5);
    struct visit *v = visit(w, "/hints");
    assert_int_equal(v->informed, 103);
    assert_int_equal(v->n_informed, 2);
    assert_string_equal(v->hint, "</style.css>");
    assert_int_equal(v->status, 200);
    world_free(w);
}

static void test_continue(void **state) {
    (void)state;
    struct world *w = world_both(6);
    w->visits[0].expect = true;
    w->visits[0].trailers = true; /* a body that begins only when told */
    struct visit *v = visit(w, "/count");
    assert_int_equal(v->status, 200);
    world_free(w);
}

static void test_head_and_empty(void **state) {
    (void)state;
    struct world *w = world_both(7);
    w->visits[0].method = "HEAD";
    struct visit *v = visit(w, "/bytes/1000");
    assert_int_equal(v->length, 1000);
    assert_int_equal(v->received, 0);
    assert_true(v->complete);
    w->visits[1].path = "/empty";
    start(w, 1);
    run(w);
    assert_int_equal(w->visits[1].status, 204);
    assert_true(w->visits[1].complete);
    world_free(w);
}

static void test_parallel(void **state) {
    (void)state;
    static const char *const paths[VISITS] = {"/bytes/300000", "/hello", "/chunks/200000",
                                              "/count",        "/hints", "/bytes/100000",
                                              "/trailers",     "/empty"};
    for (uint64_t seed = 1; seed < 4; seed++) {
        struct world *w = world_both(seed);
        for (int i = 0; i < VISITS; i++) {
            w->visits[i].path = paths[i];
            w->visits[i].body_bytes = i == 3 ? 400000 : 0;
            start(w, i);
        }
        run(w);
        for (int i = 0; i < VISITS; i++)
            assert_true(w->visits[i].complete && !w->visits[i].wrong);
        assert_string_equal(w->visits[3].count, "400000");
        world_free(w);
    }
}

/* A client that does not read holds nobody else up, and holds up its own server end. */
static void test_slow_reader(void **state) {
    (void)state;
    struct world *w = world_both(8);
    w->visits[0].path = "/bytes/5000000";
    w->visits[0].paused = true;
    start(w, 0);
    quiet(w);
    assert_false(w->visits[0].over);
    assert_true(join_bytes(w->join, JOIN_B) < 700000);
    w->visits[1].path = "/hello";
    start(w, 1);
    join_run(w->join, SECOND_NS, NULL, NULL);
    assert_true(w->visits[1].complete);
    visit_resume(&w->visits[0]);
    run(w);
    assert_int_equal(w->visits[0].received, 5000000);
    world_free(w);
}

static void test_slow_handler(void **state) {
    (void)state;
    struct world *w = world_both(9);
    w->site.paused = true;
    w->visits[0].path = "/count";
    w->visits[0].body_bytes = 5000000;
    start(w, 0);
    quiet(w);
    assert_true(w->visits[0].taken < 1200000);
    assert_true(join_bytes(w->join, JOIN_A) < 700000);
    visit_cancel(&w->visits[0]);
    quiet(w);
    assert_int_equal(w->site.resets, 1);
    assert_int_equal(w->site.last_reset, REASON_CLIENT_CANCEL);
    world_free(w);
}

static void test_cut(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_both(seed);
        struct visit *v = visit(w, "/cut/10000");
        assert_false(v->complete);
        assert_int_not_equal(v->reason, REASON_NONE);
        world_free(w);
    }
}

static void test_refused(void **state) {
    (void)state;
    struct world *w = world_both(1);
    struct visit *v = visit(w, "/refuse");
    assert_int_equal(v->status, 503);
    world_free(w);
}

/* RFC 9113 8.1: a whole response, then RST_STREAM(NO_ERROR). */
static void test_early_response(void **state) {
    (void)state;
    struct world *w = world_both(2);
    w->visits[0].endless = true;
    w->visits[0].body_bytes = 100000;
    struct visit *v = visit(w, "/early");
    assert_int_equal(v->status, 200);
    assert_true(v->complete);
    quiet(w);
    assert_int_equal(w->client->n_streams, 0);
    assert_int_equal(w->server_env.n_exchanges, 0);
    world_free(w);
}

static void test_cancel(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_both(seed);
        w->visits[0].path = "/never";
        start(w, 0);
        quiet(w);
        visit_cancel(&w->visits[0]);
        quiet(w);
        assert_int_equal(w->site.resets, 1);
        assert_int_equal(w->client->n_streams, 0);
        assert_int_equal(w->server_env.n_exchanges, 0);
        world_free(w);
    }
}

static void test_drain(void **state) {
    (void)state;
    struct world *w = world_both(3);
    w->visits[0].path = "/bytes/3000000";
    w->visits[0].paused = true;
    start(w, 0);
    quiet(w);
    w->server->ops->drain(w->server);
    quiet(w);
    assert_false(w->client->usable);
    assert_true(w->owner_events & CLIENT_GONE);
    assert_false(join_ended(w->join, JOIN_B));
    visit_resume(&w->visits[0]);
    run(w);
    assert_true(w->visits[0].complete);
    wait_for(w, 5 * SECOND_NS);
    assert_true(join_ended(w->join, JOIN_B));
    world_free(w);
}

static void test_request_limit(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.requests = 2;
    world_join(w, 1, true);
    for (int i = 0; i < 2; i++) {
        w->visits[i].path = "/hello";
        start(w, i);
        run(w);
        assert_int_equal(w->visits[i].status, 200);
    }
    wait_for(w, 10 * SECOND_NS);
    assert_true(w->owner_events & CLIENT_GONE);
    assert_true(join_ended(w->join, JOIN_B));
    world_free(w);
}

static void test_idle(void **state) {
    (void)state;
    struct world *w = world_both(4);
    visit(w, "/hello");
    wait_for(w, 100 * SECOND_NS);
    assert_true(join_ended(w->join, JOIN_B));
    assert_true(w->owner_events & CLIENT_GONE);
    world_free(w);
}

static void test_stalled_body(void **state) {
    (void)state;
    struct world *w = world_both(5);
    w->visits[0].endless = true;
    struct visit *v = visit(w, "/count");
    assert_int_equal(v->status, 408);
    world_free(w);
}

static void test_stalled_reader(void **state) {
    (void)state;
    struct world *w = world_both(6);
    w->visits[0].paused = true;
    struct visit *v = visit(w, "/bytes/3000000");
    assert_false(v->complete);
    assert_int_equal(w->site.last_reset, REASON_CLIENT_STALLED);
    world_free(w);
}

static void test_lost_connection(void **state) {
    (void)state;
    struct world *w = world_both(7);
    w->visits[0].path = "/never";
    w->visits[1].path = "/bytes/3000000";
    w->visits[1].paused = true;
    start(w, 0);
    start(w, 1);
    quiet(w);
    join_cut(w->join, JOIN_A);
    quiet(w);
    visit_resume(&w->visits[1]);
    quiet(w);
    assert_int_equal(w->visits[0].reason, REASON_UPSTREAM_CLOSED);
    assert_int_equal(w->visits[1].reason, REASON_UPSTREAM_CUT);
    world_free(w);
}

static void test_too_large(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.request_body_bytes = 100000;
    world_join(w, 1, true);
    w->visits[0].body_bytes = 100001;
    struct visit *v = visit(w, "/count");
    assert_int_equal(v->status, 413);
    w->visits[1].path = "/count";
    w->visits[1].body_bytes = 200000;
    w->visits[1].no_length = true;
    start(w, 1);
    run(w);
    assert_int_equal(w->visits[1].status, 413);
    for (int i = 0; i < 2; i++) { /* the answers explain themselves */
        assert_true(w->visits[i].complete && w->visits[i].length > 20);
        assert_int_equal(w->visits[i].received, w->visits[i].length);
    }
    world_free(w);
}

static void test_stream_limit(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.streams = 2;
    world_join(w, 1, true);
    visit(w, "/hello");
    for (int i = 1; i < 4; i++) {
        w->visits[i].path = "/never";
        start(w, i);
    }
    join_run(w->join, SECOND_NS, NULL, NULL);
    assert_int_equal(w->client->n_streams, 2);
    assert_int_equal(w->visits[3].status, 503);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_bytes_down),
        cmocka_unit_test(test_bytes_up),
        cmocka_unit_test(test_echo_with_trailers),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_informational),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_head_and_empty),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_slow_handler),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_early_response),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_request_limit),
        cmocka_unit_test(test_stalled_body),
        cmocka_unit_test(test_stalled_reader),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_stream_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
