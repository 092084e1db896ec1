/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "proto/h3/stream.h"

/* How much of a body one DATA frame takes at most, in chunks: its bytes count as sent from then on,
 * so a client that gives no credit costs this beside the body's limit. */
enum { PIECES = 2 };

struct h3_stream *h3_stream_new(struct h3 *h3, int64_t id, void (*run)(struct task *, uint32_t)) {
    struct h3_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->magic = H3_STREAM_MAGIC;
    s->h3 = h3;
    s->id = id;
    s->begin_ns = s->input_ns = s->progress_ns = h3->env->turn->now_ns;
    body_init(&s->kept, h3->env->chunks, CHUNK_BYTES * PIECES);
    end_init(&s->end, h3->env->turn, run);
    bool first = list_empty(&h3->streams);
    list_append(&h3->streams, &s->link);
    if (first)
        h3_watch(h3);
    return s;
}

struct h3_stream *h3_stream_of(struct task *task) {
    struct h3_stream *s = container_of(end_of(task), struct h3_stream, end);
    check_magic(s, H3_STREAM_MAGIC);
    return s;
}

/* The last ones are the likeliest. */
struct h3_stream *h3_stream_find(struct h3 *h3, int64_t id) {
    for (struct list *at = h3->streams.prev; at != &h3->streams; at = at->prev) {
        struct h3_stream *s = list_entry(at, struct h3_stream, link);
        if (s->id == id)
            return s;
    }
    return NULL;
}

void h3_stream_came(struct h3_stream *s) {
    task_wake(&s->end.task, STREAM_CAME);
}

static void free_stream(struct grave *grave) {
    struct h3_stream *s = container_of(grave, struct h3_stream, grave);
    body_fini(&s->kept);
    s->magic = 0;
    free(s);
}

/* Bytes that nobody will take any more still count in the connection's window. */
static void credit_rest(struct h3_stream *s) {
    quic_credit(s->h3->conn, s->id, s->received - s->credited);
    s->credited = s->received;
}

void h3_stream_bury(struct h3_stream *s) {
    task_fini(&s->end.task);
    list_remove(&s->link);
    turn_bury(s->h3->env->turn, &s->grave, free_stream);
}

void h3_stream_settle(struct h3_stream *s) {
    struct h3 *h3 = s->h3;
    if (!s->end.x)
        credit_rest(s);
    if (s->closed && !s->end.x) {
        h3_stream_bury(s);
        if (list_empty(&h3->streams)) {
            h3->idle_ns = h3->env->turn->now_ns;
            h3_watch(h3);
        }
    }
    quic_wake(h3->conn);
}

void h3_stream_break(struct h3_stream *s, enum reason reason) {
    if (s->broken == REASON_NONE)
        s->broken = reason;
    h3_stream_came(s);
}

void h3_stream_reset(struct h3_stream *s, uint64_t code) {
    struct h3 *h3 = s->h3;
    if (s->closed || s->reset_sent || h3->failed)
        return;
    h3_count_reset(h3, s);
    s->reset_sent = true;
    if (h3->failed)
        return;
    if (!s->fin_sent)
        quic_reset_stream(h3->conn, s->id, code);
    if (!s->fin_came && !s->reset_came)
        quic_stop_sending(h3->conn, s->id, code);
    nghttp3_conn_shutdown_stream_write(h3->ng, s->id);
    if (nghttp3_conn_shutdown_stream_read(h3->ng, s->id) != 0)
        h3_fail(h3, NGHTTP3_ERR_NOMEM);
}

void h3_stream_stop(struct h3_stream *s) {
    if (s->stop_sent || s->fin_came || s->reset_came || s->closed || s->reset_sent)
        return;
    s->stop_sent = true;
    quic_stop_sending(s->h3->conn, s->id, H3_NO_ERROR);
}

/* ---- receiving ---- */

static void drop(struct h3_stream *s, size_t n) {
    s->credited += n;
    quic_credit(s->h3->conn, s->id, n);
}

