/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HANDLER_PROXY_H
#define HANDLER_PROXY_H

#include "http/exchange.h"
#include "upstream/upstream.h"

/* Answers an exchange by lending it to a client stream of an upstream. The proxy is the
 * manager: it waits for a connection, tries again where that is safe, counts the time,
 * and explains in a 502, 503 or 504 what went wrong. No byte is copied here. */

struct proxy_config {
    uint64_t response_timeout_ns; /* from the request's last byte to the response's head */
    unsigned max_attempts;   /* connects that failed and stale kept connections, all together */
    bool host_from_upstream; /* Host is the origin's; else the client's is kept */
};

/* Becomes x's back end, or answers x where Max-Forwards ends it. config outlives x. */
void proxy_open(struct exchange *x, struct upstream *upstream, const struct proxy_config *config);

#endif
