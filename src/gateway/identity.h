/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_IDENTITY_H
#define GATEWAY_IDENTITY_H

#include "base/buf.h"
#include "gateway/config.h"
#include "pki/ca.h"
#include "sys/place.h"

/* The certificate and key that a server shows: its [credential]'s files, or a leaf of the local
 * CA, made or reused. It blocks (files, signatures): before the loop runs only. */

struct identity {
    struct buf cert_pem, key_pem;
    struct buf ca_path;   /* of the CA that issued it; empty: given files */
    struct buf spki_hash; /* of the leaf, as Chromium's flag wants it */
    bool fresh_ca, fresh_leaf;
    int64_t not_after_s, renew_at_s; /* renew_at_s 0: not ours to renew */
};

/* What the problems are told to: config_error. 0, ERR_NO_MEMORY or ERR_INVALID (told). */
int identity_load(struct config *c, const struct config_server *server, place_env *env,
                  int64_t now_s, struct identity *ret_identity);
void identity_fini(struct identity *i);

#endif
