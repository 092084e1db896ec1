/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/turn.h"

enum { WORDS = 64 };

/* A task that notes its runs, and does one more thing. */
struct note {
    struct task task;
    char name;
    struct notes *notes;
    void (*more)(struct note *note);
};

struct notes {
    struct turn turn;
    char names[WORDS + 1];
    uint32_t events[WORDS];
    size_t n;
    struct note a, b, c;
};

static void note_run(struct task *task, uint32_t events) {
    struct note *note = container_of(task, struct note, task);
    struct notes *notes = note->notes;
    assert_true(notes->n < WORDS);
    notes->names[notes->n] = note->name;
    notes->events[notes->n++] = events;
    if (note->more)
        note->more(note);
}

static void note_init(struct notes *notes, struct note *note, char name) {
    *note = (struct note){.name = name, .notes = notes};
    task_init(&note->task, &notes->turn, note_run);
}

static int setup(void **state) {
    struct notes *notes = test_calloc(1, sizeof(*notes));
    turn_init(&notes->turn);
    note_init(notes, &notes->a, 'a');
    note_init(notes, &notes->b, 'b');
    note_init(notes, &notes->c, 'c');
    *state = notes;
    return 0;
}

static int teardown(void **state) {
    struct notes *notes = *state;
    task_fini(&notes->a.task);
    task_fini(&notes->b.task);
    task_fini(&notes->c.task);
    task_fini(&notes->c.task);
    turn_fini(&notes->turn);
    test_free(notes);
    return 0;
}

static void runs_once_with_the_union(void **state) {
    struct notes *n = *state;
    task_wake(&n->b.task, 1);
    task_wake(&n->a.task, 2);
    task_wake(&n->b.task, 4);
    task_wake(&n->b.task, 1);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "ba"); /* in the order of the first wake */
    assert_int_equal(n->events[0], 5);
    assert_int_equal(n->events[1], 2);
    assert_false(turn_run(&n->turn, 100));
    assert_int_equal(n->n, 2);
}

static void wake_all(struct note *note) {
    struct notes *n = note->notes;
    note->more = NULL;
    task_wake(&n->a.task, 8);
    task_wake(&n->b.task, 8);
    task_wake(&n->c.task, 8);
}

static void takes_wakes_from_inside(void **state) {
    struct notes *n = *state;
    n->a.more = wake_all;
    task_wake(&n->a.task, 1);
    task_wake(&n->b.task, 1);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "abac"); /* b was waiting already; a itself comes again */
    assert_int_equal(n->events[1], 9);
    assert_int_equal(n->events[2], 8);
}

static void wake_itself(struct note *note) {
    task_wake(&note->task, 1);
}

static void keeps_the_budget(void **state) {
    struct notes *n = *state;
    n->a.more = wake_itself;
    task_wake(&n->a.task, 1);
    task_wake(&n->b.task, 1);
    assert_true(turn_run(&n->turn, 5));
    assert_string_equal(n->names, "abaaa");
    assert_true(turn_run(&n->turn, 0));
    assert_int_equal(n->n, 5);
    n->a.more = NULL;
    assert_false(turn_run(&n->turn, 1));
}

/* b is woken first and waits for a and what a wakes, but not for ever. */
static void runs_the_last_when_no_other_is_ready(void **state) {
    struct notes *n = *state;
    task_init_last(&n->b.task, &n->turn, note_run);
    n->a.more = wake_all;
    task_wake(&n->b.task, 1);
    task_wake(&n->a.task, 1);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "aacb");
    assert_int_equal(n->events[3], 9);
}

static void lets_nobody_keep_the_last_waiting(void **state) {
    struct notes *n = *state;
    task_init_last(&n->b.task, &n->turn, note_run);
    n->a.more = wake_itself;
    task_wake(&n->b.task, 1);
    task_wake(&n->a.task, 1);
    assert_true(turn_run(&n->turn, 3));
    assert_string_equal(n->names, "aaa");
    assert_true(turn_run(&n->turn, 3));
    assert_string_equal(n->names, "aaaaba");
    n->a.more = NULL;
    assert_false(turn_run(&n->turn, 100));
}

static void end_b(struct note *note) {
    task_fini(&note->notes->b.task);
}

