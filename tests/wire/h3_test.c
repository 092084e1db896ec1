/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "certs.h"
#include "net_sim.h"
#include "proto/h3/h3.h"
#include "visit.h"

/* Conversations between our HTTP/3 client and server over QUIC and a network that may be bad.
 * Each ends with nothing left alive. */

enum { VISITS = 8 };

struct world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env client_env, server_env;
    struct tls_context *client_tls, *server_tls;
    struct quic_config client_config, server_config;
    struct datagram_engine *client_quic, *server_quic;
    struct net_sim *net;
    struct site site;
    struct http_client *client;
    struct peer peer;
    struct task owner;
    uint32_t owner_events;
    struct visit visits[VISITS];
    int pending; /* the first visit that waits for the handshake */
};

static void owner_run(struct task *task, uint32_t events) {
    container_of(task, struct world, owner)->owner_events |= events;
}

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    return h3_server_new(&w->server_env, conn, peer);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    w->client = h3_client_new(&w->client_env, conn, peer, &w->owner);
    assert_non_null(w->client);
    visit_env(&w->client_env, w->client);
    return h3_client_app(w->client);
}

static void make_contexts(struct world *w) {
    char problem[256] = "";
    struct tls_server shown = {.cert_pem = str_of(local_crt), .key_pem = str_of(local_key)};
    struct tls_server_config server = {
        .transport = TLS_QUIC, .alpn = "h3", .servers = &shown, .n_servers = 1};
    struct tls_client_config client = {
        .transport = TLS_QUIC, .alpn = "h3", .ca_pem = str_of(ca_crt)};
    assert_int_equal(tls_server_context_new(&server, &w->server_tls, problem, sizeof(problem)), 0);
    assert_int_equal(tls_client_context_new(&client, &w->client_tls, problem, sizeof(problem)), 0);
}

static void make_config(struct world *w, struct quic_config *c, struct tls_context *tls) {
    quic_config_default(c);
    c->turn = &w->turn;
    c->tls = tls;
    c->context = w;
    memset(c->secret, 7, sizeof(c->secret));
}

static struct world *world_new(void) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    turn_init(&w->turn);
    turn_begin(&w->turn, 1000 * SECOND_NS, 1800000000);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    http_env_init(&w->client_env, &w->turn, &w->chunks);
    http_env_init(&w->server_env, &w->turn, &w->chunks);
    w->client_env.limits = w->server_env.limits = &w->limits;
    site_env(&w->server_env, &w->site);
    task_init(&w->owner, &w->turn, owner_run);
    make_contexts(w);
    make_config(w, &w->client_config, w->client_tls);
    make_config(w, &w->server_config, w->server_tls);
    w->client_config.accept = accept_client;
    w->server_config.accept = accept_server;
    w->peer.version = HTTP_3;
    return w;
}

static bool ready(void *context) {
    struct world *w = context;
    return w->client->max_streams > 0;
}

static bool never(void *context) {
    (void)context;
    return false;
}

static void wait_for(struct world *w, uint64_t ns) {
    (void)net_sim_run(w->net, ns, never, NULL);
}

static void world_join(struct world *w, uint64_t seed) {
    struct addr a = net_sim_addr(NET_SIM_A), b = net_sim_addr(NET_SIM_B);
    w->server_quic = quic_server_new(&w->server_config);
    w->client_quic = quic_client_new(&w->client_config, &a, &b, "localhost");
    assert_true(w->server_quic && w->client_quic);
    w->net = net_sim_new(&w->turn, w->client_quic, w->server_quic, seed);
    assert_true(net_sim_run(w->net, 10 * SECOND_NS, ready, w));
}

static struct world *world_both(uint64_t seed) {
    struct world *w = world_new();
    world_join(w, seed);
    return w;
}

