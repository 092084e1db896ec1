/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/proxy.h"

#include "base/err.h"
#include "handler/max_forwards.h"
#include "http/reply.h"

/*   waiting --connected--> lent --responded--> (gone: the client stream answers alone)
 *      ^ `--failed--.       |
 *      |             v      v came back, or the time is over
 *      `------------ retry or explain */
struct proxy {
    uint32_t magic;
    struct end end;
    struct upstream *upstream;
    const struct proxy_config *config;
    struct upstream_wait wait;
    bool waiting; /* for a connection, its time being counted */
};

enum { PROXY_MAGIC = 0x70524f58 };

static void explain(struct proxy *p, enum reason reason, const char *problem) {
    struct exchange *x = p->end.x;

    task_stop_timer(&p->end.task);
    upstream_wait_cancel(&p->wait);
    x->upstream_ns = 0; /* the answer is ours, not the upstream's */
    reply_upstream_failed(x, reason, problem);
}

/* A kept connection that died unanswered was most likely closed while idle: then an idempotent
 * request may be sent again, over a new one. There the upstream has most likely seen it, and any
 * other is sent again only when the upstream never saw it. So each is sent at most once over a new
 * connection, as a failed retry is not to be tried again (RFC 9110 9.2.2). */
static bool may_retry(const struct proxy *p, enum reason reason) {
    const struct exchange *x = p->end.x;

    if (!reason_retryable(reason) || !exchange_replayable(x))
        return false;
    if (x->attempts >= p->config->max_attempts)
        return false;
    return reason != REASON_UPSTREAM_CLOSED ||
           (p->wait.kept && method_is_idempotent(x->request.method));
}

static int set_timer(struct proxy *p) {
    struct exchange *x = p->end.x;

    return task_at(&p->end.task, x->env->turn->now_ns + p->config->response_timeout_ns);
}

/* The head as this attempt sends it. */
static int prepare(struct proxy *p) {
    struct exchange *x = p->end.x;
    struct str count = arena_u64(&x->arena, x->attempts + 1);

    x->upstream_name = arena_str(&x->arena, origin_name(p->wait.origin));
    if (p->config->host_from_upstream)
        x->request.authority = arena_str(&x->arena, origin_authority(p->wait.origin));
    if (!count.p || !x->upstream_name.p || !x->request.authority.p)
        return ERR_NO_MEMORY;
    return fields_set_static(&x->request.fields, STR("x-h3gw-attempt-count"), count);
}

static void attempt(struct proxy *p) {
    struct exchange *x = p->end.x;
    int err;

    upstream_choose(p->upstream, &p->wait);
    err = prepare(p);
    if (!err)
        err = upstream_open(p->upstream, x, &p->wait);
    if (err && err != ERR_AGAIN) {
        explain(p, err == ERR_NO_MEMORY ? REASON_NO_MEMORY : REASON_INTERNAL, NULL);
        return;
    }
    if (!err) {
        x->attempts++;
        x->upstream_ns = x->env->turn->now_ns;
    }
    if ((!err || !p->waiting) && set_timer(p))
        log_debug(x->env->log, "no memory for the response timer");
    p->waiting = err == ERR_AGAIN;
}

/* Another origin is tried, or the same one over a new connection. */
static void failed(struct proxy *p, enum reason reason, const char *problem) {
    task_stop_timer(&p->end.task);
    if (!may_retry(p, reason)) {
        explain(p, reason, problem);
        return;
    }
    if (reason == REASON_UPSTREAM_CLOSED)
        p->wait.stale = p->wait.origin; /* it was started anew: all that were kept are stale */
    p->end.x->reason = REASON_NONE;
    p->wait.origin = NULL;
    p->waiting = false;
    attempt(p);
}

/* No connection could be had: only another origin may be better. */
static void unreached(struct proxy *p) {
    p->end.x->attempts++;
    if (upstream_config_of(p->upstream)->n_uris < 2)
        explain(p, p->wait.reason, p->wait.problem);
    else
        failed(p, p->wait.reason, p->wait.problem);
}

static bool uploading(const struct body *b) {
    return b->state == BODY_OPEN || body_unsent(b) > 0;
}

/* The clock starts when the request is complete: a long upload is no slow answer. */
static void time_is_over(struct proxy *p) {
    struct exchange *x = p->end.x;

    if (!x->manager) {
        explain(p, REASON_OVERLOADED, "all connections to it are busy");
        return;
    }
    if (uploading(&x->request.body) && set_timer(p) == 0)
        return;
    exchange_recall(x);
    explain(p, REASON_UPSTREAM_TIMEOUT, NULL);
}

static void proxy_run(struct task *task, uint32_t events) {
    struct proxy *p = container_of(end_of(task), struct proxy, end);
    struct exchange *x = p->end.x;

    check_magic(p, PROXY_MAGIC);
    if (!x)
        return;
    if (events & END_RESET) {
        upstream_wait_cancel(&p->wait);
        exchange_leave(&p->end);
        task_fini(task);
    } else if (events & END_BACK) {
        failed(p, x->reason, NULL);
    } else if (events & UPSTREAM_FAILED) {
        unreached(p);
    } else if (events & UPSTREAM_READY) {
        attempt(p);
    } else if (events & TASK_TIMER) {
        time_is_over(p);
    } else if (events & END_HEAD) {
        attempt(p);
    }
}

void proxy_open(struct exchange *x, struct upstream *upstream, const struct proxy_config *config) {
    struct proxy *p;

    if (max_forwards_answer(x))
        return;
    p = arena_zalloc(&x->arena, sizeof *p);
    if (!p) {
        reply_error(x, 503, STR("out of memory"));
        return;
    }
    p->magic = PROXY_MAGIC;
    p->upstream = upstream;
    p->config = config;
    end_init(&p->end, x->env->turn, proxy_run);
    upstream_wait_init(&p->wait, &p->end.task);
    exchange_take(x, &p->end);
}
