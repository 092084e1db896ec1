/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ngtcp2/ngtcp2_crypto.h>
#include <stdlib.h>
#include <string.h>

#include "quic/crypto_keys.h"
#include "tls/digest.h"

#include <wolfssl/options.h>

#include <wolfssl/quic.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/hmac.h>

/* RFC 9001 5.3: all AEADs of TLS 1.3 that QUIC takes have these. */
enum { TAG = 16, NONCE = 12 };

enum cipher { AES_GCM, CHACHA20_POLY1305 };

/* What a cipher suite of TLS 1.3 means for packets; the native handle of aead, md and hp. */
struct suite {
    enum cipher cipher;
    int hash; /* as wolfCrypt numbers them */
    size_t key_n, hash_n;
    uint64_t max_encryption, max_decryption_failure; /* RFC 9001 6.6 */
};

static const struct suite aes_128 = {AES_GCM, WC_SHA256,         16,
                                     32,      UINT64_C(1) << 23, UINT64_C(1) << 52};
static const struct suite aes_256 = {AES_GCM, WC_SHA384,         32,
                                     48,      UINT64_C(1) << 23, UINT64_C(1) << 52};
static const struct suite chacha20 = {CHACHA20_POLY1305, WC_SHA256,        32, 32,
                                      UINT64_C(1) << 62, UINT64_C(1) << 36};

/* For packets, or for headers. */
struct key {
    const struct suite *suite;
    union {
        Aes aes;
        uint8_t chacha[CHACHA20_POLY1305_AEAD_KEYSIZE];
    };
};

/* ---- suites ---- */

static ngtcp2_crypto_aead *set_aead(ngtcp2_crypto_aead *aead, const struct suite *suite) {
    aead->native_handle = (void *)(uintptr_t)suite;
    aead->max_overhead = TAG;
    return aead;
}

static ngtcp2_crypto_ctx *set_suite(ngtcp2_crypto_ctx *ctx, const struct suite *suite) {
    set_aead(&ctx->aead, suite);
    ctx->md.native_handle = ctx->hp.native_handle = ctx->aead.native_handle;
    ctx->max_encryption = suite->max_encryption;
    ctx->max_decryption_failure = suite->max_decryption_failure;
    return ctx;
}

/* Initial packets have no limits: their keys are known to all. */
ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_initial(ngtcp2_crypto_ctx *ctx) {
    set_suite(ctx, &aes_128);
    ctx->max_encryption = ctx->max_decryption_failure = 0;
    return ctx;
}

ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_tls(ngtcp2_crypto_ctx *ctx, void *session) {
    const WOLFSSL_EVP_CIPHER *agreed = wolfSSL_quic_get_aead(session);
    if (!agreed)
        return NULL;
    if (wolfSSL_quic_aead_is_chacha20(agreed))
        return set_suite(ctx, &chacha20);
    if (!wolfSSL_quic_aead_is_gcm(agreed))
        return NULL;
    return set_suite(ctx, wolfSSL_EVP_Cipher_key_length(agreed) == 16 ? &aes_128 : &aes_256);
}

ngtcp2_crypto_ctx *ngtcp2_crypto_ctx_tls_early(ngtcp2_crypto_ctx *ctx, void *session) {
    return ngtcp2_crypto_ctx_tls(ctx, session);
}

ngtcp2_crypto_aead *ngtcp2_crypto_aead_aes_128_gcm(ngtcp2_crypto_aead *aead) {
    return set_aead(aead, &aes_128);
}

ngtcp2_crypto_aead *ngtcp2_crypto_aead_retry(ngtcp2_crypto_aead *aead) {
    return set_aead(aead, &aes_128);
}

ngtcp2_crypto_md *ngtcp2_crypto_md_sha256(ngtcp2_crypto_md *md) {
    md->native_handle = (void *)(uintptr_t)&aes_128;
    return md;
}

size_t ngtcp2_crypto_md_hashlen(const ngtcp2_crypto_md *md) {
    const struct suite *suite = md->native_handle;
    return suite->hash_n;
}

size_t ngtcp2_crypto_aead_keylen(const ngtcp2_crypto_aead *aead) {
    const struct suite *suite = aead->native_handle;
    return suite->key_n;
}

size_t ngtcp2_crypto_aead_noncelen(const ngtcp2_crypto_aead *aead) {
    (void)aead;
    return NONCE;
}

/* ---- keys ---- */

