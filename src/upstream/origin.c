/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/origin.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/stream.h"
#include "proto/h1/h1.h"
#include "sys/process.h"

enum { CONN_MAGIC = 0x6f434f4e };

/* How long an origin whose connect failed is passed over while others are well. Short: a
 * developer's app is back within a second of its restart. */
static const uint64_t bad_ns = SECOND_NS;

struct origin_conn {
    uint32_t magic;
    struct origin *origin;
    struct list link;              /* origin->conns */
    struct list idle;              /* origin->idle */
    struct upstream_wait *granted; /* it rests for this one; then it is not idle */
    struct task task; /* the dial's and the client's owner; its timer is the idle timeout */
    struct grave grave;
    struct dial *dial;         /* while dialing */
    struct net_stream *stream; /* then */
    struct http_client *client;
};

static void conn_free(struct grave *grave) {
    free(container_of(grave, struct origin_conn, grave));
}

static void dial_end(struct origin_conn *c) {
    c->origin->n_dialing -= c->dial != NULL;
    dial_free(c->dial);
    c->dial = NULL;
}

/* It is neither idle nor granted to anybody any more. */
static void conn_take(struct origin_conn *c) {
    list_remove(&c->idle);
    if (c->granted)
        c->granted->conn = NULL;
    c->granted = NULL;
    task_stop_timer(&c->task);
}

static void conn_bury(struct origin_conn *c) {
    struct origin *o = c->origin;

    list_remove(&c->link);
    conn_take(c);
    o->n_conns--;
    task_fini(&c->task);
    dial_end(c);
    turn_bury(o->env->http->turn, &c->grave, conn_free);
}

static void stop_waiting(struct upstream_wait *w) {
    if (list_empty(&w->link))
        return;
    list_remove(&w->link);
    w->origin->n_waiting--;
}

static void fail_waiters(struct origin *o, enum reason reason, const char *problem) {
    while (!list_empty(&o->waiters)) {
        struct upstream_wait *w = list_first(&o->waiters, struct upstream_wait, link);
        stop_waiting(w);
        w->reason = reason;
        w->problem = problem;
        task_wake(w->task, UPSTREAM_FAILED);
    }
}

/* ---- who gets which connection ---- */

static bool is_unwanted(const struct origin_conn *c, const struct upstream_wait *w) {
    const struct origin *o = c->origin;
    bool may_have_new = o->n_conns < o->config->max_connections || o->n_dialing > 0;

    return w->stale == o && c->client->n_requests > 0 && may_have_new;
}

static bool conn_grant(struct origin_conn *c) {
    list_each(&c->origin->waiters, at, next) {
        struct upstream_wait *w = list_entry(at, struct upstream_wait, link);
        if (is_unwanted(c, w))
            continue;
        stop_waiting(w);
        conn_take(c);
        c->granted = w;
        w->conn = c;
        task_wake(w->task, UPSTREAM_READY);
        return true;
    }
    return false;
}

/* It may be able to take an exchange: the first waiter that wants it gets it, or it rests. So who
 * comes later never overtakes who waits. */
static void conn_offer(struct origin_conn *c) {
    struct origin *o = c->origin;
    uint64_t now_ns = o->env->http->turn->now_ns;

    conn_take(c);
    if (!client_can_open(c->client) || conn_grant(c))
        return;
    list_prepend(&o->idle, &c->idle);
    if (c->client->n_streams > 0)
        return;
    if (task_at(&c->task, now_ns + o->config->idle_timeout_ns) || o->draining)
        net_stream_drain(c->stream);
}

/* What was unwanted as a new one was to be had may be wanted now. */
static void offer_idle(struct origin *o) {
    list_each(&o->idle, at, next) {
        if (list_empty(&o->waiters))
            return;
        conn_grant(list_entry(at, struct origin_conn, idle));
    }
}

void origin_forget(struct upstream_wait *w) {
    stop_waiting(w);
    if (w->conn)
        conn_offer(w->conn);
}

static struct origin_conn *find_conn(struct origin *o, struct upstream_wait *w) {
    if (w->conn)
        return w->conn;
    list_each(&o->idle, at, next) {
        struct origin_conn *c = list_entry(at, struct origin_conn, idle);
        if (!is_unwanted(c, w))
            return c;
    }
    return NULL;
}

