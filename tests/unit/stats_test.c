/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exchange_fakes.h"
#include "gateway/outfit.h"
#include "gateway/site.h"
#include "http/reply.h"

/* Two servers, two routes; the route's own answer, after a time that the test chooses. */
struct counting {
    struct world w;
    struct fake_front front;
    struct peer peer;
    struct worker worker;
    struct outfit outfit;
    struct stats_row *rows[6];
    struct config config;
    struct config_server servers[2];
    struct config_route routes[2];
    struct site sites[2];
    const struct config_route *route;
    uint64_t takes_ns;
    int status; /* 0: none, the exchange is reset */
};

static void answer(struct exchange *x) {
    struct counting *c = container_of(x->env, struct counting, w.env);

    x->route = c->route;
    turn_begin(x->env->turn, x->env->turn->now_ns + c->takes_ns, 0);
    if (c->status)
        reply(x, c->status, STR(""), STR("hello"));
    else
        exchange_reset(x->back, REASON_UPSTREAM_RESET);
}

static int set_up(void **state) {
    struct counting *c = test_calloc(1, sizeof *c);

    world_start(&c->w);
    turn_begin(&c->w.turn, 1000 * SECOND_NS, 0);
    c->w.hooks[0] = &stats_hook;
    c->w.env.route = answer;
    c->outfit = (struct outfit){.worker = &c->worker, .config = &c->config, .stats_rows = c->rows};
    c->w.env.owner = &c->outfit;
    c->config.n_servers = c->config.n_routes = 2;
    for (size_t i = 0; i < 2; i++) {
        c->servers[i].index = c->routes[i].index = i;
        c->servers[i].name = i ? STR("second") : STR("first");
        c->routes[i].name = i ? STR("other") : STR("one");
        c->sites[i].server = &c->servers[i];
    }
    c->route = &c->routes[1];
    c->peer = (struct peer){.version = HTTP_2, .server = &c->sites[1]};
    c->status = 200;
    stats_init(&c->worker.stats);
    *state = c;
    return 0;
}

static int tear_down(void **state) {
    struct counting *c = *state;

    stats_fini(&c->worker.stats);
    world_end(&c->w);
    test_free(c);
    return 0;
}

static void ask(struct counting *c, const char *body) {
    fake_front_start(&c->w, &c->front, "POST", str_of(body));
    c->front.end.x->peer = &c->peer;
    world_run(&c->w);
    fake_front_end(&c->front);
}

/* route 2: none */
static const struct stats_cell *cell(struct counting *c, size_t server, size_t route,
                                     size_t version) {
    const struct stats_row *row = c->rows[server * 3 + route];

    return row ? &row->versions[version] : NULL;
}

static void where(void **state) {
    struct counting *c = *state;

    ask(c, "");
    assert_int_equal(cell(c, 1, 1, 1)->requests[2], 1);
    assert_null(cell(c, 0, 0, 0));
    c->peer.version = HTTP_3;
    c->status = 404;
    ask(c, "");
    assert_int_equal(cell(c, 1, 1, 2)->requests[4], 1);
    c->peer.version = HTTP_1_0;
    c->peer.server = &c->sites[0];
    c->route = NULL;
    ask(c, "");
    assert_int_equal(cell(c, 0, 2, 0)->requests[4], 1);
    assert_int_equal(cell(c, 1, 1, 1)->requests[2], 1);
}

static void bytes(void **state) {
    struct counting *c = *state;

    ask(c, "0123456789");
    ask(c, "01");
    assert_int_equal(cell(c, 1, 1, 1)->request_bytes, 12);
    assert_int_equal(cell(c, 1, 1, 1)->response_bytes, 10);
}

/* Before a head the reason's status counts; what nobody was told is class 0. */
static void resets(void **state) {
    struct counting *c = *state;

    c->status = 0;
    ask(c, "");
    assert_int_equal(cell(c, 1, 1, 1)->requests[5], 1);
}

static void durations(void **state) {
    struct counting *c = *state;

    for (size_t i = 0; i < STATS_BOUNDS; i++) {
        c->takes_ns = stats_bounds_ns[i];
        ask(c, "");
        assert_int_equal(cell(c, 1, 1, 1)->durations[i], 1);
        assert_true(i == 0 || stats_bounds_ns[i] > stats_bounds_ns[i - 1]);
    }
    c->takes_ns++;
    ask(c, "");
    assert_int_equal(cell(c, 1, 1, 1)->durations[STATS_BOUNDS], 1);
    c->takes_ns = 0;
    ask(c, "");
    assert_int_equal(cell(c, 1, 1, 1)->durations[0], 2);
    assert_true(cell(c, 1, 1, 1)->duration_ns > 20 * SECOND_NS);
}

static const struct stats_cell *of_names(struct stats *s, const char *server, const char *route) {
    return &stats_row(s, str_of(server), str_of(route))->versions[1];
}

/* After a reload the same names may stand elsewhere; their counters go on. */
static void rows_go_by_names(void **state) {
    struct counting *c = *state;
    struct config_server before = c->servers[1];

    ask(c, "");
    memset(c->rows, 0, sizeof c->rows);
    c->servers[1] = c->servers[0];
    c->servers[0] = before;
    c->servers[0].index = 0;
    c->peer.server = &c->sites[0];
    ask(c, "");
    assert_int_equal(cell(c, 0, 1, 1)->requests[2], 2);
    assert_int_equal(of_names(&c->worker.stats, "second", "other")->requests[2], 2);
    assert_int_equal(of_names(&c->worker.stats, "first", "other")->requests[2], 0);
}

static void sums(void **state) {
    struct counting *c = *state;
    struct stats sum;

    ask(c, "12");
    stats_handshake(&c->worker.stats, &c->peer);
    c->worker.stats.tcp_connections = 3;
    c->worker.stats.quic.packets_lost = 4;
    stats_init(&sum);
    stats_add(&sum, &c->worker.stats);
    stats_add(&sum, &c->worker.stats);
    assert_int_equal(of_names(&sum, "second", "other")->requests[2], 2);
    assert_int_equal(of_names(&sum, "second", "other")->request_bytes, 4);
    assert_int_equal(sum.handshakes[1][0], 2);
    assert_int_equal(sum.tcp_connections, 6);
    assert_int_equal(sum.quic.packets_lost, 8);
    stats_fini(&sum);
}

static void handshakes(void **state) {
    struct counting *c = *state;

    stats_handshake(&c->worker.stats, &c->peer);
    c->peer.resumed = true;
    stats_handshake(&c->worker.stats, &c->peer);
    stats_handshake(&c->worker.stats, &c->peer);
    assert_int_equal(c->worker.stats.handshakes[1][0], 1);
    assert_int_equal(c->worker.stats.handshakes[1][1], 2);
    assert_int_equal(c->worker.stats.early_data[1], 0);
    c->peer.early_data = true;
    stats_handshake(&c->worker.stats, &c->peer);
    assert_int_equal(c->worker.stats.early_data[1], 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(where), TEST(bytes),     TEST(resets), TEST(durations), TEST(rows_go_by_names),
        TEST(sums),  TEST(handshakes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
