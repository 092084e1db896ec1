/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_QUIC_ECHO_H
#define TESTS_WIRE_QUIC_ECHO_H

#include "net_sim.h"
#include "quic/quic.h"
#include "tls/context.h"

/* A quic_app for both ends. A server sends back what comes, on the stream on which it comes; a
 * client opens streams, sends a pattern on each and checks that it comes back. */

struct quic_echo_plan {
    unsigned streams;    /* that a client opens, as fast as it may */
    size_t bytes;        /* that it sends on each; a server's buffer for each */
    bool slow;           /* credit is given back in drops, by a timer */
    uint64_t reset_code; /* a client resets each stream after it sent half; 0: not */
};

struct quic_echo_count {
    unsigned opened, complete, damaged, reset, stopped, closed, apps, drained;
    uint64_t received;
};

/* One world: contexts, engines, network. */
struct quic_world {
    struct turn turn;
    struct log log;
    char logged[4096];
    struct tls_context *client_tls, *server_tls;
    struct quic_config client_config, server_config;
    struct datagram_engine *client, *server;
    struct net_sim *net;
    struct quic_echo_plan plan;
    struct quic_echo_count client_count, server_count;
    struct quic_conn *server_conn; /* the latest */
    uint32_t version;              /* that the client begins with; 0: quic_client_new's */
    bool refuse;                   /* accept says no */
    const char *ca, *host;         /* that the client trusts and asks for */
    const char *suites;            /* that the client offers; NULL: all */
    const char *chain;             /* that the server shows */
};

/* world_init, then changes to plan and configs, then world_start. */
void world_init(struct quic_world *w);
void world_start(struct quic_world *w, uint64_t seed);
/* Runs until the client's plan is carried out, checks it, and that the network was good enough. */
bool world_run(struct quic_world *w, uint64_t max_ns);
/* Another client engine of the same plan; for worlds without a network too. */
struct datagram_engine *world_client(struct quic_world *w);
struct datagram_engine *world_server(struct quic_world *w);
/* Frees all and checks that no application is left. */
void world_fini(struct quic_world *w);

/* Ends the client's connection as an application does. */
void world_close(struct quic_world *w);

#endif
