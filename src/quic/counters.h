/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_COUNTERS_H
#define QUIC_COUNTERS_H

#include <stdint.h>

#include "base/err.h"
#include "quic/quic.h"

/* What a server's connections came to, for who asks from above. They only grow: what ngtcp2
 * counts for a connection is added when it ends, and quic_server_count adds those that live. */

struct quic_counters {
    uint64_t connections;
    uint64_t failures[ERR_KINDS]; /* of handshakes, by -err; ERR_REFUSED: by the peer's alert */
    uint64_t retries;             /* packets sent */
    uint64_t migrations;          /* to an address that was validated */
    uint64_t packets_sent, packets_received, packets_lost;
    uint64_t rtts, rtt_ns; /* of connections that ended: how many, their smoothed RTTs' sum */
};

void quic_counters_add(struct quic_counters *to, const struct quic_counters *from);
/* Adds to `to` what the live connections have so far. */
void quic_server_count(const struct datagram_engine *e, struct quic_counters *to);

/* ---- for quic/ ---- */
/* Before its ngtcp2 state goes. */
void counters_take(const struct quic_conn *c);
/* It ended with this error of ngtcp2 before there was an application. */
void counters_failure(const struct quic_conn *c, int liberr);

#endif
