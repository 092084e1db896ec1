/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "http/front.h"
#include "http/reply.h"
#include "proto/h2/stream.h"

/* A server stream: the front end of an exchange. */

static struct message *request(struct h2_stream *s) {
    return &s->end.x->request;
}

static int send_head(struct h2_stream *s, const struct field *lines, size_t n, bool fin) {
    nghttp2_nv *nv = h2_headers(&s->end.x->arena, lines, n, false);
    nghttp2_data_provider2 source = h2_stream_source(s);
    if (!nv || nghttp2_submit_response2(s->h2->ng, s->id, nv, n, fin ? NULL : &source) != 0)
        return ERR_NO_MEMORY;
    s->head_sent = true;
    return 0;
}

static int send_informational(struct h2_stream *s, int status, const struct fields *fields) {
    struct field *lines;
    size_t n;
    if (head_info_lines(status, fields, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    nghttp2_nv *nv = h2_headers(&s->end.x->arena, lines, n, true);
    if (!nv || nghttp2_submit_headers(s->h2->ng, 0, s->id, NULL, nv, n, NULL) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

/* budget: the signature is nghttp2's */
static nghttp2_ssize read_words(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
                                uint32_t *flags, nghttp2_data_source *source, void *context) {
    (void)ng, (void)id, (void)context;
    struct h2_stream *s = source->ptr;
    check_magic(s, H2_STREAM_MAGIC);
    size_t left = s->words->n_body - s->words_sent, n = left < length ? left : length;
    memcpy(buf, s->words->body + s->words_sent, n);
    s->words_sent += n;
    if (n == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)n;
}

/* Says why, when there is nobody left to answer with more. The stream keeps the words, as the
 * exchange ends now. */
static bool answer(struct h2_stream *s, enum reason reason) {
    nghttp2_data_provider2 source = {.source = {.ptr = s}, .read_callback = read_words};
    const struct turn *turn = s->h2->env->turn;
    s->words = malloc(sizeof(*s->words));
    if (!s->words)
        return false;
    last_words_write(s->words, reason, turn->wall_s);
    nghttp2_nv *nv = h2_headers(&s->end.x->arena, s->words->lines, s->words->n_lines, false);
    bool head = str_eq(request(s)->method, STR("HEAD"));
    s->head_sent = true;
    s->progress_ns = turn->now_ns;
    return nv && nghttp2_submit_response2(s->h2->ng, s->id, nv, s->words->n_lines,
                                          head ? NULL : &source) == 0;
}

/* The exchange cannot go on: say so with a status while no head was sent, else reset. */
static void give_up(struct h2_stream *s, enum reason reason) {
    int status = reason_status(reason);
    bool can_answer = !s->head_sent && !s->closed && status >= 400 && status != 499;
    if (can_answer && exchange_refuse(&s->end, reason, status, NULL)) {
        s->broken = REASON_NONE;
        return;
    }
    if (!can_answer || !answer(s, reason))
        h2_stream_reset(s, reason_h2(reason));
    exchange_reset(&s->end, reason);
}

static void start(struct h2_stream *s) {
    const struct http_limits *limits = s->h2->env->limits;
    s->started = true;
    if (limits->requests > 0 && s->h2->n_requests >= limits->requests)
        h2_drain(s->h2);
    enum reason reason = front_start(s->end.x, s->head_verdict, s->head.problem);
    if (reason != REASON_NONE)
        give_up(s, reason);
}

/* The handler began to read, so the client may begin to send (RFC 9110 10.1.1). */
static void send_continue(struct h2_stream *s) {
    struct fields none;
    if (!request(s)->expect_continue || s->continued || s->head_sent || s->received > 0 ||
        s->fin_came)
        return;
    s->continued = true;
    fields_init(&none, &s->end.x->arena);
    if (send_informational(s, 100, &none) != 0)
        give_up(s, REASON_NO_MEMORY);
}

static int pass_informational(struct h2_stream *s) {
    struct informational *info;
    while ((info = front_take_informational(s->end.x, &s->continued)))
        if (send_informational(s, info->status, &info->fields) != 0)
            return ERR_NO_MEMORY;
    return 0;
}

static void note_complete(struct h2_stream *s) {
    if (s->complete || s->out->body.state != BODY_COMPLETE)
        return;
    s->out_trailers = exchange_take_trailers(s->end.x);
    s->complete = true;
}

static int send_response(struct h2_stream *s, struct message *m) {
    struct field *lines;
    size_t n;
    bool no_body = response_has_no_body(request(s)->method, m->status);
    if (no_body)
        body_stop(&m->body, REASON_NONE);
    note_complete(s);
    if (head_response_lines(m, &lines, &n) != 0)
        return ERR_NO_MEMORY;
    return send_head(s, lines, n, no_body || h2_stream_bodiless(s));
}

static void take_head(struct h2_stream *s) {
    struct message *m = NULL;
    int err = pass_informational(s);
    if (err == 0 && (m = exchange_take_head(s->end.x)))
        err = send_response(s, m);
    if (err != 0)
        give_up(s, REASON_NO_MEMORY);
}

static void take_body(struct h2_stream *s) {
    if (s->out->body.state == BODY_ABORTED) {
        give_up(s, s->out->body.reason);
        return;
    }
    note_complete(s);
    if (nghttp2_is_fatal(nghttp2_session_resume_data(s->h2->ng, s->id)))
        h2_fail(s->h2);
}

/* nghttp2 has forgotten the stream. */
static void finish(struct h2_stream *s) {
    if (s->fin_sent)
        exchange_leave(&s->end);
    else
        exchange_reset(&s->end, h2_stream_close_reason(s));
}

static bool ended(struct h2_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (s->closed)
        finish(s);
    else if (s->broken != REASON_NONE)
        give_up(s, s->broken);
    else if (events & END_RESET)
        give_up(s, x->reason == REASON_NONE ? REASON_INTERNAL : x->reason);
    else
        return false;
    return true;
}

static void go_on(struct h2_stream *s, uint32_t events) {
    struct exchange *x = s->end.x;
    if (s->fin_came && x->request_end_ns == 0)
        x->request_end_ns = s->h2->env->turn->now_ns;
    if (s->head_came && !s->started)
        start(s);
    if (s->end.x && (events & END_WANT))
        send_continue(s);
    if (s->end.x && (events & END_HEAD) && !s->head_sent)
        take_head(s);
    if (s->end.x && (events & END_DATA) && s->head_sent)
        take_body(s);
    if (s->end.x && (events & END_ROOM))
        h2_stream_credit(s);
}

/* The response is out and nobody wants the rest of the request: RFC 9113 8.1. */
static void end_early(struct h2_stream *s) {
    bool unwanted = !s->end.x || s->in->body.state == BODY_STOPPED;
    if (s->fin_sent && !s->fin_came && !s->closed && unwanted)
        h2_stream_reset(s, NGHTTP2_NO_ERROR);
}

static void front_run(struct task *task, uint32_t events) {
    struct h2_stream *s = h2_stream_of(task);
    if (!s->h2->failed) {
        if (s->end.x && !ended(s, events))
            go_on(s, events);
        end_early(s);
    }
    h2_stream_settle(s);
}

struct h2_stream *h2_front_new(struct h2 *h2, int32_t id) {
    struct h2_stream *s = h2_stream_new(h2, front_run);
    if (!s)
        return NULL;
    struct exchange *x = exchange_new(h2->env, &s->end, h2->peer);
    if (!x) {
        list_remove(&s->link);
        free(s);
        return NULL;
    }
    s->id = id;
    h2_stream_enter(s, &x->request, &x->response);
    front_share_budget(x, &h2->responses);
    h2->n_requests++;
    return s;
}

void h2_front_gone(struct h2_stream *s, enum reason reason) {
    bool delivered = s->fin_sent && s->h2->out.n == 0;
    if (delivered)
        exchange_leave(&s->end);
    else
        exchange_reset(&s->end, reason == REASON_NONE ? REASON_CLIENT_GONE : reason);
}
