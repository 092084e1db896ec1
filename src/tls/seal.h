/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_SEAL_H
#define TLS_SEAL_H

#include <stdint.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "base/str.h"

/* Session tickets (RFC 5077, RFC 8446 4.6.1) as a server seals them: AES-256-GCM under a key that
 * is derived from a secret of the process and from all that a ticket must not outlive (the
 * server, its way of asking for client certificates, their CA). So contexts that stand for the
 * same server take one another's tickets, those of other workers and of the configuration
 * before a reload, and no other does. wolfSSL's own keys are of one context only. */

struct seal {
    uint8_t key[32], name[WOLFSSL_TICKET_NAME_SZ];
};

/* binding: what a ticket is for. secret has 32 bytes. */
void seal_init(struct seal *seal, const uint8_t secret[32], struct str binding);
/* seal outlives the context. */
void seal_use(struct seal *seal, WOLFSSL_CTX *native);

#endif
