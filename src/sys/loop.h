/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/turn.h"

/* The one door to libev: it only waits. A lap: wait until a socket is ready or the heap's
 * first timer is due, tell the watchers (they do their I/O right there), then turn_run. */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop;

struct loop_watch {
    struct loop *loop;
    int fd;
    int events; /* asked for */
    void (*ready)(struct loop_watch *watch, int events);
    void *io;         /* private to loop.c */
    struct list link; /* likewise */
};

struct loop *loop_new(struct turn *turn); /* NULL: no memory or no epoll */
void loop_free(struct loop *loop);
struct turn *loop_turn(struct loop *loop);

/* watch stays the caller's and must not move. 0 or ERR_NO_MEMORY. events may be 0. */
int loop_watch_init(struct loop_watch *watch, struct loop *loop, int fd,
                    void (*ready)(struct loop_watch *, int));
void loop_watch_set(struct loop_watch *watch, int events); /* cheap when nothing changes */
void loop_watch_fini(struct loop_watch *watch);            /* does not close fd */

/* Signals arrive as wakes of task with the bit 1 << index of the array that was given. One
 * loop of the process only, before other threads begin: it blocks them for good. */
int loop_signals(struct loop *loop, const int *signals, int n, struct task *task);

void loop_run(struct loop *loop); /* until loop_stop */
void loop_lap(struct loop *loop, uint64_t max_wait_ns);
void loop_stop(struct loop *loop); /* from inside */
/* From another thread: wakes the loop and runs task with events there, surely: none is lost. */
int loop_post_init(struct loop *loop, struct task *task);
void loop_post(struct loop *loop, uint32_t events);

#endif