void h3_stream_data(struct h3_stream *s, const uint8_t *p, size_t n) {
    s->received += n;
    s->input_ns = s->h3->env->turn->now_ns;
    if (!s->end.x || s->in->body.state != BODY_OPEN) {
        drop(s, n);
        return;
    }
    uint64_t limit = s->h3->server ? s->h3->env->limits->request_body_bytes : 0;
    if (limit > 0 && s->received > limit) {
        drop(s, n);
        h3_stream_break(s, REASON_TOO_LARGE);
        return;
    }
    /* QUIC's window rules; should it be larger than the body's, the body follows */
    size_t room = body_room(&s->in->body);
    if (n > room)
        s->in->body.limit += (uint32_t)(n - room);
    ptrdiff_t taken = body_write(&s->in->body, p, n);
    if (taken == (ptrdiff_t)n)
        return;
    drop(s, taken < 0 ? n : n - (size_t)taken);
    h3_stream_break(s, REASON_NO_MEMORY);
}

void h3_stream_credit(struct h3_stream *s) {
    size_t n = s->end.x ? body_take_credit(&s->in->body) : 0;
    s->credited += n;
    quic_credit(s->h3->conn, s->id, n);
}

/* ---- sending ---- */

bool h3_stream_bodiless(const struct h3_stream *s) {
    return s->complete && body_unsent(s->sending) == 0 &&
           (!s->out_trailers || s->out_trailers->n == 0);
}

void h3_stream_resume(struct h3_stream *s) {
    if (!s->h3->failed && nghttp3_conn_resume_stream(s->h3->ng, s->id) != 0)
        h3_fail(s->h3, NGHTTP3_ERR_NOMEM);
}

static int submit_trailers(struct h3_stream *s) {
    const struct fields *t = s->out_trailers;
    nghttp3_nv *nv = h3_headers(&s->end.x->arena, t->v, t->n);
    if (!nv || nghttp3_conn_submit_trailers(s->h3->ng, s->id, nv, t->n) != 0)
        return ERR_NO_MEMORY;
    return 0;
}

static nghttp3_ssize peek(struct h3_stream *s, nghttp3_vec *vec, int n) {
    struct iovec iov[PIECES];
    size_t bytes = 0;
    int pieces = body_peek(s->sending, iov, n < PIECES ? n : PIECES);
    for (int i = 0; i < pieces; i++) {
        vec[i] = (nghttp3_vec){iov[i].iov_base, iov[i].iov_len};
        bytes += iov[i].iov_len;
    }
    body_sent(s->sending, bytes);
    if (bytes > 0)
        s->progress_ns = s->h3->env->turn->now_ns;
    return pieces;
}

/* nghttp3 asks for the next pieces of a body; they stay where they are until acked. */
/* budget: the signature is nghttp3's */
nghttp3_ssize h3_stream_read(nghttp3_conn *ng, int64_t id, nghttp3_vec *vec, size_t n,
                             uint32_t *flags, void *context, void *stream) {
    (void)ng, (void)id, (void)context;
    struct h3_stream *s = stream;
    check_magic(s, H3_STREAM_MAGIC);
    bool last_words = s->h3->server && s->kept.state == BODY_COMPLETE;
    if (!s->end.x && !last_words)
        return NGHTTP3_ERR_WOULDBLOCK;
    nghttp3_ssize pieces = peek(s, vec, (int)n);
    if (s->complete && body_unsent(s->sending) == 0) {
        *flags |= NGHTTP3_DATA_FLAG_EOF;
        if (s->out_trailers && s->out_trailers->n > 0) {
            *flags |= NGHTTP3_DATA_FLAG_NO_END_STREAM;
            if (submit_trailers(s) != 0)
                return NGHTTP3_ERR_CALLBACK_FAILURE;
        }
        return pieces;
    }
    return pieces > 0 ? pieces : NGHTTP3_ERR_WOULDBLOCK;
}
