/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_ALIGN = _Alignof(max_align_t),
    ARENA_BLOCK = 4096,
    ARENA_LARGE = ARENA_BLOCK / 4, /* gets a block of its own: little of the current is wasted */
};

struct arena_block {
    struct arena_block *next;
    _Alignas(ARENA_ALIGN) char data[];
};

void arena_init(struct arena *a, void *first, size_t first_bytes) {
    *a = (struct arena){.at = first, .end = first ? (char *)first + first_bytes : NULL};
}

void arena_fini(struct arena *a) {
    for (struct arena_block *block = a->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *a = (struct arena){0};
}

static struct arena_block *block_new(struct arena *a, size_t bytes) {
    if (bytes > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + bytes);
    if (!block)
        return NULL;
    block->next = a->blocks;
    a->blocks = block;
    return block;
}

static void *take_from_new_block(struct arena *a, size_t bytes) {
    bool large = bytes > ARENA_LARGE;
    struct arena_block *block = block_new(a, large ? bytes : ARENA_BLOCK - sizeof(*block));
    if (!block)
        return NULL;
    a->used_bytes += bytes;
    if (!large) {
        a->at = block->data + bytes;
        a->end = block->data + (ARENA_BLOCK - sizeof(*block));
    }
    return block->data;
}

static void *take(struct arena *a, size_t bytes, size_t align) {
    size_t skip = (size_t)(-(uintptr_t)a->at & (align - 1));
    size_t left = (size_t)(a->end - a->at);
    if (!a->at || left < skip || left - skip < bytes)
        return take_from_new_block(a, bytes);
    char *p = a->at + skip;
    a->at = p + bytes;
    a->used_bytes += bytes;
    return p;
}

void *arena_alloc(struct arena *a, size_t bytes) {
    return take(a, bytes, ARENA_ALIGN);
}

void *arena_zalloc(struct arena *a, size_t bytes) {
    void *p = arena_alloc(a, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

struct str arena_str(struct arena *a, struct str s) {
    char *p = s.n < SIZE_MAX ? take(a, s.n + 1, 1) : NULL;
    if (!p)
        return (struct str){NULL, 0};
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}

struct str arena_u64(struct arena *a, uint64_t value) {
    char digits[STR_U64];
    return arena_str(a, (struct str){digits, str_u64(value, digits)});
}

struct str arena_format(struct arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *p = n < 0 ? NULL : take(a, (size_t)n + 1, 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return p ? (struct str){p, (size_t)n} : (struct str){NULL, 0};
}
