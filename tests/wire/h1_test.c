/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "join.h"
#include "proto/h1/h1.h"
#include "scene.h"

/* Conversations between our HTTP/1.1 client and server, joined in memory, the bytes cut
 * anywhere (each seed cuts elsewhere). Each ends with nothing left alive. */

enum { SEEDS = 8 };

/* A page that ends badly: writes some bytes, and a second later either resets the exchange
 * or says that this was all, whatever length it promised. */
struct bad_page {
    struct end end;
    bool lies;
};

struct world {
    struct scene scene;
    void (*site_route)(struct exchange *x);
    struct stream_engine *server;
    struct join *join;
};

/* The client is freed with its engine: its owner forgets it as soon as it hears of that. */
static void owner_run(struct task *task, uint32_t events) {
    struct scene *s = container_of(task, struct scene, owner);
    s->owner_events |= events;
    if (events & CLIENT_GONE)
        s->client = NULL;
}

static void bad_page_run(struct task *task, uint32_t events) {
    struct bad_page *p = container_of(end_of(task), struct bad_page, end);
    struct exchange *x = p->end.x;
    if (x && !(events & (TASK_TIMER | END_RESET)))
        return;
    if (x && p->lies) {
        body_finish(&x->response.body);
        exchange_leave(&p->end);
    } else {
        exchange_reset(&p->end, REASON_UPSTREAM_CUT);
    }
    task_fini(&p->end.task);
}

/* /bad/cut  /bad/cut-chunks  /bad/short  /bad/long: the rest goes to the site. */
static void bad_route(struct exchange *x) {
    struct world *w = container_of(x->env, struct world, scene.server_env);
    if (!str_starts(x->request.path, STR("/bad/"))) {
        w->site_route(x);
        return;
    }
    struct bad_page *p = arena_zalloc(&x->arena, sizeof(*p));
    p->lies = !str_starts(x->request.path, STR("/bad/cut"));
    end_init(&p->end, x->env->turn, bad_page_run);
    exchange_take(x, &p->end);
    x->response.status = 200;
    if (!str_eq(x->request.path, STR("/bad/cut-chunks")))
        x->response.content_length = str_ends(x->request.path, STR("long")) ? 3 : 10;
    uint8_t five[5];
    for (size_t i = 0; i < sizeof(five); i++)
        five[i] = pattern_at(i);
    body_write(&x->response.body, five, sizeof(five));
    exchange_respond(x);
    task_at(&p->end.task, x->env->turn->now_ns + SECOND_NS);
}

static struct world *world_new(uint64_t seed) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    struct scene *s = &w->scene;
    scene_init(s, HTTP_1_1);
    w->site_route = s->server_env.route;
    s->server_env.route = bad_route;
    task_init(&s->owner, &s->turn, owner_run);
    w->server = h1_server_new(&s->server_env, &s->server_peer);
    s->client = h1_client_new(&s->client_env, &s->client_peer, &s->owner);
    assert_true(w->server && s->client);
    visit_env(&s->client_env, s->client);
    w->join = join_new(&s->turn, s->client->engine, w->server, seed);
    return w;
}

static void world_free(struct world *w) {
    join_free(w->join);
    scene_fini(&w->scene);
    free(w);
}

static void quiet(struct world *w) {
    join_run(w->join, SECOND_NS, NULL, NULL);
}

static bool is_over(void *visit) {
    return ((struct visit *)visit)->over;
}

static struct visit *start(struct world *w, int i, const char *path) {
    return scene_start(&w->scene, i, path);
}

static bool is_gone(void *world) {
    return !((struct world *)world)->scene.client;
}

/* Asks and waits until it is over, and until the connection is at rest. */
static struct visit *visit_nr(struct world *w, int i, const char *path) {
    struct visit *v = start(w, i, path);
    assert_true(join_run(w->join, 100 * SECOND_NS, is_over, v));
    quiet(w);
    return v;
}

static void test_hello(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        struct visit *v = visit_nr(w, 0, "/hello");
        assert_int_equal(v->status, 200);
        assert_int_equal(v->length, 5);
        assert_true(v->complete && !v->wrong);
        assert_string_equal(w->scene.site.host, "test.example");
        assert_string_equal(w->scene.site.method, "GET");
        world_free(w);
    }
}

