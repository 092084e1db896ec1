/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/quota.h"

#include <stddef.h>

#include "base/check.h"

void quota_init(struct quota *q, const char *name, uint32_t most) {
    q->name = name;
    atomic_init(&q->n, 0);
    atomic_init(&q->most, most);
}

void quota_fini(struct quota *q) {
    check(atomic_load(&q->n) == 0);
}

void quota_limit(struct quota *q, uint32_t most) {
    atomic_store(&q->most, most);
}

bool quota_enter(struct quota *q) {
    if (!q)
        return true;
    uint32_t n = atomic_load(&q->n);
    do {
        uint32_t most = atomic_load(&q->most);
        if (most > 0 && n >= most)
            return false;
    } while (!atomic_compare_exchange_weak(&q->n, &n, n + 1));
    return true;
}

void quota_add(struct quota *q) {
    if (q)
        atomic_fetch_add(&q->n, 1);
}

void quota_leave(struct quota *q) {
    if (q)
        check(atomic_fetch_sub(&q->n, 1) > 0);
}

bool quota_is_full(const struct quota *q, uint32_t times) {
    uint32_t most = q ? atomic_load(&q->most) : 0;
    return most > 0 && atomic_load(&q->n) / times >= most;
}
