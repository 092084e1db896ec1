/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/table.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"

enum { TABLE_FIRST = 16 };

/* SipHash-2-4, after the paper of Aumasson and Bernstein. */

static uint64_t rotate(uint64_t x, unsigned bits) {
    return x << bits | x >> (64 - bits);
}

static uint64_t load_le(const uint8_t *p, size_t n) {
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++)
        x |= (uint64_t)p[i] << (8 * i);
    return x;
}

static void sip_rounds(uint64_t v[4], int n) {
    while (n-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void sip_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

uint64_t table_siphash(const uint64_t key[2], const void *p, size_t n) {
    const uint8_t *at = p;
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t left = n;
    for (; left >= 8; left -= 8, at += 8)
        sip_word(v, load_le(at, 8));
    sip_word(v, load_le(at, left) | (uint64_t)n << 56);
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void table_init(struct table *t, const uint8_t key[TABLE_KEY]) {
    *t = (struct table){.key = {load_le(key, 8), load_le(key + 8, 8)}};
}

void table_fini(struct table *t) {
    free(t->slots);
    *t = (struct table){0};
}

/* A removed slot keeps its key pointer as a mark only: it is never read through. */
static bool slot_never_used(const struct table_slot *slot) {
    return !slot->value && !slot->key;
}

static bool slot_holds(const struct table_slot *slot, uint64_t hash, const void *key, size_t n) {
    return slot->value && slot->hash == hash && slot->n == n && memcmp(slot->key, key, n) == 0;
}

static struct table_slot *find(const struct table *t, const void *key, size_t n) {
    if (t->n_values == 0)
        return NULL;
    uint64_t hash = table_siphash(t->key, key, n);
    for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
        if (slot_holds(&t->slots[i], hash, key, n))
            return &t->slots[i];
        if (slot_never_used(&t->slots[i]))
            return NULL;
    }
}

static void place(struct table *t, struct table_slot new_slot) {
    size_t i = new_slot.hash & (t->cap - 1);
    while (t->slots[i].value)
        i = (i + 1) & (t->cap - 1);
    if (!slot_never_used(&t->slots[i]))
        t->n_removed--;
    t->slots[i] = new_slot;
    t->n_values++;
}

/* Also sweeps the removed: a table in which entries come and go keeps its size. */
static int make_room(struct table *t) {
    if ((t->n_values + t->n_removed + 1) * 4 <= t->cap * 3)
        return 0;
    size_t cap = t->cap ? t->cap : TABLE_FIRST;
    if ((t->n_values + 1) * 2 > cap)
        cap *= 2;
    struct table_slot *slots = calloc(cap, sizeof(*slots));
    if (!slots)
        return ERR_NO_MEMORY;
    struct table old = *t;
    t->slots = slots;
    t->cap = cap;
    t->n_values = t->n_removed = 0;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value)
            place(t, old.slots[i]);
    free(old.slots);
    return 0;
}

int table_put(struct table *t, const void *key, size_t n, void *value) {
    check(key && value);
    if (find(t, key, n))
        return ERR_EXISTS;
    if (make_room(t) != 0)
        return ERR_NO_MEMORY;
    place(t, (struct table_slot){key, n, table_siphash(t->key, key, n), value});
    return 0;
}

void *table_get(const struct table *t, const void *key, size_t n) {
    const struct table_slot *slot = find(t, key, n);
    return slot ? slot->value : NULL;
}

void *table_remove(struct table *t, const void *key, size_t n) {
    struct table_slot *slot = find(t, key, n);
    if (!slot)
        return NULL;
    void *value = slot->value;
    slot->value = NULL;
    t->n_values--;
    t->n_removed++;
    return value;
}

size_t table_n(const struct table *t) {
    return t->n_values;
}

void *table_next(const struct table *t, size_t *at) {
    while (*at < t->cap) {
        void *value = t->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}
