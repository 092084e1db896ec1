/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/mux/stream.h"

#include <stdlib.h>

#include "base/err.h"
#include "http/reply.h"

/* ---- birth and death ---- */

struct mux_stream *mux_stream_new(struct mux *m, void (*run)(struct task *, uint32_t)) {
    struct mux_stream *s = calloc(1, m->ops->stream_bytes);
    if (!s)
        return NULL;
    s->magic = MUX_STREAM_MAGIC;
    s->mux = m;
    s->begin_ns = s->input_ns = s->progress_ns = m->env->turn->now_ns;
    end_init(&s->end, m->env->turn, run);
    bool first = list_empty(&m->streams);
    list_append(&m->streams, &s->link);
    if (first)
        m->ops->watch(m);
    return s;
}

static void free_stream(struct grave *grave) {
    struct mux_stream *s = container_of(grave, struct mux_stream, grave);
    if (s->mux->ops->fini)
        s->mux->ops->fini(s);
    free(s->words);
    s->magic = 0;
    free(s);
}

void mux_stream_undo(struct mux_stream *s) {
    list_remove(&s->link);
    free_stream(&s->grave);
}

void mux_stream_bury(struct mux_stream *s) {
    task_fini(&s->end.task);
    list_remove(&s->link);
    turn_bury(s->mux->env->turn, &s->grave, free_stream);
}

struct mux_stream *mux_stream_of(struct task *task) {
    struct mux_stream *s = container_of(end_of(task), struct mux_stream, end);
    check_magic(s, MUX_STREAM_MAGIC);
    return s;
}

void mux_stream_enter(struct mux_stream *s, struct exchange *x) {
    bool server = s->mux->server;
    s->in = server ? &x->request : &x->response;
    s->out = server ? &x->response : &x->request;
    s->arena = &x->arena;
    if (s->mux->ops->enter)
        s->mux->ops->enter(s);
}

/* Bytes that nobody will take any more still count in the connection's window. */
static void credit_rest(struct mux_stream *s) {
    if (s->received > s->credited)
        s->mux->ops->credit(s, (size_t)(s->received - s->credited), false);
    s->credited = s->received;
}

void mux_stream_settle(struct mux_stream *s) {
    struct mux *m = s->mux;
    if (!s->end.x)
        credit_rest(s);
    if (s->closed && !s->end.x) {
        mux_stream_bury(s);
        if (list_empty(&m->streams)) {
            m->idle_ns = m->env->turn->now_ns;
            m->ops->watch(m);
        }
    }
    m->ops->wake(m);
}

/* ---- receiving ---- */

void mux_stream_came(struct mux_stream *s) {
    task_wake(&s->end.task, STREAM_CAME);
}

void mux_stream_break(struct mux_stream *s, enum reason reason) {
    if (s->broken == REASON_NONE)
        s->broken = reason;
    mux_stream_came(s);
}

/* A body that was broken must not look complete. */
void mux_stream_fin(struct mux_stream *s) {
    s->fin_came = true;
    if (s->end.x && s->broken == REASON_NONE)
        body_finish(&s->in->body);
    mux_stream_came(s);
}

static void drop(struct mux_stream *s, size_t n) {
    s->credited += n;
    s->mux->ops->credit(s, n, false);
}

void mux_stream_data(struct mux_stream *s, const uint8_t *p, size_t n) {
    s->received += n;
    s->input_ns = s->mux->env->turn->now_ns;
    if (!s->end.x || s->in->body.state != BODY_OPEN) {
        drop(s, n);
        return;
    }
    uint64_t limit = s->mux->server ? s->mux->env->limits->request_body_bytes : 0;
    if (limit > 0 && s->received > limit) {
        drop(s, n);
        mux_stream_break(s, REASON_TOO_LARGE);
        return;
    }
    /* the window rules; should it be larger than the body's limit, as QUIC's may, that follows */
    size_t room = body_room(&s->in->body);
    if (n > room)
        s->in->body.limit += (uint32_t)(n - room);
    ptrdiff_t taken = body_write(&s->in->body, p, n);
    if (taken == (ptrdiff_t)n)
        return;
    drop(s, taken < 0 ? n : n - (size_t)taken);
    mux_stream_break(s, REASON_NO_MEMORY);
}

/* Of a stream whose consumer stopped no more is wanted, but the connection goes on. */
void mux_stream_credit(struct mux_stream *s) {
    size_t n = s->end.x ? body_take_credit(&s->in->body) : 0;
    if (n == 0)
        return;
    s->credited += n;
    s->mux->ops->credit(s, n, s->in->body.state != BODY_STOPPED);
}

/* ---- sending ---- */

void mux_stream_note_complete(struct mux_stream *s) {
    if (s->complete || s->out->body.state != BODY_COMPLETE)
        return;
    s->out_trailers = s->mux->server ? exchange_take_trailers(s->end.x) : &s->out->trailers;
    s->complete = true;
}

bool mux_stream_has_trailers(const struct mux_stream *s) {
    return s->out_trailers && s->out_trailers->n > 0;
}

bool mux_stream_bodiless(const struct mux_stream *s) {
    return s->complete && body_unsent(&s->out->body) == 0 && !mux_stream_has_trailers(s);
}

/* ---- timeouts, for the server role: a client's owner has its own ---- */

/* Is it the client that we wait for? Then since when. */
void mux_stream_look_after(struct mux_stream *s) {
    const struct http_limits *limits = s->mux->env->limits;
    const struct mux_ops *ops = s->mux->ops;
    uint64_t now = s->mux->env->turn->now_ns;
    if (!s->end.x && s->words && !s->fin_sent && now - s->progress_ns >= limits->write_timeout_ns)
        ops->reset(s, REASON_CLIENT_STALLED);
    if (!s->end.x)
        return;
    if (!s->head_came && now - s->begin_ns >= limits->header_timeout_ns)
        mux_stream_break(s, REASON_CLIENT_TIMEOUT);
    if (!s->started)
        return;
    const struct body *in = &s->in->body;
    if (in->state != BODY_OPEN || body_unsent(in) > 0 || !in->wanted)
        s->input_ns = now;
    if (!s->head_sent || (body_unsent(&s->out->body) == 0 && !ops->is_untaken(s)))
        s->progress_ns = now;
    if (now - s->input_ns >= limits->body_timeout_ns)
        mux_stream_break(s, REASON_CLIENT_TIMEOUT);
    else if (now - s->progress_ns >= limits->write_timeout_ns)
        mux_stream_break(s, REASON_CLIENT_STALLED);
}
