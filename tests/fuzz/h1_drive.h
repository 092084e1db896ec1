/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FUZZ_H1_DRIVE_H
#define TESTS_FUZZ_H1_DRIVE_H

#include "base/buf.h"
#include "base/engine.h"
#include "base/peer.h"
#include "http/env.h"

/* A world for one HTTP/1.1 engine that is fed by a fuzzer: its peer says these bytes, in
 * pieces, then closes; time goes on until nothing happens any more. */

struct h1_drive {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct peer peer;
    struct stream_engine *engine;
    struct buf sent; /* what the engine says, up to some bytes */
    uint8_t scratch[2048];
};

void h1_drive_init(struct h1_drive *d);
/* piece: how many bytes at a time; 0: as many as there is room for. */
void h1_drive_run(struct h1_drive *d, const uint8_t *p, size_t n, size_t piece);
void h1_drive_fini(struct h1_drive *d); /* check()s that nothing is left */

#endif
