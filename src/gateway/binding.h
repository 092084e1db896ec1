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
    bool begun;
};

/* All that the venue can come to need, on the sockets that its address has for the worker, as
 * venue->prepared; nothing is taken yet. 0, or a negative err told in log. What is not used is
 * freed: binding_free. */
int binding_prepare(struct worker *w, struct venue *v, struct log *log);
/* A prepared one takes what comes. Cannot fail. */
void binding_begin(struct binding *b);
/* Another venue of the same address, with what is prepared there. A mirror that is new begins; one
 * that is no more becomes a binding of its own that is to be drained, which is returned, else
 * NULL. Cannot fail. */
struct binding *binding_use(struct binding *b, struct venue *v);
bool binding_is_at(const struct binding *b, const struct address *address);

void binding_drain(struct binding *b);
size_t binding_tcp(const struct binding *b); /* connections */
size_t binding_quic(const struct binding *b);
size_t binding_quic_handshakes(const struct binding *b); /* of them */
bool binding_idle(const struct binding *b);              /* drained, and no connection is left */
void binding_free(struct binding *b);                    /* closes what is open */

#endif
