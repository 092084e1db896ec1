/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H3_STREAM_H
#define PROTO_H3_STREAM_H

#include "http/pseudo.h"
#include "proto/h3/session.h"

/* A request stream, an end of an exchange. It is in the exchange while end.x is set and known
 * to QUIC until `closed`; it is buried when both are over. QUIC may ask again for what was
 * sent, after the exchange too: so a front keeps the response's chunks when it leaves, and a
 * back, which can lose its exchange at any time, sends from a body of its own. */

enum { H3_STREAM_MAGIC = 0x68337374 };

/* Bits of a stream's task, beside those of enum end_event. */
enum { STREAM_CAME = 1u << 16 }; /* callbacks recorded something: look at the members */

struct h3_stream {
    uint32_t magic;
    struct end end;
    struct h3 *h3;
    struct list link; /* h3->streams */
    struct grave grave;
    int64_t id;
    struct message *in, *out; /* of end.x: what we receive, what we send */

    /* receiving */
    struct head_builder head;
    int head_verdict;        /* of the head, as head_builder_* gave it */
    bool head_came, started; /* complete; front: exchange_start, back: _respond was called */
    bool fin_came;
    bool reset_came, stop_came;  /* the peer's RESET_STREAM, STOP_SENDING */
    bool counted;                /* in h3->n_resets */
    enum reason broken;          /* it cannot go on, as recorded by a callback */
    uint64_t received, credited; /* body bytes, for the connection's window */
    uint64_t begin_ns, input_ns; /* the first HEADERS frame; the last body bytes */

    /* sending */
    bool head_sent, continued; /* handed to nghttp3; 100 was */
    struct body *sending;      /* out->body, or kept */
    struct body kept;
    bool complete; /* the last byte is known, and the trailers are */
    struct fields *out_trailers;
    bool fin_sent; /* QUIC has all bytes and FIN */
    bool reset_sent, stop_sent;
    uint64_t progress_ns; /* when body bytes were last taken, or none waited */

    bool closed; /* QUIC has forgotten it */
    uint64_t close_code;
};

/* ---- stream.c ---- */
struct h3_stream *h3_stream_new(struct h3 *h3, int64_t id, void (*run)(struct task *, uint32_t));
struct h3_stream *h3_stream_of(struct task *task);
struct h3_stream *h3_stream_find(struct h3 *h3, int64_t id); /* NULL: not there */
void h3_stream_came(struct h3_stream *s);                    /* wakes its task with STREAM_CAME */
void h3_stream_data(struct h3_stream *s, const uint8_t *p, size_t n);
void h3_stream_credit(struct h3_stream *s);
void h3_stream_reset(struct h3_stream *s, uint64_t code); /* both directions */
void h3_stream_stop(struct h3_stream *s);                 /* STOP_SENDING(NO_ERROR) */
void h3_stream_resume(struct h3_stream *s);
void h3_stream_break(struct h3_stream *s, enum reason reason);
void h3_stream_settle(struct h3_stream *s);         /* at the end of every run */
void h3_stream_bury(struct h3_stream *s);           /* neither QUIC nor an exchange knows it */
bool h3_stream_bodiless(const struct h3_stream *s); /* FIN goes with the head */
nghttp3_ssize h3_stream_read(nghttp3_conn *ng, int64_t id, nghttp3_vec *vec, size_t n,
                             uint32_t *flags, void *context, void *stream);

/* ---- front.c, back.c ---- */
struct h3_stream *h3_front_new(struct h3 *h3, int64_t id); /* NULL: no memory */
int h3_back_open(struct http_client *client, struct exchange *x, bool lend);
/* The connection is gone. */
void h3_front_gone(struct h3_stream *s, enum reason reason);
void h3_back_gone(struct h3_stream *s, enum reason reason);

#endif
