/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h3/stream.h"

#include "base/err.h"
#include "http/reply.h"

/* How much of a body one DATA frame takes at most, in chunks: its bytes count as sent from then on,
 * so a client that gives no credit costs this beside the body's limit. */
enum { PIECES = 2 };

/* The last ones are the likeliest. */
struct mux_stream *h3_stream_find(struct h3 *h3, int64_t id) {
    for (struct list *at = h3->mux.streams.prev; at != &h3->mux.streams; at = at->prev) {
        struct mux_stream *s = list_entry(at, struct mux_stream, link);
        if (s->id == id)
            return s;
    }
    return NULL;
}

static void enter(struct mux_stream *s) {
    struct h3_stream *own = h3_stream_of(s);
    body_init(&own->kept, s->mux->env->chunks, CHUNK_BYTES * PIECES);
    own->kept.producer = s->mux->server ? NULL : &s->end.task;
    own->sending = s->mux->server ? &s->out->body : &own->kept;
}

/* The chunks of the response must outlive the exchange: QUIC may ask for them again. */
static void leave(struct mux_stream *s) {
    struct h3_stream *own = h3_stream_of(s);
    if (own->sending == &own->kept)
        return;
    body_keep(own->sending, &own->kept);
    own->sending = &own->kept;
}

static void fini(struct mux_stream *s) {
    body_fini(&h3_stream_of(s)->kept);
}

/* ---- end ---- */

void h3_stream_reset(struct mux_stream *s, uint64_t code) {
    struct h3 *h3 = h3_of_mux(s->mux);
    if (s->closed || s->reset_sent || h3->mux.failed)
        return;
    h3_count_reset(h3, s);
    s->reset_sent = true;
    if (h3->mux.failed)
        return;
    if (!s->fin_sent)
        quic_reset_stream(h3->conn, s->id, code);
    if (!s->fin_came && !s->reset_came)
        quic_stop_sending(h3->conn, s->id, code);
    nghttp3_conn_shutdown_stream_write(h3->ng, s->id);
    if (nghttp3_conn_shutdown_stream_read(h3->ng, s->id) != 0)
        h3_fail(h3, NGHTTP3_ERR_NOMEM);
}

static void reset(struct mux_stream *s, enum reason reason) {
    h3_stream_reset(s, reason_h3(reason));
}

/* Nobody wants the rest of the request: RFC 9114 4.1. */
static void end_early(struct mux_stream *s) {
    struct h3_stream *own = h3_stream_of(s);
    bool unwanted = !s->end.x || (s->in->body.state == BODY_STOPPED && s->fin_sent);
    bool over = s->fin_came || s->reset_came || s->closed || s->reset_sent;
    if (!unwanted || over || own->stop_sent)
        return;
    own->stop_sent = true;
    quic_stop_sending(h3_of_mux(s->mux)->conn, s->id, H3_NO_ERROR);
}

/* The client's RESET_STREAM answers our STOP_SENDING, or it means what it says. */
static bool is_cancelled(const struct mux_stream *s) {
    const struct h3_stream *own = h3_stream_of(s);
    bool reset = s->reset_came && !own->stop_sent && !s->fin_came;
    return reset || own->stop_came || s->closed;
}

static enum reason lost(const struct mux_stream *s) {
    bool server = s->mux->server;
    bool is_lost = server ? is_cancelled(s) : s->reset_came || s->closed;
    return is_lost ? reason_from_h3(s->close_code, !server) : REASON_NONE;
}

/* ---- receiving ---- */

static void credit(struct mux_stream *s, size_t n, bool more) {
    struct quic_conn *conn = h3_of_mux(s->mux)->conn;
    if (more)
        quic_credit(conn, s->id, n);
    else
        quic_credit_conn(conn, n);
}

/* ---- sending: bodies ---- */

