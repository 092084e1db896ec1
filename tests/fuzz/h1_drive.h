/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FUZZ_H1_DRIVE_H
#define TESTS_FUZZ_H1_DRIVE_H

#include "base/buf.h"
#include "base/engine.h"
#include "base/peer.h"
#include "http/env.h"

/* A world for one HTTP/1.1 engine that is fed by a fuzzer: its peer says these bytes, in
 * pieces, then closes; time goes on until nothing happens any more. */

enum {
    H1_PIECE = 0x1f,  /* how many bytes at a time; 0: as many as there is room for */
    H1_WAITS = 0x20,  /* before the FIN */
    H1_DEAF = 0x40,   /* it reads nothing of what we say */
    H1_DRAINS = 0x80, /* we do, when half of it was said */
};

struct h1_drive {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct peer peer;
    struct stream_engine *engine;
    bool is_deaf;
    struct buf sent; /* what the engine says, up to some bytes */
    uint8_t scratch[2048];
};

void h1_drive_init(struct h1_drive *d);
void h1_drive_run(struct h1_drive *d, const uint8_t *p, size_t n, uint8_t how); /* H1_… */
void h1_drive_fini(struct h1_drive *d); /* check()s that nothing is left */

#endif
