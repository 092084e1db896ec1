/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_QUIC_LIAR_H
#define TESTS_WIRE_QUIC_LIAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net_sim.h"

/* A client with the right keys and wrong frames, in two ways: what it has to say is replaced just
 * before it is encrypted; or, once its 1-RTT keys are known, packets are made by hand, as many as
 * one likes. ngtcp2's encrypt has no context, so there is one liar at a time. */

enum liar_when { LIAR_SHORT, LIAR_INITIAL, LIAR_HANDSHAKE }; /* in which packets */

/* The client's only connection begins anew, with lies to come. Before its first packet. */
void liar_start(struct datagram_engine *client);

/* The next packet of that kind that has room says this and nothing else. */
void liar_says(enum liar_when when, const void *frames, size_t n);
bool liar_said(void);

/* From now on nothing that the two ends send arrives, but what is made by hand: the server acks it,
 * and the honest client would close for that. */
void liar_alone(struct net_sim *net);
/* A packet of these frames to the server, which takes it now. */
void liar_sends(struct net_sim *net, const void *frames, size_t n);
void liar_sends_from(struct net_sim *net, const struct addr *from, const void *frames, size_t n);

/* What is allocated in all, as ASan has it; 0 without: TSan counts the sizes of its own classes. */
size_t liar_allocated(void);

#endif
