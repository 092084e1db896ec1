/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "conversations.h"
#include "proto/h3/h3.h"
#include "quic_pair.h"

/* Conversations between our HTTP/3 client and server over QUIC and a network that may be bad.
 * Each ends with nothing left alive. */

struct world {
    struct scene scene;
    struct quic_pair quic;
};

static struct world *world_of(const struct scene *s) {
    return container_of((struct scene *)(uintptr_t)s, struct world, scene);
}

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct scene *s = context;
    return h3_server_new(&s->server_env, conn, peer);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct scene *s = context;
    s->client = h3_client_new(&s->client_env, conn, peer, &s->owner);
    assert_non_null(s->client);
    visit_env(&s->client_env, s->client);
    return h3_client_app(s->client);
}

static const struct carrier carrier;

static struct scene *make(void) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    scene_init(&w->scene, HTTP_3);
    w->scene.carrier = &carrier;
    quic_pair_init(&w->quic, &w->scene.turn, &w->scene);
    w->quic.client_config.accept = accept_client;
    w->quic.server_config.accept = accept_server;
    return &w->scene;
}

static bool ready(void *context) {
    struct scene *s = context;
    return s->client->max_streams > 0;
}

static void connect_both(struct scene *s, uint64_t seed) {
    struct quic_pair *q = &world_of(s)->quic;
    q->server_config.streams = s->limits.streams;
    quic_pair_join(q, seed);
    assert_true(net_sim_run(q->net, 10 * SECOND_NS, ready, s));
}

static bool run(struct scene *s, uint64_t max_ns, bool (*done)(void *), void *context) {
    return net_sim_run(world_of(s)->quic.net, max_ns, done, context);
}

static void disturb(struct scene *s, unsigned level) {
    struct net_sim_rules *rules = net_sim_rules(world_of(s)->quic.net);
    rules->loss = 10 * level;
    rules->reorder = 15 * level;
}

static uint64_t sent(const struct scene *s, int from) {
    int side = from == FROM_CLIENT ? NET_SIM_A : NET_SIM_B;
    return net_sim_count(world_of(s)->quic.net, side).bytes;
}

static void drain(struct scene *s) {
    struct datagram_engine *server = world_of(s)->quic.server;
    server->ops->drain(server);
}

static bool is_open(const struct scene *s) {
    return quic_server_conns(world_of(s)->quic.server) > 0;
}

static void cut(struct scene *s) {
    net_sim_rules(world_of(s)->quic.net)->loss = 1000;
}

static void free_world(struct scene *s) {
    struct world *w = world_of(s);
    quic_pair_end(&w->quic);
    scene_fini(s);
    quic_pair_fini(&w->quic);
    free(w);
}

static const struct carrier carrier = {
    .seeds = 4,
    .make = make,
    .connect = connect_both,
    .run = run,
    .disturb = disturb,
    .sent = sent,
    .drain = drain,
    .is_open = is_open,
    .cut = cut,
    .free = free_world,
};

static void cancel_response(void **state) {
    (void)state;
    struct scene *s = talk(&carrier, 5);
    s->visits[0].paused = true;
    scene_start(s, 0, "/bytes/5000000");
    talk_quiet(s);
    visit_cancel(&s->visits[0]);
    talk_quiet(s);
    assert_int_equal(s->site.resets, 1);
    assert_int_equal(s->chunks.n_live, 0);
    assert_int_equal(s->client->n_streams, 0);
    scene_start(s, 1, "/hello");
    talk_run(s);
    assert_true(s->visits[1].complete);
    talk_end(s);
}

/* Who lives says so, though nothing else is to be said; who does not is not waited for. */
static void drain_of_the_living_and_the_dead(void **state) {
    (void)state;
    struct scene *s = talk(&carrier, 3);
    scene_start(s, 0, "/never");
    talk_quiet(s);
    drain(s);
    talk_wait(s, 20 * SECOND_NS);
    assert_int_equal(quic_server_conns(world_of(s)->quic.server), 1);
    assert_false(s->visits[0].over);
    cut(s);
    talk_wait(s, SECOND_NS);
    assert_int_equal(quic_server_conns(world_of(s)->quic.server), 1);
    talk_wait(s, 3 * SECOND_NS);
    assert_int_equal(quic_server_conns(world_of(s)->quic.server), 0);
    assert_int_equal(s->site.live, 0);
    talk_end(s);
}

/* Malformed by hand is h3_raw_test's; this one our own client lets through. */
static void refused_field(void **state) {
    (void)state;
    struct scene *s = talk(&carrier, 1);
    s->visits[0].field_name = "host";
    s->visits[0].field_value = "other.example";
    struct visit *v = talk_visit(s, "/hello");
    assert_int_equal(v->status, 400);
    assert_int_equal(s->site.started, 0);
    talk_end(s);
}

/* Rapid reset: the limit ends the connection, and never more than the streams run at once. */
static void resets(void **state) {
    (void)state;
    struct scene *s = make();
    s->limits.resets = 5;
    connect_both(s, 2);
    for (int i = 0; i < VISITS && !(s->owner_events & CLIENT_GONE); i++) {
        scene_start(s, i, "/never");
        talk_quiet(s);
        visit_cancel(&s->visits[i]);
        talk_quiet(s);
    }
    assert_true(s->owner_events & CLIENT_GONE);
    assert_int_equal(s->site.started, 6);
    talk_end(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel_response),
        cmocka_unit_test(drain_of_the_living_and_the_dead),
        cmocka_unit_test(refused_field),
        cmocka_unit_test(resets),
    };
    int failed = conversations_run(&carrier);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
