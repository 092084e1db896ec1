/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_VISIT_H
#define TESTS_WIRE_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/client.h"
#include "http/exchange.h"

/* Both ends of a conversation, for the tests of h2 and h3. A visit is the front of an
 * exchange whose back is a client stream: it sends a request and records what comes. The
 * site is what answers on the server's side: its paths say how. What they saw outlives them.
 *
 *   /hello          "hello" with its length
 *   /bytes/N        N bytes of the pattern
 *   /chunks/N       the same without a length
 *   /echo           the request's body and trailers, as they come
 *   /count          how many bytes came, as x-count; trailers too; says nothing before
 *   /hints          two times 103, then hello
 *   /trailers       hello with trailers    /only-trailers  trailers and no byte
 *   /early          hello, and wants no byte of the body
 *   /cut/N          N bytes of more, then a reset; ?open: how many is not said
 *   /refuse         a reset before any head (REFUSED)
 *   /never          no answer
 *   /empty          204
 */

uint8_t pattern_at(uint64_t i);

struct visit {
    /* what to send; the rest is 0 */
    const char *method, *path; /* NULL: GET, POST with a body */
    uint64_t body_bytes;
    bool no_length, trailers, expect, endless, paused;
    const char *field_name, *field_value;
    /* what came */
    int status, informed, n_informed;
    int64_t length;
    uint64_t received;
    bool wrong, complete, over; /* over: by its end or by a reset */
    enum reason reason;
    char trailer[32], count[32], hint[32];
    uint64_t taken; /* of the request body */
    bool stopped;
    /* inside */
    struct end end;
    struct exchange *x;
};

/* A client's env: its exchanges go to client->ops->open. */
void visit_env(struct http_env *env, struct http_client *client);
void visit_start(struct visit *v, struct http_env *env, const struct peer *peer);
void visit_resume(struct visit *v); /* reads again after paused */
void visit_cancel(struct visit *v);

struct site {
    int live, started, resets;
    enum reason last_reset;
    uint64_t received;
    char host[64], method[16], cookie[64];
    char fields[512]; /* of the last request, a line each */
    bool paused;      /* reads no request body */
};

void site_env(struct http_env *env, struct site *site);

#endif
