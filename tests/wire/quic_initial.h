/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_QUIC_INITIAL_H
#define TESTS_WIRE_QUIC_INITIAL_H

#include <ngtcp2/ngtcp2_crypto.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An Initial packet of a client, sealed as anybody on the path can (RFC 9001 5.2): whatever
 * frames one likes, in a datagram of 1,200 bytes. */

/* In ngtcp2's library, but not in its headers. */
ngtcp2_crypto_md *ngtcp2_crypto_md_sha256(ngtcp2_crypto_md *md);
ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_initial(ngtcp2_crypto_ctx *ctx);
int ngtcp2_crypto_cipher_ctx_encrypt_init(ngtcp2_crypto_cipher_ctx *cipher_ctx,
                                          const ngtcp2_crypto_cipher *cipher, const uint8_t *key);
void ngtcp2_crypto_cipher_ctx_free(ngtcp2_crypto_cipher_ctx *cipher_ctx);

enum { QUIC_INITIAL_BYTES = 1200, QUIC_INITIAL_ID = 8 };

static inline void quic_initial_label(uint8_t *to, size_t n, const uint8_t secret[32],
                                      const char *label) {
    ngtcp2_crypto_md md;
    uint8_t info[40] = {0, (uint8_t)n, (uint8_t)(6 + strlen(label)), 't', 'l', 's', '1', '3', ' '};
    memcpy(info + 9, label, strlen(label));
    (void)ngtcp2_crypto_hkdf_expand(to, n, ngtcp2_crypto_md_sha256(&md), secret, 32, info,
                                    10 + strlen(label));
}

/* Keys follow from dcid. frames are padded. pn is below 256. */
static inline void quic_initial_seal(uint8_t to[QUIC_INITIAL_BYTES],
                                     const uint8_t dcid[QUIC_INITIAL_ID], uint8_t pn,
                                     const uint8_t *frames, size_t n) {
    static const uint8_t salt[20] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    uint8_t common[32], secret[32], key[16], iv[12], hp[16], mask[32];
    uint8_t plain[QUIC_INITIAL_BYTES] = {0};
    ngtcp2_crypto_ctx ctx;
    ngtcp2_crypto_aead_ctx aead;
    ngtcp2_crypto_cipher_ctx cipher;
    ngtcp2_crypto_ctx_initial(&ctx);
    (void)ngtcp2_crypto_hkdf_extract(common, &ctx.md, dcid, QUIC_INITIAL_ID, salt, sizeof(salt));
    quic_initial_label(secret, 32, common, "client in");
    quic_initial_label(key, 16, secret, "quic key");
    quic_initial_label(iv, 12, secret, "quic iv");
    quic_initial_label(hp, 16, secret, "quic hp");
    size_t at = 0, left;
    memcpy(to, "\xc0\0\0\0\1", 5);
    at = 5;
    to[at++] = QUIC_INITIAL_ID;
    memcpy(to + at, dcid, QUIC_INITIAL_ID);
    at += QUIC_INITIAL_ID;
    to[at++] = 4; /* our id */
    memcpy(to + at, "test", 4);
    at += 4;
    to[at++] = 0; /* no token */
    left = QUIC_INITIAL_BYTES - at - 2;
    to[at++] = (uint8_t)(0x40 | left >> 8);
    to[at++] = (uint8_t)left;
    size_t pn_at = at;
    to[at++] = pn;
    size_t plain_n = QUIC_INITIAL_BYTES - at - 16;
    memcpy(plain, frames, n < plain_n ? n : plain_n);
    iv[11] ^= pn;
    (void)ngtcp2_crypto_aead_ctx_encrypt_init(&aead, &ctx.aead, key, 12);
    (void)ngtcp2_crypto_encrypt(to + at, &ctx.aead, &aead, plain, plain_n, iv, 12, to, at);
    ngtcp2_crypto_aead_ctx_free(&aead);
    (void)ngtcp2_crypto_cipher_ctx_encrypt_init(&cipher, &ctx.hp, hp);
    (void)ngtcp2_crypto_hp_mask(mask, &ctx.hp, &cipher, to + pn_at + 4);
    ngtcp2_crypto_cipher_ctx_free(&cipher);
    to[0] ^= mask[0] & 0x0f;
    to[pn_at] ^= mask[1];
}

#endif
