/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_PEM_H
#define PKI_PEM_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* The textual encoding of keys and certificates (RFC 7468). */

/* One block. */
void pem_add(struct buf *to, const char *label, struct str bytes);

struct pem_block {
    struct str label; /* "CERTIFICATE" */
    struct str body;  /* still base64 */
};

/* Takes the next block off *text, skipping what is between blocks. false: there is no
 * further one that is complete. */
bool pem_next(struct str *text, struct pem_block *ret_block);

/* 0, ERR_INVALID, or ERR_UNSUPPORTED: encrypted (RFC 1421 headers). */
int pem_decode(const struct pem_block *block, struct buf *to);

/* Frees what held a secret, without a trace in memory. */
void pem_wipe(struct buf *b);

#endif
