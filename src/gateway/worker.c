/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/worker.h"

#include <stdlib.h>

#include "base/err.h"
#include "tls/digest.h"

/* So many free chunks stay for the next burst, 4 MiB: 32 clients with 8 requests each. With fewer
 * malloc gives pages to the kernel and takes them again all the time. */
enum { FREE_CHUNKS = 256 };

static void set_limits(struct worker *w) {
    const struct gateway_options *o = &w->config->gateway;

    w->limits = (struct http_limits){
        .body_buffer_bytes = (uint32_t)o->body_buffer_bytes,
        .head_bytes = (uint32_t)o->head_bytes,
        .fields = (uint32_t)o->fields,
        .request_body_bytes = o->request_body_bytes,
        .streams = (uint32_t)o->streams,
        .requests = o->requests,
        .resets = (uint32_t)o->resets,
        .continuations = (uint32_t)o->continuations,
        .control_frames = (uint32_t)o->control_frames,
        .settings_entries = (uint32_t)o->settings_entries,
        .glitches = (uint32_t)o->glitches,
        .conn_window_bytes = (uint32_t)o->conn_window_bytes,
        .header_timeout_ns = o->header_timeout_ns,
        .idle_timeout_ns = o->idle_timeout_ns,
        .body_timeout_ns = o->body_timeout_ns,
        .write_timeout_ns = o->write_timeout_ns,
    };
}

static int make_census(struct worker *w) {
    uint8_t key[TABLE_KEY];

    if (random_bytes(key, sizeof key))
        return ERR_SYSTEM;
    census_init(&w->clients, (uint32_t)w->config->gateway.client_connections, key);
    return 0;
}

static int make_env(struct worker *w, const struct worker_policy *policy) {
    http_env_init(&w->http, &w->turn, &w->chunks);
    set_limits(w);
    w->http.log = w->log;
    w->http.limits = &w->limits;
    w->http.hooks = policy->hooks;
    w->http.route = policy->route;
    w->http.owner = w;
    w->http.scratch_bytes = SCRATCH_BYTES;
    w->http.scratch = malloc(SCRATCH_BYTES);
    w->tls_scratch = (struct span){malloc(SCRATCH_BYTES), SCRATCH_BYTES};
    return w->http.scratch && w->tls_scratch.p ? 0 : ERR_NO_MEMORY;
}

static int make_proxies(struct worker *w) {
    const struct config *c = w->config;
    const struct gateway_options *o = &c->gateway;

    w->proxies = calloc(c->n_routes + 1, sizeof *w->proxies);
    for (size_t i = 0; w->proxies && i < c->n_routes; i++) {
        uint64_t timeout_ns = c->routes[i]->options.timeout_ns;
        w->proxies[i] = (struct proxy_config){
            .response_timeout_ns = timeout_ns ? timeout_ns : o->upstream_response_timeout_ns,
            .max_attempts = 3,
            .host_from_upstream = o->host_header == 1,
        };
    }
    return w->proxies ? 0 : ERR_NO_MEMORY;
}

static int make_upstreams(struct worker *w) {
    const struct config *c = w->config;
    const struct gateway_options *o = &c->gateway;

    w->upstream_env = (struct upstream_env){w->loop, w->resolver, &w->http, w->log};
    w->upstreams = calloc(c->n_upstreams + 1, sizeof(struct upstream *));
    w->upstream_configs = calloc(c->n_upstreams + 1, sizeof *w->upstream_configs);
    if (!w->upstreams || !w->upstream_configs)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_upstreams; i++) {
        w->upstream_configs[i] = (struct upstream_config){
            .name = c->upstreams[i]->name,
            .uris = c->upstreams[i]->uris,
            .n_uris = c->upstreams[i]->n_uris,
            .max_connections = (uint32_t)o->upstream_connections,
            .connect_timeout_ns = o->upstream_connect_timeout_ns,
            .idle_timeout_ns = o->upstream_idle_timeout_ns,
            .write_timeout_ns = o->write_timeout_ns,
        };
        w->upstreams[i] = upstream_new(&w->upstream_env, &w->upstream_configs[i]);
        if (!w->upstreams[i])
            return ERR_NO_MEMORY;
    }
    return 0;
}

int worker_init(struct worker *w, const struct config *config, const struct worker_policy *policy,
                struct log *log) {
    int err;

    *w = (struct worker){.config = config, .log = log};
    turn_init(&w->turn);
    chunk_pool_init(&w->chunks, FREE_CHUNKS);
    access_log_init(&w->access_log, &w->turn, log);
    w->loop = loop_new(&w->turn);
    w->resolver = w->loop ? resolver_new(w->loop, log) : NULL;
    err = w->resolver ? make_env(w, policy) : ERR_NO_MEMORY;
    if (!err)
        err = make_census(w);
    if (!err)
        err = make_proxies(w);
    if (!err)
        err = make_upstreams(w);
    if (!err)
        err = stats_init(&w->stats, config);
    if (!err)
        err = access_log_open(&w->access_log, config);
    if (err) {
        log_error(log, "cannot start: %s", err_text(err));
        worker_fini(w);
    }
    return err;
}

void worker_fini(struct worker *w) {
    for (size_t i = 0; w->upstreams && i < w->config->n_upstreams; i++)
        upstream_free(w->upstreams[i]);
    resolver_free(w->resolver);
    /* Lets the ends of what was closed run, and frees them. */
    while (w->loop && turn_run(&w->turn, SIZE_MAX))
        ;
    census_fini(&w->clients);
    access_log_fini(&w->access_log);
    stats_fini(&w->stats);
    loop_free(w->loop);
    free(w->http.scratch);
    free(w->tls_scratch.p);
    free(w->proxies);
    free(w->upstreams);
    free(w->upstream_configs);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
}

struct str worker_date(struct worker *w) {
    if (w->date_s != w->turn.wall_s || w->date[0] == '\0') {
        w->date_s = w->turn.wall_s;
        date_imf(w->date_s, w->date);
    }
    return str_of(w->date);
}

const uint8_t *worker_random(struct worker *w, size_t n) {
    check(n <= 64);
    if (w->n_random < n) {
        if (random_bytes(w->random, RANDOM_BYTES))
            log_warn(w->log, "the kernel gives no random bytes: request ids repeat");
        w->n_random = RANDOM_BYTES;
    }
    w->n_random -= n;
    return w->random + w->n_random;
}
