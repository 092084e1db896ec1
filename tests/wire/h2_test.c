/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "conversations.h"
#include "join.h"
#include "proto/h2/h2.h"

/* Conversations between our HTTP/2 client and server, joined in memory, bytes cut anywhere.
 * Each ends with nothing left alive. */

struct world {
    struct scene scene;
    struct stream_engine *server;
    struct join *join;
};

static struct world *world_of(const struct scene *s) {
    return container_of((struct scene *)(uintptr_t)s, struct world, scene);
}

static const struct carrier carrier;

static struct scene *make(void) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    scene_init(&w->scene, HTTP_2);
    w->scene.carrier = &carrier;
    return &w->scene;
}

static void connect_both(struct scene *s, uint64_t seed) {
    struct world *w = world_of(s);
    w->server = h2_server_new(&s->server_env, &s->server_peer);
    s->client = h2_client_new(&s->client_env, &s->client_peer, &s->owner);
    assert_true(w->server && s->client);
    visit_env(&s->client_env, s->client);
    w->join = join_new(&s->turn, s->client->engine, w->server, seed);
    assert_non_null(w->join);
}

static bool run(struct scene *s, uint64_t max_ns, bool (*done)(void *), void *context) {
    return join_run(world_of(s)->join, max_ns, done, context);
}

/* A byte stream loses nothing. */
static void disturb(struct scene *s, unsigned level) {
    (void)s, (void)level;
}

static uint64_t sent(const struct scene *s, int from) {
    return join_bytes(world_of(s)->join, from == FROM_CLIENT ? JOIN_A : JOIN_B);
}

static void drain(struct scene *s) {
    struct stream_engine *server = world_of(s)->server;
    server->ops->drain(server);
}

static bool is_open(const struct scene *s) {
    return !join_ended(world_of(s)->join, JOIN_B);
}

static void cut(struct scene *s) {
    join_cut(world_of(s)->join, JOIN_A);
}

static void free_world(struct scene *s) {
    join_free(world_of(s)->join);
    scene_fini(s);
    free(world_of(s));
}

static const struct carrier carrier = {
    .seeds = 8,
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

int main(void) {
    return conversations_run(&carrier);
}
