/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_DATAGRAM_H
#define SYS_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/engine.h"

/* UDP as Linux can do it, and as the engine wants it: struct datagram in and out. What the
 * kernel lacks is a missing feature bit; the calls work all the same. */

enum datagram_feature {
    DATAGRAM_GSO = 1u << 0,   /* several segments in one send */
    DATAGRAM_GRO = 1u << 1,   /* several in one receive */
    DATAGRAM_ECN = 1u << 2,   /* both ways */
    DATAGRAM_PMTUD = 1u << 3, /* nothing is fragmented, no size refused for an old ICMP */
};

enum {
    DATAGRAM_BYTES = 65535, /* the most that one receive gives */
    DATAGRAM_SEND = 65000,  /* the most that one send takes, headers fit beside it */
    DATAGRAM_SEGMENTS = 64, /* UDP_MAX_SEGMENTS */
    DATAGRAM_BATCH = 16,
};

/* Asks for all of it on a bound or connected socket: the features that are there. */
unsigned datagram_set_up(int fd, int family);

/* Fills up to n (at most DATAGRAM_BATCH) datagrams, whose data and cap are given. local gets
 * its port from bound. How many came: 0 is none now; ERR_REFUSED (an ICMP on a connected
 * socket) or ERR_SYSTEM. */
int datagram_receive(int fd, const struct addr *bound, struct datagram *batch, int n);

/* Sends one struct datagram, cutting it up when GSO is refused (then the bit in features is
 * cleared). connected: to nobody but the socket's peer. 0; ERR_AGAIN: nothing was sent;
 * ERR_LIMIT: dropped, too large for the path; ERR_REFUSED, ERR_SYSTEM: dropped. */
int datagram_send(int fd, const struct datagram *d, bool connected, unsigned *features);

/* "gso gro ecn pmtud", as a static text. */
const char *datagram_features_text(unsigned features);

#endif
