/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h1_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "proto/h1/h1.h"

static void note_route(struct exchange *x) {
    struct talk *t = container_of(x->env, struct talk, env);
    const struct fields *f = &x->request.fields;
    buf_reset(&t->fields);
    for (size_t i = 0; i < f->n; i++)
        buf_format(&t->fields, "%.*s: %.*s\n", STR_ARG(f->v[i].name), STR_ARG(f->v[i].value));
    snprintf(t->path, sizeof(t->path), "%.*s", STR_ARG(x->request.path));
    t->site_route(x);
}

struct talk *talk_new(uint64_t seed) {
    struct talk *t = calloc(1, sizeof(*t));
    check(t);
    turn_init(&t->turn);
    turn_begin(&t->turn, SECOND_NS, 784111777);
    chunk_pool_init(&t->chunks, 4);
    http_limits_default(&t->limits);
    http_env_init(&t->env, &t->turn, &t->chunks);
    t->env.limits = &t->limits;
    t->env.scratch = t->scratch;
    t->env.scratch_bytes = sizeof(t->scratch);
    t->peer.version = HTTP_1_1;
    site_env(&t->env, &t->site);
    t->site_route = t->env.route;
    t->env.route = note_route;
    buf_init(&t->fields);
    t->server = h1_server_new(&t->env, &t->peer);
    t->join = join_new(&t->turn, NULL, t->server, seed);
    join_room(t->join, 1 << 20);
    return t;
}

void talk_free(struct talk *t) {
    join_free(t->join);
    while (turn_run(&t->turn, SIZE_MAX)) {
    }
    check(t->env.n_exchanges == 0);
    check(t->site.live == 0);
    turn_fini(&t->turn);
    chunk_pool_fini(&t->chunks);
    buf_fini(&t->fields);
    free(t);
}

/* The client says this; what came back since the last time. */
const char *say_n(struct talk *t, const char *text, size_t n) {
    buf_reset(join_read(t->join, JOIN_A));
    join_write(t->join, JOIN_A, text, n);
    join_run(t->join, SECOND_NS, NULL, NULL);
    struct buf *read = join_read(t->join, JOIN_A);
    return read->p ? (const char *)read->p : "";
}

const char *say(struct talk *t, const char *text) {
    return say_n(t, text, strlen(text));
}

static bool never(void *context) {
    (void)context;
    return false;
}

const char *wait_seconds(struct talk *t, unsigned seconds) {
    buf_reset(join_read(t->join, JOIN_A));
    uint64_t end_ns = t->turn.now_ns + seconds * SECOND_NS;
    join_run(t->join, seconds * SECOND_NS, never, NULL);
    turn_begin(&t->turn, end_ns, t->turn.wall_s);
    struct buf *read = join_read(t->join, JOIN_A);
    return read->p ? (const char *)read->p : "";
}

bool has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

const char *routed_fields(const struct talk *t) {
    return t->fields.p ? (const char *)t->fields.p : "";
}
