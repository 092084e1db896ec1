/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ngtcp2/ngtcp2_crypto.h>
#include <stdlib.h>
#include <string.h>

#include "quic/crypto.h"
#include "tls/digest.h"

#include <wolfssl/options.h>

#include <wolfssl/quic.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/hmac.h>

/* RFC 9001 5.3: all AEADs of TLS 1.3 that QUIC takes have these. */
enum { TAG = 16, NONCE = 12 };

enum cipher { AES_GCM, CHACHA20_POLY1305 };

/* What a cipher suite of TLS 1.3 means for packets. */
struct crypto_suite {
    enum cipher cipher;
    int hash; /* as wolfCrypt numbers them */
    size_t key_n, hash_n;
    uint64_t max_encryption, max_decryption_failure; /* RFC 9001 6.6 */
};

static const struct crypto_suite aes_128 = {AES_GCM, WC_SHA256,         16,
                                            32,      UINT64_C(1) << 23, UINT64_C(1) << 52};
static const struct crypto_suite aes_256 = {AES_GCM, WC_SHA384,         32,
                                            48,      UINT64_C(1) << 23, UINT64_C(1) << 52};
static const struct crypto_suite chacha20 = {CHACHA20_POLY1305, WC_SHA256,        32, 32,
                                             UINT64_C(1) << 62, UINT64_C(1) << 36};

/* Initial packets, Retry and tokens: keys that go soon, or are everybody's. */
static const struct crypto_ring initial = {.suite = &aes_128};

/* For packets, or for headers. ngtcp2 derives the keys of the next phase long before they are
 * used, if ever. */
struct key {
    struct list link; /* crypto_ring.keys */
    const struct crypto_suite *suite;
    bool for_headers;
    uint8_t bytes[32];
    Aes *aes; /* NULL: not used yet or at rest, or ChaCha20 */
};

/* As ngtcp2 wants it: 0 or -1. */
static int outcome(int bad) {
    return bad == 0 ? 0 : -1;
}

/* ---- suites ---- */

static const struct crypto_suite *suite_of(const void *native_handle) {
    const struct crypto_ring *ring = native_handle;
    return ring->suite;
}

static ngtcp2_crypto_aead *set_aead(ngtcp2_crypto_aead *aead, const struct crypto_ring *ring) {
    aead->native_handle = (void *)(uintptr_t)ring;
    aead->max_overhead = TAG;
    return aead;
}

static ngtcp2_crypto_ctx *set_ring(ngtcp2_crypto_ctx *ctx, const struct crypto_ring *ring) {
    set_aead(&ctx->aead, ring);
    ctx->md.native_handle = ctx->hp.native_handle = ctx->aead.native_handle;
    ctx->max_encryption = ring->suite->max_encryption;
    ctx->max_decryption_failure = ring->suite->max_decryption_failure;
    return ctx;
}

/* Initial packets have no limits: their keys are known to all. */
ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_initial(ngtcp2_crypto_ctx *ctx) {
    set_ring(ctx, &initial);
    ctx->max_encryption = ctx->max_decryption_failure = 0;
    return ctx;
}

/* NULL: none that QUIC can use. */
static const struct crypto_suite *agreed_suite(WOLFSSL *ssl) {
    const WOLFSSL_EVP_CIPHER *agreed = wolfSSL_quic_get_aead(ssl);
    if (!agreed)
        return NULL;
    if (wolfSSL_quic_aead_is_chacha20(agreed))
        return &chacha20;
    if (!wolfSSL_quic_aead_is_gcm(agreed))
        return NULL;
    return wolfSSL_EVP_Cipher_key_length(agreed) == 16 ? &aes_128 : &aes_256;
}

ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_tls(ngtcp2_crypto_ctx *ctx, void *session) {
    struct crypto_link *link = wolfSSL_get_app_data(session);
    link->ring.suite = agreed_suite(session);
    return link->ring.suite ? set_ring(ctx, &link->ring) : NULL;
}

ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_tls_early(ngtcp2_crypto_ctx *ctx, void *session) {
    return ngtcp2_crypto_ctx_tls(ctx, session);
}

ngtcp2_crypto_aead *ngtcp2_crypto_aead_aes_128_gcm(ngtcp2_crypto_aead *aead) {
    return set_aead(aead, &initial);
}

ngtcp2_crypto_aead *ngtcp2_crypto_aead_retry(ngtcp2_crypto_aead *aead) {
    return set_aead(aead, &initial);
}

