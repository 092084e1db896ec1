/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_RECEIVER_H
#define PROTO_H1_RECEIVER_H

#include <llhttp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/body.h"
#include "http/env.h"
#include "http/fields.h"
#include "proto/h1/headers.h"
#include "proto/h1/scan.h"

/* One message after the other from bytes: the door to llhttp, whose callbacks live here and
 * only record. It never takes a byte that it has no room for, and stops behind each head
 * and each message, so that what follows is decided outside of any callback.
 *
 *     HEAD --> HEAD_DONE --begin_body--> LENGTH | CHUNKED | UNTIL_EOF --> END --reset--> HEAD
 *                                   `--------- (no body) ---------------^
 *     any of them --> FAILED: see status and problem */

enum h1_receiver_state {
    H1_RECEIVER_HEAD,      /* gathers a head */
    H1_RECEIVER_HEAD_DONE, /* the head can be read; its bytes live until the next call */
    H1_RECEIVER_LENGTH,    /* remaining bytes of the body are to come */
    H1_RECEIVER_CHUNKED,   /* llhttp reads chunks and trailers */
    H1_RECEIVER_UNTIL_EOF, /* all that comes is body */
    H1_RECEIVER_END,       /* the message is complete; takes nothing */
    H1_RECEIVER_FAILED,    /* the peer is wrong, or memory ended; takes nothing */
};

struct h1_receiver {
    enum h1_receiver_state state;
    bool response; /* reads responses */
    const struct http_limits *limits;
    llhttp_t parser;
    struct h1_scan scan;
    struct buf raw; /* a head that came in pieces; later the trailers, NUL after each part */
    struct h1_head head;
    bool touched; /* a byte of this message came, be it of an empty line before it */
    bool name_open;
    struct body *body;       /* NULL: what comes is thrown away */
    struct fields *trailers; /* NULL: thrown away */
    bool direct;             /* room was the body's own */
    uint64_t remaining;      /* with LENGTH */
    uint64_t received;       /* body bytes, those thrown away included */
    uint64_t wasted;         /* of these thrown away */
    uint64_t overhead;       /* what chunks cost beside their data */
    int status;              /* FAILED: what to refuse with (503: memory ended) */
    const char *problem;
};

void h1_receiver_init(struct h1_receiver *r, bool response, const struct http_limits *limits);
void h1_receiver_fini(struct h1_receiver *r);
void h1_receiver_reset(struct h1_receiver *r); /* the next message; frees what is large */

/* What came is not to be gone on with: FAILED. Of a request's head method and target are known
 * then, as far as its first line came. */
void h1_receiver_refuse(struct h1_receiver *r, int status, const char *problem);

/* Has the peer begun with a head? */
bool h1_receiver_begun(const struct h1_receiver *r);

/* After HEAD_DONE. trailers may be NULL. */
void h1_receiver_begin_body(struct h1_receiver *r, const struct h1_facts *facts, struct body *body,
                            struct fields *trailers);
/* Nobody wants the body any more: what comes is thrown away from now on. */
void h1_receiver_let_go(struct h1_receiver *r);

/* Where the next input goes: the body's own memory or a part of scratch; n 0: the body is
 * full, END_ROOM will come. */
struct span h1_receiver_room(struct h1_receiver *r, struct span scratch);
/* Behind it, in the body's own memory: at most n pieces, their number. */
int h1_receiver_more_room(struct h1_receiver *r, struct iovec *iov, int n);
/* n bytes are in the body's own memory. */
void h1_receiver_filled(struct h1_receiver *r, size_t n);
/* How many of n bytes were taken. Less than n: look at the state; with a body: it is full. */
size_t h1_receiver_take(struct h1_receiver *r, const uint8_t *p, size_t n);
/* The peer's FIN: true when it ends the message cleanly (then state is END). */
bool h1_receiver_eof(struct h1_receiver *r);

#endif
