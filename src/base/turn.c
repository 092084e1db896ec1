/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/turn.h"

#include <stdlib.h>

#include "base/err.h"

enum { TASK_MAGIC = 0x7461736b, HEAP_FIRST = 64 };

/* The heap: slot s has its children in 2s and 2s + 1; heap[0] is not used. */

static void heap_set(struct turn *t, size_t slot, struct task *task) {
    t->heap[slot] = task;
    task->heap_slot = (uint32_t)slot;
}

static void heap_up(struct turn *t, struct task *task) {
    size_t slot = task->heap_slot;
    for (; slot > 1 && t->heap[slot / 2]->at_ns > task->at_ns; slot /= 2)
        heap_set(t, slot, t->heap[slot / 2]);
    heap_set(t, slot, task);
}

static void heap_down(struct turn *t, struct task *task) {
    size_t slot = task->heap_slot;
    for (size_t child; (child = 2 * slot) <= t->n_heap; slot = child) {
        if (child < t->n_heap && t->heap[child + 1]->at_ns < t->heap[child]->at_ns)
            child++;
        if (t->heap[child]->at_ns >= task->at_ns)
            break;
        heap_set(t, slot, t->heap[child]);
    }
    heap_set(t, slot, task);
}

static void heap_settle(struct turn *t, struct task *task) {
    heap_up(t, task);
    heap_down(t, task);
}

static int heap_grow(struct turn *t) {
    if (t->n_heap + t->n_reserved + 1 < t->heap_cap)
        return 0;
    size_t cap = t->heap_cap ? t->heap_cap * 2 : HEAP_FIRST;
    struct task **heap = realloc(t->heap, cap * sizeof(struct task *));
    if (!heap)
        return ERR_NO_MEMORY;
    t->heap = heap;
    t->heap_cap = cap;
    return 0;
}

void turn_init(struct turn *t) {
    *t = (struct turn){0};
    list_init(&t->queue);
    list_init(&t->last);
}

/* In the order of burial; what the frees bury comes after. */
static void free_buried(struct turn *t) {
    while (t->graves) {
        struct grave *ordered = NULL;
        for (struct grave *g = t->graves, *next; g; g = next) {
            next = g->next;
            g->next = ordered;
            ordered = g;
        }
        t->graves = NULL;
        for (struct grave *g = ordered, *next; g; g = next) {
            next = g->next;
            g->free(g);
        }
    }
}

void turn_fini(struct turn *t) {
    free_buried(t);
    check(!turn_has_tasks(t));
    check(t->n_heap == 0);
    free(t->heap);
    turn_init(t);
}

void turn_begin(struct turn *t, uint64_t now_ns, uint64_t wall_s) {
    if (now_ns > t->now_ns)
        t->now_ns = now_ns;
    t->wall_s = wall_s;
}

static void fire_timers(struct turn *t) {
    while (t->n_heap > 0 && t->heap[1]->at_ns <= t->now_ns) {
        struct task *task = t->heap[1];
        task_stop_timer(task);
        task_wake(task, TASK_TIMER);
    }
}

static void run_first(struct turn *t) {
    const struct list *queue = list_empty(&t->queue) ? &t->last : &t->queue;
    struct task *task = list_entry(queue->next, struct task, link);
    uint32_t events = task->events;
    list_remove(&task->link);
    task->events = 0;
    task->run(task, events);
}

/* Else others could keep them waiting for ever. */
static void queue_the_last(struct turn *t) {
    list_each(&t->last, at, next) {
        list_remove(at);
        list_append(&t->queue, at);
    }
}

bool turn_run(struct turn *t, size_t budget) {
    fire_timers(t);
    for (; budget > 0 && turn_has_tasks(t); budget--)
        run_first(t);
    queue_the_last(t);
    free_buried(t);
    return turn_has_tasks(t);
}

bool turn_has_tasks(const struct turn *t) {
    return !list_empty(&t->queue) || !list_empty(&t->last);
}

uint64_t turn_next_ns(const struct turn *t) {
    return t->n_heap > 0 ? t->heap[1]->at_ns : UINT64_MAX;
}

void task_init(struct task *task, struct turn *turn, void (*run)(struct task *, uint32_t)) {
    *task = (struct task){.magic = TASK_MAGIC, .turn = turn, .run = run};
    list_init(&task->link);
}

void task_init_last(struct task *task, struct turn *turn, void (*run)(struct task *, uint32_t)) {
    task_init(task, turn, run);
    task->is_last = true;
}

void task_fini(struct task *task) {
    if (task->magic != TASK_MAGIC || !task->turn)
        return;
    task_stop_timer(task);
    if (task->reserved)
        task->turn->n_reserved--;
    list_remove(&task->link);
    task->events = 0;
    task->turn = NULL;
}

/* A task without a turn is over: whoever still holds a pointer to what is buried may
 * wake it until the end of the turn, in vain. */
void task_wake(struct task *task, uint32_t events) {
    check_magic(task, TASK_MAGIC);
    if (!task->turn)
        return;
    task->events |= events;
    if (list_empty(&task->link))
        list_append(task->is_last ? &task->turn->last : &task->turn->queue, &task->link);
}

int task_at(struct task *task, uint64_t at_ns) {
    check_magic(task, TASK_MAGIC);
    struct turn *t = task->turn;
    if (!t)
        return 0;
    if (task->heap_slot == 0) {
        if (!task->reserved && heap_grow(t) != 0)
            return ERR_NO_MEMORY;
        if (task->reserved)
            t->n_reserved--;
        t->n_heap++;
        heap_set(t, t->n_heap, task);
    }
    task->at_ns = at_ns;
    heap_settle(t, task);
    return 0;
}

int task_by(struct task *task, uint64_t at_ns) {
    return task->heap_slot != 0 && task->at_ns <= at_ns ? 0 : task_at(task, at_ns);
}

int task_reserve(struct task *task) {
    check_magic(task, TASK_MAGIC);
    struct turn *t = task->turn;
    if (!t || task->reserved)
        return 0;
    if (task->heap_slot == 0) {
        if (heap_grow(t) != 0)
            return ERR_NO_MEMORY;
        t->n_reserved++;
    }
    task->reserved = true;
    return 0;
}

void task_stop_timer(struct task *task) {
    struct turn *t = task->turn;
    size_t slot = task->heap_slot;
    if (!t || slot == 0)
        return;
    struct task *last = t->heap[t->n_heap--];
    task->heap_slot = 0;
    if (task->reserved)
        t->n_reserved++;
    if (last == task)
        return;
    heap_set(t, slot, last);
    heap_settle(t, last);
}

void turn_bury(struct turn *t, struct grave *grave, void (*free_object)(struct grave *)) {
    if (grave->free)
        return;
    grave->free = free_object;
    grave->next = t->graves;
    t->graves = grave;
}
