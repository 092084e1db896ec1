/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/gateway.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/forwarding.h"
#include "gateway/route.h"
#include "gateway/secret.h"

/* How often a draining gateway looks whether it is idle. */
static const uint64_t drain_look_ns = 20 * MS_NS;

enum { SIGNAL_TERM = 1 << 0, SIGNAL_INT = 1 << 1, SIGNAL_REOPEN = 1 << 2 };
static const int signal_numbers[] = {SIGTERM, SIGINT, SIGUSR1};

static const struct hook *const hooks[] = {&forwarding_hook, &route_hook, &access_log_hook,
                                           &stats_hook, NULL};
static const struct worker_policy policy = {hooks, route_exchange};

static void set_state(struct gateway *g, enum gateway_state state) {
    g->state = state;
}

static int load_identities(struct gateway *g) {
    struct config *c = g->config;

    g->identities = calloc(c->n_servers, sizeof *g->identities);
    if (!g->identities)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_servers; i++) {
        struct identity_wish wish = {c->servers[i], g->env, (int64_t)time(NULL), false};
        int err = identity_load(c, &wish, &g->identities[g->n_identities]);
        if (err == ERR_NO_MEMORY)
            return err;
        g->n_identities += !err;
    }
    return c->errors->n ? ERR_INVALID : 0;
}

static const char *keylog_path(const struct gateway *g) {
    struct str option = g->config->gateway.keylog;
    const char *env;

    if (option.n)
        return option.p;
    env = g->env("SSLKEYLOGFILE");
    return env && env[0] ? env : NULL;
}

static void tell_warnings(const struct gateway *g) {
    for (size_t i = 0; i < g->n_identities; i++)
        if (g->identities[i].warning.n)
            log_warn(g->log, STR_FMT, STR_ARG(buf_view(&g->identities[i].warning)));
}

static int open_keylog(struct gateway *g) {
    const char *path = keylog_path(g);

    g->keylog.fd = -1;
    if (!path)
        return 0;
    log_warn(g->log, "secrets of all connections go to %s: for debugging only", path);
    return keylog_open(&g->keylog, path, g->log);
}

/* The binding of that address, new or there already. */
static struct binding *binding_at(struct gateway *g, const struct config_listen *listen) {
    struct binding *b;

    for (size_t i = 0; i < g->n_bindings; i++)
        if (addr_port(&listen->addr) && addr_eq(&g->bindings[i].addr, &listen->addr))
            return &g->bindings[i];
    b = &g->bindings[g->n_bindings];
    if (binding_init(b, listen, g->config->n_servers))
        return NULL;
    g->n_bindings++;
    return b;
}

static int make_bindings(struct gateway *g) {
    const struct config *c = g->config;
    size_t n = 0;

    for (size_t i = 0; i < c->n_servers; i++)
        n += c->servers[i]->n_listens;
    g->bindings = calloc(n, sizeof *g->bindings);
    if (!g->bindings)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_servers; i++)
        for (size_t j = 0; j < c->servers[i]->n_listens; j++) {
            struct binding *b = binding_at(g, &c->servers[i]->listens[j]);
            if (!b || binding_add(b, c->servers[i], &g->identities[i], g->log))
                return ERR_NO_MEMORY;
        }
    return 0;
}

/* One listen of a name that stands for two may be missing, as on a machine without IPv6. */
static int open_binding(struct gateway *g, struct binding *b) {
    struct binding_config config = {
        .worker = &g->worker,
        .keylog = g->keylog.fd >= 0 ? &g->keylog.tls : NULL,
        .secret = g->secret,
    };
    int err = binding_open(b, &config);

    if (err && b->optional && err != ERR_EXISTS) {
        log_debug(g->log, "%s", b->problem);
        return ERR_NOT_FOUND;
    }
    if (err)
        log_error(g->log, "%s", b->problem[0] ? b->problem : err_text(err));
    else if (b->problem[0])
        log_warn(g->log, "%s; HTTP/3 is off there and alt-svc is not sent", b->problem);
    return err;
}

static int bind_all(struct gateway *g) {
    int first = make_bindings(g);
    size_t kept = 0;

    for (size_t i = 0; !first && i < g->n_bindings; i++) {
        int err = open_binding(g, &g->bindings[i]);
        if (err && err != ERR_NOT_FOUND)
            first = err;
    }
    if (first)
        return first;
    for (size_t i = 0; i < g->n_bindings; i++)
        kept += g->bindings[i].tcp != NULL;
    if (kept == 0)
        log_error(g->log, "none of the addresses can be listened on");
    return kept ? 0 : ERR_SYSTEM;
}