static void key_free(struct key *k) {
    if (!k)
        return;
    if (k->suite->cipher == AES_GCM)
        wc_AesFree(&k->aes);
    explicit_bzero(k, sizeof(*k));
    free(k);
}

/* NULL: no memory. */
static struct key *key_new(const struct suite *suite) {
    struct key *k = calloc(1, sizeof(*k));
    if (!k)
        return NULL;
    k->suite = suite;
    if (suite->cipher == AES_GCM && wc_AesInit(&k->aes, NULL, INVALID_DEVID) != 0) {
        free(k);
        return NULL;
    }
    return k;
}

static int set_key(struct key *k, const uint8_t *bytes, bool for_headers) {
    word32 n = (word32)k->suite->key_n;
    if (k->suite->cipher == CHACHA20_POLY1305) {
        memcpy(k->chacha, bytes, n);
        return 0;
    }
    return for_headers ? wc_AesSetKey(&k->aes, bytes, n, NULL, AES_ENCRYPTION)
                       : wc_AesGcmSetKey(&k->aes, bytes, n);
}

static int make_key(const void *suite, const uint8_t *bytes, bool for_headers, void **ret_key) {
    struct key *k = key_new(suite);
    if (!k || set_key(k, bytes, for_headers) != 0) {
        key_free(k);
        return -1;
    }
    *ret_key = k;
    return 0;
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
    (void)aead;
    (void)nonce_n;
    int bad = k->suite->cipher == AES_GCM
                  ? wc_AesGcmEncrypt(&k->aes, dest, plain, (word32)n, nonce, NONCE, tag, TAG, aad,
                                     (word32)aad_n)
                  : wc_ChaCha20Poly1305_Encrypt(k->chacha, nonce, aad, (word32)aad_n, plain,
                                                (word32)n, dest, tag);
    return bad == 0 ? 0 : -1;
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
    n -= TAG;
    int bad = k->suite->cipher == AES_GCM
                  ? wc_AesGcmDecrypt(&k->aes, dest, cipher, (word32)n, nonce, NONCE, cipher + n,
                                     TAG, aad, (word32)aad_n)
                  : wc_ChaCha20Poly1305_Decrypt(k->chacha, nonce, aad, (word32)aad_n, cipher,
                                                (word32)n, cipher + n, dest);
    return bad == 0 ? 0 : -1;
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
    int bad = k->suite->cipher == AES_GCM
                  ? wc_AesEcbEncrypt(&k->aes, mask, sample, NGTCP2_HP_SAMPLELEN)
                  : chacha_mask(k->chacha, sample, mask);
    return bad == 0 ? 0 : -1;
}

/* ---- secrets ---- */

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_hkdf_extract(uint8_t *dest, const ngtcp2_crypto_md *md, const uint8_t *secret,
                               size_t secret_n, const uint8_t *salt, size_t salt_n) {
    const struct suite *suite = md->native_handle;
    return wc_HKDF_Extract(suite->hash, salt, (word32)salt_n, secret, (word32)secret_n, dest) == 0
               ? 0
               : -1;
}

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_hkdf_expand(uint8_t *dest, size_t n, const ngtcp2_crypto_md *md,
                              const uint8_t *secret, size_t secret_n, const uint8_t *info,
                              size_t info_n) {
    const struct suite *suite = md->native_handle;
    return wc_HKDF_Expand(suite->hash, secret, (word32)secret_n, info, (word32)info_n, dest,
                          (word32)n) == 0
               ? 0
               : -1;
}

/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_hkdf(uint8_t *dest, size_t n, const ngtcp2_crypto_md *md, const uint8_t *secret,
                       size_t secret_n, const uint8_t *salt, size_t salt_n, const uint8_t *info,
                       size_t info_n) {
    const struct suite *suite = md->native_handle;
    return wc_HKDF(suite->hash, secret, (word32)secret_n, salt, (word32)salt_n, info,
                   (word32)info_n, dest, (word32)n) == 0
               ? 0
               : -1;
}

int ngtcp2_crypto_random(uint8_t *to, size_t n) {
    return random_bytes(to, n) == 0 ? 0 : -1;
}

int ngtcp2_crypto_get_path_challenge_data2_cb(ngtcp2_conn *conn, ngtcp2_path_challenge_data *to,
                                              void *user) {
    (void)conn;
    (void)user;
    return random_bytes(to->data, sizeof(to->data)) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}
