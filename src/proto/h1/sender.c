/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/sender.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "proto/h1/write.h"

enum { PIECES = 16, KEEP_BYTES = 2048 };

void h1_sender_init(struct h1_sender *s) {
    *s = (struct h1_sender){0};
}

void h1_sender_fini(struct h1_sender *s) {
    buf_fini(&s->lead);
    buf_fini(&s->tail);
    *s = (struct h1_sender){0};
}

static void let_go(struct buf *b) {
    if (b->cap > KEEP_BYTES)
        buf_fini(b);
    buf_reset(b);
}

void h1_sender_reset(struct h1_sender *s) {
    let_go(&s->lead);
    let_go(&s->tail);
    *s = (struct h1_sender){.lead = s->lead, .tail = s->tail};
}

void h1_sender_let_go(struct h1_sender *s) {
    s->body = NULL;
    s->framing = H1_NO_BODY;
}

void h1_sender_begin(struct h1_sender *s, enum h1_framing framing, uint64_t length,
                     struct body *body) {
    s->framing = framing;
    s->left = length;
    s->body = framing == H1_NO_BODY ? NULL : body;
}

int h1_sender_end(struct h1_sender *s, const struct fields *trailers) {
    if (s->ended)
        return 0;
    s->ended = true;
    if (s->framing == H1_LENGTH && body_unsent(s->body) != s->left)
        return ERR_INVALID;
    if (s->framing == H1_CHUNKED)
        h1_trailers_write(&s->tail, trailers);
    return s->tail.failed ? ERR_NO_MEMORY : 0;
}

static bool lead_left(const struct h1_sender *s) {
    return s->lead_at < s->lead.n;
}

static bool frame_left(const struct h1_sender *s) {
    return s->in_chunk;
}

bool h1_sender_pending(const struct h1_sender *s) {
    if (lead_left(s) || frame_left(s))
        return true;
    if (s->hold)
        return false;
    if (s->body && body_unsent(s->body) > 0)
        return s->framing != H1_LENGTH || s->left > 0;
    return s->ended && s->tail_at < s->tail.n;
}

bool h1_sender_done(const struct h1_sender *s) {
    return s->ended && !s->hold && !h1_sender_pending(s);
}

static void open_chunk(struct h1_sender *s, const struct iovec *pieces, int n) {
    s->chunk = 0;
    for (int i = 0; i < n; i++)
        s->chunk += pieces[i].iov_len;
    if (s->framing == H1_LENGTH && s->chunk > s->left)
        s->chunk = (size_t)s->left;
    s->in_chunk = s->chunk > 0;
    s->size_n = s->size_at = s->crlf_left = 0;
    if (s->framing == H1_CHUNKED && s->in_chunk) {
        s->size_n = (uint8_t)snprintf(s->size, sizeof(s->size), "%zx\r\n", s->chunk);
        s->crlf_left = 2;
    }
}

struct pieces {
    struct iovec *iov;
    int n, max;
};

static void give(struct pieces *p, const void *from, size_t n) {
    if (n > 0 && p->n < p->max)
        p->iov[p->n++] = (struct iovec){(void *)(uintptr_t)from, n};
}

static bool full(const struct pieces *p) {
    return p->n == p->max;
}

/* true: all that the body has now is given. */
static bool give_body(struct h1_sender *s, struct pieces *to) {
    struct iovec pieces[PIECES];
    int n = body_peek(s->body, pieces, PIECES);
    if (!s->in_chunk)
        open_chunk(s, pieces, n);
    size_t left = s->chunk;
    give(to, s->size + s->size_at, (size_t)(s->size_n - s->size_at));
    for (int i = 0; i < n && left > 0; i++) {
        size_t here = pieces[i].iov_len < left ? pieces[i].iov_len : left;
        if (full(to))
            return false;
        give(to, pieces[i].iov_base, here);
        left -= here;
    }
    if (full(to))
        return false;
    give(to, &"\r\n"[2 - s->crlf_left], s -> crlf_left);
    return left == 0 && s->chunk == body_unsent(s->body);
}

int h1_sender_pull(struct h1_sender *s, struct iovec *iov, int n) {
    struct pieces to = {iov, 0, n};
    if (lead_left(s))
        give(&to, s->lead.p + s->lead_at, s->lead.n - s->lead_at);
    if (s->hold || full(&to))
        return to.n;
    if (s->body && !give_body(s, &to))
        return to.n;
    if (s->ended && s->tail_at < s->tail.n)
        give(&to, s->tail.p + s->tail_at, s->tail.n - s->tail_at);
    return to.n;
}

static size_t step(size_t *bytes, size_t most) {
    size_t n = *bytes < most ? *bytes : most;
    *bytes -= n;
    return n;
}

static void pulled_body(struct h1_sender *s, size_t *bytes) {
    s->size_at = (uint8_t)(s->size_at + step(bytes, (size_t)(s->size_n - s->size_at)));
    size_t n = step(bytes, s->chunk);
    s->chunk -= n;
    s->left -= s->framing == H1_LENGTH ? n : 0;
    body_sent(s->body, n);
    body_acked(s->body, n);
    if (s->chunk == 0)
        s->crlf_left = (uint8_t)(s->crlf_left - step(bytes, s->crlf_left));
    s->in_chunk = s->chunk > 0 || s->crlf_left > 0;
}

void h1_sender_pulled(struct h1_sender *s, size_t bytes) {
    s->lead_at += step(&bytes, s->lead.n - s->lead_at);
    if (!lead_left(s) && s->lead.n > 0) {
        let_go(&s->lead);
        s->lead_at = 0;
    }
    if (s->in_chunk)
        pulled_body(s, &bytes);
    s->tail_at += step(&bytes, s->tail.n - s->tail_at);
    check(bytes == 0);
}
