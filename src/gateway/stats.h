/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_STATS_H
#define GATEWAY_STATS_H

#include "base/err.h"
#include "gateway/config/config.h"
#include "http/exchange.h"
#include "quic/counters.h"

/* A worker's counters; they only grow. Requests are counted in a cell of their server, route
 * and version when the front leaves them; cells are made when the first request comes, so that
 * only what happened takes memory. */

enum { STATS_VERSIONS = 3, STATS_CLASSES = 6, STATS_BOUNDS = 12 };

struct stats_cell {
    uint64_t requests[STATS_CLASSES];       /* by the status' first digit; 0: none was sent */
    uint64_t request_bytes, response_bytes; /* of bodies */
    uint64_t durations[STATS_BOUNDS + 1];   /* the last: longer than all bounds */
    uint64_t duration_ns;
};

struct stats_row {
    struct stats_cell versions[STATS_VERSIONS];
};

struct stats {
    struct stats_row **rows; /* [server * (n_routes + 1) + route]; the last route: none */
    size_t n_servers, n_routes;
    uint64_t tcp_connections;
    uint64_t tcp_failures[ERR_KINDS];       /* TLS handshakes over TCP */
    uint64_t handshakes[STATS_VERSIONS][2]; /* whole ones, and resumed ones */
    struct quic_counters quic;
    uint64_t begin_s; /* wall clock */
};

extern const uint64_t stats_bounds_ns[STATS_BOUNDS];
extern const struct hook stats_hook;

/* 0 or ERR_NO_MEMORY. */
int stats_init(struct stats *s, const struct config *config);
void stats_fini(struct stats *s);

size_t stats_version(enum http_version version); /* 0: h1, 1: h2, 2: h3 */
void stats_handshake(struct stats *s, const struct peer *peer);

#endif
