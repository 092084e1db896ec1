/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FUZZ_H3_DRIVE_H
#define TESTS_FUZZ_H3_DRIVE_H

#include "fuzz/fuzz_world.h"
#include "quic/quic.h"

/* HTTP/3 without QUIC below it: the quic_* functions stand here, and remember only what the
 * rules of QUIC need (no byte after a FIN, none on a stream that is not open). The input is a
 * script: a byte for what and on which stream, for data a byte for the length, and the bytes. */

enum { H3_STREAMS = 8 }; /* four request streams and four unidirectional ones of the peer */

enum h3_flow {
    FLOW_OPEN,
    FLOW_CLOSED,  /* no window, and the app will be told when it wants to write */
    FLOW_BLOCKED, /* it was told */
};

struct quic_conn {
    struct fuzz_world w;
    struct quic_app *app;
    bool client;
    int64_t next_uni, next_bidi;
    bool closed;
    bool shut[H3_STREAMS], ended[H3_STREAMS]; /* nothing more goes out, comes in */
    bool gone[H3_STREAMS];
    enum h3_flow flow[H3_STREAMS];
};

/* Then the target makes c->app, and the exchanges that a client is to carry. */
void h3_drive_init(struct quic_conn *c, bool client);
void h3_drive_run(struct quic_conn *c, const uint8_t *p, size_t n);
void h3_drive_fini(struct quic_conn *c); /* frees the app; check()s that nothing is left */

#endif