static void world_free(struct world *w) {
    net_sim_free(w->net);
    task_fini(&w->owner);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    assert_int_equal(w->client_env.n_exchanges, 0);
    assert_int_equal(w->server_env.n_exchanges, 0);
    assert_int_equal(w->site.live, 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    tls_context_free(w->client_tls);
    tls_context_free(w->server_tls);
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
    visit_start(&w->visits[i], &w->client_env, &w->peer);
}

static void run(struct world *w) {
    assert_true(net_sim_run(w->net, 300 * SECOND_NS, all_over, w));
}

static struct visit *visit(struct world *w, const char *path) {
    w->visits[0].path = path;
    start(w, 0);
    run(w);
    return &w->visits[0];
}

static void quiet(struct world *w) {
    wait_for(w, SECOND_NS);
}

static void test_hello(void **state) {
    (void)state;
    struct world *w = world_both(1);
    struct visit *v = visit(w, "/hello");
    assert_int_equal(v->status, 200);
    assert_int_equal(v->length, 5);
    assert_int_equal(v->received, 5);
    assert_true(v->complete && !v->wrong);
    assert_string_equal(w->site.host, "test.example");
    quiet(w);
    assert_int_equal(w->client->n_streams, 0);
    assert_int_equal(w->client->max_streams, 100);
    assert_int_equal(w->server_env.n_exchanges, 0);
    assert_int_equal(w->chunks.n_live, 0);
    world_free(w);
}

static void test_bytes_down(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct world *w = world_both(seed);
        net_sim_rules(w->net)->loss = seed == 2 ? 30 : 0;
        net_sim_rules(w->net)->reorder = seed == 2 ? 50 : 0;
        struct visit *v = visit(w, seed == 1 ? "/chunks/2000000" : "/bytes/2000000");
        assert_int_equal(v->received, 2000000);
        assert_true(v->complete && !v->wrong);
        world_free(w);
    }
}

static void test_bytes_up(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct world *w = world_both(seed);
        net_sim_rules(w->net)->loss = seed == 1 ? 30 : 0;
        w->visits[0].body_bytes = 2000000;
        w->visits[0].no_length = seed == 1;
        w->visits[0].trailers = seed == 2;
        struct visit *v = visit(w, "/count");
        assert_string_equal(v->count, "2000000");
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
    w->visits[0].trailers = true;
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
        net_sim_rules(w->net)->loss = (unsigned)seed * 10;
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
    assert_true(net_sim_count(w->net, NET_SIM_B).bytes < 700000);
    w->visits[1].path = "/hello";
    start(w, 1);
    quiet(w);
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
    assert_true(net_sim_count(w->net, NET_SIM_A).bytes < 700000);
    visit_cancel(&w->visits[0]);
    quiet(w);
    assert_int_equal(w->site.resets, 1);
    assert_int_equal(w->site.last_reset, REASON_CLIENT_CANCEL);
    assert_int_equal(w->client->n_streams, 0);
    world_free(w);
}

