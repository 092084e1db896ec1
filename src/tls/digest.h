/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Random bytes, digests and base64 for everybody else. */

int random_bytes(void *to, size_t n); /* getrandom; 0 or ERR_SYSTEM */
/* What to say then. */
#define RANDOM_ADVICE "the kernel gives no random bytes: does a sandbox forbid getrandom?"
void digest_sha256(struct str s, uint8_t ret_digest[32]);
/* HMAC-SHA-256 (RFC 2104), for keys derived from a kept secret. */
void digest_hmac_sha256(struct str key, struct str s, uint8_t ret_digest[32]);
void base64_encode(struct buf *to, struct str s);   /* RFC 4648 4, padded */
void hex_encode(const void *p, size_t n, char *to); /* 2n + 1 bytes */

#endif
