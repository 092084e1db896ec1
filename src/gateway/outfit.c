/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/outfit.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"

void outfit_limits(const struct gateway_options *from, struct http_limits *limits) {
    *limits = (struct http_limits){
        .body_buffer_bytes = (uint32_t)from->body_buffer_bytes,
        .head_bytes = (uint32_t)from->head_bytes,
        .fields = (uint32_t)from->fields,
        .request_body_bytes = from->request_body_bytes,
        .streams = (uint32_t)from->streams,
        .requests = from->requests,
        .resets = (uint32_t)from->resets,
        .continuations = (uint32_t)from->continuations,
        .control_frames = (uint32_t)from->control_frames,
        .settings_entries = (uint32_t)from->settings_entries,
        .glitches = (uint32_t)from->glitches,
        .conn_window_bytes = (uint32_t)from->conn_window_bytes,
        .conn_buffer_bytes = (uint32_t)from->conn_buffer_bytes,
        .header_timeout_ns = from->header_timeout_ns,
        .idle_timeout_ns = from->idle_timeout_ns,
        .body_timeout_ns = from->body_timeout_ns,
        .write_timeout_ns = from->write_timeout_ns,
        .response_body_timeout_ns = from->upstream_body_timeout_ns,
    };
}

static void make_env(struct outfit *o, struct http_env *env, const struct hook *const *hooks,
                     void (*route)(struct exchange *x)) {
    struct worker *w = o->worker;

    http_env_init(env, &w->turn, &w->chunks);
    env->log = w->log;
    env->limits = &o->limits;
    env->hooks = hooks;
    env->route = route;
    env->owner = o;
    env->scratch = w->scratch.p;
    env->scratch_bytes = w->scratch.n;
}

static int make_proxies(struct outfit *o) {
    const struct config *c = o->config;
    const struct gateway_options *given = &c->gateway;

    o->proxies = calloc(c->n_routes + 1, sizeof *o->proxies);
    for (size_t i = 0; o->proxies && i < c->n_routes; i++) {
        uint64_t timeout_ns = c->routes[i]->options.timeout_ns;
        o->proxies[i] = (struct proxy_config){
            .response_timeout_ns = timeout_ns ? timeout_ns : given->upstream_response_timeout_ns,
            .max_attempts = 3,
            .host_from_upstream = given->host_header == 1,
        };
    }
    return o->proxies ? 0 : ERR_NO_MEMORY;
}

/* Parts, and no count of all workers: requests that wait are woken by a connection of their own
 * worker, and one that is kept there would keep all others waiting. They make up the whole, unless
 * workers are more. */
static uint32_t part_of(uint64_t all, const struct outfit *o) {
    unsigned workers = o->generation->addresses.workers;
    uint64_t part = all / workers + (o->worker->index < all % workers);

    return part > 0 ? (uint32_t)part : 1;
}

static int make_upstreams(struct outfit *o) {
    const struct config *c = o->config;
    const struct gateway_options *given = &c->gateway;
    struct worker *w = o->worker;

    o->upstream_env = (struct upstream_env){w->loop, w->resolver, &o->http, w->log};
    o->upstreams = calloc(c->n_upstreams + 1, sizeof(struct upstream *));
    o->upstream_configs = calloc(c->n_upstreams + 1, sizeof *o->upstream_configs);
    if (!o->upstreams || !o->upstream_configs)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_upstreams; i++) {
        o->upstream_configs[i] = (struct upstream_config){
            .name = c->upstreams[i]->name,
            .uris = c->upstreams[i]->uris,
            .n_uris = c->upstreams[i]->n_uris,
            .max_connections = part_of(given->upstream_connections, o),
            .connect_timeout_ns = given->upstream_connect_timeout_ns,
            .idle_timeout_ns = given->upstream_idle_timeout_ns,
            .write_timeout_ns = given->write_timeout_ns,
        };
        o->upstreams[i] = upstream_new(&o->upstream_env, &o->upstream_configs[i]);
        if (!o->upstreams[i])
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int make_venues(struct outfit *o, struct generation *g, struct log *log) {
    const struct addresses *a = &g->addresses;
    int err = 0;

    o->venues = calloc(a->n + 1, sizeof *o->venues);
    if (!o->venues)
        return ERR_NO_MEMORY;
    for (size_t i = 0; !err && i < a->n; i++)
        err = venue_init(&o->venues[i], o, &a->v[i], g, log);
    return err;
}

int outfit_new(struct worker *w, struct generation *g, const struct outfit_wish *wish,
               struct outfit **ret_outfit) {
    const struct config *c = &g->config;
    struct outfit *o = calloc(1, sizeof *o);
    int err;

    if (!o)
        return ERR_NO_MEMORY;
    list_init(&o->link);
    o->worker = w;
    o->generation = g;
    o->config = c;
    o->access_log.fd = -1;
    qlog_init(&o->qlog, &w->turn, wish->log);
    outfit_limits(&c->gateway, &o->limits);
    make_env(o, &o->http, wish->hooks, wish->route);
    make_env(o, &o->plain, wish->hooks, wish->redirect);
    o->stats_rows = calloc(c->n_servers * (c->n_routes + 1) + 1, sizeof(struct stats_row *));
    err = o->stats_rows ? make_proxies(o) : ERR_NO_MEMORY;
    if (!err)
        err = make_upstreams(o);
    if (!err)
        err = make_venues(o, g, wish->log);
    if (!err)
        err = access_log_target_open(&o->access_log, c, wish->log);
    if (!err)
        err = qlog_open(&o->qlog, c->gateway.qlog);
    o->qlog.log = w->log;
    if (err)
        outfit_free(o);
    else
        *ret_outfit = o;
    return err;
}

void outfit_drain(struct outfit *o) {
    for (size_t i = 0; !o->closed && i < o->config->n_upstreams; i++)
        upstream_drain(o->upstreams[i]);
}

bool outfit_unused(const struct outfit *o) {
    return o->n_connections == 0 && o->http.n_exchanges == 0 && o->plain.n_exchanges == 0;
}

/* What was counted of its upstreams is not to be lost. */
void outfit_close(struct outfit *o) {
    const struct config *c = o->config;

    for (size_t i = 0; o->upstreams && i < c->n_upstreams; i++) {
        if (!o->upstreams[i])
            continue;
        stats_upstream(&o->worker->stats, c->upstreams[i]->name, o->upstreams[i], false);
        upstream_free(o->upstreams[i]);
        o->upstreams[i] = NULL;
    }
    o->closed = true;
}

void outfit_free(struct outfit *o) {
    if (!o)
        return;
    list_remove(&o->link);
    for (size_t i = 0; o->upstreams && i < o->config->n_upstreams; i++)
        upstream_free(o->upstreams[i]);
    for (size_t i = 0; o->venues && i < o->generation->addresses.n; i++)
        venue_fini(&o->venues[i]);
    access_log_target_close(&o->access_log);
    qlog_fini(&o->qlog);
    free(o->venues);
    free(o->stats_rows);
    free(o->proxies);
    free(o->upstreams);
    free(o->upstream_configs);
    free(o);
}
