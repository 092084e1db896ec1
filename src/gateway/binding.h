/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_BINDING_H
#define GATEWAY_BINDING_H

#include "gateway/config/config.h"
#include "gateway/site.h"
#include "gateway/worker.h"
#include "net/listener.h"
#include "net/port.h"
#include "tls/context.h"

/* One address that is listened on, and the sites that share it: HTTPS on TCP, and its mirror,
 * HTTP/3 on the same UDP port, for those that have one. */

struct binding {
    struct worker *worker;
    struct addr addr; /* with the port that was got */
    bool optional;    /* as config_listen */
    struct site *sites;
    struct site_set tcp_sites, udp_sites;
    struct listener *tcp;
    struct port *udp;             /* NULL: no mirror */
    struct datagram_engine *quic; /* udp's, while that is there */
    struct tls_context *tcp_tls, *quic_tls;
    char problem[256]; /* why there is no mirror, or why opening failed */
};

struct binding_config {
    struct worker *worker;
    struct tls_keylog *keylog; /* NULL: none */
    const uint8_t *secret;     /* 32 bytes, for QUIC's tokens and resets */
};

/* Room for n sites at the address. 0 or ERR_NO_MEMORY. */
int binding_init(struct binding *b, const struct config_listen *listen, size_t n);
/* Before it is opened. identity outlives the binding. 0 or ERR_SYSTEM. */
int binding_add(struct binding *b, const struct config_server *server,
                const struct identity *identity, struct log *log);

/* 0, or a negative err with a sentence in b->problem: nothing is open then. UDP alone refused:
 * 0, udp NULL, problem says why. */
int binding_open(struct binding *b, const struct binding_config *config);
/* A sentence for people: why one cannot listen there. errno is as it was then. */
enum { BINDING_PROBLEM = 256 };
void binding_describe(const struct addr *addr, const char *what, int err, char to[BINDING_PROBLEM]);
void binding_drain(struct binding *b);
bool binding_idle(const struct binding *b); /* drained, and no connection is left */
void binding_fini(struct binding *b);       /* closes what is open */

#endif
