/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "proto/h1/back.h"
#include "proto/h1/conn.h"
#include "proto/h1/front.h"
#include "proto/h1/h1.h"

/* The engine's verbs, the same for both roles: bytes to the receiver and from the sender.
 *
 *     room, filled --> receiver --> role: head, received, broken --> exchange
 *     pull, pulled <-- sender   <-- role: events <---------------------'
 *
 * What cannot be taken now waits in pending, and is taken first as soon as it can. */

static struct h1_conn *conn_of(const struct stream_engine *e) {
    return container_of((struct stream_engine *)(uintptr_t)e, struct h1_conn, engine);
}

/* ---- time ---- */

/* The timer is only ever moved closer; one that comes too early asks again. */
static void arm(struct h1_conn *c) {
    uint64_t at_ns = c->status >= ENGINE_DONE ? UINT64_MAX : c->role->deadline(c);
    if (at_ns == UINT64_MAX)
        task_stop_timer(&c->end.task);
    else if (task_by(&c->end.task, at_ns) != 0)
        h1_conn_cut(c); /* without timers no connection is safe */
}

/* ---- input ---- */

/* Once the connection ends nobody wants to know, and a head's bytes may be gone. */
static void tell_role(struct h1_conn *c) {
    if (c->in.state == H1_RECEIVER_HEAD_DONE && c->status == ENGINE_OPEN)
        c->role->head(c);
    if (c->in.state == H1_RECEIVER_FAILED && !c->broken && c->status == ENGINE_OPEN) {
        c->broken = true;
        c->role->broken(c);
    }
    if (c->in.state == H1_RECEIVER_END && !c->received && c->status == ENGINE_OPEN) {
        c->received = true;
        c->role->received(c);
    }
}

/* Is more of the present message, or the next message, to be parsed now? */
static bool takes(const struct h1_conn *c) {
    return c->status == ENGINE_OPEN && c->in.state < H1_RECEIVER_END &&
           c->in.wasted <= H1_DRAIN_BYTES;
}

static size_t take(struct h1_conn *c, const uint8_t *p, size_t n) {
    size_t at = 0;
    while (at < n && takes(c)) {
        enum h1_receiver_state before = c->in.state;
        size_t taken = h1_receiver_take(&c->in, p + at, n - at);
        at += taken;
        tell_role(c);
        if (taken == 0 && c->in.state == before)
            break; /* the body is full */
    }
    return at;
}

static void take_pending(struct h1_conn *c) {
    if (c->pending.n == 0)
        return;
    buf_drop(&c->pending, take(c, c->pending.p, c->pending.n));
    if (c->status != ENGINE_OPEN || c->pending.n == 0)
        buf_fini(&c->pending);
}

/* Behind a whole message it is told again when the next one could begin. */
static void take_eof(struct h1_conn *c) {
    if (!c->eof || c->eof_told || c->pending.n > 0)
        return;
    c->eof_told = c->in.state != H1_RECEIVER_END || c->status != ENGINE_OPEN;
    c->role->eof(c);
    tell_role(c);
}

static void throw_away(struct h1_conn *c, size_t n) {
    c->lingered += n;
    if (c->lingered > H1_DRAIN_BYTES)
        h1_conn_set_status(c, ENGINE_DONE);
}

/* A manager took the exchange back, and we have not run yet. */
static void check_exchange(struct h1_conn *c) {
    if (!c->end.x && (c->in.body || c->out.body))
        h1_conn_cut(c);
}

static struct span room_for_next(const struct h1_conn *c, struct span scratch) {
    size_t left = c->pending.n < H1_PIPELINE_BYTES ? H1_PIPELINE_BYTES - c->pending.n : 0;
    scratch.n = left < scratch.n ? left : scratch.n;
    return scratch;
}

static struct span session_room(struct stream_engine *e) {
    struct h1_conn *c = conn_of(e);
    struct span room = {c->env->scratch, c->env->scratch_bytes};
    c->in.direct = false;
    check_exchange(c);
    if (c->status >= ENGINE_DONE)
        return (struct span){NULL, 0};
    if (c->status == ENGINE_SHUT_WRITE)
        return room;
    if (c->in.state >= H1_RECEIVER_END)
        room = room_for_next(c, room);
    else if (c->pending.n > 0 || c->in.wasted > H1_DRAIN_BYTES)
        room.n = 0;
    else
        room = h1_receiver_room(&c->in, room);
    c->blocked = room.n == 0;
    return room;
}

static int session_more_room(struct stream_engine *e, struct iovec *iov, int n) {
    return h1_receiver_more_room(&conn_of(e)->in, iov, n);
}

static int filled(struct h1_conn *c, size_t n) {
    const uint8_t *p = c->env->scratch;
    size_t taken = 0;
    if (c->in.direct) {
        h1_receiver_filled(&c->in, n);
        tell_role(c);
        return 0;
    }
    if (c->pending.n == 0)
        taken = take(c, p, n);
    if (c->status == ENGINE_OPEN && taken < n)
        buf_add(&c->pending, p + taken, n - taken);
    return c->pending.failed ? ERR_NO_MEMORY : 0;
}

