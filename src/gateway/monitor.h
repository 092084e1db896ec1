/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_MONITOR_H
#define GATEWAY_MONITOR_H

#include "gateway/worker.h"
#include "handler/admin.h"
#include "net/listener.h"

/* The plain listeners of [gateway] health, stats and admin, in the control thread. They have no
 * TLS, no routes, and none of the hooks that clients' requests go through, and they stay open
 * while all else drains: a probe is to see the 503. */

struct monitor_listener {
    struct worker *worker; /* the control thread's */
    struct quota quota;
    struct http_limits limits;
    struct http_env http;
    const struct admin_page *pages;
    size_t n_pages;
    struct addr wanted;    /* n 0: off */
    struct listener *tcp;  /* NULL: off */
    struct listener *old;  /* who asked for the change is yet to be answered; or NULL */
    struct addr next_addr; /* between monitor_prepare and monitor_commit */
    struct listener *next;
};

/* The pages outlive it. */
void monitor_init(struct monitor_listener *l, struct worker *control,
                  const struct admin_page *pages, size_t n);
/* Opens what listens on addr (n 0: nothing) from monitor_commit on; the same as now is kept. 0, or
 * a negative err told in log. */
int monitor_prepare(struct monitor_listener *l, const struct addr *addr, struct log *log);
void monitor_commit(struct monitor_listener *l);
void monitor_abandon(struct monitor_listener *l); /* what was prepared */
void monitor_close(struct monitor_listener *l);   /* idempotent; the turn frees what is left */
/* Where it listens; NULL: it does not. */
const struct addr *monitor_addr(const struct monitor_listener *l);

#endif
