/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H3_STREAM_H
#define PROTO_H3_STREAM_H

#include "proto/h3/session.h"
#include "proto/mux/stream.h"

/* What is HTTP/3's own in a stream. QUIC may ask again for what was sent, after the exchange too:
 * so a front keeps the response's chunks when it leaves, and a back, which can lose its exchange
 * at any time, sends from a body of its own. */

struct h3_stream {
    struct mux_stream base;
    bool stop_came, stop_sent; /* STOP_SENDING */
    bool counted;              /* in h3->n_resets */
    struct body *sending;      /* out->body, or kept */
    struct body kept;
};

extern const struct mux_ops h3_stream_ops;

static inline struct h3_stream *h3_stream_of(const struct mux_stream *s) {
    check_magic(s, MUX_STREAM_MAGIC);
    return container_of(s, struct h3_stream, base);
}

struct mux_stream *h3_stream_find(struct h3 *h3, int64_t id); /* NULL: not there */
void h3_stream_reset(struct mux_stream *s, uint64_t code);    /* both directions */
void h3_stream_acked(struct mux_stream *s, uint64_t n);       /* of its body */

#endif
