/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include <pthread.h>

#include "base/census.h"
#include "base/chunk.h"
#include "base/date.h"
#include "base/list.h"
#include "base/log.h"
#include "base/quota.h"
#include "base/turn.h"
#include "gateway/access_log.h"
#include "gateway/stats.h"
#include "net/dial.h"
#include "sys/loop.h"

/* One thread's share of the gateway: one loop, one turn, its connections, pools and counters.
 * Everything mutable hangs from here. What comes of the configuration is not here but in an
 * outfit (gateway/outfit.h), of which a worker has one at a time, and older ones until their
 * connections have ended.
 *
 * Threads have nothing in common but the head count and what is constant. The control thread has
 * something done by a worker and waits for it (worker_do): so it may look into a worker, and
 * nobody needs a lock. A worker never waits for the control thread. */

enum { SCRATCH_BYTES = 64 * 1024, RANDOM_BYTES = 1024 };

struct worker_call;

/* What is counted over all workers, as the limits are of the whole. */
struct head_count {
    struct census clients;
    struct quota tcp, quic;  /* connections of clients */
    struct quota handshakes; /* half-open ones of QUIC */
};

struct worker {
    unsigned index;
    struct log *log;
    struct head_count *heads; /* of all workers; NULL: the control thread's */
    struct turn turn;
    struct loop *loop;
    struct chunk_pool chunks;
    struct span scratch;     /* http_env.scratch */
    struct span tls_scratch; /* ciphertext on its way into TLS */
    struct resolver *resolver;
    struct access_log access_log;
    struct stats stats;
    struct list outfits;  /* struct outfit: the one in use first */
    struct list bindings; /* struct binding: what is listened on */
    struct list leaving;  /* struct binding: what is not any more, but has connections yet */
    char date[DATE_TEXT]; /* of date_s, for the date field */
    uint64_t date_s;
    uint8_t random[RANDOM_BYTES]; /* for ids: fetched in bulk */
    size_t n_random;

    bool running; /* it has a thread; else its calls are run by who makes them */
    pthread_t thread;
    struct task calls;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct worker_call *call; /* under the lock; NULL: none */
};

/* 0 or a negative err. log and heads outlive it. */
int worker_init(struct worker *w, unsigned index, struct log *log, struct head_count *heads);
/* Runs the loop in a thread of its own, which takes no signals. 0 or ERR_SYSTEM. */
int worker_start(struct worker *w);
/* Has f(w, context) run in the worker's turn, and waits for its end. From the control thread. */
void worker_do(struct worker *w, void (*f)(struct worker *w, void *context), void *context);
/* Ends the thread. Idempotent. */
void worker_stop(struct worker *w);
/* It has no thread any more, and all connections of clients are closed. */
void worker_fini(struct worker *w);

/* IMF-fixdate of this second. */
struct str worker_date(struct worker *w);
/* Random bytes that name things and guard nothing. n at most 64. */
const uint8_t *worker_random(struct worker *w, size_t n);

#endif
