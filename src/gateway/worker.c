/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "tls/digest.h"

/* So many free chunks stay for the next burst, 4 MiB: 32 clients with 8 requests each. With fewer
 * malloc gives pages to the kernel and takes them again all the time. */
enum { FREE_CHUNKS = 256 };

struct worker_call {
    void (*f)(struct worker *w, void *context);
    void *context;
    bool done;
};

static void on_call(struct task *task, uint32_t events) {
    struct worker *w = container_of(task, struct worker, calls);
    struct worker_call *call;

    (void)events;
    pthread_mutex_lock(&w->lock);
    call = w->call;
    w->call = NULL;
    pthread_mutex_unlock(&w->lock);
    if (!call)
        return;
    call->f(w, call->context);
    pthread_mutex_lock(&w->lock);
    call->done = true;
    pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->lock);
}

static struct span scratch_new(void) {
    return (struct span){malloc(SCRATCH_BYTES), SCRATCH_BYTES};
}

int worker_init(struct worker *w, unsigned index, struct log *log, struct head_count *heads) {
    *w = (struct worker){.index = index, .log = log, .heads = heads};
    turn_init(&w->turn);
    chunk_pool_init(&w->chunks, FREE_CHUNKS);
    access_log_init(&w->access_log, &w->turn, log);
    stats_init(&w->stats);
    list_init(&w->outfits);
    list_init(&w->bindings);
    list_init(&w->leaving);
    check(pthread_mutex_init(&w->lock, NULL) == 0 && pthread_cond_init(&w->answered, NULL) == 0);
    task_init(&w->calls, &w->turn, on_call);
    w->scratch = scratch_new();
    w->tls_scratch = scratch_new();
    w->loop = loop_new(&w->turn);
    w->resolver = w->loop ? resolver_new(w->loop, log) : NULL;
    if (w->resolver && w->scratch.p && w->tls_scratch.p && !loop_post_init(w->loop, &w->calls))
        return 0;
    worker_fini(w);
    return ERR_NO_MEMORY;
}

static void *run(void *context) {
    struct worker *w = context;

    loop_run(w->loop);
    return NULL;
}

int worker_start(struct worker *w) {
    sigset_t all, before;
    char name[16];
    int bad;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bad = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (bad)
        return ERR_SYSTEM;
    snprintf(name, sizeof name, "h3gw-w%u", w->index);
    pthread_setname_np(w->thread, name);
    w->running = true;
    return 0;
}

void worker_do(struct worker *w, void (*f)(struct worker *w, void *context), void *context) {
    struct worker_call call = {f, context, false};

    if (!w->running) {
        f(w, context);
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->call = &call;
    loop_post(w->loop, 1);
    while (!call.done)
        pthread_cond_wait(&w->answered, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void stop_loop(struct worker *w, void *context) {
    (void)context;
    loop_stop(w->loop);
}

void worker_stop(struct worker *w) {
    if (!w->running)
        return;
    worker_do(w, stop_loop, NULL);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void worker_fini(struct worker *w) {
    check(!w->running);
    resolver_free(w->resolver);
    /* Lets the ends of what was closed run, and frees them. */
    while (w->loop && turn_run(&w->turn, SIZE_MAX))
        ;
    access_log_fini(&w->access_log);
    stats_fini(&w->stats);
    loop_free(w->loop);
    task_fini(&w->calls);
    free(w->scratch.p);
    free(w->tls_scratch.p);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    pthread_cond_destroy(&w->answered);
    pthread_mutex_destroy(&w->lock);
    *w = (struct worker){0};
}

struct str worker_date(struct worker *w) {
    if (w->date_s != w->turn.wall_s || w->date[0] == '\0') {
        w->date_s = w->turn.wall_s;
        date_imf(w->date_s, w->date);
    }
    return str_of(w->date);
}

const uint8_t *worker_random(struct worker *w, size_t n) {
    check(n <= 64);
    if (w->n_random < n) {
        if (random_bytes(w->random, RANDOM_BYTES))
            log_warn(w->log, "the kernel gives no random bytes: request ids repeat");
        w->n_random = RANDOM_BYTES;
    }
    w->n_random -= n;
    return w->random + w->n_random;
}