ngtcp2_crypto_md *ngtcp2_crypto_md_sha256(ngtcp2_crypto_md *md) {
    md->native_handle = (void *)(uintptr_t)&initial;
    return md;
}

size_t ngtcp2_crypto_md_hashlen(const ngtcp2_crypto_md *md) {
    return suite_of(md->native_handle)->hash_n;
}

size_t ngtcp2_crypto_aead_keylen(const ngtcp2_crypto_aead *aead) {
    return suite_of(aead->native_handle)->key_n;
}

size_t ngtcp2_crypto_aead_noncelen(const ngtcp2_crypto_aead *aead) {
    (void)aead;
    return NONCE;
}

/* ---- keys ---- */

static void aes_free(Aes *aes) {
    if (!aes)
        return;
    wc_AesFree(aes);
    explicit_bzero(aes, sizeof(*aes));
    free(aes);
}

static void key_free(struct key *k) {
    if (!k)
        return;
    list_remove(&k->link);
    aes_free(k->aes);
    explicit_bzero(k, sizeof(*k));
    free(k);
}

/* native_handle: whose key it is. */
static int make_key(void *native_handle, const uint8_t *bytes, bool for_headers, void **ret_key) {
    struct crypto_ring *ring = native_handle;
    struct key *k = calloc(1, sizeof(*k));
    if (!k)
        return -1;
    list_init(&k->link);
    if (ring->keys.next)
        list_append(&ring->keys, &k->link);
    k->suite = ring->suite;
    k->for_headers = for_headers;
    memcpy(k->bytes, bytes, k->suite->key_n);
    *ret_key = k;
    return 0;
}

static int aes_set(const struct key *k, Aes *aes) {
    word32 n = (word32)k->suite->key_n;
    if (wc_AesInit(aes, NULL, INVALID_DEVID) != 0)
        return -1;
    return k->for_headers ? wc_AesSetKey(aes, k->bytes, n, NULL, AES_ENCRYPTION)
                          : wc_AesGcmSetKey(aes, k->bytes, n);
}

/* NULL: no memory. */
static Aes *aes_of(struct key *k) {
    if (k->aes)
        return k->aes;
    Aes *aes = calloc(1, sizeof(*aes));
    if (!aes)
        return NULL;
    if (aes_set(k, aes) != 0) {
        aes_free(aes);
        return NULL;
    }
    return k->aes = aes;
}

size_t crypto_ring_rest(struct crypto_ring *ring) {
    size_t n = 0;
    list_each(&ring->keys, at, next) {
        struct key *k = list_entry(at, struct key, link);
        n += k->aes != NULL;
        aes_free(k->aes);
        k->aes = NULL;
    }
    return n;
}

int ngtcp2_crypto_aead_ctx_encrypt_init(ngtcp2_crypto_aead_ctx *ctx, const ngtcp2_crypto_aead *aead,
                                        const uint8_t *key, size_t nonce_n) {
    return nonce_n == NONCE ? make_key(aead->native_handle, key, false, &ctx->native_handle) : -1;
}

int ngtcp2_crypto_aead_ctx_decrypt_init(ngtcp2_crypto_aead_ctx *ctx, const ngtcp2_crypto_aead *aead,
                                        const uint8_t *key, size_t nonce_n) {
    return ngtcp2_crypto_aead_ctx_encrypt_init(ctx, aead, key, nonce_n);
}

void ngtcp2_crypto_aead_ctx_free(ngtcp2_crypto_aead_ctx *ctx) {
    key_free(ctx->native_handle);
}

int ngtcp2_crypto_cipher_ctx_encrypt_init(ngtcp2_crypto_cipher_ctx *ctx,
                                          const ngtcp2_crypto_cipher *cipher, const uint8_t *key) {
    return make_key(cipher->native_handle, key, true, &ctx->native_handle);
}

void ngtcp2_crypto_cipher_ctx_free(ngtcp2_crypto_cipher_ctx *ctx) {
    key_free(ctx->native_handle);
}

