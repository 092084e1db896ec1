/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_ISSUE_H
#define PKI_ISSUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "pki/key.h"

/* Puts a certificate together and signs it: what CA and leaf have in common. */

struct issue {
    struct str issuer, subject; /* Name, whole */
    struct str spki;            /* of the one who gets it */
    struct str extensions;      /* one after the other, as issue_extension adds them */
    int64_t not_before_s, not_after_s;
    struct key *signer;
};

/* The certificate in DER, with a random serial of 127 bits. */
int issue_sign(const struct issue *issue, struct buf *to);

/* Name of an organisation and a common name; the latter may be NULL. What is no printable
 * ASCII turns into '?', what is too long is cut (64 characters, RFC 5280). */
void issue_name(const char *organisation, const char *common_name, struct buf *to);

void issue_extension(struct buf *to, struct str oid, bool critical, struct str value);

/* The bits of issue_key_usage. */
enum {
    USAGE_SIGNATURE = 1u << 0,
    USAGE_KEY_ENCIPHERMENT = 1u << 2,
    USAGE_CERT_SIGN = 1u << 5,
    USAGE_CRL_SIGN = 1u << 6,
};
void issue_key_usage(struct buf *to, unsigned bits);      /* critical */
void issue_ca_constraint(struct buf *to);                 /* CA:TRUE, pathlen:0, critical */
void issue_leaf_constraint(struct buf *to);               /* CA:FALSE */
void issue_subject_key_id(struct buf *to, struct str id); /* with the bytes of issue_key_id */
void issue_authority_key_id(struct buf *to, struct str id);

enum { KEY_ID = 20 };

/* The first 160 bits of SHA-256 over the public key (RFC 7093 2). */
int issue_key_id(struct str spki, uint8_t to[KEY_ID]);

#endif
