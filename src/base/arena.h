/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/str.h"

/* Memory that goes all at once: one per exchange, one per configuration. Blocks are
 * taken from malloc as needed; the first may be lent by the owner (embedded). */
struct arena_block;
struct arena {
    struct arena_block *blocks;
    char *at, *end;
    size_t used_bytes; /* given out so far, all blocks together */
};

void arena_init(struct arena *a, void *first, size_t first_bytes); /* first may be NULL */
void arena_fini(struct arena *a);

/* Aligned for any object. NULL when memory ends. */
void *arena_alloc(struct arena *a, size_t bytes);
void *arena_zalloc(struct arena *a, size_t bytes);

/* Copies; p is terminated behind n all the same. p NULL when memory ends. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_u64(struct arena *a, uint64_t value); /* in decimal */
struct str arena_format(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
