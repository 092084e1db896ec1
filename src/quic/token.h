/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_TOKEN_H
#define QUIC_TOKEN_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"
#include "quic/hub.h"

/* What a server sends and believes without keeping state: address-validation tokens (RFC 9000
 * 8.1), Retry, Version Negotiation (RFC 8999 6), stateless resets (RFC 9000 10.3) and a
 * CONNECTION_CLOSE for who is not let in. Writers return the length, 0 when they cannot. */

enum token_check { TOKEN_NONE, TOKEN_RETRY, TOKEN_NEW, TOKEN_WRONG };

/* Whether the token of an Initial shows that its sender has its address; after TOKEN_RETRY
 * ret_original is the first id that the client chose. TOKEN_WRONG: a Retry token that is ours
 * but not valid here. Anything unreadable counts as none. */
enum token_check token_check(const struct hub *h, const ngtcp2_pkt_hd *hd,
                             const struct addr *remote, ngtcp2_cid *ret_original);

/* For NEW_TOKEN. */
enum { TOKEN_BYTES = 128 };
size_t token_make(const struct hub *h, const struct addr *remote, uint8_t to[TOKEN_BYTES]);

size_t token_write_retry(struct hub *h, const ngtcp2_pkt_hd *hd, const struct addr *remote,
                         struct span to);
size_t token_write_versions(const ngtcp2_version_cid *vc, struct span to);
size_t token_write_refusal(const ngtcp2_pkt_hd *hd, uint64_t code, struct span to);

/* Shorter than the packet that it answers, so that two that have forgotten do not go on for
 * ever; 0 when that is too short. */
size_t token_write_reset(const struct hub *h, const uint8_t id[HUB_ID_BYTES], size_t trigger_n,
                         struct span to);
/* The stateless reset token of one of our ids; 0 or ERR_NO_MEMORY. */
int token_reset_token(const struct hub *h, const ngtcp2_cid *cid,
                      uint8_t ret_token[NGTCP2_STATELESS_RESET_TOKENLEN]);

#endif
