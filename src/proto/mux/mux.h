/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_MUX_MUX_H
#define PROTO_MUX_MUX_H

#include "http/client.h"
#include "http/exchange.h"

/* A connection that carries many exchanges at once: what HTTP/2 and HTTP/3 do alike. Both embed a
 * struct mux, record in its streams (stream.h) what the peer says, and have mux_ops for what each
 * does its own way. Calls go down this list only, and from there to the ops:
 *
 *   mux.c       the connection: whom it tells, its end
 *   front.c     a server stream, the front of an exchange
 *   back.c      a client stream, the back of an exchange
 *   section.c   a head or trailers that come
 *   stream.c    what the two have in common: body, credit, timeouts, end */

struct mux {
    const struct mux_ops *ops;
    struct http_env *env;
    const struct peer *peer;
    struct list streams;
    struct body_budget responses;
    bool server;
    bool failed; /* the library must not be called again */
    uint64_t n_requests;
    uint64_t idle_ns; /* no stream since */
    struct http_client client;
};

struct mux_stream;

struct mux_ops {
    size_t stream_bytes; /* of the struct that a mux_stream is the first member of */
    /* The exchange is there; it is about to go; the stream is. Each may be NULL. */
    void (*enter)(struct mux_stream *s);
    void (*leave)(struct mux_stream *s);
    void (*fini)(struct mux_stream *s);

    /* Heads, made in s->arena. fin: nothing follows; else out->body does, or what is left of the
     * last words. 0, ERR_NO_MEMORY or ERR_CLOSED; request gives s its id, or ERR_LIMIT. */
    int (*respond)(struct mux_stream *s, const struct field *lines, size_t n, bool fin);
    int (*inform)(struct mux_stream *s, const struct field *lines, size_t n);
    int (*request)(struct mux_stream *s, const struct field *lines, size_t n, bool fin);
    /* out->body has more, or has ended. */
    void (*send_more)(struct mux_stream *s);
    /* Does anything wait for the peer beside the unsent bytes of out->body? */
    bool (*is_untaken)(const struct mux_stream *s);
    /* A back whose response is whole: is the request as good as sent, so that no reset is due? */
    bool (*fin_follows)(const struct mux_stream *s);

    /* n body bytes were taken. more: so many more may come; else only to other streams. */
    void (*credit)(struct mux_stream *s, size_t n, bool more);
    void (*reset)(struct mux_stream *s, enum reason reason); /* both directions; idempotent */
    /* A front, after each run: nobody may want the rest of the request. */
    void (*end_early)(struct mux_stream *s);
    /* Why the peer ended the stream before the response's end; REASON_NONE: it did not. */
    enum reason (*lost)(const struct mux_stream *s);

    void (*drain)(struct mux *m);
    void (*wake)(struct mux *m);  /* there may be output */
    void (*watch)(struct mux *m); /* a deadline may have come nearer */
};

void mux_init(struct mux *m, const struct mux_ops *ops, struct http_env *env,
              const struct peer *peer, bool server);
void mux_tell_owner(struct mux *m, uint32_t events); /* a client's */
void mux_tell_gone(struct mux *m);                   /* the same: no more streams */
/* The connection is gone; flushed: after all its output. Buries the streams. */
void mux_end(struct mux *m, enum reason reason, bool flushed);

#endif
