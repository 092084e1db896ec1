/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_QUOTA_H
#define BASE_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How many there are of a kind, over all threads, and how many there may be. Who finds it full is
 * not called when there is room: another thread may have made it. It looks again by itself.
 *
 * NULL in place of a quota: nothing is counted, and there is always room. */

struct quota {
    const char *name; /* what sets the limit, for messages: "max-connections" */
    _Atomic uint32_t n;
    _Atomic uint32_t most; /* 0: no limit */
};

void quota_init(struct quota *q, const char *name, uint32_t most);
void quota_fini(struct quota *q); /* check()s that all have left */
/* From now on; those who are there stay. */
void quota_limit(struct quota *q, uint32_t most);
/* One more; false: it is full. */
bool quota_enter(struct quota *q);
void quota_add(struct quota *q); /* the same, but full or not */
void quota_leave(struct quota *q);
/* There are as many as there may be, or so many times that. */
bool quota_is_full(const struct quota *q, uint32_t times);

#endif
