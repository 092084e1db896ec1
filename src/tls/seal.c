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

/* What wolfSSL has room for: a name, a nonce (16 bytes, of which GCM takes 12) and a MAC (32,
 * of which 16 are the tag and the rest repeats it, as zeros are refused). */
static int run_gcm(const struct seal *seal, bool to_seal, uint8_t *iv, uint8_t *tag,
                   struct span ticket) {
    Aes aes;
    word32 n = (word32)ticket.n;
    int bad;

    if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return WOLFSSL_TICKET_RET_REJECT;
    bad = wc_AesGcmSetKey(&aes, seal->key, sizeof seal->key);
    if (!bad && to_seal)
        bad = wc_AesGcmEncrypt(&aes, ticket.p, ticket.p, n, iv, NONCE, tag, TAG, seal->name,
                               sizeof seal->name);
    else if (!bad)
        bad = wc_AesGcmDecrypt(&aes, ticket.p, ticket.p, n, iv, NONCE, tag, TAG, seal->name,
                               sizeof seal->name);
    wc_AesFree(&aes);
    explicit_bzero(&aes, sizeof aes);
    return bad ? WOLFSSL_TICKET_RET_REJECT : WOLFSSL_TICKET_RET_OK;
}

/* budget: wolfSSL gives the parameters. */
static int on_ticket(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
                     int enc, unsigned char *ticket, int n, int *ret_n, void *context) {
    const struct seal *seal = context;
    struct span bytes = {ticket, (size_t)n};
    (void)ssl;

    *ret_n = n;
    if (!enc)
        return memcmp(name, seal->name, sizeof seal->name) == 0
                   ? run_gcm(seal, false, iv, mac, bytes)
                   : WOLFSSL_TICKET_RET_REJECT;
    if (random_bytes(iv, WOLFSSL_TICKET_IV_SZ) != 0)
        return WOLFSSL_TICKET_RET_REJECT;
    memcpy(name, seal->name, sizeof seal->name);
    int result = run_gcm(seal, true, iv, mac, bytes);
    memcpy(mac + TAG, mac, WOLFSSL_TICKET_MAC_SZ - TAG);
    return result;
}

void seal_use(struct seal *seal, WOLFSSL_CTX *native) {
    (void)wolfSSL_CTX_set_TicketEncCb(native, on_ticket);
    (void)wolfSSL_CTX_set_TicketEncCtx(native, seal);
}