/* ---- packets ---- */

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_encrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                          const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *plain, size_t n,
                          const uint8_t *nonce, size_t nonce_n, const uint8_t *aad, size_t aad_n) {
    struct key *k = ctx->native_handle;
    uint8_t *tag = dest + n;
    word32 size = (word32)n, aad_size = (word32)aad_n;
    (void)aead;
    (void)nonce_n;
    if (k->suite->cipher == CHACHA20_POLY1305)
        return outcome(
            wc_ChaCha20Poly1305_Encrypt(k->bytes, nonce, aad, aad_size, plain, size, dest, tag));
    Aes *aes = aes_of(k);
    return outcome(!aes || wc_AesGcmEncrypt(aes, dest, plain, size, nonce, NONCE, tag, TAG, aad,
                                            aad_size) != 0);
}

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_decrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                          const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *cipher, size_t n,
                          const uint8_t *nonce, size_t nonce_n, const uint8_t *aad, size_t aad_n) {
    struct key *k = ctx->native_handle;
    (void)aead;
    (void)nonce_n;
    if (n < TAG)
        return -1;
    word32 size = (word32)(n - TAG), aad_size = (word32)aad_n;
    const uint8_t *tag = cipher + size;
    if (k->suite->cipher == CHACHA20_POLY1305)
        return outcome(
            wc_ChaCha20Poly1305_Decrypt(k->bytes, nonce, aad, aad_size, cipher, size, tag, dest));
    Aes *aes = aes_of(k);
    return outcome(!aes || wc_AesGcmDecrypt(aes, dest, cipher, size, nonce, NONCE, tag, TAG, aad,
                                            aad_size) != 0);
}

/* RFC 9001 5.4.4: the first four bytes of the sample count, the rest is the nonce. */
static int chacha_mask(const uint8_t *key, const uint8_t *sample, uint8_t *mask) {
    static const uint8_t zeros[NGTCP2_HP_MASKLEN];
    ChaCha chacha;
    uint32_t counter = (uint32_t)sample[0] | (uint32_t)sample[1] << 8 | (uint32_t)sample[2] << 16 |
                       (uint32_t)sample[3] << 24;
    int bad = wc_Chacha_SetKey(&chacha, key, CHACHA20_POLY1305_AEAD_KEYSIZE);
    if (bad == 0)
        bad = wc_Chacha_SetIV(&chacha, sample + 4, counter);
    if (bad == 0)
        bad = wc_Chacha_Process(&chacha, mask, zeros, sizeof(zeros));
    explicit_bzero(&chacha, sizeof(chacha));
    return bad;
}

/* mask has room for a whole sample. */
int ngtcp2_crypto_hp_mask(uint8_t *mask, const ngtcp2_crypto_cipher *hp,
                          const ngtcp2_crypto_cipher_ctx *ctx, const uint8_t *sample) {
    struct key *k = ctx->native_handle;
    (void)hp;
    if (k->suite->cipher == CHACHA20_POLY1305)
        return outcome(chacha_mask(k->bytes, sample, mask));
    Aes *aes = aes_of(k);
    return outcome(!aes || wc_AesEcbEncrypt(aes, mask, sample, NGTCP2_HP_SAMPLELEN) != 0);
}

/* ---- secrets ---- */

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_hkdf_extract(uint8_t *dest, const ngtcp2_crypto_md *md, const uint8_t *secret,
                               size_t secret_n, const uint8_t *salt, size_t salt_n) {
    const struct crypto_suite *suite = suite_of(md->native_handle);
    return outcome(
        wc_HKDF_Extract(suite->hash, salt, (word32)salt_n, secret, (word32)secret_n, dest));
}

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_hkdf_expand(uint8_t *dest, size_t n, const ngtcp2_crypto_md *md,
                              const uint8_t *secret, size_t secret_n, const uint8_t *info,
                              size_t info_n) {
    const struct crypto_suite *suite = suite_of(md->native_handle);
    return outcome(wc_HKDF_Expand(suite->hash, secret, (word32)secret_n, info, (word32)info_n, dest,
                                  (word32)n));
}

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_hkdf(uint8_t *dest, size_t n, const ngtcp2_crypto_md *md, const uint8_t *secret,
                       size_t secret_n, const uint8_t *salt, size_t salt_n, const uint8_t *info,
                       size_t info_n) {
    const struct crypto_suite *suite = suite_of(md->native_handle);
    return outcome(wc_HKDF(suite->hash, secret, (word32)secret_n, salt, (word32)salt_n, info,
                           (word32)info_n, dest, (word32)n));
}

int ngtcp2_crypto_random(uint8_t *to, size_t n) {
    return outcome(random_bytes(to, n));
}

int ngtcp2_crypto_get_path_challenge_data2_cb(ngtcp2_conn *conn, ngtcp2_path_challenge_data *to,
                                              void *user) {
    (void)conn;
    (void)user;
    return random_bytes(to->data, sizeof(to->data)) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}
