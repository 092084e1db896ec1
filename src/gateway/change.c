/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/absence.h"
#include "gateway/duty.h"
#include "gateway/forwarding.h"
#include "gateway/route.h"
#include "gateway/to_https.h"
#include "tls/digest.h"

static const struct hook *const hooks[] = {&forwarding_hook, &route_hook, &access_log_hook,
                                           &stats_hook, NULL};

/* The next generation with an outfit for each worker. What is wrong is collected for who asked. */
struct change {
    struct gateway *gateway;
    struct generation *next;
    struct outfit **outfits;
    struct changes *changes; /* watches the files of next; NULL: there is no need, or no room */
    struct log log;          /* errors go to `errors`, the rest where it belongs */
    struct buf *errors;
};

static void collect(struct log *log, enum log_level level, const char *line, size_t n) {
    const struct change *ch = log->context;

    if (level == LOG_ERROR)
        buf_format(ch->errors, "%.*s\n", (int)n, line);
    else
        log_at(ch->gateway->log, level, "%.*s", (int)n, line);
}

static void begin(struct change *ch, struct gateway *g, struct buf *errors) {
    *ch = (struct change){.gateway = g, .errors = errors};
    ch->log.level = LOG_DEBUG;
    ch->log.write = collect;
    ch->log.context = ch;
}

/* ---- workers, once ---- */

static unsigned workers_of(const struct config *c) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t wanted = c->gateway.workers;

    if (wanted > 0)
        return (unsigned)wanted;
    return processors < 1                    ? 1
           : processors > CONFIG_MAX_WORKERS ? CONFIG_MAX_WORKERS
                                             : (unsigned)processors;
}

static void init_heads(struct head_count *heads, const uint8_t key[TABLE_KEY]) {
    census_init(&heads->clients, 0, key);
    quota_init(&heads->tcp, "max-connections", 0);
    quota_init(&heads->quic, "max-connections", 0);
    quota_init(&heads->handshakes, "max-handshakes", 0);
}

static void limit_heads(struct head_count *heads, const struct gateway_options *o) {
    census_limit(&heads->clients, (uint32_t)o->client_connections);
    quota_limit(&heads->tcp, (uint32_t)o->connections);
    quota_limit(&heads->quic, (uint32_t)o->connections);
    quota_limit(&heads->handshakes, (uint32_t)o->handshakes);
}

static int make_workers(struct change *ch) {
    struct gateway *g = ch->gateway;
    unsigned n = workers_of(&ch->next->config);
    uint8_t key[TABLE_KEY];

    if (g->workers) {
        if (n != g->n_workers)
            log_warn(g->log, "workers stays %u while the gateway runs: start it anew for %u",
                     g->n_workers, n);
        return 0;
    }
    if (secrets_load(g->env, &ch->log, &g->secrets) || random_bytes(key, sizeof key))
        return ERR_SYSTEM;
    init_heads(&g->heads, key);
    g->workers = calloc(n, sizeof *g->workers);
    if (!g->workers)
        return ERR_NO_MEMORY;
    for (; g->n_workers < n; g->n_workers++) {
        int err = worker_init(&g->workers[g->n_workers], g->n_workers, g->log, &g->heads);
        if (err)
            return err;
    }
    return 0;
}

/* ---- what can fail ---- */

static int make_outfits(struct change *ch) {
    const struct outfit_wish want = {hooks, route_exchange, to_https, &ch->log};
    struct gateway *g = ch->gateway;
    int err = 0;

    ch->outfits = calloc(g->n_workers, sizeof(struct outfit *));
    if (!ch->outfits)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; !err && i < g->n_workers; i++)
        err = outfit_new(&g->workers[i], ch->next, &want, &ch->outfits[i]);
    return err;
}

static int prepare_workers(struct change *ch) {
    const struct gateway *g = ch->gateway;
    int err = 0;

    for (unsigned i = 0; !err && i < g->n_workers; i++) {
        struct duty_preparation p = {ch->outfits[i], &ch->log, 0};
        worker_do(&g->workers[i], duty_prepare, &p);
        err = p.err;
    }
    return err;
}

/* A convenience, too: what was watched before is watched on without it. */
static void prepare_watch(struct change *ch) {
    struct gateway *g = ch->gateway;

    if (!ch->next->config.gateway.watch)
        return;
    ch->changes = changes_new(g->control.loop, &g->watch);
    if (!ch->changes)
        log_warn(g->log, "changes of files will not be noticed: %s; h3gw reload reads them",
                 changes_problem(ERR_SYSTEM));
}

static bool has_mirror(const struct generation *g, const struct config_server *s) {
    for (size_t i = 0; i < s->n_listens; i++)
        if (g->addresses.v[s->listens[i].address].udp && config_http3(&g->config, s))
            return true;
    return false;
}

