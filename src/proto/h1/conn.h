/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_CONN_H
#define PROTO_H1_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/engine.h"
#include "base/peer.h"
#include "http/env.h"
#include "http/exchange.h"
#include "proto/h1/receiver.h"
#include "proto/h1/sender.h"

/* What both roles of a connection have: one message coming in, one going out, and our end of
 * the exchange that joins them. The session (session.c) moves bytes and asks the role
 * (front.c, back.c) what they mean; the role never calls the session.
 *
 * An exchange is left in the end's own run only, or when the connection ends with it: so
 * no wake of an old exchange is ever taken for one of the next. */

struct h1_conn;

struct h1_role {
    void (*head)(struct h1_conn *c);     /* the receiver is at HEAD_DONE */
    void (*received)(struct h1_conn *c); /* it is at END; once per message */
    void (*broken)(struct h1_conn *c);   /* it is at FAILED; once */
    void (*eof)(struct h1_conn *c);      /* the peer's FIN, after all input; maybe repeatedly */
    void (*events)(struct h1_conn *c, uint32_t events); /* of the end, in the turn */
    uint64_t (*deadline)(const struct h1_conn *c);      /* UINT64_MAX: none */
    void (*late)(struct h1_conn *c);                    /* the deadline has passed */
    void (*drain)(struct h1_conn *c);
    void (*gone)(struct h1_conn *c, int reason); /* the connection is freed */
};

/* Wakes the end's task for what is no event of the exchange: look at everything again. */
enum { H1_LOOK = 1u << 16 };

enum {
    H1_DRAIN_BYTES = 256 * 1024, /* of a request body that nobody wants; more: close */
    H1_PIPELINE_BYTES = 16 * 1024,
    H1_LINGER_MS = 2000, /* waiting for the peer's FIN after ours, RFC 9112 9.6 */
};

struct h1_conn {
    uint32_t magic;
    const struct h1_role *role;
    struct stream_engine engine;
    struct http_env *env;
    const struct peer *peer;
    struct grave grave;
    struct end end;
    struct h1_receiver in;
    struct h1_sender out;
    struct buf pending; /* input that waits: the body is full, or it is of the next message */
    enum engine_status status;
    bool received; /* the role was told of END */
    bool broken;   /* … of FAILED */
    bool blocked;  /* the driver was told that there is no room */
    bool eof, eof_told;
    bool sent_since_eof; /* output was taken since then */
    bool draining;
    uint64_t heard_ns;  /* the last input, or since when we wait for it */
    uint64_t sent_ns;   /* the last output that was taken, or when there began to be some */
    uint64_t linger_ns; /* SHUT_WRITE: until then */
    uint64_t lingered;  /* bytes thrown away in SHUT_WRITE */
};

void h1_conn_init(struct h1_conn *c, const struct h1_role *role, struct http_env *env,
                  const struct peer *peer);
void h1_conn_fini(struct h1_conn *c);

uint64_t h1_conn_now(const struct h1_conn *c);
/* Would input be taken? Else it is not the peer that we wait for. */
bool h1_conn_listens(const struct h1_conn *c);
void h1_conn_output(struct h1_conn *c); /* there is output */
void h1_conn_set_status(struct h1_conn *c, enum engine_status status);
/* Ends after what is still to be sent, and lets the peer read it. */
void h1_conn_close(struct h1_conn *c);
/* Ends now; what was not sent goes nowhere. A body that ends with its connection would look
 * whole, were that a clean end: then it is none. */
void h1_conn_cut(struct h1_conn *c);
/* Both messages are over: the connection is as new. */
void h1_conn_next(struct h1_conn *c);

#endif
