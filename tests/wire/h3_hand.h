/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_H3_HAND_H
#define TESTS_WIRE_H3_HAND_H

#include "base/buf.h"
#include "base/str.h"
#include "quic/quic.h"

/* A client's quic_app whose streams carry bytes that are written by hand: what no honest client
 * of HTTP/3 sends. It understands of the answer what a test must know. */

enum { HAND_STREAMS = 512 };
enum {
    HAND_DATA = 0,
    HAND_HEADERS = 1,
    HAND_CANCEL_PUSH = 3,
    HAND_SETTINGS = 4,
    HAND_PUSH_PROMISE = 5,
    HAND_GOAWAY = 7,
    HAND_MAX_PUSH_ID = 13,
};

struct hand_stream {
    int64_t id;
    struct buf out;
    size_t sent;
    bool fin, fin_sent, is_blocked;
    struct buf in;
    bool in_fin, was_reset, was_stopped;
    uint64_t code; /* of the reset, else of the stop */
};

struct hand {
    struct quic_app app;
    struct quic_conn *conn;
    bool opened, freed, hoards; /* hoards: gives no credit for our streams */
    struct hand_stream streams[HAND_STREAMS];
    int n_streams;
    struct buf section; /* the field section in the making */
    /* There is more of s, or s was reset; s NULL: see opened and freed. May be NULL. */
    void (*came)(struct hand *h, struct hand_stream *s);
};

/* For quic_config.accept. h is zeroed by its owner. */
struct quic_app *hand_init(struct hand *h, struct quic_conn *conn);
void hand_fini(struct hand *h);

struct hand_stream *hand_open(struct hand *h, bool uni);
struct hand_stream *hand_control(struct hand *h); /* with empty SETTINGS */
/* The status of the answer: 0: none came, -1: one that is not known here. */
int hand_status(const struct hand_stream *s);

void hand_varint(struct buf *to, uint64_t v);
/* Frames go to the stream's end, lines of fields to the section's. */
void hand_frame(struct hand_stream *s, uint64_t type, const void *p, size_t n);
void hand_begin(struct hand *h);
void hand_begin_get(struct hand *h, const char *path); /* with its pseudo fields */
void hand_line(struct hand *h, struct str name, struct str value);
void hand_headers(struct hand *h, struct hand_stream *s);               /* the section as HEADERS */
void hand_get(struct hand *h, struct hand_stream *s, const char *path); /* a GET without FIN */

#endif
