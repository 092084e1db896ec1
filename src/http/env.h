/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_ENV_H
#define HTTP_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "base/turn.h"

struct exchange;
struct hook;

/* Every limit that a peer can run into, filled from the option table by gateway/; the defaults are
 * the table's. */
struct http_limits {
    uint32_t body_buffer_bytes;  /* unsent bytes that a body holds; also the stream windows */
    uint32_t head_bytes;         /* a head's decoded size, 32 bytes a field counted */
    uint32_t fields;             /* fields of a head */
    uint64_t request_body_bytes; /* 0: no limit */
    uint32_t streams;            /* concurrent requests of a connection, h2 and h3 */
    uint64_t requests;           /* of a connection, then it is drained; 0: no limit */
    uint32_t resets;             /* of a connection, received and sent */
    uint32_t continuations;      /* CONTINUATION frames of one field block (h2) */
    uint32_t control_frames;     /* that carry no message (h2): at once; a tenth, a second */
    uint32_t settings_entries;   /* of one SETTINGS frame (h2) */
    uint32_t glitches;           /* what is strange but no error: at once; a tenth, a second */
    uint32_t conn_window_bytes;  /* uploads of one connection together */
    uint32_t conn_buffer_bytes;  /* unsent bytes of one connection's responses together */
    uint64_t header_timeout_ns;  /* from the first byte of a head to its end; also of an h2 frame */
    uint64_t idle_timeout_ns;    /* a connection without exchanges */
    uint64_t body_timeout_ns;    /* between two bytes of a request body */
    uint64_t write_timeout_ns;   /* output that the peer does not take */
    uint64_t response_body_timeout_ns; /* between two bytes of an upstream's body; 0: no limit */
};

/* What a worker lends to its sessions and exchanges. Outlives them all. */
struct http_env {
    struct turn *turn;
    struct chunk_pool *chunks;
    struct log *log;
    const struct http_limits *limits;
    const struct hook *const *hooks; /* NULL-terminated; NULL: none */
    /* Picks who answers and makes it the back end (exchange_take or reply_*). Runs in the
     * turn, after the request hooks. */
    void (*route)(struct exchange *x);
    /* What a hook's status becomes: reply_error; a pointer, as reply stands on exchange. */
    void (*refuse)(struct exchange *x, int status, struct str detail);
    /* Answers what exchange_refuse refused: reply_refusal. */
    void (*tell_refusal)(struct exchange *x);
    void *owner;   /* the worker, for route and hooks */
    uint64_t dice; /* what a handler may take for random where nothing is guarded; 0: no seed yet */

    struct list exchanges; /* all that live; tests check that it ends empty */
    size_t n_exchanges;

    /* Scratch for input, valid until the next call into any engine. */
    uint8_t *scratch;
    size_t scratch_bytes;
};

void http_limits_default(struct http_limits *limits);
void http_env_init(struct http_env *env, struct turn *turn, struct chunk_pool *chunks);

#endif