static void test_cut(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world *w = world_both(seed);
        struct visit *v = visit(w, "/cut/10000");
        assert_false(v->complete);
        assert_int_not_equal(v->reason, REASON_NONE);
        quiet(w);
        assert_int_equal(w->client->n_streams, 0);
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

/* RFC 9114 4.1: a whole response, and STOP_SENDING(H3_NO_ERROR). */
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
    for (uint64_t seed = 0; seed < 4; seed++) {
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

static void test_cancel_response(void **state) {
    (void)state;
    struct world *w = world_both(5);
    w->visits[0].path = "/bytes/5000000";
    w->visits[0].paused = true;
    start(w, 0);
    quiet(w);
    visit_cancel(&w->visits[0]);
    quiet(w);
    assert_int_equal(w->site.resets, 1);
    assert_int_equal(w->chunks.n_live, 0);
    assert_int_equal(w->client->n_streams, 0);
    w->visits[1].path = "/hello";
    start(w, 1);
    run(w);
    assert_true(w->visits[1].complete);
    world_free(w);
}

static void test_drain(void **state) {
    (void)state;
    struct world *w = world_both(3);
    w->visits[0].path = "/bytes/3000000";
    w->visits[0].paused = true;
    start(w, 0);
    quiet(w);
    w->server_quic->ops->drain(w->server_quic);
    quiet(w);
    assert_false(w->client->usable);
    assert_true(w->owner_events & CLIENT_GONE);
    assert_int_equal(quic_server_conns(w->server_quic), 1);
    visit_resume(&w->visits[0]);
    run(w);
    assert_true(w->visits[0].complete);
    wait_for(w, 5 * SECOND_NS);
    assert_int_equal(quic_server_conns(w->server_quic), 0);
    world_free(w);
}

/* Who lives says so, though nothing else is to be said; who does not is not waited for. */
static void test_drain_of_the_living_and_the_dead(void **state) {
    (void)state;
    struct world *w = world_both(3);
    w->visits[0].path = "/never";
    start(w, 0);
    quiet(w);
    w->server_quic->ops->drain(w->server_quic);
    wait_for(w, 20 * SECOND_NS);
    assert_int_equal(quic_server_conns(w->server_quic), 1);
    assert_false(w->visits[0].over);
    net_sim_rules(w->net)->loss = 1000;
    wait_for(w, SECOND_NS);
    assert_int_equal(quic_server_conns(w->server_quic), 1);
    wait_for(w, 3 * SECOND_NS);
    assert_int_equal(quic_server_conns(w->server_quic), 0);
    assert_int_equal(w->site.live, 0);
    world_free(w);
}

static void test_stalled_body(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.body_timeout_ns = 20 * SECOND_NS;
    world_join(w, 5);
    w->visits[0].endless = true;
    struct visit *v = visit(w, "/count");
    assert_int_equal(v->status, 408);
    world_free(w);
}

static void test_stalled_reader(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.write_timeout_ns = 20 * SECOND_NS;
    world_join(w, 6);
    w->visits[0].paused = true;
    struct visit *v = visit(w, "/bytes/3000000");
    assert_false(v->complete);
    assert_int_equal(w->site.last_reset, REASON_CLIENT_STALLED);
    world_free(w);
}

static void test_request_limit(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.requests = 2;
    world_join(w, 1);
    for (int i = 0; i < 2; i++) {
        w->visits[i].path = "/hello";
        start(w, i);
        run(w);
        assert_int_equal(w->visits[i].status, 200);
    }
    wait_for(w, 10 * SECOND_NS);
    assert_true(w->owner_events & CLIENT_GONE);
    assert_true(quic_server_conns(w->server_quic) == 0);
    world_free(w);
}

static void test_idle(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.idle_timeout_ns = 20 * SECOND_NS;
    world_join(w, 4);
    visit(w, "/hello");
    wait_for(w, 30 * SECOND_NS);
    assert_true(w->owner_events & CLIENT_GONE);
    assert_int_equal(quic_server_conns(w->server_quic), 0);
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
    net_sim_rules(w->net)->loss = 1000;
    wait_for(w, 100 * SECOND_NS);
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
    world_join(w, 1);
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

/* Malformed by hand is h3_raw_test's; this one our own client lets through. */
static void test_refused_field(void **state) {
    (void)state;
    struct world *w = world_both(1);
    w->visits[0].field_name = "host";
    w->visits[0].field_value = "other.example";
    struct visit *v = visit(w, "/hello");
    assert_int_equal(v->status, 400);
    assert_int_equal(w->site.started, 0);
    world_free(w);
}

/* Rapid reset: the limit ends the connection, and never more than the streams run at once. */
static void test_resets(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.resets = 5;
    world_join(w, 2);
    for (int i = 0; i < VISITS && !(w->owner_events & CLIENT_GONE); i++) {
        w->visits[i].path = "/never";
        start(w, i);
        quiet(w);
        visit_cancel(&w->visits[i]);
        quiet(w);
    }
    assert_true(w->owner_events & CLIENT_GONE);
    assert_int_equal(w->site.started, 6);
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
        cmocka_unit_test(test_cancel_response),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_of_the_living_and_the_dead),
        cmocka_unit_test(test_stalled_body),
        cmocka_unit_test(test_stalled_reader),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_request_limit),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_refused_field),
        cmocka_unit_test(test_resets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
