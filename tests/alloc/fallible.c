/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fallible.h"

#include <cmocka.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 20000, KNOWN = 4096, DEPTH = 16 };

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

__attribute__((weak)) void __sanitizer_symbolize_pc(void *pc, const char *format, char *to,
                                                    size_t cap);

/* ---- exceptions: what libraries themselves get wrong when memory ends ---- */

/* Allocations from inside these functions do not fail (with ASan, which can name them). */
static const char *const spared[] = {
    /* ngtcp2 1.24: the block that it has just linked into the list is freed when there is none for
     * the new root, and ngtcp2_conn_del walks over it. */
    "ksl_split_root",
};

/* What leaks. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    /* nghttp3 1.15: when the ring of a stream's chunks cannot grow, the chunk that was to go into
     * it is forgotten; the connection ends then. */
    return "leak:^nghttp3_stream_ensure_chunk$\n";
}

/* The names of one place in the code are several where functions are inlined. */
static bool is_named(void *pc) {
    char names[1024] = "";
    __sanitizer_symbolize_pc((char *)pc - 1, "%f", names, sizeof(names) - 1);
    for (const char *name = names; *name; name += strlen(name) + 1)
        for (size_t i = 0; i < sizeof(spared) / sizeof(spared[0]); i++)
            if (strcmp(name, spared[i]) == 0)
                return true;
    return false;
}

/* Naming is slow, and it is the same places again and again. A race costs only that. */
static bool is_spared_at(void *pc) {
    static struct {
        _Atomic(void *) pc;
        atomic_bool spared;
    } known[KNOWN];
    size_t slot = ((uintptr_t)pc >> 2) % KNOWN;
    if (known[slot].pc != pc) {
        bool answer = is_named(pc);
        known[slot].pc = NULL;
        known[slot].spared = answer;
        known[slot].pc = pc;
        return answer;
    }
    return known[slot].spared;
}

static bool is_spared(void) {
    void *pcs[DEPTH];
    int n = __sanitizer_symbolize_pc ? backtrace(pcs, DEPTH) : 0;
    for (int i = 2; i < n; i++)
        if (is_spared_at(pcs[i]))
            return true;
    return false;
}

/* ---- what is called in the place of libc's ---- */

static bool fails(void) {
    if (now.paused)
        return false;
    unsigned count = ++now.count, fail_at = now.fail_at;
    bool hit = fail_at && (now.all_after ? count >= fail_at : count == fail_at);
    if (!hit || is_spared())
        return false;
    if (now.stacks)
        __sanitizer_print_stack_trace();
    errno = ENOMEM;
    return true;
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

static void run_one(const struct fallible_sweep *sweep, unsigned fail_at, bool all_after) {
    now.count = 0;
    now.fail_at = fail_at;
    now.all_after = all_after;
    sweep->run(sweep->context, fail_at == 0);
    now.fail_at = 0;
}

static unsigned step_of(const struct fallible_sweep *sweep) {
    const char *all = getenv("ALLOC_STEP");
    if (all)
        return (unsigned)strtoul(all, NULL, 10);
    return sweep->step ? sweep->step : 1;
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
        unsigned at = sweep->first ? sweep->first : 1, step = step_of(sweep);
        for (run_one(sweep, at, all_after); now.count >= at && at < MANY; at += step)
            run_one(sweep, at + step, all_after);
        if (!sweep->more && __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
            fail_msg("%s leaks", sweep->name);
    }
    signal(SIGABRT, SIG_DFL);
}

void fallible_compare(const struct buf *seen, char *right, size_t n, bool well) {
    assert_true(seen->n < n);
    if (well)
        memcpy(right, seen->p, seen->n + 1);
    else
        assert_string_equal((const char *)seen->p, right);
}
