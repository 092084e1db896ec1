/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_PEEK_H
#define TLS_PEEK_H

#include "base/engine.h"
#include "base/log.h"
#include "base/peer.h"
#include "base/turn.h"
#include "tls/hello.h"

/* Looks at the ClientHello of a connection before it is decided who has it: a stream engine that
 * stands in front of the one that goes on, a TLS engine or a tunnel. That gets every byte that was
 * looked at, and from then on this one only passes calls through. An address where all servers
 * end TLS here needs none.
 *
 * A hello that is malformed gets the alert decode_error, one that nobody wants unrecognized_name;
 * one that does not come in time, or not to its end, is cut off. */

struct peek_config {
    struct turn *turn;
    struct peer *peer; /* gets the name of the hello; outlives the engine */
    /* Called once, from filled: who goes on, owned by this engine from then on; NULL: nobody.
     * hello NULL: it is no TLS. Who ends TLS explains that to plain HTTP; when nobody is chosen,
     * this engine does. */
    struct stream_engine *(*choose)(void *context, struct peer *peer, const struct hello *hello);
    void *context;
    uint64_t handshake_timeout_ns; /* for the hello; 0: none */
    uint64_t *failures;            /* as those of tls/engine.h; or NULL */
    struct log *log;               /* hears of hellos that fail, at level info; or NULL */
};

/* NULL when memory ends. */
struct stream_engine *peek_engine_new(const struct peek_config *config);

#endif
