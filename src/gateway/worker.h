/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "base/census.h"
#include "base/chunk.h"
#include "base/date.h"
#include "base/log.h"
#include "base/turn.h"
#include "gateway/access_log.h"
#include "gateway/config/config.h"
#include "gateway/qlog.h"
#include "gateway/stats.h"
#include "handler/proxy.h"
#include "http/env.h"
#include "net/dial.h"
#include "sys/loop.h"
#include "upstream/upstream.h"

/* One thread's share of the gateway: one loop, one turn, its connections, pools and counters.
 * Everything mutable hangs from here; the configuration is shared and constant. */

enum { SCRATCH_BYTES = 64 * 1024, RANDOM_BYTES = 1024 };

struct worker {
    const struct config *config;
    struct log *log;
    struct turn turn;
    struct loop *loop;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct census clients;
    struct http_env http;    /* its owner is the worker: worker_of */
    struct span tls_scratch; /* ciphertext on its way into TLS */
    struct resolver *resolver;
    struct upstream_env upstream_env;
    struct upstream_config *upstream_configs; /* as config->upstreams */
    struct upstream **upstreams;
    struct proxy_config *proxies; /* as config->routes */
    struct access_log access_log;
    struct qlog qlog;
    struct stats stats;
    char date[DATE_TEXT]; /* of date_s, for the date field */
    uint64_t date_s;
    uint8_t random[RANDOM_BYTES]; /* for ids: fetched in bulk */
    size_t n_random;
};

/* Who decides about requests; comes from above, as the hooks use the worker themselves. */
struct worker_policy {
    const struct hook *const *hooks;
    void (*route)(struct exchange *x);
};

/* 0 or a negative err, told in the log. All that is given outlives it. */
int worker_init(struct worker *w, const struct config *config, const struct worker_policy *policy,
                struct log *log);
/* All connections are closed already, but for those to upstreams. */
void worker_fini(struct worker *w);

static inline struct worker *worker_of(const struct exchange *x) {
    return x->env->owner;
}

/* IMF-fixdate of this second. */
struct str worker_date(struct worker *w);
/* Random bytes that name things and guard nothing. n at most 64. */
const uint8_t *worker_random(struct worker *w, size_t n);

#endif
