/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/seal.h"

#include <string.h>

#include <wolfssl/wolfcrypt/aes.h>

#include "tls/digest.h"

enum { NONCE = 12, TAG = 16 };

static void derive(const uint8_t secret[32], const char *label, struct str binding,
                   uint8_t ret_key[32]) {
    uint8_t of_label[32];

    digest_hmac_sha256((struct str){(const char *)secret, 32}, str_of(label), of_label);
    digest_hmac_sha256((struct str){(const char *)of_label, 32}, binding, ret_key);
}

void seal_init(struct seal *seal, const uint8_t secret[32], struct str binding) {
    uint8_t name[32];

    derive(secret, "h3gw ticket key", binding, seal->key);
    derive(secret, "h3gw ticket name", binding, name);
    memcpy(seal->name, name, sizeof seal->name);
}

/* wolfSSL has room for a nonce of 16 bytes, of which GCM takes 12, and for a MAC of 32, of which 16
 * are the tag; the rest repeats it, as zeros are refused. */
static int run_gcm(const struct seal *seal, bool to_seal, const struct seal_ticket *t) {
    Aes aes;
    uint8_t *p = t->bytes.p;
    word32 n = (word32)t->bytes.n;
    int bad;

    if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return WOLFSSL_TICKET_RET_REJECT;
    bad = wc_AesGcmSetKey(&aes, seal->key, sizeof seal->key);
    if (!bad && to_seal)
        bad = wc_AesGcmEncrypt(&aes, p, p, n, t->iv, NONCE, t->mac, TAG, seal->name,
                               sizeof seal->name);
    else if (!bad)
        bad = wc_AesGcmDecrypt(&aes, p, p, n, t->iv, NONCE, t->mac, TAG, seal->name,
                               sizeof seal->name);
    wc_AesFree(&aes);
    explicit_bzero(&aes, sizeof aes);
    return bad ? WOLFSSL_TICKET_RET_REJECT : WOLFSSL_TICKET_RET_OK;
}

int seal_close(const struct seal *seal, const struct seal_ticket *t) {
    if (random_bytes(t->iv, WOLFSSL_TICKET_IV_SZ) != 0)
        return WOLFSSL_TICKET_RET_REJECT;
    memcpy(t->name, seal->name, sizeof seal->name);
    int result = run_gcm(seal, true, t);
    memcpy(t->mac + TAG, t->mac, WOLFSSL_TICKET_MAC_SZ - TAG);
    return result;
}

int seal_open(const struct seal *seal, const struct seal_ticket *t) {
    if (memcmp(t->name, seal->name, sizeof seal->name) != 0)
        return WOLFSSL_TICKET_RET_REJECT;
    return run_gcm(seal, false, t);
}
