/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/chunk.h"

#include <stdlib.h>

#include "base/check.h"

void chunk_pool_init(struct chunk_pool *pool, size_t max_free) {
    *pool = (struct chunk_pool){.max_free = max_free};
}

void chunk_pool_fini(struct chunk_pool *pool) {
    check(pool->n_live == 0);
    for (struct chunk *chunk = pool->free, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *pool = (struct chunk_pool){0};
}

struct chunk *chunk_get(struct chunk_pool *pool) {
    struct chunk *chunk = pool->free;
    if (chunk) {
        pool->free = chunk->next;
        pool->n_free--;
    } else {
        chunk = malloc(CHUNK_BYTES);
        if (!chunk)
            return NULL;
    }
    chunk->next = NULL;
    chunk->begin = chunk->end = 0;
    pool->n_live++;
    return chunk;
}

void chunk_put(struct chunk_pool *pool, struct chunk *chunk) {
    check(pool->n_live > 0);
    pool->n_live--;
    if (pool->n_free >= pool->max_free) {
        free(chunk);
        return;
    }
    chunk->next = pool->free;
    pool->free = chunk;
    pool->n_free++;
}
