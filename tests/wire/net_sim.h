/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_NET_SIM_H
#define TESTS_WIRE_NET_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/engine.h"
#include "base/turn.h"

/* Two datagram engines (a client's and a server's) joined in memory, with virtual time: what
 * net/port.c does with sockets, over a bad network. What is lost, late, doubled or damaged is
 * drawn from the seed: the same seed gives the same run (but for the keys, which are random).
 *
 *     struct turn turn;  turn_init(&turn);
 *     struct net_sim *n = net_sim_new(&turn, client, server, 1);
 *     assert_true(net_sim_run(n, 10 * SECOND_NS, done, &state));
 *     net_sim_free(n);  turn_run(&turn, SIZE_MAX);  turn_fini(&turn);
 *
 * The engines belong to the network and are freed with it. NULL: nobody is there. */

struct net_sim;
enum { NET_SIM_A, NET_SIM_B }; /* a: the client by custom */

struct net_sim_rules {
    uint64_t delay_ns;
    unsigned loss, reorder, duplicate, corrupt; /* of 1,000 datagrams */
    size_t mtu;                                 /* longer payloads vanish; 0: all pass */
    size_t max_segments;                        /* of one pull; 0: 16 */
};

struct net_sim_count {
    uint64_t datagrams, bytes;
    uint64_t ecn;     /* datagrams with one of the bits */
    uint64_t longest; /* burst, in datagrams */
};

struct addr net_sim_addr(int side); /* 10.0.0.1:50000 and 10.0.0.2:443 */

struct net_sim *net_sim_new(struct turn *turn, struct datagram_engine *a, struct datagram_engine *b,
                            uint64_t seed);
struct net_sim_rules *net_sim_rules(struct net_sim *n); /* may be changed at any time */

/* Called for each datagram in flight; may change it. false: it is lost. */
void net_sim_tap(struct net_sim *n, bool (*tap)(void *context, int from, uint8_t *p, size_t size),
                 void *context);

/* From now on b sees a at this address (NAT rebinding), and the old one is dead. */
void net_sim_nat(struct net_sim *n, const struct addr *outside);
/* a has moved by itself: datagrams from and to this address are a's as well. */
void net_sim_also(struct net_sim *n, const struct addr *inside);
/* Frees the engine of that side, and another takes its place. */
void net_sim_replace(struct net_sim *n, int side, struct datagram_engine *e);
/* A datagram out of nowhere. */
void net_sim_inject(struct net_sim *n, int to, const struct addr *from, const void *p, size_t size);
struct net_sim_count net_sim_count(const struct net_sim *n, int from);

/* Until done says true (then true), until nothing can happen any more, or until max_ns of
 * virtual time went by. */
bool net_sim_run(struct net_sim *n, uint64_t max_ns, bool (*done)(void *context), void *context);

void net_sim_free(struct net_sim *n);

#endif
