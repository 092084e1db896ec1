/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H2_OUT_H
#define PROTO_H2_OUT_H

#include <stddef.h>
#include <sys/uio.h>

#include "base/chunk.h"
#include "http/body.h"

/* Frames on their way out, in chunks: one connection's output, in order. What is given to
 * the driver stays where it is until pulled; nothing in here belongs to an exchange, so a
 * stream may end at any time. An idle connection has no chunk. */

struct out {
    struct chunk_pool *pool;
    struct chunk *first, *last;
    size_t n; /* bytes waiting */
};

void out_init(struct out *o, struct chunk_pool *pool);
void out_fini(struct out *o);

int out_add(struct out *o, const void *p, size_t n); /* 0 or ERR_NO_MEMORY */
/* The next n unsent bytes of a body, which are sent and acked by that. */
int out_body(struct out *o, struct body *body, size_t n);
int out_iov(const struct out *o, struct iovec *iov, int n); /* how many pieces */
void out_pulled(struct out *o, size_t n);

#endif