static int open_monitor(struct gateway *g) {
    struct stats_view view = {&g->worker, g->bindings, g->n_bindings};

    return monitor_open(&g->monitor, &g->worker, &view);
}

static int open_to_https(struct gateway *g) {
    int err = to_https_open(&g->to_https, &g->worker, g->bindings, g->n_bindings);

    if (err)
        log_error(g->log, "http-redirect: %s", g->to_https.problem);
    return err;
}

static bool idle(const struct gateway *g) {
    for (size_t i = 0; i < g->n_bindings; i++)
        if (!binding_idle(&g->bindings[i]))
            return false;
    return to_https_idle(&g->to_https);
}

static void finish(struct gateway *g) {
    set_state(g, GATEWAY_STOPPED);
    loop_stop(g->worker.loop);
}

static void drain_run(struct task *task, uint32_t events) {
    struct gateway *g = container_of(task, struct gateway, drain);
    uint64_t now_ns = g->worker.turn.now_ns;

    (void)events;
    if (idle(g)) {
        finish(g);
    } else if (now_ns >= g->drain_end_ns || task_at(task, now_ns + drain_look_ns)) {
        log_warn(g->log, "drain-timeout is over: the connections that are left are cut");
        finish(g);
    }
}

static void begin_drain(struct gateway *g) {
    set_state(g, GATEWAY_DRAINING);
    monitor_drain(&g->monitor);
    for (size_t i = 0; i < g->n_bindings; i++)
        binding_drain(&g->bindings[i]);
    to_https_drain(&g->to_https);
    for (size_t i = 0; i < g->config->n_upstreams; i++)
        upstream_drain(g->worker.upstreams[i]);
    g->drain_end_ns = g->worker.turn.now_ns + g->config->gateway.drain_timeout_ns;
    task_wake(&g->drain, 1);
}

static void signals_run(struct task *task, uint32_t events) {
    struct gateway *g = container_of(task, struct gateway, signals);

    if (events & SIGNAL_REOPEN)
        access_log_reopen(&g->worker.access_log);
    if (!(events & (SIGNAL_TERM | SIGNAL_INT)))
        return;
    if (g->state == GATEWAY_SERVING) {
        log_info(g->log, "draining: what was begun is finished; once more ends at once");
        begin_drain(g);
    } else if (g->state == GATEWAY_DRAINING) {
        finish(g);
    }
}

int gateway_start(struct gateway *g, struct config *config, struct log *log, place_env *env) {
    int err;

    *g = (struct gateway){.config = config, .log = log, .env = env, .keylog.fd = -1};
    err = load_identities(g);
    tell_warnings(g);
    if (!err)
        err = secret_load(env, log, g->secret);
    if (!err)
        err = open_keylog(g);
    if (!err)
        err = worker_init(&g->worker, config, &policy, log);
    if (err) {
        g->worker = (struct worker){0};
        gateway_stop(g);
        return err;
    }
    task_init(&g->signals, &g->worker.turn, signals_run);
    task_init(&g->drain, &g->worker.turn, drain_run);
    err = bind_all(g);
    if (!err)
        err = open_to_https(g);
    if (!err)
        err = open_monitor(g);
    if (!err)
        err = loop_signals(g->worker.loop, signal_numbers, 3, &g->signals);
    if (err)
        gateway_stop(g);
    return err;
}

void gateway_run(struct gateway *g) {
    set_state(g, GATEWAY_SERVING);
    loop_run(g->worker.loop);
}

void gateway_stop(struct gateway *g) {
    to_https_fini(&g->to_https);
    monitor_close(&g->monitor);
    for (size_t i = 0; i < g->n_bindings; i++)
        binding_fini(&g->bindings[i]);
    if (g->worker.loop) {
        task_fini(&g->signals);
        task_fini(&g->drain);
        worker_fini(&g->worker);
    }
    for (size_t i = 0; i < g->n_identities; i++)
        identity_fini(&g->identities[i]);
    free(g->identities);
    free(g->bindings);
    keylog_close(&g->keylog);
}
