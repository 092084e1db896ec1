/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fallible.h"

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 20000 };

/* A gateway's threads allocate too. */
static struct {
    atomic_uint count, fail_at; /* 0: none */
    atomic_bool all_after, paused, stacks;
    const char *name;
} now;

/* Not there without ASan. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));
__attribute__((weak)) void __sanitizer_print_stack_trace(void);
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static bool fails(void) {
    if (now.paused)
        return false;
    unsigned count = ++now.count, fail_at = now.fail_at;
    bool hit = fail_at && (now.all_after ? count >= fail_at : count == fail_at);
    if (hit && now.stacks)
        __sanitizer_print_stack_trace();
    if (hit)
        errno = ENOMEM;
    return hit;
}

void *fallible_malloc(size_t n);
void *fallible_calloc(size_t n, size_t size);
void *fallible_realloc(void *p, size_t n);
char *fallible_strdup(const char *s);
char *fallible_realpath(const char *path, char *to);

void *fallible_malloc(size_t n) {
    return fails() ? NULL : malloc(n);
}

void *fallible_calloc(size_t n, size_t size) {
    return fails() ? NULL : calloc(n, size);
}

void *fallible_realloc(void *p, size_t n) {
    return fails() ? NULL : realloc(p, n);
}

char *fallible_strdup(const char *s) {
    return fails() ? NULL : strdup(s);
}

char *fallible_realpath(const char *path, char *to) {
    return fails() ? NULL : realpath(path, to);
}

void fallible_pause(bool pause) {
    now.paused = pause;
}

/* ---- which run it was, when one dies ---- */

static void tell(void) {
    char text[200];
    int n = snprintf(text, sizeof(text), "%s: allocation %u failed%s\n", now.name,
                     (unsigned)now.fail_at, now.all_after ? ", and all after it" : "");
    if (write(STDERR_FILENO, text, (size_t)n) < 0)
        _exit(1);
}

/* A test that failed has left its sweep in the middle of a run. */
static void tell_of_failure(void) {
    if (now.fail_at)
        tell();
    now.fail_at = 0;
    now.paused = false;
}

static void on_abort(int number) {
    tell();
    signal(number, SIG_DFL);
    raise(number);
}

/* What leaks by itself when memory ends, in libraries. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    /* nghttp3 1.15: when the ring of a stream's chunks cannot grow, the chunk that was to go into
     * it is forgotten; the connection ends then. */
    return "leak:^nghttp3_stream_ensure_chunk$\n";
}

static void run_one(const struct fallible_sweep *sweep, unsigned fail_at, bool all_after) {
    now.count = 0;
    now.fail_at = fail_at;
    now.all_after = all_after;
    sweep->run(sweep->context, fail_at == 0);
    now.fail_at = 0;
}

void fallible_sweep(const struct fallible_sweep *sweep) {
    static bool told_at_exit;
    tell_of_failure();
    if (!told_at_exit)
        told_at_exit = atexit(tell_of_failure) == 0;
    now.name = sweep->name;
    now.stacks = __sanitizer_print_stack_trace && getenv("ALLOC_STACKS");
    signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(tell);
    run_one(sweep, 0, false);
    unsigned n = now.count;
    print_message("%s: %u allocations\n", sweep->name, n);
    assert_in_range(n, sweep->at_least, MANY);
    for (int all_after = 0; all_after < 2; all_after++) {
        unsigned at = sweep->first ? sweep->first : 1, step = sweep->step ? sweep->step : 1;
        for (run_one(sweep, at, all_after); now.count >= at && at < MANY; at += step)
            run_one(sweep, at + step, all_after);
        if (!sweep->more && __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
            fail_msg("%s leaks", sweep->name);
    }
    signal(SIGABRT, SIG_DFL);
}
