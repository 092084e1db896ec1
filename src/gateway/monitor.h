/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_MONITOR_H
#define GATEWAY_MONITOR_H

#include "gateway/stats_page.h"
#include "handler/admin.h"
#include "net/listener.h"

/* The plain listeners of [gateway] health and stats. They have no TLS, no routes, and none of
 * the hooks that clients' requests go through, and they stay open while all else drains: a
 * probe is to see the 503. */

struct monitor_listener {
    struct worker *worker;
    struct http_env http;
    struct admin_page page;
    struct listener *tcp; /* NULL: off */
};

struct monitor {
    struct monitor_listener health, stats;
    struct stats_view view;
    bool draining;
};

/* As the worker's configuration says. view's pointers outlive the monitor; w is its worker. 0,
 * or a negative err told in the log: nothing is open then. */
int monitor_open(struct monitor *m, struct worker *w, const struct stats_view *view);
void monitor_drain(struct monitor *m); /* not ready any more */
void monitor_close(struct monitor *m); /* idempotent; the worker's turn frees what is left */

#endif
