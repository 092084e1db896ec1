/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b) {
    *b = (struct buf){0};
}

void buf_fini(struct buf *b) {
    free(b->p);
    *b = (struct buf){0};
}

void buf_cut(struct buf *b, size_t n) {
    b->n = n;
    b->failed = false;
    if (b->p)
        b->p[n] = '\0';
}

void buf_reset(struct buf *b) {
    buf_cut(b, 0);
}

/* 0: there are `more` bytes and one for the NUL behind n. */
int buf_reserve(struct buf *b, size_t more) {
    if (b->failed)
        return ERR_NO_MEMORY;
    if (b->p && more < b->cap - b->n)
        return 0;
    bool fits = more < SIZE_MAX / 2 - b->n;
    size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap * 2, least = b->n + more + 1;
    if (cap < least)
        cap = least;
    uint8_t *p = fits ? realloc(b->p, cap) : NULL;
    if (!p) {
        b->failed = true;
        return ERR_NO_MEMORY;
    }
    p[b->n] = '\0';
    b->p = p;
    b->cap = cap;
    return 0;
}

uint8_t *buf_extend(struct buf *b, size_t n) {
    if (buf_reserve(b, n) != 0)
        return NULL;
    uint8_t *p = b->p + b->n;
    b->n += n;
    b->p[b->n] = '\0';
    return p;
}

void buf_add(struct buf *b, const void *p, size_t n) {
    uint8_t *to = buf_extend(b, n);
    if (to && n > 0)
        memcpy(to, p, n);
}

void buf_str(struct buf *b, struct str s) {
    buf_add(b, s.p, s.n);
}

void buf_char(struct buf *b, char c) {
    buf_add(b, &c, 1);
}

void buf_u64(struct buf *b, uint64_t value) {
    char digits[STR_U64];
    buf_add(b, digits, str_u64(value, digits));
}

void buf_format(struct buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0)
        b->failed = true;
    if (n >= 0 && buf_reserve(b, (size_t)n) == 0) {
        vsnprintf((char *)b->p + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void buf_drop(struct buf *b, size_t n) {
    if (n > b->n)
        n = b->n;
    if (n == 0)
        return;
    b->n -= n;
    memmove(b->p, b->p + n, b->n + 1);
}