/* ---- dials ---- */

struct dial *origin_dial(const struct origin *o, struct task *task) {
    bool local = str_eq(o->uri.scheme, STR("unix"));
    struct dial_config config = {
        .loop = o->env->loop,
        .resolver = o->env->resolver,
        .task = task,
        .host = o->uri.host,
        .port = o->uri.port,
        .timeout_ns = o->config->connect_timeout_ns,
    };

    if (local)
        config.unix_path = o->uri.path;
    return dial_start(&config);
}

static void tell_failure(struct origin *o, int err) {
    char advice[PROCESS_ADVICE];
    uint64_t now_ns = o->env->http->turn->now_ns;

    if (err == ERR_LIMIT) { /* every request brings one, and it is not the origin's fault */
        log_seldom(o->env->log, LOG_WARN, LOG_DIAL, now_ns, "upstream %s: %s: %s", o->name,
                   o->problem, process_fds_advice(advice));
        return;
    }
    log_info(o->env->log, "upstream %s: %s", o->name, o->problem);
    o->bad_until_ns = now_ns + bad_ns;
}

int origin_dialed(struct origin *o, struct dial *dial) {
    int fd = dial_take_fd(dial);

    if (fd >= 0) {
        o->bad_until_ns = 0;
        o->n_connects++;
        return fd;
    }
    snprintf(o->problem, sizeof o->problem, "%s", dial_problem(dial));
    tell_failure(o, fd);
    o->n_failures++;
    return fd;
}

static enum reason reason_of(int err) {
    switch (err) {
    case ERR_TIMEOUT: return REASON_UPSTREAM_CONNECT_TIMEOUT;
    case ERR_LIMIT: return REASON_OVERLOADED;
    default: return REASON_UPSTREAM_CONNECT;
    }
}

static void dial_failed(struct origin_conn *c, int err) {
    struct origin *o = c->origin;

    conn_bury(c);
    /* Without a descriptor for one more, those that are there serve one after the other. */
    if (err != ERR_LIMIT || o->n_conns == 0)
        fail_waiters(o, reason_of(err), o->problem);
    else
        offer_idle(o);
}

static void client_released(void *context, struct net_stream *stream) {
    struct origin_conn *c = context;

    check_magic(c, CONN_MAGIC);
    check(c->stream == stream);
    conn_take(c);
    c->client = NULL;
}

static int dial_as_wanted(struct origin *o);

static void stream_ended(void *context, struct net_stream *stream) {
    struct origin_conn *c = context;
    struct origin *o = c->origin;

    check_magic(c, CONN_MAGIC);
    check(c->stream == stream);
    c->stream = NULL;
    conn_bury(c);
    /* Some wait for a connection to come back, and this one never will. */
    if (!o->closing && dial_as_wanted(o))
        fail_waiters(o, REASON_NO_MEMORY, NULL);
}

/* 0 or ERR_NO_MEMORY; then the stream, where there was one, has buried c already. */
static int conn_start(struct origin_conn *c, int fd) {
    struct origin *o = c->origin;
    struct net_stream_config config = {
        .loop = o->env->loop,
        .fd = fd,
        .log = o->env->log,
        .owner = &o->streams,
        .write_timeout_ns = o->config->write_timeout_ns,
        .released = client_released,
        .ended = stream_ended,
        .context = c,
        .stalled_reason = REASON_UPSTREAM_STALLED,
        .hear_out = true,
    };

    c->stream = net_stream_new(&config);
    if (!c->stream) {
        conn_bury(c);
        return ERR_NO_MEMORY;
    }
    c->client = h1_client_new(o->env->http, net_stream_peer(c->stream), &c->task);
    if (!c->client || net_stream_start(c->stream, c->client->engine)) {
        net_stream_close(c->stream, REASON_NO_MEMORY);
        return ERR_NO_MEMORY;
    }
    return 0;
}

/* Dials may have failed for want of descriptors: those that wait try again now and then. */
static void conn_returned(struct origin_conn *c) {
    conn_offer(c);
    (void)dial_as_wanted(c->origin);
}

