/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_MUX_STREAM_H
#define PROTO_MUX_STREAM_H

#include "http/pseudo.h"
#include "proto/mux/mux.h"

/* A stream, an end of an exchange. It is in the exchange while end.x is set, and known to the
 * library until `closed`; it is buried when both are over. */

enum { MUX_STREAM_MAGIC = 0x6d757873 };

/* Bits of a stream's task, beside those of enum end_event. */
enum { STREAM_CAME = 1u << 16 }; /* callbacks recorded something: look at the members */

struct mux_stream {
    uint32_t magic;
    struct end end;
    struct mux *mux;
    struct list link; /* mux->streams */
    struct grave grave;
    int64_t id;
    struct message *in, *out; /* of end.x: what we receive, what we send */
    struct arena *arena;      /* of end.x */

    /* receiving */
    struct head_builder head;
    int head_verdict;            /* of the head, as head_builder_* gave it */
    const char *head_problem;    /* with ERR_INVALID; static */
    bool head_came, started;     /* complete; front: exchange_start, back: _respond was called */
    bool fin_came;               /* END_STREAM, FIN */
    bool reset_came;             /* the peer's RST_STREAM, RESET_STREAM */
    enum reason broken;          /* it cannot go on, as recorded by a callback */
    uint64_t received, credited; /* body bytes, for the connection's window */
    uint64_t begin_ns, input_ns; /* the first HEADERS frame; the last body bytes */

    /* sending */
    bool head_sent, continued; /* handed to the library; 100 was */
    bool complete;             /* out->body gets no more and out_trailers are known */
    struct fields *out_trailers;
    struct last_words *words; /* ours, in place of a response; or NULL */
    size_t words_sent;
    bool fin_sent;        /* END_STREAM is in the output, QUIC has all bytes and FIN */
    bool reset_sent;      /* handed to the library */
    uint64_t progress_ns; /* when body bytes were last sent, or none waited */

    bool closed; /* the library has forgotten it */
    uint64_t close_code;
};

/* ---- front.c, back.c ---- */
struct mux_stream *mux_front_new(struct mux *m, int64_t id); /* NULL: no memory */
int mux_back_open(struct http_client *client, struct exchange *x, bool lend);
/* The connection is gone. */
void mux_front_gone(struct mux_stream *s, enum reason reason, bool flushed);
void mux_back_gone(struct mux_stream *s, enum reason reason);

/* ---- section.c, for callbacks; s may be NULL ---- */
void mux_section_begin(struct mux_stream *s, bool trailers);
void mux_section_came(struct mux_stream *s);

/* ---- stream.c ---- */
struct mux_stream *mux_stream_new(struct mux *m, void (*run)(struct task *, uint32_t));
void mux_stream_undo(struct mux_stream *s); /* a new one that nobody knows */
struct mux_stream *mux_stream_of(struct task *task);
void mux_stream_enter(struct mux_stream *s, struct exchange *x);
void mux_stream_settle(struct mux_stream *s); /* at the end of every run */
void mux_stream_bury(struct mux_stream *s);   /* neither the library nor an exchange knows it */
/* From callbacks: record, and wake its task with STREAM_CAME. */
void mux_stream_came(struct mux_stream *s);
void mux_stream_data(struct mux_stream *s, const uint8_t *p, size_t n);
void mux_stream_fin(struct mux_stream *s);
void mux_stream_break(struct mux_stream *s, enum reason reason);
void mux_stream_credit(struct mux_stream *s);
void mux_stream_note_complete(struct mux_stream *s);
bool mux_stream_has_trailers(const struct mux_stream *s); /* to be sent */
bool mux_stream_bodiless(const struct mux_stream *s);     /* END_STREAM goes with the head */
void mux_stream_look_after(struct mux_stream *s);         /* now and then: timeouts of a front */

#endif
