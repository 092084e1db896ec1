/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "http/reply.h"
#include "http/validate.h"
#include "proto/mux/stream.h"

/* A server stream: the front end of an exchange. */

static void leave(struct mux_stream *s) {
    if (s->mux->ops->leave)
        s->mux->ops->leave(s);
    exchange_leave(&s->end);
}

static void cancel(struct mux_stream *s, enum reason reason) {
    if (s->mux->ops->leave)
        s->mux->ops->leave(s);
    exchange_reset(&s->end, reason);
}

/* Says why, when there is nobody left to answer with more. The stream keeps the words, as the
 * exchange ends now. */
static bool answer(struct mux_stream *s, enum reason reason) {
    const struct turn *turn = s->mux->env->turn;
    bool head = str_eq(s->in->method, STR("HEAD"));
    s->words = malloc(sizeof(*s->words));
    if (!s->words)
        return false;
    last_words_write(s->words, reason, turn->wall_s);
    s->head_sent = true;
    s->progress_ns = turn->now_ns;
    return s->mux->ops->respond(s, s->words->lines, s->words->n_lines, head) == 0;
}

/* The exchange cannot go on: say so with a status while no head was sent, else reset. */
static void give_up(struct mux_stream *s, enum reason reason) {
    int status = reason_status(reason);
    bool hears = !s->reset_sent && s->mux->ops->lost(s) == REASON_NONE;
    bool can_answer = hears && !s->head_sent && status >= 400 && status != 499;
    if (can_answer && exchange_refuse(&s->end, reason, status, NULL)) {
        s->broken = REASON_NONE;
        return;
    }
    if (!can_answer || !answer(s, reason))
        s->mux->ops->reset(s, reason);
    cancel(s, reason);
}

/* The exchange starts, or is answered with what is wrong. REASON_NONE; else why it has to be given
 * up. */
static enum reason judge_head(struct mux_stream *s, struct exchange *x) {
    uint64_t limit = x->env->limits->request_body_bytes;
    if (x->refusal)
        return REASON_NONE; /* it was too late already */
    if (s->head_verdict == ERR_INVALID)
        reply_error(x, 400, str_of(s->head_problem));
    else if (s->head_verdict == ERR_LIMIT)
        reply_error(x, 431, STR("The request's header is larger than this gateway takes."));
    else if (s->head_verdict != 0)
        return REASON_NO_MEMORY;
    else if (method_is(&x->request, "CONNECT") && x->request.protocol.n == 0)
        reply_error(x, 501, str_of(connect_refusal));
    else if (limit > 0 && x->request.content_length > (int64_t)limit)
        return REASON_TOO_LARGE;
    else
        exchange_start(x);
    return REASON_NONE;
}

static void start(struct mux_stream *s) {
    struct mux *m = s->mux;
    uint64_t most = m->env->limits->requests;
    s->started = true;
    if (most > 0 && m->n_requests >= most)
        m->ops->drain(m);
    enum reason reason = judge_head(s, s->end.x);
    if (reason != REASON_NONE)
        give_up(s, reason);
}

