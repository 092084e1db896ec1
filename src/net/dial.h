/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/addr.h"
#include "base/log.h"
#include "base/str.h"
#include "base/turn.h"
#include "sys/loop.h"

/* Names to addresses (c-ares, never blocking; localhost is ::1 and 127.0.0.1 unasked, RFC
 * 6761), and addresses to connected sockets (one after the other, the next one 250 ms later
 * or at once on failure: RFC 8305 in small). */

struct resolver; /* one per worker */
struct resolver *resolver_new(struct loop *loop, struct log *log);
void resolver_free(struct resolver *r); /* ends what is asked */
/* Whom to ask instead of those of /etc/resolv.conf: "127.0.0.1:5353,[::1]:5353". 0 or
 * ERR_INVALID. */
int resolver_set_servers(struct resolver *r, const char *servers);

enum { DIAL_ADDRS = 16 };

/* A dial wakes its task with the timer bit's neighbour below, once; look at the members. */
enum { DIAL_DONE = 1u << 8 };

struct dial;
struct dial_config {
    struct loop *loop;
    struct resolver *resolver;
    struct task *task; /* woken with DIAL_DONE */
    struct str host;   /* a name or a literal address; "" with unix_path */
    uint16_t port;
    struct str unix_path;
    uint64_t timeout_ns; /* for all of it */
    bool datagram;       /* only resolve: take the addresses */
};

struct dial *dial_start(const struct dial_config *config); /* NULL: no memory */
/* The connected non-blocking socket (the caller's from now on), or a negative err:
 * ERR_TIMEOUT, ERR_NOT_FOUND (the name), ERR_REFUSED, ERR_LIMIT (no descriptor is left),
 * ERR_SYSTEM. After DIAL_DONE. */
int dial_take_fd(struct dial *d);
/* The addresses found, in order of preference. */
const struct addr *dial_addrs(const struct dial *d, int *ret_n);
/* "connection refused (127.0.0.1:3000)", for the 502. */
const char *dial_problem(const struct dial *d);
void dial_free(struct dial *d); /* at any time */

#endif
