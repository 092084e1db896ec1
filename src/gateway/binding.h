/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_BINDING_H
#define GATEWAY_BINDING_H

#include "gateway/outfit.h"
#include "gateway/venue.h"
#include "net/listener.h"
#include "net/port.h"

/* One worker's sockets of one address: HTTPS on TCP, and its mirror, HTTP/3 on the same UDP port,
 * where that is wanted; or plain HTTP that redirects. The sockets stay while the configuration
 * names the address, what they lead to (the venue) changes with each generation: connections
 * to come get the new one. */

struct binding {
    struct list link; /* worker->bindings or leaving */
    struct worker *worker;
    struct venue *venue; /* while it is listened on */
    bool plain;
    struct listener *tcp;         /* NULL: a mirror that was parted */
    struct port *udp;             /* NULL: no mirror */
    struct datagram_engine *quic; /* udp's, while that is there */
};

/* On the sockets that the venue's address has for the worker. 0, or a negative err told in the
 * log, with nothing open. */
int binding_new(struct worker *w, struct venue *v, struct binding **ret_binding);
/* Another venue of the same address. A mirror that is new begins; one that is no more becomes a
 * binding of its own that is drained (ret_old, else NULL). */
int binding_use(struct binding *b, struct venue *v, struct binding **ret_old);
bool binding_is_at(const struct binding *b, const struct address *address);

void binding_drain(struct binding *b);
size_t binding_tcp(const struct binding *b); /* connections */
size_t binding_quic(const struct binding *b);
size_t binding_quic_handshakes(const struct binding *b); /* of them */
bool binding_idle(const struct binding *b);              /* drained, and no connection is left */
void binding_free(struct binding *b);                    /* closes what is open */

#endif
