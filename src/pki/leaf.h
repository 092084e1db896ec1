/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_LEAF_H
#define PKI_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pki/ca.h"
#include "pki/key.h"
#include "pki/san.h"

/* A certificate of the CA for a list of names, as browsers, Apple and Go want it: names as
 * subject alternative names, serverAuth, no CA, not longer than 825 days, begun an hour ago
 * (clocks differ), never beyond the CA's own time. */

enum {
    LEAF_DAYS_AUTOMATIC = 90, /* made again when a third is left */
    LEAF_DAYS = 820,          /* Apple's limit is 825 */
    LEAF_NAMES_MOST = 100,
};

struct leaf_wish {
    const struct san *sans;
    size_t n_sans; /* 1 to LEAF_NAMES_MOST */
    struct key *key;
    int64_t now_s; /* since 1970 */
    uint32_t days;
    bool client; /* clientAuth too */
};

/* The certificate in DER. ERR_INVALID: the CA has no key, or its time is over. */
int leaf_issue(const struct ca *ca, const struct leaf_wish *wish, struct buf *to);

#endif