static int session_filled(struct stream_engine *e, size_t n) {
    struct h1_conn *c = conn_of(e);
    if (c->status == ENGINE_SHUT_WRITE)
        throw_away(c, n);
    if (n == 0 && c->in.direct)
        h1_receiver_filled(&c->in, 0);
    if (c->status != ENGINE_OPEN || n == 0)
        return 0;
    bool begun = h1_receiver_begun(&c->in);
    if (!begun || c->in.state >= H1_RECEIVER_LENGTH) /* a slow head gets no more time */
        c->heard_ns = h1_conn_now(c);
    int err = filled(c, n);
    if (c->in.state >= H1_RECEIVER_LENGTH || !c->end.x)
        task_wake(&c->end.task, H1_LOOK);
    arm(c);
    return err;
}

static void session_end_of_input(struct stream_engine *e) {
    struct h1_conn *c = conn_of(e);
    c->eof = true;
    check_exchange(c);
    take_eof(c);
    arm(c);
}

/* ---- output ---- */

static int session_pull(struct stream_engine *e, struct iovec *iov, int n) {
    struct h1_conn *c = conn_of(e);
    check_exchange(c);
    return n > 0 ? h1_sender_pull(&c->out, iov, n) : 0;
}

static void session_pulled(struct stream_engine *e, size_t bytes) {
    struct h1_conn *c = conn_of(e);
    uint64_t now_ns = h1_conn_now(c);
    h1_sender_pulled(&c->out, bytes);
    bool pending = h1_sender_pending(&c->out);
    c->sent_ns = pending ? now_ns : 0;
    c->sent_since_eof |= c->eof;
    if (!pending && c->status == ENGINE_SHUT_WRITE)
        c->linger_ns = now_ns + (uint64_t)H1_LINGER_MS * MS_NS;
    if (h1_sender_done(&c->out)) {
        c->heard_ns = now_ns; /* what comes now may answer all of it */
        task_wake(&c->end.task, H1_LOOK);
    }
}

static enum engine_status session_status(const struct stream_engine *e) {
    return conn_of(e)->status;
}

/* ---- the turn ---- */

static void session_run(struct task *task, uint32_t events) {
    struct h1_conn *c = container_of(end_of(task), struct h1_conn, end);
    bool listened = h1_conn_listens(c);
    if ((events & TASK_TIMER) && c->role->deadline(c) <= h1_conn_now(c))
        c->role->late(c);
    c->role->events(c, events);
    take_pending(c);
    take_eof(c);
    if (c->blocked && c->status == ENGINE_OPEN) {
        c->blocked = false;
        engine_wake(&c->engine, ENGINE_ROOM);
    }
    if (!listened) /* what we did not take is not late: its time begins anew */
        c->heard_ns = h1_conn_now(c);
    arm(c);
}

static void session_drain(struct stream_engine *e) {
    struct h1_conn *c = conn_of(e);
    c->draining = true;
    c->role->drain(c);
}

static void free_front(struct grave *grave) {
    struct h1_front *f = (struct h1_front *)container_of(grave, struct h1_conn, grave);
    free(f);
}

static void free_back(struct grave *grave) {
    struct h1_back *b = (struct h1_back *)container_of(grave, struct h1_conn, grave);
    free(b);
}

static void session_free(struct stream_engine *e, int reason) {
    struct h1_conn *c = conn_of(e);
    e->driver = NULL;
    c->role->gone(c, reason);
    h1_conn_fini(c);
    turn_bury(c->env->turn, &c->grave, c->role == &h1_front_role ? free_front : free_back);
}

static const struct stream_engine_ops session_ops = {
    .room = session_room,
    .more_room = session_more_room,
    .filled = session_filled,
    .end_of_input = session_end_of_input,
    .pull = session_pull,
    .pulled = session_pulled,
    .status = session_status,
    .drain = session_drain,
    .free = session_free,
};

static void session_init(struct h1_conn *c, bool client) {
    c->engine.ops = &session_ops;
    end_init(&c->end, c->env->turn, session_run);
    h1_receiver_init(&c->in, client, c->env->limits);
    task_wake(&c->end.task, H1_LOOK); /* arms the timer */
}

struct stream_engine *h1_server_new(struct http_env *env, const struct peer *peer) {
    struct h1_front *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    h1_conn_init(&f->conn, &h1_front_role, env, peer);
    session_init(&f->conn, false);
    return &f->conn.engine;
}

struct http_client *h1_client_new(struct http_env *env, const struct peer *peer,
                                  struct task *owner) {
    struct h1_back *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    h1_conn_init(&b->conn, &h1_back_role, env, peer);
    b->hold_until_ns = UINT64_MAX;
    b->client = (struct http_client){.ops = &h1_back_client_ops,
                                     .owner = owner,
                                     .engine = &b->conn.engine,
                                     .max_streams = 1,
                                     .usable = true};
    session_init(&b->conn, true);
    return &b->client;
}
