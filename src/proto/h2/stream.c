/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h2/stream.h"

#include "base/err.h"
#include "http/reply.h"

static nghttp2_session *ng_of(const struct mux_stream *s) {
    return h2_of_mux(s->mux)->ng;
}

static int32_t id_of(const struct mux_stream *s) {
    return (int32_t)s->id;
}

static void enter(struct mux_stream *s) {
    if (s->in->body.limit < H2_FIRST_WINDOW)
        s->in->body.limit = H2_FIRST_WINDOW;
}

/* ---- end ---- */

static void reset(struct mux_stream *s, enum reason reason) {
    if (s->closed || s->reset_sent || s->mux->failed)
        return;
    s->reset_sent = true;
    uint32_t code = reason_h2(reason);
    if (nghttp2_submit_rst_stream(ng_of(s), NGHTTP2_FLAG_NONE, id_of(s), code) != 0)
        h2_fail(h2_of_mux(s->mux));
}

/* The response is out and nobody wants the rest of the request: RFC 9113 8.1. */
static void end_early(struct mux_stream *s) {
    bool unwanted = !s->end.x || s->in->body.state == BODY_STOPPED;
    if (s->fin_sent && !s->fin_came && unwanted)
        reset(s, REASON_NONE);
}

/* Who ended it is known only here: nghttp2 itself resets what is malformed. */
static enum reason lost(const struct mux_stream *s) {
    bool server = s->mux->server;
    uint32_t code = (uint32_t)s->close_code;
    if (!s->closed)
        return REASON_NONE;
    if (code == NGHTTP2_REFUSED_STREAM)
        return server && s->reset_came ? REASON_CLIENT_CANCEL : REASON_REFUSED;
    if (s->reset_came)
        return reason_from_h2(code, !server);
    if (code == NGHTTP2_INTERNAL_ERROR)
        return REASON_INTERNAL;
    return server ? REASON_CLIENT_PROTOCOL : REASON_UPSTREAM_PROTOCOL;
}

/* ---- receiving ---- */

static void credit(struct mux_stream *s, size_t n, bool more) {
    struct h2 *h2 = h2_of_mux(s->mux);
    if (!more)
        h2_credit(h2, n);
    else if (!s->mux->failed && nghttp2_session_consume(h2->ng, id_of(s), n) != 0)
        h2_fail(h2);
}

/* ---- sending: bodies ---- */

static int submit_trailers(struct mux_stream *s) {
    const struct fields *t = s->out_trailers;
    nghttp2_nv *nv = h2_headers(s->arena, t->v, t->n, !s->mux->server);
    if (!nv || nghttp2_submit_trailer(ng_of(s), id_of(s), nv, t->n) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

static nghttp2_ssize read_words(struct mux_stream *s, uint8_t *buf, size_t length,
                                uint32_t *flags) {
    size_t left = s->words->n_body - s->words_sent, n = left < length ? left : length;
    memcpy(buf, s->words->body + s->words_sent, n);
    s->words_sent += n;
    if (n == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)n;
}

/* The bytes themselves are taken in h2_stream_send_data, right after this. */
/* budget: the signature is nghttp2's */
static nghttp2_ssize read_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
                               uint32_t *flags, nghttp2_data_source *source, void *context) {
    (void)ng, (void)id, (void)context;
    struct mux_stream *s = source->ptr;
    check_magic(s, MUX_STREAM_MAGIC);
    if (s->words)
        return read_words(s, buf, length, flags);
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
        if (mux_stream_has_trailers(s)) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            if (submit_trailers(s) != 0)
                return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    return (nghttp2_ssize)n;
}

enum { FRAME_HEAD = 9 };

/* budget: the signature is nghttp2's */
int h2_stream_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *context) {
    (void)ng, (void)frame;
    struct mux_stream *s = source->ptr;
    struct h2 *h2 = context;
    check_magic(s, MUX_STREAM_MAGIC);
    if (out_add(&h2->out, head, FRAME_HEAD) != 0 ||
        (n > 0 && out_body(&h2->out, &s->out->body, n) != 0))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    s->progress_ns = h2->mux.env->turn->now_ns;
    h2_pay(h2, n);
    return 0;
}

static void send_more(struct mux_stream *s) {
    mux_stream_note_complete(s);
    if (nghttp2_is_fatal(nghttp2_session_resume_data(ng_of(s), id_of(s))))
        h2_fail(h2_of_mux(s->mux));
}

/* END_STREAM waits like bytes. */
static bool is_untaken(const struct mux_stream *s) {
    return s->complete && !s->fin_sent;
}

static bool fin_follows(const struct mux_stream *s) {
    return body_at_end(&s->out->body);
}

/* ---- sending: heads ---- */

static nghttp2_data_provider2 source_of(struct mux_stream *s) {
    return (nghttp2_data_provider2){.source = {.ptr = s}, .read_callback = read_body};
}

static int respond(struct mux_stream *s, const struct field *lines, size_t n, bool fin) {
    nghttp2_data_provider2 source = source_of(s);
    nghttp2_nv *nv = h2_headers(s->arena, lines, n, false);
    if (!nv || nghttp2_submit_response2(ng_of(s), id_of(s), nv, n, fin ? NULL : &source) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

static int inform(struct mux_stream *s, const struct field *lines, size_t n) {
    nghttp2_nv *nv = h2_headers(s->arena, lines, n, true);
    if (!nv || nghttp2_submit_headers(ng_of(s), 0, id_of(s), NULL, nv, n, NULL) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

static int request(struct mux_stream *s, const struct field *lines, size_t n, bool fin) {
    nghttp2_data_provider2 source = source_of(s);
    nghttp2_nv *nv = h2_headers(s->arena, lines, n, true);
    if (!nv)
        return ERR_NO_MEMORY;
    s->id = nghttp2_submit_request2(ng_of(s), NULL, nv, n, fin ? NULL : &source, s);
    if (s->id == NGHTTP2_ERR_NOMEM)
        return ERR_NO_MEMORY;
    return s->id > 0 ? 0 : ERR_CLOSED;
}

/* ---- the connection ---- */

static void drain(struct mux *m) {
    h2_drain(h2_of_mux(m));
}

static void wake(struct mux *m) {
    h2_wake(h2_of_mux(m));
}

static void watch(struct mux *m) {
    h2_watch(h2_of_mux(m));
}

const struct mux_ops h2_stream_ops = {
    .stream_bytes = sizeof(struct mux_stream),
    .enter = enter,
    .respond = respond,
    .inform = inform,
    .request = request,
    .send_more = send_more,
    .is_untaken = is_untaken,
    .fin_follows = fin_follows,
    .credit = credit,
    .reset = reset,
    .end_early = end_early,
    .lost = lost,
    .drain = drain,
    .wake = wake,
    .watch = watch,
};