static void forgets_what_ended(void **state) {
    struct notes *n = *state;
    n->a.more = end_b;
    task_wake(&n->a.task, 1);
    task_wake(&n->b.task, 1);
    assert_int_equal(task_at(&n->b.task, 5), 0);
    turn_begin(&n->turn, 1, 0);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "a");
    task_wake(&n->b.task, 1); /* in vain */
    assert_int_equal(task_at(&n->b.task, 5), 0);
    task_stop_timer(&n->b.task);
    turn_begin(&n->turn, 10, 0);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "a");
    assert_true(turn_next_ns(&n->turn) == UINT64_MAX);
    struct task never_set_up = {0};
    task_fini(&never_set_up);
}

static void fires_timers(void **state) {
    struct notes *n = *state;
    turn_begin(&n->turn, 100, 5);
    assert_int_equal(n->turn.now_ns, 100);
    assert_int_equal(n->turn.wall_s, 5);
    assert_int_equal(task_at(&n->a.task, 300), 0);
    assert_int_equal(task_at(&n->b.task, 200), 0);
    assert_int_equal(task_at(&n->c.task, 50), 0); /* the past */
    assert_int_equal(turn_next_ns(&n->turn), 50);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "c");
    assert_true(n->events[0] == TASK_TIMER);
    assert_int_equal(turn_next_ns(&n->turn), 200);
    assert_int_equal(task_at(&n->a.task, 150), 0); /* moved */
    turn_begin(&n->turn, 199, 5);
    task_wake(&n->a.task, 1);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "ca");
    assert_true(n->events[1] == (TASK_TIMER | 1));
    task_stop_timer(&n->b.task);
    task_stop_timer(&n->b.task);
    turn_begin(&n->turn, 1000, 6);
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "ca");
    turn_begin(&n->turn, 900, 4); /* never backwards; the wall clock may */
    assert_int_equal(n->turn.now_ns, 1000);
    assert_int_equal(n->turn.wall_s, 4);
}

static void set_past_timer(struct note *note) {
    note->more = NULL;
    assert_int_equal(task_at(&note->task, 1), 0);
}

static void fires_the_past_in_the_next_run(void **state) {
    struct notes *n = *state;
    n->a.more = set_past_timer;
    turn_begin(&n->turn, 100, 0);
    task_wake(&n->a.task, 1);
    turn_run(&n->turn, 100);
    assert_true(turn_next_ns(&n->turn) <= 100); /* so that nobody sleeps */
    turn_run(&n->turn, 100);
    assert_string_equal(n->names, "aa");
}

/* What is buried is heap memory of its own, so that ASan sees every use after the end. */
struct dead {
    struct grave grave;
    struct notes *notes;
    char name;
    struct dead *next;
};

static void dead_free(struct grave *grave) {
    struct dead *dead = container_of(grave, struct dead, grave);
    struct notes *notes = dead->notes;
    notes->names[notes->n++] = dead->name;
    if (dead->next)
        turn_bury(&notes->turn, &dead->next->grave, dead_free);
    turn_bury(&notes->turn, &dead->grave, dead_free); /* too late */
    free(dead);
}

static struct dead *dead_new(struct notes *notes, char name, struct dead *next) {
    struct dead *dead = calloc(1, sizeof(*dead));
    assert_non_null(dead);
    *dead = (struct dead){.notes = notes, .name = name, .next = next};
    return dead;
}

static void buries(void **state) {
    struct notes *n = *state;
    struct dead *w = dead_new(n, 'W', NULL), *z = dead_new(n, 'Z', w), *y = dead_new(n, 'Y', z),
                *x = dead_new(n, 'X', NULL);
    turn_bury(&n->turn, &x->grave, dead_free);
    turn_bury(&n->turn, &y->grave, dead_free);
    turn_bury(&n->turn, &x->grave, dead_free); /* idempotent */
    task_wake(&n->a.task, 1);
    assert_string_equal(n->names, "");
    assert_false(turn_run(&n->turn, 100));
    assert_string_equal(n->names, "aXYZW"); /* after the tasks, in order, what frees bury last */
}

