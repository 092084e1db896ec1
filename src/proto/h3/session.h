/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H3_SESSION_H
#define PROTO_H3_SESSION_H

#include <nghttp3/nghttp3.h>

#include "http/excess.h"
#include "proto/mux/mux.h"
#include "quic/quic.h"

/* A connection, in either role, and how the files of this folder share the work. Calls go
 * down this list only:
 *
 *   session.c    the quic_app's verbs, timers                (quic -> us)
 *   callbacks.c  what nghttp3 tells: records and wakes       (nghttp3 -> us)
 *   ../mux/      streams as ends of exchanges
 *   stream.c     what a stream tells nghttp3, and its body   (us -> nghttp3)
 *   life.c       the connection as a whole: end, drain, deadlines
 *   headers.c    lines as nghttp3 wants them */

enum { H3_MAGIC = 0x68337373 };

/* RFC 9114 8.1 */
enum {
    H3_NO_ERROR = 0x100,
    H3_CLOSED_CRITICAL_STREAM = 0x104,
    H3_EXCESSIVE_LOAD = 0x107,
    H3_REQUEST_CANCELLED = 0x10c,
    H3_MESSAGE_ERROR = 0x10e,
};

/* How long a client has to read the first GOAWAY before the final one. */
#define H3_DRAIN_NS (SECOND_NS / 2)

struct h3 {
    uint32_t magic;
    struct mux mux;
    struct quic_app app;
    struct quic_conn *conn;
    nghttp3_conn *ng;
    struct task task; /* timers */
    struct grave grave;
    bool opened;            /* our control and QPACK streams are */
    bool draining, drained; /* GOAWAY announced; the final one is queued */
    int64_t own[3];         /* control, QPACK encoder and decoder */
    uint32_t n_resets;      /* received and sent, against limits->resets */
    size_t n_data;          /* bytes of bodies in what is being read */
    uint64_t max_bidi;      /* request streams that the client was allowed so far */
    uint64_t drain_ns;
    struct { /* the last pull, to know when FIN is out */
        int64_t id;
        size_t n;
        bool fin;
    } pulled;
};

static inline struct h3 *h3_of_mux(const struct mux *m) {
    struct h3 *h3 = container_of(m, struct h3, mux);
    check_magic(h3, H3_MAGIC);
    return h3;
}

/* ---- callbacks.c ---- */
const nghttp3_callbacks *h3_callbacks(void);

/* ---- life.c ---- */
void h3_watch(struct h3 *h3); /* a deadline may have come nearer */
void h3_close(struct h3 *h3, uint64_t code, const char *text);
int h3_fail(struct h3 *h3, int error); /* nghttp3's: closes with its code; an err */
void h3_drain(struct h3 *h3);
void h3_drain_finally(struct h3 *h3);
uint64_t h3_drain_due(const struct h3 *h3);               /* its next step; UINT64_MAX: none */
void h3_count_reset(struct h3 *h3, struct mux_stream *s); /* s: NULL if there is none */

/* ---- headers.c ---- */
/* What nghttp3 wants; it copies the lines. The array lives in arena. NULL: no memory. */
nghttp3_nv *h3_headers(struct arena *arena, const struct field *lines, size_t n);

#endif