static void test_many_requests_on_one_connection(void **state) {
    (void)state;
    static const char *const paths[] = {"/hello", "/chunks/20000", "/empty", "/bytes/0"};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        for (int i = 0; i < VISITS; i++) {
            assert_true(visit_nr(w, i, paths[i % 4])->complete);
            assert_int_equal(w->scene.client->n_streams, 0);
            assert_non_null(w->scene.client);
        }
        assert_int_equal(w->scene.client->n_requests, VISITS);
        assert_true(w->scene.owner_events & CLIENT_READY);
        world_free(w);
    }
}

static void test_a_second_request_has_to_wait(void **state) {
    (void)state;
    struct world *w = world_new(1);
    struct visit *first = start(w, 0, "/never");
    quiet(w);
    assert_false(client_can_open(w->scene.client));
    assert_int_equal(visit_nr(w, 1, "/hello")->status, 503); /* so says the visit's router */
    assert_false(first->over);
    world_free(w);
}

static void test_large_bodies_down(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world *w = world_new(seed);
        struct visit *v = visit_nr(w, 0, seed % 2 ? "/chunks/1000000" : "/bytes/1000000");
        assert_int_equal(v->received, 1000000);
        assert_true(v->complete && !v->wrong);
        assert_int_equal(v->length, seed % 2 ? LENGTH_UNKNOWN : 1000000);
        assert_non_null(w->scene.client);
        world_free(w);
    }
}

static void test_large_bodies_up(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct world *w = world_new(seed);
        w->scene.visits[0].body_bytes = 1000000;
        w->scene.visits[0].no_length = seed % 3 == 1;
        w->scene.visits[0].trailers = seed % 3 > 1;
        w->scene.visits[0].field_name = seed % 3 > 1 ? "trailer" : NULL;
        w->scene.visits[0].field_value = "x-sum";
        struct visit *v = visit_nr(w, 0, "/count");
        assert_string_equal(v->count, "1000000");
        assert_string_equal(v->trailer, seed % 3 > 1 ? "from the client" : "");
        assert_non_null(w->scene.client);
        world_free(w);
    }
}

static void test_echo_streams_both_ways(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world *w = world_new(seed);
        w->scene.visits[0].body_bytes = 700000;
        w->scene.visits[0].no_length = w->scene.visits[0].trailers = true;
        struct visit *v = visit_nr(w, 0, "/echo");
        assert_int_equal(v->received, 700000);
        assert_true(v->complete && !v->wrong);
        assert_string_equal(v->trailer, "from the client");
        world_free(w);
    }
}

static void test_a_slow_reader_holds_the_server_back(void **state) {
    (void)state;
    struct world *w = world_new(3);
    w->scene.limits.body_buffer_bytes = 65536;
    w->scene.visits[0].paused = true;
    struct visit *v = start(w, 0, "/chunks/5000000");
    quiet(w);
    /* two bodies, the pipe, and what is on its way */
    assert_in_range(w->scene.chunks.n_live, 2, 16);
    visit_resume(v);
    assert_true(join_run(w->join, 100 * SECOND_NS, is_over, v));
    assert_int_equal(v->received, 5000000);
    world_free(w);
}

static void test_a_slow_site_holds_the_client_back(void **state) {
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        struct world *w = world_new(3);
        w->scene.limits.body_buffer_bytes = 65536;
        w->scene.site.paused = true;
        w->scene.visits[0].body_bytes = 5000000;
        w->scene.visits[0].no_length = chunked;
        struct visit *v = start(w, 0, "/count");
        quiet(w);
        assert_in_range(w->scene.chunks.n_live, 2, 16);
        assert_false(v->over);
        world_free(w);
    }
}

static void test_trailers(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        assert_string_equal(visit_nr(w, 0, "/only-trailers")->trailer, "from the server");
        assert_int_equal(w->scene.visits[0].received, 0);
        assert_string_equal(visit_nr(w, 1, "/trailers")->trailer, "from the server");
        world_free(w);
    }
}

static void test_informational_heads_pass(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        struct visit *v = visit_nr(w, 0, "/hints");
        assert_int_equal(v->informed, 103);
        assert_int_equal(v->n_informed, 2);
        assert_string_equal(v->hint, "</style.css>");
        assert_int_equal(v->status, 200);
        assert_true(v->complete && w->scene.client);
        world_free(w);
    }
}

static void test_head_has_no_body(void **state) {
    (void)state;
    struct world *w = world_new(2);
    w->scene.visits[0].method = "HEAD";
    struct visit *v = visit_nr(w, 0, "/bytes/1234");
    assert_int_equal(v->length, 1234);
    assert_int_equal(v->received, 0);
    assert_true(v->complete);
    assert_true(visit_nr(w, 1, "/hello")->complete);
    world_free(w);
}

