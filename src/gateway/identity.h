/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_IDENTITY_H
#define GATEWAY_IDENTITY_H

#include "base/buf.h"
#include "gateway/config/config.h"
#include "pki/ca.h"
#include "pki/cert.h"
#include "sys/place.h"

/* The certificate and key that a server shows: its [credential]'s files, or a leaf of the local
 * CA, made or reused. It blocks (files, signatures): before the loop runs only. */

struct identity {
    struct buf cert_pem, key_pem;
    struct buf client_ca_pem; /* who signs the clients' certificates; empty: nobody */
    struct cert cert;         /* the leaf */
    struct buf spki_hash;     /* of the leaf, as Chromium's flag wants it */
    bool automatic;           /* of our CA; only then the members below are there */
    struct ca ca;
    bool ca_trusted;    /* it stands in this machine's bundle of trusted roots */
    struct buf warning; /* what the user should know; empty: nothing */
};

struct identity_wish {
    const struct config_server *server;
    place_env *env;
    int64_t now_s;
    bool only_look; /* makes nothing: without a CA or a leaf, ERR_NOT_FOUND */
};

/* 0, ERR_NO_MEMORY, or ERR_INVALID: told in config->errors. only_look: ERR_NOT_FOUND too. */
int identity_load(struct config *c, const struct identity_wish *wish,
                  struct identity *ret_identity);
void identity_fini(struct identity *i);

/* Looks at the files of the server's credential only: tells what is wrong with them, and adds to
 * warning what identity_load would warn of. Nothing is made. 0, ERR_NO_MEMORY or ERR_INVALID. */
int identity_check(struct config *c, const struct config_server *s, int64_t now_s,
                   struct buf *warning);

#endif
