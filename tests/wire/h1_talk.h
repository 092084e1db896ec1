/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_H1_TALK_H
#define TESTS_WIRE_H1_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "join.h"
#include "visit.h"

/* A client written by hand talks with our HTTP/1.1 server, behind which is the site of
 * visit.h. The bytes arrive cut as the seed says. */

struct talk {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct peer peer;
    struct site site;
    struct stream_engine *server;
    struct join *join;
    char path[256];    /* of the last request that was routed */
    struct buf fields; /* its fields, "name: value\n" each */
    void (*site_route)(struct exchange *x);
    uint8_t scratch[16384];
};

struct talk *talk_new(uint64_t seed);
void talk_free(struct talk *t); /* asserts that nothing is left alive */

/* The client says this, nothing more happens, and that is what came back meanwhile. */
const char *say(struct talk *t, const char *text);
const char *say_n(struct talk *t, const char *text, size_t n);
const char *wait_seconds(struct talk *t, unsigned seconds);

bool has(const char *text, const char *part);
bool begins(const char *text, const char *with);
const char *routed_fields(const struct talk *t);

#endif
