/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ISSUER_H
#define GATEWAY_ISSUER_H

#include "base/list.h"
#include "base/log.h"
#include "base/table.h"
#include "gateway/identity.h"
#include "tls/context.h"

/* Leaves made at the handshake, for names that a server's hosts cover but its own leaf does
 * not: browsers refuse a wildcard under localhost, so NAME.localhost needs a leaf of its own.
 * They are kept in memory, the oldest goes when there are too many: a name is asked for by
 * whoever connects. A P-256 key and signature take a fraction of a millisecond. */

enum { ISSUER_NAMES = 256 };

struct issuer {
    const struct config_server *server;
    const struct identity *identity;
    struct log *log;
    struct table names; /* struct issued by name */
    struct list order;  /* oldest first */
};

/* All that is given outlives it. 0 or ERR_SYSTEM (no random bytes), told. */
int issuer_init(struct issuer *i, const struct config_server *server,
                const struct identity *identity, struct log *log);
void issuer_fini(struct issuer *i);

/* A pair for the name, or ERR_NOT_FOUND: the server's own leaf is right. */
int issuer_issue(struct issuer *i, const char *sni, struct tls_pair *ret_pair);

#endif
