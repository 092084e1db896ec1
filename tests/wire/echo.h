/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_ECHO_H
#define TESTS_WIRE_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/engine.h"

/* The simplest applications, to test what carries bytes. An echo gives back what it gets, and
 * ends after the peer has; it holds a bounded number of bytes. A talker sends a pattern, checks
 * that it comes back, and then ends. What they saw outlives them, in the struct of the test. */

struct echo_seen { /* of all echoes that were given it */
    int live;      /* engines made and not freed */
    uint64_t received;
    bool end_of_input;
    int freed_reason; /* of the last free; -1: none */
    bool deaf;        /* set by the test: gives no room */
    bool cut;         /* set by the test: ENGINE_CUT when all is said */
};

struct stream_engine *echo_new(struct turn *turn, size_t hold_bytes, struct echo_seen *seen);

struct talker {
    uint64_t bytes;  /* to send, and to get back */
    bool half_close; /* after them; else it waits until all came back, and closes */
    bool stay;       /* does not close at all */
    bool paused;     /* gives no room; call talker_resume */
    uint64_t sent, received;
    bool wrong; /* what came back is not the pattern */
    bool end_of_input;
    int live, freed_reason;
};

struct stream_engine *talker_new(struct turn *turn, struct talker *t);
void talker_resume(struct stream_engine *e);

#endif
