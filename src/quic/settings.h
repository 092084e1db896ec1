/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_SETTINGS_H
#define QUIC_SETTINGS_H

#include <ngtcp2/ngtcp2.h>

#include "quic/quic.h"

/* ngtcp2's settings and our transport parameters (RFC 9000 18.2), both from quic_config. */

enum { SETTINGS_VERSIONS = 2 };
/* So many connection ids a peer may give us at a time (RFC 9000 5.1.1). ngtcp2 has to be content
 * with one more: when a client migrates while the path before is still validated, after a NAT
 * rebinding say, ngtcp2 gives the old id back, but counts it until the new path is validated;
 * what the peer sends in its place would be one too many. */
enum { SETTINGS_IDS_TOLD = 4, SETTINGS_IDS_COUNTED = SETTINGS_IDS_TOLD + 1 };

extern const uint32_t settings_versions[SETTINGS_VERSIONS]; /* that we speak */

void settings_fill(const struct quic_config *config, bool is_server, ngtcp2_settings *ret_settings);
void settings_params(const struct quic_config *config, ngtcp2_transport_params *ret_params);

/* Of our parameters, as ngtcp2 has encoded them, what the peer is told. The length, or an error
 * of ngtcp2. */
ngtcp2_ssize settings_tell(const uint8_t *p, size_t n, uint8_t *to, size_t cap);

#endif
