/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_CRYPTO_KEYS_H
#define QUIC_CRYPTO_KEYS_H

#include <ngtcp2/ngtcp2_crypto.h>

#include "base/list.h"

/* The part of ngtcp2_crypto that is written anew for each TLS library, straight on wolfCrypt.
 *
 * ngtcp2's own for wolfSSL goes through the EVP layer: twice the time for a packet, and a
 * random number generator is made, tested and thrown away for every secret that is derived,
 * more than half of what a handshake costs. libngtcp2_crypto_wolfssl has that part in one
 * object and what all TLS libraries share in another; as crypto_keys.c and crypto.c define
 * every function of the first, the linker takes only the second. Should a version of ngtcp2
 * ask for one more, the link fails with symbols defined twice.
 *
 * A key has an AES schedule, which is large (ngtcp2 keeps four of them for a connection), from its
 * first use on until its ring rests, and again from the next use on.
 */

/* What the native handles of aead, md and hp point to: the suite that a connection has agreed on,
 * and the keys made of it. */
struct crypto_ring {
    const struct crypto_suite *suite;
    struct list keys; /* next NULL: they are not kept together */
};

/* Drops the schedules of all keys: of how many. */
size_t crypto_ring_rest(struct crypto_ring *ring);

/* The rest is not in ngtcp2's public header: what the shared part calls. */

ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_initial(ngtcp2_crypto_ctx *ctx);
ngtcp2_crypto_aead *ngtcp2_crypto_aead_aes_128_gcm(ngtcp2_crypto_aead *aead);
ngtcp2_crypto_aead *ngtcp2_crypto_aead_retry(ngtcp2_crypto_aead *aead);
ngtcp2_crypto_md *ngtcp2_crypto_md_sha256(ngtcp2_crypto_md *md);
int ngtcp2_crypto_cipher_ctx_encrypt_init(ngtcp2_crypto_cipher_ctx *ctx,
                                          const ngtcp2_crypto_cipher *cipher, const uint8_t *key);
void ngtcp2_crypto_cipher_ctx_free(ngtcp2_crypto_cipher_ctx *ctx);
int ngtcp2_crypto_random(uint8_t *to, size_t n);
int ngtcp2_crypto_set_local_transport_params(void *session, const uint8_t *p, size_t n);
int ngtcp2_crypto_set_remote_transport_params(ngtcp2_conn *conn, void *session);

#endif
