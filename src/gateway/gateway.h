/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/log.h"
#include "gateway/generation.h"
#include "gateway/monitor.h"
#include "gateway/worker.h"
#include "sys/changes.h"
#include "sys/place.h"

/* The whole, as the control thread has it: the present generation of the configuration, the
 * workers, and its own affairs: signals, watched files, health, stats and admin pages. It makes
 * certificates and contexts, so that traffic never waits for that.
 *
 *   starting --bound--> serving --SIGTERM, SIGINT, stop--> draining --idle, timeout--> stopped
 *                       |     ^                               `--second signal-----------^
 *                       `-----'  SIGHUP, changed files: the next generation (change.h) */

enum gateway_state { GATEWAY_STARTING, GATEWAY_SERVING, GATEWAY_DRAINING, GATEWAY_STOPPED };

enum { GATEWAY_PAGES = 7 };

/* The first ones as the signals are listed in gateway.c. */
enum gateway_event {
    GATEWAY_TERM = 1 << 0,
    GATEWAY_INT = 1 << 1,
    GATEWAY_REOPEN = 1 << 2,
    GATEWAY_RELOAD = 1 << 3,
    GATEWAY_END_NOW = 1 << 4,
};

struct gateway {
    const struct configurer *configurer;
    struct log *log;
    place_env *env;
    enum gateway_state state;
    uint64_t begin_s; /* wall clock */
    struct secrets secrets;
    struct head_count heads;

    struct worker control; /* this thread's; its index is never used */
    struct worker *workers;
    unsigned n_workers;

    struct generation *now;
    struct list old; /* struct generation: connections have them yet */
    unsigned n_generations;

    struct monitor_listener health, stats, admin;
    struct admin_page health_page, stats_page, admin_pages[GATEWAY_PAGES];
    struct changes *changes; /* NULL: watch is off */
    struct task signals;     /* and what is asked for as they do, with the bits below */
    struct task drain;       /* looks whether all is idle */
    struct task sweep;       /* looks what of old generations is unused */
    struct task watch;       /* files have changed; once they rest, they are read */
    struct task renewal;     /* a certificate of ours is to be made anew */
    uint64_t drain_end_ns;
};

/* Reads the configuration, loads certificates, binds all listeners, starts the workers. 0; or
 * a negative err: what is wrong with the configuration stands in errors, a line each, the rest is
 * told in the log, and there is nothing to stop. configurer, log and env outlive g. */
int gateway_start(struct gateway *g, const struct configurer *configurer, struct log *log,
                  place_env *env, struct buf *errors);

/* Serves until a signal ends it, then drains, at most for drain-timeout. */
void gateway_run(struct gateway *g);

void gateway_stop(struct gateway *g); /* closes and frees everything */

#endif
