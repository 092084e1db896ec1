/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_H3_RAW_H
#define TESTS_WIRE_H3_RAW_H

#include "h3_hand.h"
#include "proto/h3/h3.h"
#include "quic_liar.h"
#include "quic_pair.h"
#include "visit.h"

/* The server and its site, over real QUIC against streams that are written by hand; whole packets
 * too (quic_liar.h). */

struct raw {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct quic_pair quic;
    struct site site;
    struct hand hand;
};

struct raw *raw_new(void);                                     /* connected */
struct raw *raw_with(uint32_t streams, uint32_t window_bytes); /* of a client's stream */
void raw_free(struct raw *w);                                  /* checks that nothing is left */

void raw_run(struct raw *w, uint64_t max_ns); /* what was written is sent, and answered */
bool raw_gone(struct raw *w);                 /* the connection is */
/* The server closed the connection with this code of HTTP/3, as "0x10e". */
bool raw_closed_with(struct raw *w, const char *code);
/* The stream ended and nothing else; status as hand_status has it. */
bool raw_answered(struct raw *w, const struct hand_stream *s, int status);

#endif
