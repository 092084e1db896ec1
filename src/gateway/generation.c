/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/generation.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "pki/store.h"

static int load_identities(struct generation *g, place_env *env) {
    struct config *c = &g->config;

    g->identities = calloc(c->n_servers + 1, sizeof *g->identities);
    if (!g->identities)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_servers; i++) {
        struct identity_wish wish = {c->servers[i], env, (int64_t)time(NULL), false};
        int err = identity_load(c, &wish, &g->identities[g->n_identities]);
        if (err == ERR_NO_MEMORY)
            return err;
        g->n_identities += !err;
    }
    return config_verdict(c);
}

static const char *keylog_path(const struct generation *g, place_env *env) {
    struct str option = g->config.gateway.keylog;
    const char *path = option.n ? option.p : env("SSLKEYLOGFILE");

    return path && path[0] ? path : NULL;
}

static int open_keylog(struct generation *g, const struct generation_wish *wish) {
    const char *path = keylog_path(g, wish->env);

    if (!path)
        return 0;
    log_warn(wish->log, "secrets of all connections go to %s: for debugging only", path);
    return keylog_open(&g->keylog, path, wish->log);
}

static void tell_warnings(const struct generation *g, struct log *log) {
    for (size_t i = 0; i < g->n_identities; i++)
        if (g->identities[i].warning.n)
            log_warn(log, STR_FMT, STR_ARG(buf_view(&g->identities[i].warning)));
}

static int read_all(struct generation *g, const struct generation_wish *wish) {
    const struct configurer *from = wish->configurer;

    if (config_init(&g->config, &g->errors))
        return ERR_NO_MEMORY;
    if (from->read(from->context, &g->config))
        return config_verdict(&g->config) == ERR_INVALID ? ERR_INVALID : ERR_NO_MEMORY;
    int err = load_identities(g, wish->env);
    if (err)
        return err;
    tell_warnings(g, wish->log);
    return open_keylog(g, wish);
}

int generation_new(const struct generation_wish *wish, struct buf *errors,
                   struct generation **ret_generation) {
    struct generation *g = calloc(1, sizeof *g);
    int err;

    if (!g)
        return ERR_NO_MEMORY;
    list_init(&g->link);
    buf_init(&g->errors);
    g->keylog.fd = -1;
    g->read_at = changes_now();
    g->secrets = wish->secrets;
    err = read_all(g, wish);
    if (err) {
        if (wish->changes)
            generation_watch(g, wish->changes, NULL);
        buf_str(errors, buf_view(&g->errors));
        generation_free(g);
        return err;
    }
    *ret_generation = g;
    return 0;
}

void generation_free(struct generation *g) {
    if (!g)
        return;
    addresses_fini(&g->addresses);
    for (size_t i = 0; i < g->n_identities; i++)
        identity_fini(&g->identities[i]);
    free(g->identities);
    keylog_close(&g->keylog);
    config_fini(&g->config);
    buf_fini(&g->errors);
    free(g);
}

void generation_watch(const struct generation *g, struct changes *changes, struct log *log) {
    struct arena arena;
    struct strs paths = {0};

    arena_init(&arena, NULL, 0);
    if (config_watched(&g->config, &arena, &paths))
        log_warn(log, "no memory to watch files: h3gw reload reads them");
    for (size_t i = 0; i < paths.n; i++) {
        int err = changes_add(changes, paths.v[i].p, g->read_at);
        if (err)
            log_warn(log, "changes of %s will not be noticed: %s; h3gw reload reads it",
                     paths.v[i].p, changes_problem(err));
    }
    arena_fini(&arena);
}

struct tls_keylog *generation_keylog(struct generation *g) {
    return g->keylog.fd >= 0 ? &g->keylog.tls : NULL;
}

int64_t generation_renew_at(const struct generation *g) {
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < g->n_identities; i++)
        if (g->identities[i].automatic && store_renew_at(&g->identities[i].cert) < first)
            first = store_renew_at(&g->identities[i].cert);
    return first;
}
