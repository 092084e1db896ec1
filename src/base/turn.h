/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_TURN_H
#define BASE_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

/* A turn is one lap of the loop: I/O records, then tasks run, then the dead are freed.
 *
 * A task may be woken any number of times before it runs; it runs once with the union
 * of its event bits. Tasks run in the order of their first wake, but the last ones when no other
 * is ready: what a lap brings for one socket goes out together. A timer is a task in the heap.
 * Burying is final and idempotent; buried memory is valid until the end of the turn, and frees may
 * bury others. There is no other way to defer anything, and no system call in here: tests drive it
 * by hand. */

struct turn;

enum { TASK_TIMER = 1u << 31 }; /* the event bit of the task's own timer */

struct task {
    uint32_t magic;
    uint32_t events; /* pending */
    struct list link;
    struct turn *turn;
    void (*run)(struct task *task, uint32_t events);
    uint64_t at_ns;
    uint32_t heap_slot; /* 1-based; 0: no timer */
    bool reserved;      /* it has a slot of its own, in use or not */
    bool is_last;
};

struct grave {
    struct grave *next;
    void (*free)(struct grave *grave); /* NULL: not buried yet */
};

struct turn {
    uint64_t now_ns; /* CLOCK_MONOTONIC, read once per turn */
    uint64_t wall_s; /* seconds since 1970, for dates; may jump */
    struct list queue, last;
    struct grave *graves;
    struct task **heap;
    size_t n_heap, heap_cap;
    size_t n_reserved; /* slots that are to stay free for those who have them */
};

void turn_init(struct turn *t);
void turn_fini(struct turn *t); /* frees what is buried; check()s that no task is queued */

/* Sets the clock: call it after waiting, before I/O is handled. Never goes backwards. */
void turn_begin(struct turn *t, uint64_t now_ns, uint64_t wall_s);

/* Fires due timers, runs at most budget tasks, frees the buried. true: tasks are left. */
bool turn_run(struct turn *t, size_t budget);
bool turn_has_tasks(const struct turn *t);

/* When the first timer is due; UINT64_MAX: none. */
uint64_t turn_next_ns(const struct turn *t);

void task_init(struct task *task, struct turn *turn, void (*run)(struct task *, uint32_t));
/* One that runs when no other is ready. */
void task_init_last(struct task *task, struct turn *turn, void (*run)(struct task *, uint32_t));
void task_fini(struct task *task); /* unqueues, stops the timer; idempotent */
void task_wake(struct task *task, uint32_t events);

/* Sets or moves the timer. Past times fire in this or the next turn_run. The heap grows
 * here: 0 or ERR_NO_MEMORY. */
int task_at(struct task *task, uint64_t at_ns);
/* The same, unless it is set to an earlier time. */
int task_by(struct task *task, uint64_t at_ns);
/* The heap grows here instead: task_at cannot fail for this task until its task_fini. */
int task_reserve(struct task *task);
void task_stop_timer(struct task *task);

/* The object goes at the end of the turn. The caller has run task_fini on its tasks. */
void turn_bury(struct turn *t, struct grave *grave, void (*free_object)(struct grave *));

enum { MS_NS = 1000000 };
#define SECOND_NS UINT64_C(1000000000)

#endif