static void conn_dialed(struct origin_conn *c) {
    struct origin *o = c->origin;
    int fd = origin_dialed(o, c->dial);

    if (fd < 0) {
        dial_failed(c, fd);
        return;
    }
    dial_end(c);
    if (conn_start(c, fd)) {
        fail_waiters(o, REASON_NO_MEMORY, NULL);
        return;
    }
    conn_returned(c);
    offer_idle(o);
}

static void conn_run(struct task *task, uint32_t events) {
    struct origin_conn *c = container_of(task, struct origin_conn, task);

    check_magic(c, CONN_MAGIC);
    if (events & DIAL_DONE)
        conn_dialed(c);
    else if (!c->client)
        return;
    else if (events & (CLIENT_READY | CLIENT_GONE))
        conn_returned(c);
    else if ((events & TASK_TIMER) && !list_empty(&c->idle))
        net_stream_drain(c->stream);
}

static int conn_new(struct origin *o) {
    struct origin_conn *c = calloc(1, sizeof *c);

    if (!c)
        return ERR_NO_MEMORY;
    c->magic = CONN_MAGIC;
    c->origin = o;
    list_init(&c->idle);
    list_append(&o->conns, &c->link);
    o->n_conns++;
    task_init(&c->task, o->env->http->turn, conn_run);
    c->dial = origin_dial(o, &c->task);
    if (!c->dial) {
        conn_bury(c);
        return ERR_NO_MEMORY;
    }
    o->n_dialing++;
    return 0;
}

/* A dial for each that waits, as far as the pool goes. 0 or ERR_NO_MEMORY. */
static int dial_as_wanted(struct origin *o) {
    bool wanted = o->n_waiting > o->n_dialing && o->n_conns < o->config->max_connections;

    return wanted ? conn_new(o) : 0;
}

static int wait_for_conn(struct origin *o, struct upstream_wait *w) {
    list_append(&o->waiters, &w->link);
    o->n_waiting++;
    int err = dial_as_wanted(o);
    if (!err)
        return ERR_AGAIN;
    stop_waiting(w);
    return err;
}

int origin_open(struct origin *o, struct exchange *x, struct upstream_wait *w) {
    struct origin_conn *c;

    while ((c = find_conn(o, w))) {
        conn_take(c);
        int err = c->client->ops->open(c->client, x, true);
        if (err == ERR_CLOSED || err == ERR_LIMIT)
            continue; /* it is on its way out, or comes back by itself */
        if (!err)
            w->kept = c->client->n_requests > 1;
        conn_offer(c);
        return err;
    }
    return wait_for_conn(o, w);
}

static void origin_describe(struct origin *o) {
    if (str_eq(o->uri.scheme, STR("unix")))
        snprintf(o->name, sizeof o->name, "unix:" STR_FMT, STR_ARG(o->uri.path));
    else
        snprintf(o->name, sizeof o->name, STR_FMT "://" STR_FMT, STR_ARG(o->uri.scheme),
                 STR_ARG(o->uri.authority));
}

void origin_init(struct origin *o, const struct upstream_env *env,
                 const struct upstream_config *config, const struct uri *uri) {
    *o = (struct origin){.env = env, .config = config, .uri = *uri};
    list_init(&o->conns);
    list_init(&o->idle);
    list_init(&o->waiters);
    list_init(&o->streams);
    origin_describe(o);
}

struct origin_numbers origin_numbers(const struct origin *o) {
    struct origin_numbers n = {
        .name = str_of(o->name), .connects = o->n_connects, .failures = o->n_failures};

    list_each(&o->conns, at, next) {
        const struct origin_conn *c = list_entry(at, struct origin_conn, link);
        n.connecting += c->dial != NULL;
        bool idle = c->client && c->client->n_streams == 0;
        n.idle += idle;
        n.busy += !c->dial && !idle;
    }
    return n;
}

void origin_drain(struct origin *o) {
    o->draining = true;
    list_each(&o->idle, at, next) {
        struct origin_conn *c = list_entry(at, struct origin_conn, idle);
        net_stream_drain(c->stream);
    }
}

void origin_fini(struct origin *o) {
    o->closing = true;
    list_each(&o->conns, at, next) {
        struct origin_conn *c = list_entry(at, struct origin_conn, link);
        if (c->stream)
            net_stream_close(c->stream, REASON_SHUTDOWN);
        else
            conn_bury(c);
    }
    fail_waiters(o, REASON_SHUTDOWN, NULL);
}
