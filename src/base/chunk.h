/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include <stddef.h>
#include <stdint.h>

/* The one unit in which message bytes are kept: 16 KiB less the header, which is one
 * full TLS record. A worker has one pool; a chunk never leaves its worker. */
enum { CHUNK_BYTES = 16384 };

struct chunk {
    struct chunk *next;
    uint32_t begin, end; /* the bytes in use: data[begin, end) */
    uint8_t data[];
};

enum { CHUNK_ROOM = CHUNK_BYTES - sizeof(struct chunk) };

struct chunk_pool {
    struct chunk *free;
    size_t n_free, n_live; /* n_live: given out and not given back */
    size_t max_free;       /* more than these go back to malloc */
};

void chunk_pool_init(struct chunk_pool *pool, size_t max_free);
void chunk_pool_fini(struct chunk_pool *pool); /* check()s that none is live */

struct chunk *chunk_get(struct chunk_pool *pool); /* empty; NULL when memory ends */
void chunk_put(struct chunk_pool *pool, struct chunk *chunk);

#endif
