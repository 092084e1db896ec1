/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_OUTFIT_H
#define GATEWAY_OUTFIT_H

#include "base/list.h"
#include "gateway/access_log.h"
#include "gateway/generation.h"
#include "gateway/qlog.h"
#include "gateway/venue.h"
#include "gateway/worker.h"
#include "handler/proxy.h"
#include "http/env.h"
#include "upstream/upstream.h"

/* What one worker has made of one generation of the configuration: limits, TLS contexts, pools of
 * connections to upstreams. The control thread makes it, so that no traffic waits for it; the
 * worker puts it on (gateway/duty.h). Connections keep the outfit that they began in until they
 * end; then it is freed. It counts them: the one place with a count of users. */

struct outfit {
    struct list link; /* worker->outfits */
    struct worker *worker;
    struct generation *generation;
    const struct config *config; /* the generation's */
    struct http_limits limits;
    struct http_env http;  /* its owner is the outfit: outfit_of */
    struct http_env plain; /* for http-redirect: routed otherwise */
    struct upstream_env upstream_env;
    struct upstream_config *upstream_configs; /* as config->upstreams */
    struct upstream **upstreams;
    struct proxy_config *proxies;  /* as config->routes */
    struct stats_row **stats_rows; /* [server * (n_routes + 1) + route]; the last route: none */
    struct venue *venues;          /* as generation->addresses */
    struct access_log_target access_log; /* until it is put on */
    struct qlog qlog;
    size_t n_connections;
    bool closed;
};

struct outfit_wish {
    /* Who decides about requests; comes from above, as the hooks use the outfit themselves. */
    const struct hook *const *hooks;
    void (*route)(struct exchange *x);
    void (*redirect)(struct exchange *x); /* of plain */
    struct log *log;                      /* hears what is wrong */
};

/* 0, or a negative err. generation outlives it. */
int outfit_new(struct worker *w, struct generation *g, const struct outfit_wish *wish,
               struct outfit **ret_outfit);
/* Connections to upstreams close when they are idle. */
void outfit_drain(struct outfit *o);
bool outfit_unused(const struct outfit *o);
/* Ends its connections to upstreams, in the worker. What that wakes and buries stands on the
 * outfit: it is freed in a later turn. */
void outfit_close(struct outfit *o);
/* It was closed in an earlier turn, or never put on. */
void outfit_free(struct outfit *o);

void outfit_limits(const struct gateway_options *from, struct http_limits *limits);

static inline struct outfit *outfit_of(const struct exchange *x) {
    return x->env->owner;
}

#endif
