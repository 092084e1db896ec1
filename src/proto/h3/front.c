/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "http/front.h"
#include "http/reply.h"
#include "proto/h3/stream.h"

/* A server stream: the front end of an exchange. */

static struct message *request(struct h3_stream *s) {
    return &s->end.x->request;
}

static int send_head(struct h3_stream *s, const struct field *lines, size_t n, bool fin) {
    static const nghttp3_data_reader source = {.read_data = h3_stream_read};
    nghttp3_nv *nv = h3_headers(&s->end.x->arena, lines, n);
    if (!nv || nghttp3_conn_submit_response(s->h3->ng, s->id, nv, n, fin ? NULL : &source) != 0)
        return ERR_NO_MEMORY;
    s->head_sent = true;
    return 0;
}

static int send_informational(struct h3_stream *s, int status, const struct fields *fields) {
    struct field *lines;
    size_t n;
    if (head_info_lines(status, fields, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    nghttp3_nv *nv = h3_headers(&s->end.x->arena, lines, n);
    return nv && nghttp3_conn_submit_info(s->h3->ng, s->id, nv, n) == 0 ? 0 : ERR_NO_MEMORY;
}

/* Says why, when there is nobody left to answer with more. The words go into kept, as the
 * exchange ends now. */
static bool answer(struct h3_stream *s, enum reason reason) {
    const struct turn *turn = s->h3->env->turn;
    struct last_words words;
    last_words_write(&words, reason, turn->wall_s);
    bool head = str_eq(request(s)->method, STR("HEAD"));
    if (!head && body_write(&s->kept, words.body, words.n_body) != (ptrdiff_t)words.n_body)
        return false;
    body_finish(&s->kept);
    s->sending = &s->kept;
    s->out_trailers = NULL;
    s->complete = true;
    s->progress_ns = turn->now_ns;
    return send_head(s, words.lines, words.n_lines, head) == 0;
}

/* The chunks of the response must outlive the exchange: QUIC may ask for them again. */
static void keep_sent(struct h3_stream *s) {
    if (s->sending == &s->kept)
        return;
    body_keep(s->sending, &s->kept);
    s->sending = &s->kept;
}

static void leave(struct h3_stream *s) {
    keep_sent(s);
    exchange_leave(&s->end);
}

static void cancel(struct h3_stream *s, enum reason reason) {
    keep_sent(s);
    exchange_reset(&s->end, reason);
}

/* The exchange cannot go on: say so with a status while no head was sent, else reset. */
static void give_up(struct h3_stream *s, enum reason reason) {
    int status = reason_status(reason);
    bool can_answer =
        !s->head_sent && !s->stop_came && !s->reset_sent && status >= 400 && status != 499;
    if (can_answer && exchange_refuse(&s->end, reason, status, NULL)) {
        s->broken = REASON_NONE;
        return;
    }
    if (!can_answer || !answer(s, reason))
        h3_stream_reset(s, reason_h3(reason));
    cancel(s, reason);
}

static void start(struct h3_stream *s) {
    const struct http_limits *limits = s->h3->env->limits;
    s->started = true;
    if (limits->requests > 0 && s->h3->n_requests >= limits->requests)
        h3_drain(s->h3);
    enum reason reason = front_start(s->end.x, s->head_verdict, s->head.problem);
    if (reason != REASON_NONE)
        give_up(s, reason);
}

/* The handler began to read, so the client may begin to send (RFC 9110 10.1.1). */
static void send_continue(struct h3_stream *s) {
    struct fields none;
    if (!request(s)->expect_continue || s->continued || s->head_sent || s->received > 0 ||
        s->fin_came)
        return;
    s->continued = true;
    fields_init(&none, &s->end.x->arena);
    if (send_informational(s, 100, &none) != 0)
        give_up(s, REASON_NO_MEMORY);
}

static int pass_informational(struct h3_stream *s) {
    struct informational *info;
    while ((info = front_take_informational(s->end.x, &s->continued)))
        if (send_informational(s, info->status, &info->fields) != 0)
            return ERR_NO_MEMORY;
    return 0;
}

static void note_complete(struct h3_stream *s) {
    if (s->complete || s->out->body.state != BODY_COMPLETE)
        return;
    s->out_trailers = exchange_take_trailers(s->end.x);
    s->complete = true;
}

static int send_response(struct h3_stream *s, struct message *m) {
    struct field *lines;
    size_t n;
    bool no_body = response_has_no_body(request(s)->method, m->status);
    if (no_body)
        body_stop(&m->body, REASON_NONE);
    note_complete(s);
    if (head_response_lines(m, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    return send_head(s, lines, n, no_body || h3_stream_bodiless(s));
}

static void take_head(struct h3_stream *s) {
    struct message *m = NULL;
    int err = pass_informational(s);
    if (err == 0 && (m = exchange_take_head(s->end.x)))
        err = send_response(s, m);
    if (err != 0)
        give_up(s, REASON_NO_MEMORY);
}

static void take_body(struct h3_stream *s) {
    if (s->out->body.state == BODY_ABORTED) {
        give_up(s, s->out->body.reason);
        return;
    }
    note_complete(s);
    h3_stream_resume(s);
}

/* The client's RESET_STREAM answers our STOP_SENDING, or it means what it says. */
static bool is_cancelled(const struct h3_stream *s) {
    bool reset = s->reset_came && !s->stop_sent && !s->fin_came;
    return !s->fin_sent && (reset || s->stop_came || s->closed);
}

/* Of the request; or nobody wants it, and a client that sleeps is not waited for. */
static bool nothing_to_come(const struct h3_stream *s) {
    return s->fin_came || s->reset_came || s->closed || s->in->body.state == BODY_STOPPED;
}

static bool ended(struct h3_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (s->fin_sent && nothing_to_come(s))
        leave(s);
    else if (s->broken != REASON_NONE)
        give_up(s, s->broken);
    else if (is_cancelled(s))
        give_up(s, reason_from_h3(s->close_code, false));
    else if (events & END_RESET)
        give_up(s, x->reason == REASON_NONE ? REASON_INTERNAL : x->reason);
    else
        return false;
    return true;
}

static void go_on(struct h3_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (s->fin_came && x->request_end_ns == 0)
        x->request_end_ns = s->h3->env->turn->now_ns;
    if (s->head_came && !s->started)
        start(s);
    if (s->end.x && (events & END_WANT))
        send_continue(s);
    if (s->end.x && (events & END_HEAD) && !s->head_sent)
        take_head(s);
    if (s->end.x && (events & END_DATA) && s->head_sent)
        take_body(s);
    if (s->end.x && (events & END_ROOM))
        h3_stream_credit(s);
}

/* Nobody wants the rest of the request: RFC 9114 4.1. */
static void end_early(struct h3_stream *s) {
    if (!s->end.x || (s->in->body.state == BODY_STOPPED && s->fin_sent))
        h3_stream_stop(s);
}

static void front_run(struct task *task, uint32_t events) {
    struct h3_stream *s = h3_stream_of(task);
    if (!s->h3->failed) {
        if (s->end.x && !ended(s, events))
            go_on(s, events);
        end_early(s);
    }
    h3_stream_settle(s);
}

struct h3_stream *h3_front_new(struct h3 *h3, int64_t id) {
    struct h3_stream *s = h3_stream_new(h3, id, front_run);
    if (!s)
        return NULL;
    struct exchange *x = exchange_new(h3->env, &s->end, h3->peer);
    if (!x) {
        list_remove(&s->link);
        free(s);
        return NULL;
    }
    s->in = &x->request;
    s->out = &x->response;
    s->sending = &x->response.body;
    front_share_budget(x, &h3->responses);
    h3->n_requests++;
    return s;
}

void h3_front_gone(struct h3_stream *s, enum reason reason) {
    if (s->fin_sent)
        leave(s);
    else
        cancel(s, reason == REASON_NONE ? REASON_CLIENT_GONE : reason);
}
