/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H2_SESSION_H
#define PROTO_H2_SESSION_H

#include <nghttp2/nghttp2.h>

#include "base/engine.h"
#include "http/excess.h"
#include "proto/h2/framing.h"
#include "proto/h2/out.h"
#include "proto/mux/mux.h"

/* A connection, in either role, and how the files of this folder share the work. Calls go
 * down this list only:
 *
 *   session.c    the engine's verbs, timers                  (net, tls -> us)
 *   callbacks.c  what nghttp2 tells: records and wakes       (nghttp2 -> us)
 *   ../mux/      streams as ends of exchanges
 *   stream.c     what a stream tells nghttp2, and its body   (us -> nghttp2)
 *   life.c       the connection as a whole: wake, fail, drain, deadlines
 *   headers.c    lines as nghttp2 wants them
 *   framing.c    where frames begin and end in the input
 *   out.c        frames on their way out */

enum { H2_MAGIC = 0x68327373 };

/* Of a stream: the peer may send so much before it has seen our settings (RFC 9113 6.9.2). */
enum { H2_FIRST_WINDOW = 65535 };

/* How long a client has to answer the PING between the two GOAWAYs. */
#define H2_DRAIN_NS (2 * SECOND_NS)

struct h2 {
    uint32_t magic;
    struct mux mux;
    struct stream_engine engine;
    nghttp2_session *ng;
    struct framing framing; /* of the input */
    struct out out;
    struct task task; /* timers */
    struct grave grave;
    bool ended;             /* the peer's FIN came */
    bool calmed;            /* GOAWAY ENHANCE_YOUR_CALM was queued */
    bool draining, drained; /* GOAWAY announced; the final one is queued */
    uint32_t n_resets;      /* received and sent, against limits->resets */
    uint64_t paid_ns;       /* all control frames are forgiven by then */
    int32_t last_answer;    /* this stream's response, then the end: input is dropped; 0 */
    bool last_is_late;      /* and it is a 408: the end is no excess */
    uint64_t drain_ns;
};

static inline struct h2 *h2_of_mux(const struct mux *m) {
    struct h2 *h2 = container_of(m, struct h2, mux);
    check_magic(h2, H2_MAGIC);
    return h2;
}

/* ---- callbacks.c ---- */
nghttp2_session_callbacks *h2_callbacks_new(void); /* NULL: no memory */

/* ---- life.c ---- */
enum engine_status h2_status(const struct h2 *h2);
void h2_wake(struct h2 *h2);             /* there may be output, or the status may have changed */
void h2_watch(struct h2 *h2);            /* a deadline may have come nearer */
void h2_fail(struct h2 *h2);             /* nghttp2 told a fatal error */
void h2_credit(struct h2 *h2, size_t n); /* of the connection's window; for callbacks too */
void h2_terminate(struct h2 *h2, uint32_t code); /* GOAWAY, then the end; for callbacks too */
void h2_drain(struct h2 *h2);
void h2_drain_finally(struct h2 *h2);
/* The peer costs too much; records only, for callbacks too. */
void h2_calm_down(struct h2 *h2, enum excess excess);
void h2_charge(struct h2 *h2);              /* a frame came that carries no message */
void h2_pay(struct h2 *h2, uint64_t bytes); /* so much of messages came or went */

/* ---- headers.c ---- */
/* What nghttp2 wants; the array lives in arena. nghttp2 need not copy the lines of a front's head
 * and trailers, which stay until they are sent or dropped with their stream. It copies those of
 * informational heads, behind which last words may come when the exchange is over, and a back's,
 * which can lose its exchange at any time. NULL: no memory. */
nghttp2_nv *h2_headers(struct arena *arena, const struct field *lines, size_t n, bool copy);

#endif
