/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_GENERATION_H
#define GATEWAY_GENERATION_H

#include "base/list.h"
#include "gateway/address.h"
#include "gateway/config/config.h"
#include "gateway/identity.h"
#include "gateway/keylog.h"
#include "gateway/secret.h"
#include "sys/changes.h"

/* One reading of the configuration and all that is shared of it: certificates, addresses, key
 * log. Immutable once the workers have it. A reload makes the next one; the one before is freed
 * when no worker has an outfit of it any more. */

/* Who knows where the configuration comes from: reads and checks it (config_check included). 0, or
 * anything else with lines in c->errors. */
struct configurer {
    int (*read)(void *context, struct config *c);
    void *context;
};

struct generation {
    struct list link;
    unsigned number;         /* 1, 2, … */
    struct timespec read_at; /* what files have changed since then it has not seen */
    struct config config;
    struct buf errors;           /* the configuration's */
    struct identity *identities; /* as config.servers */
    size_t n_identities;
    struct addresses addresses;
    struct keylog keylog;
    const struct secrets *secrets;
};

struct generation_wish {
    const struct configurer *configurer;
    place_env *env;
    struct log *log;
    const struct secrets *secrets;
    struct changes
        *changes; /* told of the files of what is wrong, so that mending is noticed; or NULL */
};

/* Reads, and loads the certificates. 0, or a negative err: what is wrong with the configuration
 * stands in errors, a line each, the rest in the log. */
int generation_new(const struct generation_wish *wish, struct buf *errors,
                   struct generation **ret_generation);
void generation_free(struct generation *g);

/* Has all files noticed that it comes from; those that cannot be are told in the log. */
void generation_watch(const struct generation *g, struct changes *changes, struct log *log);

struct tls_keylog *generation_keylog(struct generation *g); /* NULL: none */
/* When the first leaf of the local CA is to be made anew, in seconds since 1970; INT64_MAX: none.
 */
int64_t generation_renew_at(const struct generation *g);

#endif
