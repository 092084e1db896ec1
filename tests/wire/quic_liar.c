/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic_liar.h"

#include <ngtcp2/ngtcp2_crypto.h>
#include <string.h>

#include "base/check.h"
#include "quic/conn.h"

enum { PACKET_BYTES = 1400, TAG_BYTES = 16, NONCE_BYTES = 12, PN_BYTES = 4, SKIPPED = 100000 };

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static struct {
    ngtcp2_callbacks callbacks;
    enum liar_when when;
    uint8_t frames[PACKET_BYTES];
    size_t n;
    bool waits;
    /* of the first 1-RTT packet: with these others can be made */
    bool has_keys, mask_next;
    ngtcp2_crypto_aead aead;
    ngtcp2_crypto_aead_ctx aead_ctx;
    ngtcp2_crypto_cipher hp;
    ngtcp2_crypto_cipher_ctx hp_ctx;
    uint8_t nonce[NONCE_BYTES], head[1 + NGTCP2_MAX_CIDLEN];
    size_t head_n;
    uint32_t pn, sent;
} liar;

size_t liar_allocated(void) {
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    return 0;
#endif
}

static bool is_when(enum liar_when when, uint8_t first) {
    switch (when) {
    case LIAR_INITIAL: return (first & 0xb0) == 0x80;
    case LIAR_HANDSHAKE: return (first & 0xb0) == 0xa0;
    case LIAR_SHORT: break;
    }
    return (first & 0x80) == 0;
}

/* Nothing was acked when the first packet is sent, so that its number stands there in full
 * (RFC 9000 17.1). */
static void keep_keys(const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *ctx,
                      const uint8_t *nonce, const uint8_t *aad, size_t aad_n) {
    size_t pn_n = (aad[0] & 3) + 1u;
    liar.has_keys = liar.mask_next = true;
    liar.aead = *aead;
    liar.aead_ctx = *ctx;
    memcpy(liar.nonce, nonce, NONCE_BYTES);
    liar.head_n = aad_n - pn_n;
    check(liar.head_n <= sizeof(liar.head));
    memcpy(liar.head, aad, liar.head_n);
    liar.pn = 0;
    for (size_t i = 0; i < pn_n; i++)
        liar.pn = liar.pn << 8 | aad[liar.head_n + i];
    liar.sent = SKIPPED;
}

/* budget: ngtcp2 gives the parameters. */
static int encrypt(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *ctx,
                   const uint8_t *plain, size_t n, const uint8_t *nonce, size_t nonce_n,
                   const uint8_t *aad, size_t aad_n) {
    uint8_t changed[PACKET_BYTES];
    if (!liar.has_keys && is_when(LIAR_SHORT, aad[0]))
        keep_keys(aead, ctx, nonce, aad, aad_n);
    if (!liar.waits || !is_when(liar.when, aad[0]) || n < liar.n || n > sizeof(changed))
        return ngtcp2_crypto_encrypt_cb(to, aead, ctx, plain, n, nonce, nonce_n, aad, aad_n);
    liar.waits = false;
    memset(changed, 0, n); /* PADDING */
    memcpy(changed, liar.frames, liar.n);
    return ngtcp2_crypto_encrypt_cb(to, aead, ctx, changed, n, nonce, nonce_n, aad, aad_n);
}

/* Called right after encrypt for the same packet, and for what came. */
static int hp_mask(uint8_t *to, const ngtcp2_crypto_cipher *hp, const ngtcp2_crypto_cipher_ctx *ctx,
                   const uint8_t *sample) {
    if (liar.mask_next) {
        liar.hp = *hp;
        liar.hp_ctx = *ctx;
        liar.mask_next = false;
    }
    return ngtcp2_crypto_hp_mask_cb(to, hp, ctx, sample);
}

void liar_start(struct datagram_engine *client) {
    memset(&liar, 0, sizeof(liar));
    liar.callbacks = conn_callbacks;
    liar.callbacks.encrypt = encrypt;
    liar.callbacks.hp_mask = hp_mask;
    /* The first connection was made with the honest ones. */
    hub_of(client)->callbacks = &liar.callbacks;
    check(conn_start_client(quic_client_conn(client), NGTCP2_PROTO_VER_V1) == 0);
}

void liar_says(enum liar_when when, const void *frames, size_t n) {
    check(n <= sizeof(liar.frames));
    memcpy(liar.frames, frames, n);
    liar.n = n;
    liar.when = when;
    liar.waits = true;
}

bool liar_said(void) {
    return !liar.waits;
}

/* ---- packets by hand ---- */

static bool lose(void *context, int from, uint8_t *p, size_t n) {
    (void)context, (void)from, (void)p, (void)n;
    return false;
}

void liar_alone(struct net_sim *net) {
    check(liar.has_keys && !liar.mask_next);
    net_sim_tap(net, lose, NULL);
}

static size_t write_head(uint8_t *to, uint32_t pn) {
    memcpy(to, liar.head, liar.head_n);
    to[0] |= PN_BYTES - 1;
    for (size_t i = 0; i < PN_BYTES; i++)
        to[liar.head_n + i] = (uint8_t)(pn >> (24 - 8 * i));
    return liar.head_n + PN_BYTES;
}

void liar_sends_from(struct net_sim *net, const struct addr *from, const void *frames, size_t n) {
    uint8_t packet[PACKET_BYTES + 100] = {0}, plain[PACKET_BYTES] = {0};
    uint8_t nonce[NONCE_BYTES], mask[NGTCP2_HP_MASKLEN + 16];
    uint32_t pn = liar.pn + liar.sent++, changed = pn ^ liar.pn;
    size_t head_n = write_head(packet, pn), plain_n = n < PN_BYTES ? PN_BYTES : n;
    check(n <= sizeof(plain) && liar.has_keys);
    memcpy(plain, frames, n);
    memcpy(nonce, liar.nonce, sizeof(nonce));
    for (size_t i = 0; i < 4; i++)
        nonce[NONCE_BYTES - 4 + i] ^= (uint8_t)(changed >> (24 - 8 * i));
    check(ngtcp2_crypto_encrypt_cb(packet + head_n, &liar.aead, &liar.aead_ctx, plain, plain_n,
                                   nonce, sizeof(nonce), packet, head_n) == 0);
    check(ngtcp2_crypto_hp_mask_cb(mask, &liar.hp, &liar.hp_ctx, packet + liar.head_n + 4) == 0);
    packet[0] ^= mask[0] & 0x1f;
    for (size_t i = 0; i < PN_BYTES; i++)
        packet[liar.head_n + i] ^= mask[1 + i];
    net_sim_inject(net, NET_SIM_B, from, packet, head_n + plain_n + TAG_BYTES);
    (void)net_sim_run(net, 0, NULL, NULL);
}

void liar_sends(struct net_sim *net, const void *frames, size_t n) {
    struct addr from = net_sim_addr(NET_SIM_A);
    liar_sends_from(net, &from, frames, n);
}
