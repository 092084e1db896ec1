/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_STORE_H
#define PKI_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "pki/ca.h"
#include "pki/cert.h"

/* The leaves that h3gw makes by itself, kept in the CA's folder as leaf-HASH.pem and
 * leaf-HASH-key.pem, HASH being that of the names. One is taken again as long as it is for
 * exactly these names, of the present CA, its key fits, and a third of its time is left;
 * else a new one takes its place. Another process may do the same at the same time.
 *
 * It blocks (a lock, fsync, an RSA CA's signature): not for a worker's thread. */

struct store_wish {
    const struct str *names; /* in any order, twice is as good as once */
    size_t n_names;
    int64_t now_s;
};

struct store_leaf {
    struct buf chain_pem; /* for the TLS context; the CA itself is not sent */
    struct buf key_pem;
    struct buf cert_path, key_path; /* empty: could not be kept, see warning */
    struct cert cert;
    bool fresh;
    struct buf warning; /* why it was not kept; empty: it was */
};

/* message is empty before; after an error it has one line, and there is nothing to fini. */
int store_get(const struct ca *ca, const struct store_wish *wish, struct store_leaf *ret_leaf,
              struct buf *message);
/* Only looks for a kept one: ERR_NOT_FOUND when store_get would make it. */
int store_find(const struct ca *ca, const struct store_wish *wish, struct store_leaf *ret_leaf,
               struct buf *message);
/* The same in memory only: nothing is read or kept, and nothing blocks but the signature. For
 * names that a handshake asks for. */
int store_make(const struct ca *ca, const struct store_wish *wish, struct store_leaf *ret_leaf,
               struct buf *message);
void store_leaf_fini(struct store_leaf *leaf);

/* When the leaf is to be asked for again: a third of its time before its end. */
int64_t store_renew_at(const struct cert *cert);

#endif
