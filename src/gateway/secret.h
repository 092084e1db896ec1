/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_SECRET_H
#define GATEWAY_SECRET_H

#include <stdint.h>

#include "base/log.h"
#include "sys/place.h"

/* The secret that QUIC's tokens and stateless resets come from. It is kept beside the CA, so
 * that a gateway which was killed can still tell its old clients that their connections are
 * gone. Where it cannot be kept, a new one serves, and a line in the log says so. */

enum { SECRET_BYTES = 32 };

int secret_load(place_env *env, struct log *log, uint8_t ret_secret[SECRET_BYTES]);

#endif
