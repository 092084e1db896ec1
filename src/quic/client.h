/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_CLIENT_H
#define QUIC_CLIENT_H

#include "quic/quic.h"

/* quic_client_new with the version to begin with: for tests of Version Negotiation (a reserved
 * version, RFC 9000 15) and of version 2. */
struct datagram_engine *client_new(const struct quic_config *config, const struct addr *local,
                                   const struct addr *remote, const char *host, uint32_t version);

#endif
