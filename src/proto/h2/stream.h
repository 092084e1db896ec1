/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H2_STREAM_H
#define PROTO_H2_STREAM_H

#include "http/pseudo.h"
#include "proto/h2/session.h"

/* A stream, an end of an exchange. It is in the exchange while end.x is set and known to
 * nghttp2 until `closed`; it is buried when both are over. Nothing in nghttp2 points into an
 * exchange but the lines of a section that waits to be sent, and those go with their stream. */

enum { H2_STREAM_MAGIC = 0x68327374 };

/* Bits of a stream's task, beside those of enum end_event. */
enum { STREAM_CAME = 1u << 16 }; /* callbacks recorded something: look at the members */

struct h2_stream {
    uint32_t magic;
    struct end end;
    struct h2 *h2;
    struct list link; /* h2->streams */
    struct grave grave;
    int32_t id;
    struct message *in, *out; /* of end.x: what we receive, what we send */

    /* receiving */
    struct head_builder head;
    int head_verdict;            /* of the head, as head_builder_* gave it */
    bool head_came, started;     /* complete; front: exchange_start, back: _respond was called */
    bool fin_came;               /* END_STREAM */
    bool reset_came;             /* the peer's RST_STREAM */
    enum reason broken;          /* it cannot go on, as recorded by a callback */
    uint64_t received, credited; /* body bytes, for the connection's window */
    uint64_t input_ns;           /* when the last of them came */

    /* sending */
    bool head_sent, continued; /* handed to nghttp2; 100 was */
    bool complete;             /* out->body is COMPLETE and out_trailers are known */
    struct fields *out_trailers;
    struct last_words *words; /* ours, in place of a response; or NULL */
    size_t words_sent;
    bool fin_sent;        /* END_STREAM is in the output */
    bool reset_sent;      /* RST_STREAM was handed to nghttp2 */
    uint64_t progress_ns; /* when body bytes were last sent, or none waited */

    bool closed; /* nghttp2 has forgotten it */
    uint32_t close_code;
};

/* ---- stream.c ---- */
struct h2_stream *h2_stream_new(struct h2 *h2, void (*run)(struct task *, uint32_t));
struct h2_stream *h2_stream_of(struct task *task);
void h2_stream_enter(struct h2_stream *s, struct message *in, struct message *out);
void h2_stream_came(struct h2_stream *s); /* wakes its task with STREAM_CAME */
void h2_stream_data(struct h2_stream *s, const uint8_t *p, size_t n);
void h2_stream_credit(struct h2_stream *s);
void h2_stream_reset(struct h2_stream *s, uint32_t code);
void h2_stream_break(struct h2_stream *s, enum reason reason);
enum reason h2_stream_close_reason(const struct h2_stream *s);
void h2_stream_settle(struct h2_stream *s);         /* at the end of every run */
void h2_stream_bury(struct h2_stream *s);           /* neither nghttp2 nor an exchange knows it */
bool h2_stream_bodiless(const struct h2_stream *s); /* END_STREAM goes with the head */
nghttp2_data_provider2 h2_stream_source(struct h2_stream *s);
int h2_stream_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *context);

/* ---- front.c, back.c ---- */
struct h2_stream *h2_front_new(struct h2 *h2, int32_t id); /* NULL: no memory */
int h2_back_open(struct http_client *client, struct exchange *x, bool lend);
/* The connection is gone. */
void h2_front_gone(struct h2_stream *s, enum reason reason);
void h2_back_gone(struct h2_stream *s, enum reason reason);

#endif
