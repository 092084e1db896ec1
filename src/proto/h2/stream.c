/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "proto/h2/stream.h"

struct h2_stream *h2_stream_new(struct h2 *h2, void (*run)(struct task *, uint32_t)) {
    struct h2_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->magic = H2_STREAM_MAGIC;
    s->h2 = h2;
    s->input_ns = s->progress_ns = h2->env->turn->now_ns;
    end_init(&s->end, h2->env->turn, run);
    bool first = list_empty(&h2->streams);
    list_append(&h2->streams, &s->link);
    if (first)
        h2_watch(h2);
    return s;
}

struct h2_stream *h2_stream_of(struct task *task) {
    struct h2_stream *s = container_of(end_of(task), struct h2_stream, end);
    check_magic(s, H2_STREAM_MAGIC);
    return s;
}

void h2_stream_enter(struct h2_stream *s, struct message *in, struct message *out) {
    s->in = in;
    s->out = out;
    if (in->body.limit < H2_FIRST_WINDOW)
        in->body.limit = H2_FIRST_WINDOW;
}

void h2_stream_came(struct h2_stream *s) {
    task_wake(&s->end.task, STREAM_CAME);
}

static void free_stream(struct grave *grave) {
    struct h2_stream *s = container_of(grave, struct h2_stream, grave);
    s->magic = 0;
    free(s->words);
    free(s);
}

/* Bytes that nobody will take any more still count in the connection's window. */
static void credit_rest(struct h2_stream *s) {
    if (s->received > s->credited)
        h2_credit(s->h2, (size_t)(s->received - s->credited));
    s->credited = s->received;
}

void h2_stream_bury(struct h2_stream *s) {
    task_fini(&s->end.task);
    list_remove(&s->link);
    turn_bury(s->h2->env->turn, &s->grave, free_stream);
}

void h2_stream_settle(struct h2_stream *s) {
    struct h2 *h2 = s->h2;
    if (!s->end.x)
        credit_rest(s);
    if (s->closed && !s->end.x) {
        h2_stream_bury(s);
        if (list_empty(&h2->streams)) {
            h2->idle_ns = h2->env->turn->now_ns;
            h2_watch(h2);
        }
    }
    h2_wake(h2);
}

void h2_stream_break(struct h2_stream *s, enum reason reason) {
    if (s->broken == REASON_NONE)
        s->broken = reason;
    h2_stream_came(s);
}

void h2_stream_reset(struct h2_stream *s, uint32_t code) {
    if (s->closed || s->reset_sent || s->h2->failed)
        return;
    s->reset_sent = true;
    if (nghttp2_submit_rst_stream(s->h2->ng, NGHTTP2_FLAG_NONE, s->id, code) != 0)
        h2_fail(s->h2);
}

/* Who ended it is known only here: nghttp2 itself resets what is malformed. */
enum reason h2_stream_close_reason(const struct h2_stream *s) {
    bool server = s->h2->server;
    if (s->close_code == NGHTTP2_REFUSED_STREAM)
        return server && s->reset_came ? REASON_CLIENT_CANCEL : REASON_REFUSED;
    if (s->reset_came)
        return reason_from_h2(s->close_code, !server);
    if (s->close_code == NGHTTP2_INTERNAL_ERROR)
        return REASON_INTERNAL;
    return server ? REASON_CLIENT_PROTOCOL : REASON_UPSTREAM_PROTOCOL;
}

/* ---- receiving ---- */

static void drop(struct h2_stream *s, size_t n) {
    s->credited += n;
    h2_credit(s->h2, n);
}

void h2_stream_data(struct h2_stream *s, const uint8_t *p, size_t n) {
    s->received += n;
    s->input_ns = s->h2->env->turn->now_ns;
    if (!s->end.x || s->in->body.state != BODY_OPEN) {
        drop(s, n);
        return;
    }
    uint64_t limit = s->h2->server ? s->h2->env->limits->request_body_bytes : 0;
    if (limit > 0 && s->received > limit) {
        drop(s, n);
        h2_stream_break(s, REASON_TOO_LARGE);
        return;
    }
    ptrdiff_t taken = body_write(&s->in->body, p, n);
    if (taken == (ptrdiff_t)n)
        return;
    /* the window is never larger than the body: memory ended */
    drop(s, taken < 0 ? n : n - (size_t)taken);
    h2_stream_break(s, REASON_NO_MEMORY);
}

/* A consumer that stopped gets no more of the stream, but the connection goes on. */
void h2_stream_credit(struct h2_stream *s) {
    size_t n = s->end.x ? body_take_credit(&s->in->body) : 0;
    if (n == 0 || s->h2->failed)
        return;
    s->credited += n;
    if (s->in->body.state == BODY_STOPPED)
        h2_credit(s->h2, n);
    else if (nghttp2_session_consume(s->h2->ng, s->id, n) != 0)
        h2_fail(s->h2);
}

/* ---- sending ---- */

bool h2_stream_bodiless(const struct h2_stream *s) {
    return s->complete && body_unsent(&s->out->body) == 0 &&
           (!s->out_trailers || s->out_trailers->n == 0);
}

static int submit_trailers(struct h2_stream *s) {
    const struct fields *t = s->out_trailers;
    nghttp2_nv *nv = h2_headers(&s->end.x->arena, t->v, t->n, !s->h2->server);
    if (!nv || nghttp2_submit_trailer(s->h2->ng, s->id, nv, t->n) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

/* The bytes themselves are taken in h2_stream_send_data, right after this. */
/* budget: the signature is nghttp2's */
static nghttp2_ssize read_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
                               uint32_t *flags, nghttp2_data_source *source, void *context) {
    (void)ng, (void)id, (void)buf, (void)context;
    struct h2_stream *s = source->ptr;
    check_magic(s, H2_STREAM_MAGIC);
    if (!s->end.x)
        return NGHTTP2_ERR_DEFERRED;
    struct iovec first;
    body_peek(&s->out->body, &first, 1); /* wakes the producer the first time */
    size_t unsent = body_unsent(&s->out->body), n = unsent < length ? unsent : length;
    if (n == 0 && !s->complete)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (s->complete && n == unsent) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->out_trailers && s->out_trailers->n > 0) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            if (submit_trailers(s) != 0)
                return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    return (nghttp2_ssize)n;
}

nghttp2_data_provider2 h2_stream_source(struct h2_stream *s) {
    return (nghttp2_data_provider2){.source = {.ptr = s}, .read_callback = read_body};
}

enum { FRAME_HEAD = 9 };

/* budget: the signature is nghttp2's */
int h2_stream_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *context) {
    (void)ng, (void)frame;
    struct h2_stream *s = source->ptr;
    struct h2 *h2 = context;
    check_magic(s, H2_STREAM_MAGIC);
    if (out_add(&h2->out, head, FRAME_HEAD) != 0 ||
        (n > 0 && out_body(&h2->out, &s->out->body, n) != 0))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    s->progress_ns = h2->env->turn->now_ns;
    h2_pay(h2, n);
    return 0;
}
