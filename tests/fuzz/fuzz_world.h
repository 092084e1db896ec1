/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FUZZ_FUZZ_WORLD_H
#define TESTS_FUZZ_FUZZ_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/engine.h"
#include "http/client.h"
#include "http/exchange.h"

/* What a fuzzed session needs around it: a turn, an environment with a site, and fronts for a
 * client's exchanges. At the end nothing may be left alive. */

enum { FUZZ_SCRATCH = 4096, FUZZ_FRONTS = 3 };

struct fuzz_world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct peer peer;
    struct end fronts[FUZZ_FRONTS];
    uint8_t scratch[FUZZ_SCRATCH];
};

void fuzz_world_init(struct fuzz_world *w);
void fuzz_world_fini(struct fuzz_world *w);
/* The site: /reply says so at once; /h… hints before; /m… says more than any window takes; /b…
 * breaks off; /l… is late; all but /m… echo the body, the fields and the trailers. */
void fuzz_route(struct exchange *x);
void fuzz_turn(struct fuzz_world *w); /* runs tasks until none is left */
void fuzz_later(struct fuzz_world *w, uint64_t ns);

/* Exchanges that a client is to carry: a GET, and two with a body. */
void fuzz_open(struct fuzz_world *w, struct http_client *client);

/* Feeds bytes in pieces whose sizes come from seed; takes output between. Frees e. */
void fuzz_feed(struct fuzz_world *w, struct stream_engine *e, const uint8_t *p, size_t n,
               uint8_t seed);

#endif
