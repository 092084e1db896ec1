/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_SETTINGS_H
#define QUIC_SETTINGS_H

#include <ngtcp2/ngtcp2.h>

#include "quic/quic.h"

/* ngtcp2's settings and our transport parameters (RFC 9000 18.2), both from quic_config. */

enum { SETTINGS_VERSIONS = 2 };
extern const uint32_t settings_versions[SETTINGS_VERSIONS]; /* that we speak */

void settings_fill(const struct quic_config *config, bool is_server, ngtcp2_settings *ret_settings);
void settings_params(const struct quic_config *config, ngtcp2_transport_params *ret_params);

#endif
