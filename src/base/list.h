/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

/* A doubly linked ring inside its members. A head and an unlinked member both
 * point at themselves, so removal is idempotent. */
struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l) {
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l) {
    return l->next == l;
}

static inline void list_insert_before(struct list *at, struct list *l) {
    l->prev = at->prev;
    l->next = at;
    at->prev->next = l;
    at->prev = l;
}

static inline void list_append(struct list *head, struct list *l) {
    list_insert_before(head, l);
}

static inline void list_prepend(struct list *head, struct list *l) {
    list_insert_before(head->next, l);
}

static inline void list_remove(struct list *l) {
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

#define list_entry(l, type, member) container_of(l, type, member)
#define list_first(head, type, member) \
    (list_empty(head) ? NULL : list_entry((head)->next, type, member))

/* Safe against removal of the entry itself. */
#define list_each(head, at, next_) \
    for (struct list *at = (head)->next, *next_ = at->next; at != (head); \
         at = next_, next_ = at->next)

#endif
