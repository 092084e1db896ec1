/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_BINDING_H
#define GATEWAY_BINDING_H

#include "gateway/config.h"
#include "gateway/identity.h"
#include "gateway/issuer.h"
#include "gateway/worker.h"
#include "net/listener.h"
#include "net/port.h"
#include "tls/context.h"

/* One address that is listened on: HTTPS on TCP, and its mirror, HTTP/3 on the same UDP port.
 * Connections know theirs as peer->server. */

struct binding {
    struct worker *worker;
    const struct config_server *server;
    struct addr addr; /* with the port that was got */
    struct listener *tcp;
    struct port *udp; /* NULL: no mirror */
    struct tls_context *tcp_tls, *quic_tls;
    struct issuer issuer;
    char alt_svc[64];  /* "" unless UDP is bound */
    char problem[256]; /* why there is no mirror, or why opening failed */
};

struct binding_config {
    struct worker *worker;
    const struct config_server *server;
    const struct config_listen *listen;
    const struct identity *identity;
    struct tls_keylog *keylog; /* NULL: none */
    const uint8_t *secret;     /* 32 bytes, for QUIC's tokens and resets */
};

/* 0, or a negative err with a sentence in b->problem: nothing is open then. UDP alone refused:
 * 0, udp NULL, problem says why. */
int binding_open(struct binding *b, const struct binding_config *config);
void binding_drain(struct binding *b);
bool binding_idle(const struct binding *b); /* drained, and no connection is left */
void binding_close(struct binding *b);

#endif