/* What clients may remember of a server of that name. */
static bool had_mirror(const struct generation *before, struct str server) {
    for (size_t i = 0; i < before->config.n_servers; i++) {
        const struct config_server *s = before->config.servers[i];
        if (str_eq(s->name, server))
            return s->had_mirror || has_mirror(before, s);
    }
    return false;
}

static int open_addresses(struct change *ch) {
    struct gateway *g = ch->gateway;
    struct config *c = &ch->next->config;
    struct addresses *a = &ch->next->addresses;

    for (size_t i = 0; g->now && i < c->n_servers; i++)
        c->servers[i]->had_mirror = had_mirror(g->now, c->servers[i]->name);
    a->workers = g->n_workers;
    return addresses_open(a, c, g->now ? &g->now->addresses : NULL, &ch->log);
}

/* The socket of its own is a convenience: the gateway serves without it too. */
static void prepare_own_socket(struct gateway *g) {
    struct addr addr, none = {0};
    struct buf path;
    int err;

    buf_init(&path);
    buf_str(&path, STR("unix:"));
    err = place_runtime(g->env, &path);
    if (!err) {
        buf_format(&path, "/%ld.sock", (long)getpid());
        err = path.failed ? ERR_NO_MEMORY : addr_parse(buf_view(&path), &addr);
    }
    if (!err)
        err = monitor_prepare(&g->admin, &addr, NULL);
    if (err) {
        log_warn(g->log,
                 "no admin socket, so h3gw listeners, reload and stop cannot ask: " STR_FMT ": %s",
                 STR_ARG(buf_view(&path)), err_text(err));
        (void)monitor_prepare(&g->admin, &none, NULL);
    }
    buf_fini(&path);
}

static int prepare_monitors(struct change *ch) {
    struct gateway *g = ch->gateway;
    const struct config *c = &ch->next->config;
    int err = monitor_prepare(&g->health, &c->gateway.health, &ch->log);

    if (!err)
        err = monitor_prepare(&g->stats, &c->gateway.stats, &ch->log);
    if (!err && c->admin_auto)
        prepare_own_socket(g);
    else if (!err)
        err = monitor_prepare(&g->admin, &c->admin, &ch->log);
    return err;
}

static void abandon(struct change *ch) {
    struct gateway *g = ch->gateway;

    monitor_abandon(&g->health);
    monitor_abandon(&g->stats);
    monitor_abandon(&g->admin);
    changes_free(ch->changes);
    for (unsigned i = 0; ch->outfits && i < g->n_workers; i++) {
        worker_do(&g->workers[i], duty_abandon, ch->outfits[i]);
        outfit_free(ch->outfits[i]);
    }
    free(ch->outfits);
    generation_free(ch->next);
}

static int prepare(struct change *ch) {
    struct gateway *g = ch->gateway;
    struct generation_wish wish = {g->configurer, g->env, &ch->log, &g->secrets, g->changes};
    int err = generation_new(&wish, ch->errors, &ch->next);

    if (err)
        return err;
    if (!g->now)
        g->log->level = (enum log_level)ch->next->config.gateway.log_level;
    err = make_workers(ch);
    if (!err)
        err = open_addresses(ch);
    if (!err)
        err = make_outfits(ch);
    if (!err)
        err = prepare_workers(ch);
    if (!err)
        err = prepare_monitors(ch);
    if (!err)
        prepare_watch(ch);
    return err;
}

/* ---- what cannot ---- */

/* A certificate of the local CA is made anew while there is time left. */
static void plan_renewal(struct gateway *g) {
    enum { SOON_S = 60, LONGEST_S = 86400 };
    int64_t left_s = generation_renew_at(g->now) - (int64_t)time(NULL);

    left_s = left_s < SOON_S ? SOON_S : left_s > LONGEST_S ? LONGEST_S : left_s;
    (void)task_at(&g->renewal, g->control.turn.now_ns + (uint64_t)left_s * SECOND_NS);
}

static void watch_files(struct change *ch) {
    struct gateway *g = ch->gateway;
    bool watch = g->now->config.gateway.watch;

    if (ch->changes || !watch) {
        changes_free(g->changes);
        g->changes = ch->changes;
    }
    if (g->changes)
        generation_watch(g->now, g->changes, g->log);
}

