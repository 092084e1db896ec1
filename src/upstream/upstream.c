/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/upstream.h"

#include <stdlib.h>

#include "base/err.h"
#include "upstream/origin.h"

struct upstream {
    struct upstream_env env;
    const struct upstream_config *config;
    size_t next; /* round robin */
    size_t n;
    struct origin origins[];
};

struct upstream *upstream_new(const struct upstream_env *env,
                              const struct upstream_config *config) {
    struct upstream *u = calloc(1, sizeof *u + config->n_uris * sizeof u->origins[0]);

    if (!u)
        return NULL;
    u->env = *env;
    u->config = config;
    for (size_t i = 0; i < config->n_uris; i++, u->n++)
        origin_init(&u->origins[i], &u->env, config, &config->uris[i]);
    return u;
}

void upstream_free(struct upstream *u) {
    if (!u)
        return;
    for (size_t i = 0; i < u->n; i++)
        origin_fini(&u->origins[i]);
    free(u);
}

void upstream_drain(struct upstream *u) {
    for (size_t i = 0; i < u->n; i++)
        origin_drain(&u->origins[i]);
}

/* The next one whose last connect did not just fail; all failed: the next one. */
static struct origin *pick(struct upstream *u) {
    uint64_t now_ns = u->env.http->turn->now_ns;

    check(u->n > 0); /* config_check wants a url */
    for (size_t i = 0; i < u->n; i++) {
        struct origin *o = &u->origins[(u->next + i) % u->n];
        if (o->bad_until_ns <= now_ns) {
            u->next = (u->next + i + 1) % u->n;
            return o;
        }
    }
    return &u->origins[u->next++ % u->n];
}

void upstream_wait_init(struct upstream_wait *w, struct task *task) {
    *w = (struct upstream_wait){.task = task};
    list_init(&w->link);
}

void upstream_choose(struct upstream *u, struct upstream_wait *w) {
    if (!w->origin)
        w->origin = pick(u);
}

int upstream_open(struct upstream *u, struct exchange *x, struct upstream_wait *w) {
    check(list_empty(&w->link));
    upstream_choose(u, w);
    return origin_open(w->origin, x, w);
}

void upstream_wait_cancel(struct upstream_wait *w) {
    origin_forget(w);
}

struct dial *upstream_dial(struct upstream *u, struct task *task, struct origin **ret_origin) {
    *ret_origin = pick(u);
    return origin_dial(*ret_origin, task);
}

int upstream_dialed(struct origin *o, struct dial *dial) {
    return origin_dialed(o, dial);
}

const struct upstream_config *upstream_config_of(const struct upstream *u) {
    return u->config;
}

size_t upstream_origins(const struct upstream *u) {
    return u->n;
}

struct origin_numbers upstream_numbers(const struct upstream *u, size_t i) {
    return origin_numbers(&u->origins[i]);
}

struct str origin_name(const struct origin *o) {
    return str_of(o->name);
}

struct str origin_authority(const struct origin *o) {
    return o->uri.authority.n ? o->uri.authority : STR("localhost");
}
