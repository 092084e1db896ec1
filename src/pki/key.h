/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* A private key: made or loaded, it signs certificates and is written as PEM. The public half
 * is worked out from it, so a key always belongs to itself. */

enum key_kind {
    KEY_EC,  /* 256 bits (P-256), 384 (P-384), 521 (P-521) */
    KEY_RSA, /* 2048, 3072, 4096 */
    KEY_ED25519,
};

struct key;

/* bits 0: the usual ones (256, 2048). ERR_INVALID: not one of the above. RSA takes from a
 * tenth of a second to several seconds. */
int key_make(enum key_kind kind, unsigned bits, struct key **ret_key);

/* The first private key in the PEM text: PKCS#8, SEC1 or PKCS#1. ERR_NOT_FOUND: there is none;
 * ERR_UNSUPPORTED: it is encrypted, or of another kind; ERR_INVALID: it is broken. */
int key_load(struct str pem, struct key **ret_key);

void key_free(struct key *key); /* leaves nothing in memory */

enum key_kind key_kind(const struct key *key);
const char *key_text(const struct key *key); /* "P-256", "RSA 2048", "Ed25519" */

/* PKCS#8, unencrypted; free it with pem_wipe. */
int key_pem(struct key *key, struct buf *to);

/* SubjectPublicKeyInfo in DER. */
int key_spki(struct key *key, struct buf *to);

/* The same public key, given as SubjectPublicKeyInfo? */
bool key_fits(struct key *key, struct str spki);

/* AlgorithmIdentifier of what key_sign makes: ECDSA or RSA (PKCS#1) with SHA-256, Ed25519. */
void key_algorithm(const struct key *key, struct buf *to);
int key_sign(struct key *key, struct str message, struct buf *to);

/* A signature that key_sign could have made. */
bool key_verify(struct key *key, struct str message, struct str signature);

#endif