static void commit(struct change *ch) {
    struct gateway *g = ch->gateway;
    const struct gateway_options *o = &ch->next->config.gateway;

    if (g->now)
        list_append(&g->old, &g->now->link);
    g->now = ch->next;
    g->now->number = ++g->n_generations;
    g->log->level = (enum log_level)o->log_level;
    limit_heads(&g->heads, o);
    if (o->upstream_connections < g->n_workers)
        log_warn(g->log,
                 "max-upstream-connections %" PRIu64
                 " is less than workers %u: each worker has one",
                 o->upstream_connections, g->n_workers);
    for (unsigned i = 0; i < g->n_workers; i++)
        worker_do(&g->workers[i], duty_put_on, ch->outfits[i]);
    free(ch->outfits);
    monitor_commit(&g->health);
    monitor_commit(&g->stats);
    monitor_commit(&g->admin);
    if (monitor_addr(&g->health))
        g->now->config.gateway.health = *monitor_addr(&g->health);
    if (monitor_addr(&g->stats))
        g->now->config.gateway.stats = *monitor_addr(&g->stats);
    absence_tell(&g->now->config, g->log);
    watch_files(ch);
    plan_renewal(g);
}

/* ---- the whole ---- */

static int start_workers(struct change *ch) {
    const struct gateway *g = ch->gateway;
    int err = 0;

    for (unsigned i = 0; !err && i < g->n_workers; i++)
        err = worker_start(&g->workers[i]);
    if (err)
        log_error(&ch->log, "a thread cannot be started: %s", err_text(err));
    return err;
}

/* Who hears of an error hears why: mostly a line has said so already. */
static void explain(const struct change *ch, int err) {
    struct buf *errors = ch->errors;
    const char *why = errors->failed ? err_text(ERR_NO_MEMORY) : err_text(err);
    const char *advice = err == ERR_NO_MEMORY || errors->failed
                             ? "give it more, or end something else, and try again"
                             : "try again; a sandbox or a limit of this machine may be in the way "
                               "(strace -f shows what the system refuses)";

    if (errors->n && !errors->failed)
        return;
    buf_format(errors, "the configuration cannot be put to use: %s; %s\n", why, advice);
    if (errors->failed)
        log_error(ch->gateway->log, "the configuration cannot be put to use: %s; %s", why, advice);
}

int change_first(struct gateway *g, struct buf *errors) {
    struct change ch;
    int err;

    begin(&ch, g, errors);
    err = prepare(&ch);
    if (!err)
        err = start_workers(&ch);
    if (err) {
        explain(&ch, err);
        abandon(&ch);
    } else {
        commit(&ch);
    }
    return err;
}

static void tell_errors(const struct gateway *g, const struct buf *errors) {
    struct str rest = buf_view(errors), line;

    while (str_cut(&rest, '\n', &line))
        if (line.n)
            log_error(g->log, STR_FMT, STR_ARG(line));
}

int change_next(struct gateway *g, struct buf *errors) {
    struct change ch;
    int err;

    if (g->state != GATEWAY_SERVING) {
        buf_str(errors, STR("the gateway is draining: it takes no new configuration\n"));
        return ERR_CLOSED;
    }
    begin(&ch, g, errors);
    err = prepare(&ch);
    if (err) {
        explain(&ch, err);
        tell_errors(g, errors);
        abandon(&ch);
        log_error(g->log, "this configuration is not taken: the one before serves on");
        return err;
    }
    commit(&ch);
    task_wake(&g->sweep, 1);
    log_info(g->log, "reloaded (generation %u)", g->n_generations);
    return 0;
}

/* ---- afterwards ---- */

static bool is_used(const struct gateway *g, const struct generation *old) {
    for (unsigned i = 0; i < g->n_workers; i++)
        if (duty_uses(&g->workers[i], old))
            return true;
    return false;
}

/* true: what was left is closed now. */
static bool let_go(struct gateway *g) {
    bool any = false, left = true;

    for (unsigned i = 0; i < g->n_workers; i++) {
        any = any || !list_empty(&g->workers[i].leaving);
        worker_do(&g->workers[i], duty_has_left, &left);
    }
    for (unsigned i = 0; any && left && i < g->n_workers; i++)
        worker_do(&g->workers[i], duty_let_go, NULL);
    return any && left;
}

static bool lacks_mirror(const struct generation *now) {
    for (size_t i = 0; i < now->addresses.n; i++)
        if (now->addresses.v[i].problem[0] && now->addresses.v[i].tcp)
            return true;
    return false;
}

bool change_sweep(struct gateway *g) {
    bool closed = let_go(g), more = false;

    for (unsigned i = 0; i < g->n_workers; i++)
        worker_do(&g->workers[i], duty_clear_up, NULL);
    list_each(&g->old, at, next) {
        struct generation *old = list_entry(at, struct generation, link);
        if (is_used(g, old))
            continue;
        list_remove(at);
        generation_free(old);
    }
    for (unsigned i = 0; i < g->n_workers; i++)
        more = more || !list_empty(&g->workers[i].leaving);
    /* The old mirror had the UDP port that the new one wanted. */
    if (closed && g->state == GATEWAY_SERVING && lacks_mirror(g->now)) {
        struct buf errors;
        buf_init(&errors);
        (void)change_next(g, &errors);
        buf_fini(&errors);
    }
    return more || !list_empty(&g->old);
}
