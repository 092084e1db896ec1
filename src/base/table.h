/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Values found by bytes: connection ids, names. Peers choose such keys, so the hash is
 * keyed (SipHash-2-4) with bytes that the owner draws at random: nobody outside can
 * make them collide. Open addressing; at most 3 of 4 slots are taken, removed ones
 * counted. The bytes of a key stay with the owner of the value, unchanged while it is in. */

struct table_slot {
    const void *key;
    size_t n;
    uint64_t hash;
    void *value; /* NULL: never used, or removed */
};

struct table {
    uint64_t key[2];
    struct table_slot *slots;
    size_t cap; /* 0 or a power of two */
    size_t n_values, n_removed;
};

enum { TABLE_KEY = 16 };

void table_init(struct table *t, const uint8_t key[TABLE_KEY]);
void table_fini(struct table *t); /* the values are their owners' */

/* value is not NULL. 0, ERR_EXISTS (nothing changed) or ERR_NO_MEMORY. */
int table_put(struct table *t, const void *key, size_t n, void *value);
void *table_get(const struct table *t, const void *key, size_t n);
void *table_remove(struct table *t, const void *key, size_t n); /* what was there, or NULL */
size_t table_n(const struct table *t);

/* for (size_t at = 0; (value = table_next(t, &at));) … in no order. Any entry may be
 * removed meanwhile, but none put. */
void *table_next(const struct table *t, size_t *at);

uint64_t table_siphash(const uint64_t key[2], const void *p, size_t n);

#endif
