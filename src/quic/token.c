/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/token.h"

#include <ngtcp2/ngtcp2_crypto.h>

#include "base/err.h"
#include "quic/settings.h"
#include "tls/digest.h"

#define RETRY_VALID_NS (10 * SECOND_NS)
#define TOKEN_VALID_NS (24 * 3600 * SECOND_NS)

/* A reset must look like a packet: 38 bytes at least where the peer allows for it (RFC 9000
 * 10.3), and never as long as what it answers. */
enum { RESET_MIN = 22, RESET_BEST = 42 };

/* NEW_TOKENs outlive the machine's uptime, so they carry the time of day. */
static uint64_t wall_ns(const struct hub *h) {
    return h->config.turn->wall_s * SECOND_NS;
}

static enum token_check check_retry(const struct hub *h, const ngtcp2_pkt_hd *hd,
                                    const struct addr *remote, ngtcp2_cid *ret_original) {
    ngtcp2_cid original;
    int rv = ngtcp2_crypto_verify_retry_token2(
        &original, hd->token, hd->tokenlen, h->token_key, sizeof(h->token_key), hd->version,
        &remote->sa, remote->n, &hd->dcid, RETRY_VALID_NS, h->config.turn->now_ns);
    if (rv == NGTCP2_CRYPTO_ERR_VERIFY_TOKEN)
        return TOKEN_WRONG;
    if (rv != 0 || original.datalen < NGTCP2_MIN_INITIAL_DCIDLEN)
        return TOKEN_NONE;
    *ret_original = original;
    return TOKEN_RETRY;
}

enum token_check token_check(const struct hub *h, const ngtcp2_pkt_hd *hd,
                             const struct addr *remote, ngtcp2_cid *ret_original) {
    if (hd->tokenlen == 0)
        return TOKEN_NONE;
    if (hd->token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2)
        return check_retry(h, hd, remote, ret_original);
    if (hd->token[0] != NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR)
        return TOKEN_NONE;
    int rv = ngtcp2_crypto_verify_regular_token(hd->token, hd->tokenlen, h->token_key,
                                                sizeof(h->token_key), &remote->sa, remote->n,
                                                TOKEN_VALID_NS, wall_ns(h));
    return rv == 0 ? TOKEN_NEW : TOKEN_NONE;
}

size_t token_make(const struct hub *h, const struct addr *remote, uint8_t to[TOKEN_BYTES]) {
    _Static_assert(NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN <= TOKEN_BYTES, "a token fits");
    ngtcp2_ssize n = ngtcp2_crypto_generate_regular_token(to, h->token_key, sizeof(h->token_key),
                                                          &remote->sa, remote->n, wall_ns(h));
    return n < 0 ? 0 : (size_t)n;
}

size_t token_write_retry(struct hub *h, const ngtcp2_pkt_hd *hd, const struct addr *remote,
                         struct span to) {
    uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2];
    ngtcp2_cid scid;
    if (hub_draw_id(h, &scid) != 0)
        return 0;
    ngtcp2_ssize n = ngtcp2_crypto_generate_retry_token2(token, h->token_key, sizeof(h->token_key),
                                                         hd->version, &remote->sa, remote->n, &scid,
                                                         &hd->dcid, h->config.turn->now_ns);
    if (n < 0)
        return 0;
    n = ngtcp2_crypto_write_retry(to.p, to.n, hd->version, &hd->scid, &scid, &hd->dcid, token,
                                  (size_t)n);
    return n < 0 ? 0 : (size_t)n;
}

size_t token_write_versions(const ngtcp2_version_cid *vc, struct span to) {
    /* The first is one that nobody speaks (RFC 9000 15), so that clients keep ignoring such. */
    uint32_t versions[1 + SETTINGS_VERSIONS] = {0x1a2a3a4a};
    uint8_t random;
    if (random_bytes(&random, 1) != 0)
        return 0;
    for (size_t i = 0; i < SETTINGS_VERSIONS; i++)
        versions[1 + i] = settings_versions[i];
    ngtcp2_ssize n = ngtcp2_pkt_write_version_negotiation(to.p, to.n, random & 0x3f, vc->scid,
                                                          vc->scidlen, vc->dcid, vc->dcidlen,
                                                          versions, 1 + SETTINGS_VERSIONS);
    return n < 0 ? 0 : (size_t)n;
}

size_t token_write_refusal(const ngtcp2_pkt_hd *hd, uint64_t code, struct span to) {
    ngtcp2_ssize n = ngtcp2_crypto_write_connection_close(to.p, to.n, hd->version, &hd->scid,
                                                          &hd->dcid, code, NULL, 0);
    return n < 0 ? 0 : (size_t)n;
}

int token_reset_token(const struct hub *h, const ngtcp2_cid *cid,
                      uint8_t ret_token[NGTCP2_STATELESS_RESET_TOKENLEN]) {
    int rv = ngtcp2_crypto_generate_stateless_reset_token(ret_token, h->reset_key,
                                                          sizeof(h->reset_key), cid);
    return rv == 0 ? 0 : ERR_NO_MEMORY;
}

size_t token_write_reset(const struct hub *h, const uint8_t id[HUB_ID_BYTES], size_t trigger_n,
                         struct span to) {
    ngtcp2_stateless_reset_token token;
    uint8_t random[RESET_BEST];
    ngtcp2_cid cid;
    if (trigger_n < RESET_MIN)
        return 0;
    size_t n = trigger_n - 1 < RESET_BEST ? trigger_n - 1 : RESET_BEST;
    n -= sizeof(token.data);
    ngtcp2_cid_init(&cid, id, HUB_ID_BYTES);
    if (random_bytes(random, n) != 0 || token_reset_token(h, &cid, token.data) != 0)
        return 0;
    ngtcp2_ssize written = ngtcp2_pkt_write_stateless_reset2(to.p, to.n, &token, random, n);
    return written < 0 ? 0 : (size_t)written;
}
