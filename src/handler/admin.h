/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HANDLER_ADMIN_H
#define HANDLER_ADMIN_H

#include "base/buf.h"
#include "http/exchange.h"

/* Plain pages about the gateway itself, for probes, scrapers and our own commands: what a
 * function writes now. Who makes the rows knows what they tell; this only answers. */

struct admin_page {
    const char *path; /* a prefix, as the routes of Envoy's own listeners */
    const char *type;
    /* Writes the body and returns the status. Reads nothing of x but its request (the query),
     * and leaves its response alone. */
    int (*write)(void *context, struct exchange *x, struct buf *to);
    void *context;
    bool acts;    /* it changes something: POST; else GET and HEAD */
    bool guarded; /* not for web pages: they could reach a loopback address through the browser, by
                   * a name of their own that leads there (DNS rebinding), too */
};

/* Answers x with the page that its path begins with, or with 403, 404, 405. pages outlive x. */
void admin_open(struct exchange *x, const struct admin_page *pages, size_t n);

#endif
