/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_STATS_H
#define GATEWAY_STATS_H

#include "base/err.h"
#include "base/list.h"
#include "http/exchange.h"
#include "quic/counters.h"
#include "upstream/upstream.h"

/* A worker's counters; they only grow, over all generations of the configuration, so servers,
 * routes and upstreams go by their names. Requests are counted in a row of their server and route
 * when the front leaves them; rows are made when the first request comes, so that only what
 * happened takes memory. The sum of all workers has the same form. */

enum { STATS_VERSIONS = 3, STATS_CLASSES = 6, STATS_BOUNDS = 12 };

struct stats_cell {
    uint64_t requests[STATS_CLASSES];       /* by the status' first digit; 0: none was sent */
    uint64_t request_bytes, response_bytes; /* of bodies */
    uint64_t durations[STATS_BOUNDS + 1];   /* the last: longer than all bounds */
    uint64_t duration_ns;
};

struct stats_row {
    struct list link;
    struct str server, route; /* route empty: none was found */
    struct stats_cell versions[STATS_VERSIONS];
};

struct stats_origin {
    struct list link;
    struct str upstream, name;
    uint64_t connects, failures;
    size_t connecting, idle, busy; /* of sums only */
};

struct stats {
    struct list rows, origins;
    uint64_t tcp_connections;
    uint64_t tcp_failures[ERR_KINDS];       /* TLS handshakes over TCP */
    uint64_t handshakes[STATS_VERSIONS][2]; /* whole ones, and resumed ones */
    uint64_t early_data[STATS_VERSIONS];    /* those of them that took 0-RTT data */
    struct quic_counters quic;
    /* of sums only: what there is at the moment; memory ended, so that something is missing */
    size_t exchanges, tcp_now, quic_now, quic_handshakes_now;
    bool failed;
};

extern const uint64_t stats_bounds_ns[STATS_BOUNDS];
extern const struct hook stats_hook;

void stats_init(struct stats *s);
void stats_fini(struct stats *s);

void stats_handshake(struct stats *s, const struct peer *peer);

/* The row of these names, new or there already; NULL: no memory. */
struct stats_row *stats_row(struct stats *s, struct str server, struct str route);
/* Adds what became of an upstream's connections; is_now: those that there are too. */
void stats_upstream(struct stats *s, struct str name, const struct upstream *u, bool is_now);
/* Adds all of a worker's. What there is no memory for is left out, and noted as failed. */
void stats_add(struct stats *sum, const struct stats *s);

#endif