static int submit_trailers(struct mux_stream *s) {
    const struct fields *t = s->out_trailers;
    nghttp3_nv *nv = h3_headers(s->arena, t->v, t->n);
    if (!nv || nghttp3_conn_submit_trailers(h3_of_mux(s->mux)->ng, s->id, nv, t->n) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

/* All at once; the stream has them until QUIC forgets it. */
static nghttp3_ssize read_words(struct mux_stream *s, nghttp3_vec *vec, uint32_t *flags) {
    vec[0] = (nghttp3_vec){(uint8_t *)s->words->body, s->words->n_body};
    *flags |= NGHTTP3_DATA_FLAG_EOF;
    return 1;
}

static nghttp3_ssize peek(struct mux_stream *s, nghttp3_vec *vec, int n) {
    struct body *sending = h3_stream_of(s)->sending;
    struct iovec iov[PIECES];
    size_t bytes = 0;
    int pieces = body_peek(sending, iov, n < PIECES ? n : PIECES);
    for (int i = 0; i < pieces; i++) {
        vec[i] = (nghttp3_vec){iov[i].iov_base, iov[i].iov_len};
        bytes += iov[i].iov_len;
    }
    body_sent(sending, bytes);
    if (bytes > 0)
        s->progress_ns = s->mux->env->turn->now_ns;
    return pieces;
}

/* nghttp3 asks for the next pieces of a body; they stay where they are until acked. */
/* budget: the signature is nghttp3's */
static nghttp3_ssize read_body(nghttp3_conn *ng, int64_t id, nghttp3_vec *vec, size_t n,
                               uint32_t *flags, void *context, void *stream) {
    (void)ng, (void)id, (void)context;
    struct mux_stream *s = stream;
    check_magic(s, MUX_STREAM_MAGIC);
    if (s->words)
        return read_words(s, vec, flags);
    if (!s->end.x)
        return NGHTTP3_ERR_WOULDBLOCK;
    nghttp3_ssize pieces = peek(s, vec, (int)n);
    if (s->complete && body_unsent(h3_stream_of(s)->sending) == 0) {
        *flags |= NGHTTP3_DATA_FLAG_EOF;
        if (mux_stream_has_trailers(s)) {
            *flags |= NGHTTP3_DATA_FLAG_NO_END_STREAM;
            if (submit_trailers(s) != 0)
                return NGHTTP3_ERR_CALLBACK_FAILURE;
        }
        return pieces;
    }
    return pieces > 0 ? pieces : NGHTTP3_ERR_WOULDBLOCK;
}

void h3_stream_acked(struct mux_stream *s, uint64_t n) {
    if (!s->words)
        body_acked(h3_stream_of(s)->sending, (size_t)n);
}

/* The request's bytes move into kept, as the exchange may be taken away while QUIC needs
 * them. */
static void pump(struct mux_stream *s) {
    struct body *from = &s->out->body, *kept = &h3_stream_of(s)->kept;
    struct span to;
    size_t n = 1;
    while (n > 0 && (to = body_reserve(kept)).n > 0) {
        n = body_read(from, to.p, to.n);
        body_commit(kept, n);
    }
    if (body_at_end(from))
        mux_stream_note_complete(s);
}

static void send_more(struct mux_stream *s) {
    struct h3 *h3 = h3_of_mux(s->mux);
    if (s->mux->server) {
        mux_stream_note_complete(s);
    } else if (h3_stream_of(s)->stop_came) {
        body_stop(&s->out->body, REASON_UPSTREAM_DONE);
        return;
    } else {
        pump(s);
    }
    if (!s->mux->failed && nghttp3_conn_resume_stream(h3->ng, s->id) != 0)
        h3_fail(h3, NGHTTP3_ERR_NOMEM);
}

/* What nghttp3 has is no more unsent in the body; heads, trailers and FIN wait for the same
 * window. */
static bool is_untaken(const struct mux_stream *s) {
    const struct body *sending = h3_stream_of(s)->sending;
    bool fin_waits = sending->state != BODY_OPEN && !s->fin_sent;
    return fin_waits || sending->acked < sending->sent;
}

/* QUIC may still have bytes of it, and hold them back. */
static bool fin_follows(const struct mux_stream *s) {
    (void)s;
    return false;
}

/* ---- sending: heads ---- */

static const nghttp3_data_reader source = {.read_data = read_body};

static int respond(struct mux_stream *s, const struct field *lines, size_t n, bool fin) {
    nghttp3_conn *ng = h3_of_mux(s->mux)->ng;
    nghttp3_nv *nv = h3_headers(s->arena, lines, n);
    if (!nv || nghttp3_conn_submit_response(ng, s->id, nv, n, fin ? NULL : &source) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

static int inform(struct mux_stream *s, const struct field *lines, size_t n) {
    nghttp3_nv *nv = h3_headers(s->arena, lines, n);
    if (!nv || nghttp3_conn_submit_info(h3_of_mux(s->mux)->ng, s->id, nv, n) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

static int submit_request(struct mux_stream *s, const struct field *lines, size_t n, bool fin) {
    nghttp3_nv *nv = h3_headers(s->arena, lines, n);
    if (!nv)
        return ERR_NO_MEMORY;
    int rv =
        nghttp3_conn_submit_request(h3_of_mux(s->mux)->ng, s->id, nv, n, fin ? NULL : &source, s);
    if (rv == 0)
        return 0;
    return rv == NGHTTP3_ERR_CONN_CLOSING ? ERR_CLOSED : ERR_NO_MEMORY;
}

static int request(struct mux_stream *s, const struct field *lines, size_t n, bool fin) {
    struct h3 *h3 = h3_of_mux(s->mux);
    s->id = h3->opened ? quic_open_bidi(h3->conn) : ERR_LIMIT;
    if (s->id < 0)
        return (int)s->id;
    int err = submit_request(s, lines, n, fin);
    if (err != 0) { /* not known to nghttp3: QUIC's stream goes with a reset */
        quic_reset_stream(h3->conn, s->id, H3_REQUEST_CANCELLED);
        quic_stop_sending(h3->conn, s->id, H3_REQUEST_CANCELLED);
    }
    return err;
}

/* ---- the connection ---- */

static void drain(struct mux *m) {
    h3_drain(h3_of_mux(m));
}

static void wake(struct mux *m) {
    quic_wake(h3_of_mux(m)->conn);
}

static void watch(struct mux *m) {
    h3_watch(h3_of_mux(m));
}

const struct mux_ops h3_stream_ops = {
    .stream_bytes = sizeof(struct h3_stream),
    .enter = enter,
    .leave = leave,
    .fini = fini,
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
