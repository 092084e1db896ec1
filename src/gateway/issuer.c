/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/issuer.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "gateway/host.h"
#include "pki/san.h"
#include "pki/store.h"
#include "tls/digest.h"

struct issued {
    struct list link;
    struct store_leaf leaf;
    size_t n;
    char name[];
};

int issuer_init(struct issuer *i, const struct config_server *server,
                const struct identity *identity, struct log *log) {
    uint8_t key[TABLE_KEY];

    *i = (struct issuer){.server = server, .identity = identity, .log = log};
    list_init(&i->order);
    if (random_bytes(key, sizeof key)) {
        log_error(log, RANDOM_ADVICE);
        return ERR_SYSTEM;
    }
    table_init(&i->names, key);
    return 0;
}

static void forget(struct issuer *i, struct issued *issued) {
    table_remove(&i->names, issued->name, issued->n);
    list_remove(&issued->link);
    store_leaf_fini(&issued->leaf);
    free(issued);
}

static bool forget_first(struct issuer *i) {
    struct issued *first = list_first(&i->order, struct issued, link);

    if (first)
        forget(i, first);
    return first;
}

void issuer_fini(struct issuer *i) {
    while (i->order.next && forget_first(i))
        ;
    table_fini(&i->names);
}

/* Literal addresses and odd bytes never come as SNI from an honest client. */
static bool is_dns_name(struct str name) {
    struct san san;
    struct buf message;
    bool fine;

    buf_init(&message);
    fine = san_parse(name, &san, &message) == 0 && san.kind == SAN_DNS && str_find(name, '*') < 0;
    buf_fini(&message);
    return fine;
}

static bool is_wanted(const struct issuer *i, struct str name) {
    const struct strs *hosts = &i->server->options.hosts;
    bool under_localhost = str_ends(name, STR(".localhost"));
    bool ours = i->server->any_host && under_localhost;

    if (!i->identity->automatic || !is_dns_name(name))
        return false;
    for (size_t k = 0; k < hosts->n; k++) {
        if (str_ieq(hosts->v[k], name))
            return false; /* the server's own leaf names it */
        ours = ours || host_matches(hosts->v[k], name);
    }
    return ours && (under_localhost || !cert_covers(&i->identity->cert, name));
}

static int make(struct issuer *i, struct str name, struct issued **ret_issued) {
    struct issued *issued = calloc(1, sizeof *issued + name.n + 1);
    struct store_wish wish = {&name, 1, (int64_t)time(NULL)};
    struct buf message;
    int err;

    if (!issued)
        return ERR_NO_MEMORY;
    list_init(&issued->link);
    issued->n = name.n;
    memcpy(issued->name, name.p, name.n);
    buf_init(&message);
    err = store_make(&i->identity->ca, &wish, &issued->leaf, &message);
    if (err)
        log_warn(i->log, "no certificate for %s: " STR_FMT, issued->name,
                 STR_ARG(buf_view(&message)));
    buf_fini(&message);
    if (!err)
        err = table_put(&i->names, issued->name, issued->n, issued);
    if (err) {
        store_leaf_fini(&issued->leaf);
        free(issued);
        return err;
    }
    list_append(&i->order, &issued->link);
    *ret_issued = issued;
    return 0;
}

/* A long-running gateway makes a leaf again before it ends, as it does at each start. */
static struct issued *kept(struct issuer *i, struct str name) {
    struct issued *issued = table_get(&i->names, name.p, name.n);

    if (!issued || (int64_t)time(NULL) < store_renew_at(&issued->leaf.cert))
        return issued;
    forget(i, issued);
    return NULL;
}

int issuer_issue(struct issuer *i, const char *sni, struct tls_pair *ret_pair) {
    struct str name = str_of(sni);
    struct issued *issued;
    int err = 0;

    if (!sni || !is_wanted(i, name))
        return ERR_NOT_FOUND;
    issued = kept(i, name);
    if (!issued) {
        if (table_n(&i->names) >= ISSUER_NAMES)
            (void)forget_first(i);
        err = make(i, name, &issued);
    }
    if (err)
        return err;
    *ret_pair =
        (struct tls_pair){buf_view(&issued->leaf.chain_pem), buf_view(&issued->leaf.key_pem)};
    return 0;
}
