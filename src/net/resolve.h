/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "net/dial.h"

/* The one door to c-ares, for dial.c. The resolver itself is in net/dial.h. */

enum { QUERY_DONE = 1u << 10 };

/* A question. Its task is woken with QUERY_DONE once, if it is not freed before. */
struct query;
struct query *query_start(struct resolver *r, const char *name, uint16_t port, struct task *task);
void query_free(struct query *q); /* at any time */

/* 0, ERR_NOT_FOUND, ERR_TIMEOUT, ERR_SYSTEM, ERR_NO_MEMORY; then the addresses, at most
 * DIAL_ADDRS, as RFC 6724 sorts them. */
int query_result(const struct query *q, const struct addr **ret_addrs, int *ret_n);
const char *query_problem(const struct query *q); /* as a static text */

#endif
