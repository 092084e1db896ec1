/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include <stdint.h>

#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "http/client.h"
#include "http/exchange.h"
#include "http/uri.h"
#include "net/dial.h"
#include "sys/loop.h"

/* An upstream is a named set of origins (URLs) that answer the same requests. It finds or
 * makes a client stream for an exchange: round robin over its origins, a pool of kept
 * connections for each. One per worker; the configuration is shared and outlives it.
 *
 * Nobody is called back: who has to wait lends its task. */

struct upstream;

struct upstream_config {
    struct str name;
    const struct uri *uris;
    size_t n_uris;
    uint32_t max_connections;    /* per origin, this worker's; more requests wait */
    uint64_t connect_timeout_ns; /* name and all addresses together */
    uint64_t idle_timeout_ns;    /* an unused connection is closed then */
    uint64_t write_timeout_ns;
};

/* What a worker lends; outlives the upstream. */
struct upstream_env {
    struct loop *loop;
    struct resolver *resolver;
    struct http_env *http;
    struct log *log;
};

/* One request that looks for a client stream. */
enum { UPSTREAM_READY = 1u << 16, UPSTREAM_FAILED = 1u << 17 };
struct origin;
struct origin_conn;
struct upstream_wait {
    struct list link;           /* of the origin's waiters; self when not waiting */
    struct task *task;          /* woken with UPSTREAM_READY: open again, or UPSTREAM_FAILED */
    struct origin *origin;      /* chosen one; NULL: choose anew */
    const struct origin *stale; /* of this one a new connection is wanted, if it may be had */
    struct origin_conn *conn;   /* UPSTREAM_READY is on its way: this one rests for it */
    bool kept;                  /* what it got was no new connection, but had served others */
    enum reason reason;         /* with UPSTREAM_FAILED */
    const char *problem; /* "connection refused (127.0.0.1:3000)", or NULL; lives as the origin */
};

struct upstream *upstream_new(const struct upstream_env *env, const struct upstream_config *config);
/* Closes everything. No exchange is left that may come back for another connection: those on its
 * connections fail with REASON_SHUTDOWN, after which a proxy tries again. */
void upstream_free(struct upstream *u);
void upstream_drain(struct upstream *u); /* closes what is idle, keeps nothing any more */

void upstream_wait_init(struct upstream_wait *w, struct task *task);
/* Fixes w->origin where it is still open. */
void upstream_choose(struct upstream *u, struct upstream_wait *w);
/* 0: a client stream was lent x. ERR_AGAIN: w waits. Else nothing is to be had. */
int upstream_open(struct upstream *u, struct exchange *x, struct upstream_wait *w);
/* Waits no more; what was granted goes to the next one. Idempotent. */
void upstream_wait_cancel(struct upstream_wait *w);

/* A connection of one's own, for bytes that are no request (handler/tunnel): to an origin chosen
 * as for a request, not of its pool and not counted by max_connections. Wakes task with
 * DIAL_DONE; then upstream_dialed gives the socket, or a negative err (then another origin may be
 * better; dial_problem says why). The dial is the caller's. NULL: no memory. */
struct dial *upstream_dial(struct upstream *u, struct task *task, struct origin **ret_origin);
int upstream_dialed(struct origin *o, struct dial *dial);

const struct upstream_config *upstream_config_of(const struct upstream *u);
/* What became of the connections to each of an upstream's origins, for counters. */
struct origin_numbers {
    struct str name; /* as origin_name */
    uint64_t connects, failures;
    size_t connecting, idle, busy;
};
size_t upstream_origins(const struct upstream *u);
struct origin_numbers upstream_numbers(const struct upstream *u, size_t i);
struct str origin_name(const struct origin *o);      /* "http://127.0.0.1:3000" */
struct str origin_authority(const struct origin *o); /* for Host; "localhost" for unix */

#endif
