/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h2/out.h"

#include "base/check.h"
#include "base/err.h"

void out_init(struct out *o, struct chunk_pool *pool) {
    *o = (struct out){.pool = pool};
}

void out_fini(struct out *o) {
    for (struct chunk *c = o->first, *next; c; c = next) {
        next = c->next;
        chunk_put(o->pool, c);
    }
    out_init(o, o->pool);
}

/* At least one byte of room at the end; n 0: no memory. */
static struct span room(struct out *o) {
    if (!o->last || o->last->end == CHUNK_ROOM) {
        struct chunk *c = chunk_get(o->pool);
        if (!c)
            return (struct span){NULL, 0};
        if (o->last)
            o->last->next = c;
        else
            o->first = c;
        o->last = c;
    }
    return (struct span){o->last->data + o->last->end, CHUNK_ROOM - o->last->end};
}

static void filled(struct out *o, size_t n) {
    o->last->end += (uint32_t)n;
    o->n += n;
}

int out_add(struct out *o, const void *p, size_t n) {
    const uint8_t *from = p;
    while (n > 0) {
        struct span to = room(o);
        if (to.n == 0)
            return ERR_NO_MEMORY;
        size_t piece = n < to.n ? n : to.n;
        memcpy(to.p, from, piece);
        filled(o, piece);
        from += piece;
        n -= piece;
    }
    return 0;
}

int out_body(struct out *o, struct body *body, size_t n) {
    while (n > 0) {
        struct span to = room(o);
        if (to.n == 0)
            return ERR_NO_MEMORY;
        size_t piece = body_read(body, to.p, n < to.n ? n : to.n);
        check(piece > 0);
        filled(o, piece);
        n -= piece;
    }
    return 0;
}

int out_iov(const struct out *o, struct iovec *iov, int n) {
    int pieces = 0;
    for (struct chunk *c = o->first; c && pieces < n; c = c->next)
        if (c->begin < c->end)
            iov[pieces++] = (struct iovec){c->data + c->begin, c->end - c->begin};
    return pieces;
}

void out_pulled(struct out *o, size_t n) {
    check(n <= o->n);
    o->n -= n;
    while (o->first) {
        struct chunk *c = o->first;
        size_t here = c->end - c->begin, step = n < here ? n : here;
        c->begin += (uint32_t)step;
        n -= step;
        if (c->begin < c->end)
            return;
        o->first = c->next;
        if (!o->first)
            o->last = NULL;
        chunk_put(o->pool, c);
    }
}
