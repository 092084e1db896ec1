/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_SECRET_H
#define GATEWAY_SECRET_H

#include <stdint.h>

#include "base/log.h"
#include "sys/place.h"

/* The secrets that keys of all workers and generations come from.
 *
 * That of QUIC's tokens and stateless resets is kept beside the CA, so that a gateway which was
 * killed can still tell its old clients that their connections are gone. Where it cannot be
 * kept, a new one serves, and a line in the log says so. That of session tickets is never
 * kept: it opens what was recorded of TLS 1.2. */

enum { SECRET_BYTES = 32 };

struct secrets {
    uint8_t quic[SECRET_BYTES], tickets[SECRET_BYTES];
};

/* 0 or ERR_SYSTEM, told in the log. */
int secrets_load(place_env *env, struct log *log, struct secrets *ret_secrets);

#endif
