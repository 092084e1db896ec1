/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UPSTREAM_ORIGIN_H
#define UPSTREAM_ORIGIN_H

#include "upstream/upstream.h"

/* One URL of an upstream: its pool of connections and those that wait for one.
 *
 *   dialing --connected--> busy <--> idle --idle timeout, GOAWAY, close--> gone
 *      `--failed: all waiters are told--------------------------------------^ */

struct origin {
    const struct upstream_env *env;
    const struct upstream_config *config;
    struct uri uri;
    char name[288];
    struct list conns;   /* all */
    struct list idle;    /* can take an exchange; the last used first */
    struct list waiters; /* struct upstream_wait, in order */
    struct list streams; /* net_stream owner list */
    size_t n_conns, n_dialing, n_waiting;
    uint64_t n_connects, n_failures; /* dials that ended well, and those that did not */
    bool draining, closing;
    uint64_t bad_until_ns; /* passed over until then while others are well */
    char problem[192];     /* of the last failed dial */
};

void origin_init(struct origin *o, const struct upstream_env *env,
                 const struct upstream_config *config, const struct uri *uri);
void origin_fini(struct origin *o);
void origin_drain(struct origin *o);
struct origin_numbers origin_numbers(const struct origin *o);
int origin_open(struct origin *o, struct exchange *x, struct upstream_wait *w);
/* One connect to it, and what became of it: as dial_start, as dial_take_fd. */
struct dial *origin_dial(const struct origin *o, struct task *task);
int origin_dialed(struct origin *o, struct dial *dial);
/* w waits no longer; what it was granted is offered to the next. Idempotent. */
void origin_forget(struct upstream_wait *w);

#endif
