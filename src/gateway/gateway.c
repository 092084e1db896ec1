/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/gateway.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "gateway/change.h"
#include "gateway/control.h"
#include "gateway/duty.h"

/* How often a draining gateway looks whether it is idle, and one that was reloaded whether it
 * still needs what was before. */
static const uint64_t drain_look_ns = 20 * MS_NS, sweep_look_ns = 100 * MS_NS;

/* Who writes several files, or one in pieces, is to be done first. */
static const uint64_t rest_ns = 150 * MS_NS;

/* A certificate that is due is to be made, even when it could not be the last time. */
static const uint64_t renew_look_ns = 3600 * SECOND_NS;

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};

static void set_state(struct gateway *g, enum gateway_state state) {
    g->state = state;
}

static void all_do(struct gateway *g, void (*f)(struct worker *w, void *context), void *context) {
    for (unsigned i = 0; i < g->n_workers; i++)
        worker_do(&g->workers[i], f, context);
}

/* ---- the end ---- */

static void finish(struct gateway *g) {
    set_state(g, GATEWAY_STOPPED);
    loop_stop(g->control.loop);
}

static void drain_run(struct task *task, uint32_t events) {
    struct gateway *g = container_of(task, struct gateway, drain);
    uint64_t now_ns = g->control.turn.now_ns;
    bool idle = true;

    (void)events;
    all_do(g, duty_is_idle, &idle);
    if (idle) {
        finish(g);
    } else if (now_ns >= g->drain_end_ns || task_at(task, now_ns + drain_look_ns)) {
        log_warn(g->log, "drain-timeout is over: the connections that are left are cut");
        finish(g);
    }
}

static void begin_drain(struct gateway *g) {
    set_state(g, GATEWAY_DRAINING);
    all_do(g, duty_drain, NULL);
    g->drain_end_ns = g->control.turn.now_ns + g->now->config.gateway.drain_timeout_ns;
    task_wake(&g->drain, 1);
}

static void end(struct gateway *g) {
    if (g->state == GATEWAY_SERVING) {
        log_info(g->log, "draining: what was begun is finished; once more ends at once");
        begin_drain(g);
    } else if (g->state == GATEWAY_DRAINING) {
        finish(g);
    }
}

/* ---- reloads ---- */

static void reload(struct gateway *g) {
    struct buf errors;

    buf_init(&errors);
    (void)change_next(g, &errors); /* the log has heard */
    buf_fini(&errors);
}

static void sweep_run(struct task *task, uint32_t events) {
    struct gateway *g = container_of(task, struct gateway, sweep);

    (void)events;
    if (change_sweep(g))
        (void)task_at(task, g->control.turn.now_ns + sweep_look_ns);
}

static void watch_run(struct task *task, uint32_t events) {
    struct gateway *g = container_of(task, struct gateway, watch);

    if (events & CHANGES_SEEN)
        (void)task_at(task, g->control.turn.now_ns + rest_ns);
    else if (g->state == GATEWAY_SERVING)
        reload(g);
}

/* A reload that is done plans the next one; after one that is refused it is tried again. */
static void renewal_run(struct task *task, uint32_t events) {
    struct gateway *g = container_of(task, struct gateway, renewal);
    int64_t now_s = (int64_t)time(NULL);

    (void)events;
    (void)task_at(task, g->control.turn.now_ns + renew_look_ns);
    if (g->state == GATEWAY_SERVING && now_s >= generation_renew_at(g->now))
        reload(g);
}

static void signals_run(struct task *task, uint32_t events) {
    struct gateway *g = container_of(task, struct gateway, signals);

    if (events & GATEWAY_REOPEN)
        all_do(g, duty_reopen, NULL);
    if (events & GATEWAY_END_NOW)
        finish(g);
    else if (events & (GATEWAY_TERM | GATEWAY_INT))
        end(g);
    else if ((events & GATEWAY_RELOAD) && g->state == GATEWAY_SERVING)
        reload(g);
}

/* ---- life ---- */

/* Their timers are reserved: none of these moments is to be missed for want of memory. */
static int init_tasks(struct gateway *g) {
    struct turn *turn = &g->control.turn;

    task_init(&g->signals, turn, signals_run);
    task_init(&g->drain, turn, drain_run);
    task_init(&g->sweep, turn, sweep_run);
    task_init(&g->watch, turn, watch_run);
    task_init(&g->renewal, turn, renewal_run);
    if (task_reserve(&g->drain) || task_reserve(&g->sweep) || task_reserve(&g->watch) ||
        task_reserve(&g->renewal))
        return ERR_NO_MEMORY;
    return 0;
}

static void fini_tasks(struct gateway *g) {
    task_fini(&g->signals);
    task_fini(&g->drain);
    task_fini(&g->sweep);
    task_fini(&g->watch);
    task_fini(&g->renewal);
}

int gateway_start(struct gateway *g, const struct configurer *configurer, struct log *log,
                  place_env *env, struct buf *errors) {
    int err;

    *g = (struct gateway){.configurer = configurer, .log = log, .env = env};
    list_init(&g->old);
    g->begin_s = (uint64_t)time(NULL);
    err = worker_init(&g->control, 0, log, NULL);
    if (err) {
        log_error(log, "cannot start: %s", err_text(err));
        return err;
    }
    control_init(g);
    err = init_tasks(g);
    if (!err)
        err = loop_signals(g->control.loop, signal_numbers, 4, &g->signals);
    if (err)
        log_error(log, "cannot start: %s", err_text(err));
    else
        err = change_first(g, errors);
    if (err)
        gateway_stop(g);
    return err;
}

void gateway_run(struct gateway *g) {
    set_state(g, GATEWAY_SERVING);
    loop_run(g->control.loop);
}

static void end_worker(struct worker *w) {
    worker_do(w, duty_end, NULL);
    worker_stop(w);
    /* What the closed woke and buried stands on the outfits. */
    while (turn_run(&w->turn, SIZE_MAX))
        ;
    list_each(&w->outfits, at, next)
        outfit_free(list_entry(at, struct outfit, link));
    worker_fini(w);
}

static void fini_heads(struct head_count *heads) {
    census_fini(&heads->clients);
    quota_fini(&heads->tcp);
    quota_fini(&heads->quic);
    quota_fini(&heads->handshakes);
}

void gateway_stop(struct gateway *g) {
    for (unsigned i = 0; i < g->n_workers; i++)
        end_worker(&g->workers[i]);
    if (g->workers)
        fini_heads(&g->heads);
    monitor_close(&g->health);
    monitor_close(&g->stats);
    monitor_close(&g->admin);
    changes_free(g->changes);
    fini_tasks(g);
    worker_fini(&g->control);
    list_each(&g->old, at, next)
        generation_free(list_entry(at, struct generation, link));
    generation_free(g->now);
    free(g->workers);
}
