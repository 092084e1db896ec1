/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_TRACE_H
#define QUIC_TRACE_H

#include "quic/conn.h"

/* The qlog of a connection: ngtcp2 writes it, quic_config.qlog keeps it. It begins before
 * ngtcp2's state and ends after it, as both its birth and its death are in there. */

/* A qlog begins, if one is wanted; before ngtcp2's state is made with these settings. */
void trace_begin(struct quic_conn *c, const ngtcp2_cid *id, ngtcp2_settings *settings);
/* ngtcp2's state goes, and with it the qlog. */
void trace_end(struct quic_conn *c);

#endif
