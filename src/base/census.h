/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_CENSUS_H
#define BASE_CENSUS_H

#include <pthread.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/table.h"

/* How many connections each client has, so that one of them cannot take all. A client is an
 * IPv4 address or an IPv6 /64, as a household or a machine gets one; who comes over a unix
 * socket is not counted.
 *
 * All workers share one, under its lock: the kernel deals a client's connections out to them.
 *
 * Invariant: a client is in the table while it has at least one connection. */

struct census {
    pthread_mutex_t lock;
    struct table clients;
    uint32_t most; /* connections of one client; 0: no limit, and nothing is kept */
};

struct census_client;

void census_init(struct census *c, uint32_t most, const uint8_t key[TABLE_KEY]);
void census_fini(struct census *c); /* check()s that all have left */
/* From now on; who has more already keeps them. */
void census_limit(struct census *c, uint32_t most);

/* One more of addr. 0, ERR_LIMIT or ERR_NO_MEMORY; ret_client for census_leave, NULL when it is
 * not counted. c may be NULL: no census. */
int census_enter(struct census *c, const struct addr *addr, struct census_client **ret_client);
void census_leave(struct census *c, struct census_client *client);
/* That addr got ERR_LIMIT: a line, at most one a second. */
void census_tell(struct census *c, struct log *log, const struct addr *addr, uint64_t now_ns);

#endif