static void buries_though_the_budget_is_spent(void **state) {
    struct notes *n = *state;
    n->a.more = wake_itself;
    task_wake(&n->a.task, 1);
    turn_bury(&n->turn, &dead_new(n, 'X', NULL)->grave, dead_free);
    assert_true(turn_run(&n->turn, 2));
    assert_string_equal(n->names, "aaX");
}

static void frees_what_is_left_at_the_end(void **state) {
    struct notes *n = *state;
    turn_bury(&n->turn, &dead_new(n, 'X', dead_new(n, 'Y', NULL))->grave, dead_free);
}

enum { TIMERS = 200 };

struct timers {
    struct turn turn;
    struct timer {
        struct task task;
        uint64_t at_ns; /* what the model says; 0: none */
        unsigned fired;
    } t[TIMERS];
};

static void timer_run(struct task *task, uint32_t events) {
    struct timer *timer = container_of(task, struct timer, task);
    assert_true(events == TASK_TIMER);
    assert_true(timer->at_ns != 0 && timer->at_ns <= task->turn->now_ns);
    timer->at_ns = 0;
    timer->fired++;
}

static uint64_t first_of(const struct timers *s) {
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < TIMERS; i++)
        if (s->t[i].at_ns != 0 && s->t[i].at_ns < first)
            first = s->t[i].at_ns;
    return first;
}

static void keeps_the_heap_in_order(void **state) {
    (void)state;
    static struct timers s;
    unsigned seed = 3;
    turn_init(&s.turn);
    for (size_t i = 0; i < TIMERS; i++)
        task_init(&s.t[i].task, &s.turn, timer_run);
    for (int step = 0; step < 30000; step++) {
        struct timer *timer = &s.t[rand_r(&seed) % TIMERS];
        switch (rand_r(&seed) % 8) {
        case 0:
            task_stop_timer(&timer->task);
            timer->at_ns = 0;
            break;
        case 1:
            turn_begin(&s.turn, s.turn.now_ns + rand_r(&seed) % 50, 0);
            assert_false(turn_run(&s.turn, SIZE_MAX));
            assert_true(first_of(&s) > s.turn.now_ns);
            break;
        default:
            timer->at_ns = s.turn.now_ns + 1 + rand_r(&seed) % 1000;
            assert_int_equal(task_at(&timer->task, timer->at_ns), 0);
        }
        assert_true(turn_next_ns(&s.turn) == first_of(&s));
    }
    unsigned fired = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        fired += s.t[i].fired;
        task_fini(&s.t[i].task);
    }
    assert_true(fired > 100);
    turn_fini(&s.turn);
}

/* So many timers that the heap is full again and again: its slot is there all the same. */
static void reserves_a_slot(void **state) {
    struct notes *notes = *state;
    enum { MANY = 1000 };
    struct note *many = test_calloc(MANY, sizeof(*many));
    assert_int_equal(task_reserve(&notes->a.task), 0);
    assert_int_equal(task_reserve(&notes->a.task), 0);
    for (int i = 0; i < MANY; i++) {
        note_init(notes, &many[i], 'm');
        assert_int_equal(task_at(&many[i].task, 100), 0);
        assert_true(notes->turn.n_heap + 1 < notes->turn.heap_cap);
    }
    size_t cap = notes->turn.heap_cap;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(task_at(&notes->a.task, 50), 0);
        task_stop_timer(&notes->a.task);
    }
    assert_int_equal(notes->turn.heap_cap, cap);
    for (int i = 0; i < MANY; i++)
        task_fini(&many[i].task);
    test_free(many);
    task_fini(&notes->a.task);
    assert_int_equal(notes->turn.n_reserved, 0);
}

#define WITH_NOTES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_NOTES(runs_once_with_the_union),
        WITH_NOTES(takes_wakes_from_inside),
        WITH_NOTES(keeps_the_budget),
        WITH_NOTES(runs_the_last_when_no_other_is_ready),
        WITH_NOTES(lets_nobody_keep_the_last_waiting),
        WITH_NOTES(forgets_what_ended),
        WITH_NOTES(fires_timers),
        WITH_NOTES(fires_the_past_in_the_next_run),
        WITH_NOTES(buries),
        WITH_NOTES(buries_though_the_budget_is_spent),
        WITH_NOTES(frees_what_is_left_at_the_end),
        WITH_NOTES(reserves_a_slot),
        cmocka_unit_test(keeps_the_heap_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
