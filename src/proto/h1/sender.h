/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_SENDER_H
#define PROTO_H1_SENDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "http/body.h"
#include "http/fields.h"
#include "proto/h1/headers.h"

/* One message after the other to bytes: heads from a buffer, the body straight from its
 * chunks, chunk sizes around them, the end. Never more than the head promised.
 *
 * What a pull gave, a later pull gives again until it was pulled, so a chunk once begun
 * keeps its size. */

struct h1_sender {
    struct buf lead; /* heads; what goes before the body */
    size_t lead_at;
    struct body *body; /* NULL: none */
    bool hold;         /* lead goes out, the body waits */
    enum h1_framing framing;
    uint64_t left; /* with H1_LENGTH */
    size_t chunk;  /* bytes of the chunk being sent; not chunked: of what was pulled */
    bool in_chunk;
    char size[20]; /* the line before it */
    uint8_t size_n, size_at;
    uint8_t crlf_left;
    struct buf tail; /* last chunk and trailers; after the body */
    size_t tail_at;
    bool ended; /* all of the message is known */
};

void h1_sender_init(struct h1_sender *s);
void h1_sender_fini(struct h1_sender *s);
void h1_sender_reset(struct h1_sender *s);  /* what is left goes nowhere */
void h1_sender_let_go(struct h1_sender *s); /* done: the body's exchange may go */

/* The head is in lead; the body follows as framing says. */
void h1_sender_begin(struct h1_sender *s, enum h1_framing framing, uint64_t length,
                     struct body *body);
/* The body is COMPLETE (or there is none). 0, ERR_NO_MEMORY, or ERR_INVALID: it is not as
 * long as was promised, so that the connection must not go on. */
int h1_sender_end(struct h1_sender *s, const struct fields *trailers);

bool h1_sender_pending(const struct h1_sender *s); /* would pull give something? */
bool h1_sender_done(const struct h1_sender *s);    /* ended, and all was pulled */
int h1_sender_pull(struct h1_sender *s, struct iovec *iov, int n);
void h1_sender_pulled(struct h1_sender *s, size_t bytes);

#endif
