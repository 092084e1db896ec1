/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bytes that grow, for heads, dumps and screens. Once memory ended it stays failed
 * and takes no more: check once, at the end. p[n] is a NUL that does not count. */
struct buf {
    uint8_t *p;
    size_t n, cap;
    bool failed;
};

void buf_init(struct buf *b);
void buf_fini(struct buf *b);
/* What is behind the first n bytes is taken back, and that it may have failed. */
void buf_cut(struct buf *b, size_t n);
void buf_reset(struct buf *b); /* n = 0, memory kept */
int buf_reserve(struct buf *b, size_t more);
/* n more bytes at the end, to be written at once. NULL: failed. */
uint8_t *buf_extend(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t value);
void buf_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_drop(struct buf *b, size_t n); /* takes n bytes off the front */

static inline struct str buf_view(const struct buf *b) {
    return (struct str){(const char *)b->p, b->n};
}

#endif
