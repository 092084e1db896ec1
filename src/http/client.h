/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/engine.h"
#include "base/peer.h"
#include "base/turn.h"
#include "http/exchange.h"

/* A connection that we made, towards an upstream (or, in `h3gw get`, towards anybody):
 * takes exchanges and becomes their back end. h1_client_new, h2_client_new and
 * h3_client_new give one; pools and `get` see only this.
 *
 * The owner's task is woken with the bits below; it looks at the members then. */

enum client_event {
    CLIENT_READY = 1u << 0, /* can_open changed: the first settings came, a stream ended */
    CLIENT_GONE = 1u << 1,  /* takes no more: GOAWAY, close, error */
};

struct http_client {
    const struct http_client_ops *ops;
    struct task *owner;
    struct stream_engine *engine; /* NULL for h3, whose driver is quic's */
    uint32_t n_streams;           /* open now */
    uint32_t max_streams;         /* how many may be: 1 for h1 */
    uint64_t n_requests;          /* opened so far */
    bool usable;                  /* false: never again */
};

struct http_client_ops {
    /* The client stream becomes x's back end: through exchange_lend when lent (the present
     * back end stays manager), else exchange_take. 0, ERR_CLOSED, ERR_LIMIT (no stream
     * free), ERR_NO_MEMORY, ERR_INVALID or ERR_UNSUPPORTED (no connection of this version
     * can say that request): then x is untouched. */
    int (*open)(struct http_client *c, struct exchange *x, bool lend);
};

static inline bool client_can_open(const struct http_client *c) {
    return c->usable && c->n_streams < c->max_streams;
}

#endif