static void test_expect_continue(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        w->scene.visits[0].body_bytes = 100000;
        struct visit *v = start(w, 0, "/count");
        v->x->request.expect_continue = true;
        assert_true(join_run(w->join, SECOND_NS / 2, is_over, v)); /* less than the wait */
        assert_int_equal(v->informed, 100);
        assert_int_equal(v->n_informed, 1);
        assert_string_equal(v->count, "100000");
        quiet(w);
        assert_non_null(w->scene.client);
        world_free(w);
    }
}

static void test_early_answer_ends_the_connection(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        w->scene.visits[0].body_bytes = 10000000;
        struct visit *v = visit_nr(w, 0, "/early");
        assert_int_equal(v->status, 200);
        assert_true(v->complete && v->taken < 10000000);
        assert_null(w->scene.client);
        assert_true(w->scene.owner_events & CLIENT_GONE);
        world_free(w);
    }
}

static void test_a_cut_response_never_ends_cleanly(void **state) {
    (void)state;
    static const char *const paths[] = {"/bad/cut", "/bad/cut-chunks", "/bad/short"};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct world *w = world_new(seed);
        struct visit *v = visit_nr(w, 0, paths[seed % 3]);
        assert_int_equal(v->status, 200);
        assert_int_equal(v->received, 5);
        assert_false(v->complete);
        assert_int_equal(v->reason, REASON_UPSTREAM_CUT);
        assert_null(w->scene.client);
        world_free(w);
    }
}

static void test_no_more_than_was_promised(void **state) {
    (void)state;
    struct world *w = world_new(1);
    struct visit *v = visit_nr(w, 0, "/bad/long");
    assert_int_equal(v->received, 3);
    assert_true(v->complete);
    assert_true(join_run(w->join, 10 * SECOND_NS, is_gone, w));
    world_free(w);
}

static void test_a_reset_before_the_head_is_answered(void **state) {
    (void)state;
    struct world *w = world_new(1);
    struct visit *v = visit_nr(w, 0, "/refuse");
    assert_int_equal(v->status, 503);
    assert_true(v->complete);
    world_free(w);
}

static void test_cancelling_closes_the_connection(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        w->scene.visits[0].body_bytes = seed % 2 ? 100 : 100000;
        w->scene.visits[0].endless = w->scene.visits[0].no_length = true;
        struct visit *v = start(w, 0, "/count");
        quiet(w);
        visit_cancel(v);
        quiet(w);
        assert_null(w->scene.client);
        assert_int_equal(w->scene.site.live, 0); /* and the server heard of it */
        assert_int_equal(w->scene.site.resets, 1);
        world_free(w);
    }
}

static void test_drain(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        visit_nr(w, 0, "/hello");
        struct visit *v = start(w, 1, "/bytes/100000");
        join_run(w->join, 0, is_over, v);
        w->server->ops->drain(w->server);
        assert_true(join_run(w->join, 10 * SECOND_NS, is_over, v));
        assert_true(v->complete);
        quiet(w);
        assert_null(w->scene.client);
        assert_true(join_ended(w->join, JOIN_B));
        world_free(w);
    }
}

static void test_the_upstream_dies_at_any_byte(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct world *w = world_new(seed);
        struct visit *v = start(w, 0, "/chunks/3000");
        join_room(w->join, 1 + seed % 7 * 100);
        while (join_bytes(w->join, JOIN_B) < seed * 90 && !v->over)
            join_run(w->join, 0, is_over, v);
        join_cut(w->join, JOIN_A);
        quiet(w);
        assert_true(v->over);
        assert_true(v->complete == (v->received == 3000));
        world_free(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_many_requests_on_one_connection),
        cmocka_unit_test(test_a_second_request_has_to_wait),
        cmocka_unit_test(test_large_bodies_down),
        cmocka_unit_test(test_large_bodies_up),
        cmocka_unit_test(test_echo_streams_both_ways),
        cmocka_unit_test(test_a_slow_reader_holds_the_server_back),
        cmocka_unit_test(test_a_slow_site_holds_the_client_back),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_informational_heads_pass),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_early_answer_ends_the_connection),
        cmocka_unit_test(test_a_cut_response_never_ends_cleanly),
        cmocka_unit_test(test_no_more_than_was_promised),
        cmocka_unit_test(test_a_reset_before_the_head_is_answered),
        cmocka_unit_test(test_cancelling_closes_the_connection),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_the_upstream_dies_at_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
