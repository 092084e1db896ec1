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

/* The parts of a ticket, as wolfSSL lays them out. */
struct seal_ticket {
    unsigned char *name, *iv, *mac;
    struct span bytes; /* in place */
};

/* As wolfSSL wants it: WOLFSSL_TICKET_RET_OK, or _REJECT: without resumption then. */
int seal_close(const struct seal *seal, const struct seal_ticket *t);
int seal_open(const struct seal *seal, const struct seal_ticket *t);

#endif