static int send_informational(struct mux_stream *s, int status, const struct fields *fields) {
    struct field *lines;
    size_t n;
    if (head_info_lines(status, fields, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    return s->mux->ops->inform(s, lines, n);
}

/* The handler began to read, so the client may begin to send (RFC 9110 10.1.1). */
static void send_continue(struct mux_stream *s) {
    struct fields none;
    if (!s->in->expect_continue || s->continued || s->head_sent || s->received > 0 || s->fin_came)
        return;
    s->continued = true;
    fields_init(&none, s->arena);
    if (send_informational(s, 100, &none) != 0)
        give_up(s, REASON_NO_MEMORY);
}

/* 100 is for a client that waits for it, and only once. */
static int pass_informational(struct mux_stream *s) {
    struct informational *info;
    while ((info = exchange_take_informational(s->end.x))) {
        bool is_continue = info->status == 100;
        if (is_continue && (s->continued || !s->in->expect_continue))
            continue;
        s->continued = s->continued || is_continue;
        if (send_informational(s, info->status, &info->fields) != 0)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int send_response(struct mux_stream *s, struct message *m) {
    struct field *lines;
    size_t n;
    bool no_body = response_has_no_body(s->in->method, m->status);
    if (no_body)
        body_stop(&m->body, REASON_NONE);
    mux_stream_note_complete(s);
    if (head_response_lines(m, &lines, &n) != 0 ||
        s->mux->ops->respond(s, lines, n, no_body || mux_stream_bodiless(s)) != 0)
        return ERR_NO_MEMORY;
    s->head_sent = true;
    return 0;
}

static void take_head(struct mux_stream *s) {
    struct message *m = NULL;
    int err = pass_informational(s);
    if (err == 0 && (m = exchange_take_head(s->end.x)))
        err = send_response(s, m);
    if (err != 0)
        give_up(s, REASON_NO_MEMORY);
}

static void take_body(struct mux_stream *s) {
    if (s->out->body.state == BODY_ABORTED)
        give_up(s, s->out->body.reason);
    else
        s->mux->ops->send_more(s);
}

/* Of the request; or nobody wants it, and a client that sleeps is not waited for. */
static bool nothing_to_come(const struct mux_stream *s) {
    return s->fin_came || s->reset_came || s->closed || s->in->body.state == BODY_STOPPED;
}

static bool ended(struct mux_stream *s, uint32_t events) {
    enum reason reason = s->broken;
    if (s->fin_sent && nothing_to_come(s)) {
        leave(s);
        return true;
    }
    if (reason == REASON_NONE && !s->fin_sent)
        reason = s->mux->ops->lost(s);
    if (reason == REASON_NONE && (events & END_RESET))
        reason = s->end.x->reason == REASON_NONE ? REASON_INTERNAL : s->end.x->reason;
    if (reason == REASON_NONE)
        return false;
    give_up(s, reason);
    return true;
}

static void go_on(struct mux_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (s->fin_came && x->request_end_ns == 0)
        x->request_end_ns = s->mux->env->turn->now_ns;
    if (s->head_came && !s->started)
        start(s);
    if (s->end.x && (events & END_WANT))
        send_continue(s);
    if (s->end.x && (events & END_HEAD) && !s->head_sent)
        take_head(s);
    if (s->end.x && (events & END_DATA) && s->head_sent)
        take_body(s);
    if (s->end.x && (events & END_ROOM))
        mux_stream_credit(s);
}

static void front_run(struct task *task, uint32_t events) {
    struct mux_stream *s = mux_stream_of(task);
    if (!s->mux->failed) {
        if (s->end.x && !ended(s, events))
            go_on(s, events);
        s->mux->ops->end_early(s);
    }
    mux_stream_settle(s);
}

/* All responses of a connection share one budget, and each leaves room for what else holds bytes
 * until the client takes them: frames that are made and TLS records for HTTP/2; for HTTP/3 ngtcp2's
 * own notes of what is on its way, a third as much as the bytes. */
static void share_budget(struct body *body, struct body_budget *responses) {
    body->limit = body->limit / 4 * 3;
    body_join_budget(body, responses);
}

struct mux_stream *mux_front_new(struct mux *m, int64_t id) {
    struct mux_stream *s = mux_stream_new(m, front_run);
    if (!s)
        return NULL;
    struct exchange *x = exchange_new(m->env, &s->end, m->peer);
    if (!x) {
        mux_stream_undo(s);
        return NULL;
    }
    s->id = id;
    mux_stream_enter(s, x);
    share_budget(&x->response.body, &m->responses);
    m->n_requests++;
    return s;
}

void mux_front_gone(struct mux_stream *s, enum reason reason, bool flushed) {
    if (s->fin_sent && flushed)
        leave(s);
    else
        cancel(s, reason == REASON_NONE ? REASON_CLIENT_GONE : reason);
}
