/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_QUIC_PAIR_H
#define TESTS_WIRE_QUIC_PAIR_H

#include "net_sim.h"
#include "quic/quic.h"

/* A QUIC client and a QUIC server with a network between them; what runs on top is what accept
 * of each side's config says. */

struct quic_pair {
    struct turn *turn;
    struct tls_context *client_tls, *server_tls;
    struct quic_config client_config, server_config;
    struct datagram_engine *client, *server;
    struct net_sim *net;
};

/* The server shows this chain with the usual key, and the client trusts this CA. */
void quic_pair_contexts(const char *chain_pem, const char *ca_pem, struct tls_context **ret_server,
                        struct tls_context **ret_client);

void quic_pair_init(struct quic_pair *q, struct turn *turn, void *accept_context);
void quic_pair_join(struct quic_pair *q, uint64_t seed); /* the configs are as wanted */
/* The network and its engines end; the contexts are needed until the turn has run once more. */
void quic_pair_end(struct quic_pair *q);
void quic_pair_fini(struct quic_pair *q);

#endif
