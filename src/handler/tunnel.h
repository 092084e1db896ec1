/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HANDLER_TUNNEL_H
#define HANDLER_TUNNEL_H

#include "base/engine.h"
#include "base/peer.h"
#include "upstream/upstream.h"

/* Joins a client's connection with one to an upstream that ends TLS itself: bytes both ways,
 * unread and unchanged. To the client's stream it is an engine like any other; it dials, and
 * owns the stream towards the upstream, which never outlives it.
 *
 * Each way holds a bounded number of bytes: who is too fast is not read from. An end of output is
 * carried over, a reset becomes a reset. Who takes nothing for a while may have been paused, and
 * only both of them know for how long that is fine: the idle timeout is the one limit. Nobody can
 * tell a client in TLS why its upstream is not there: the log does, and the client gets the alert
 * internal_error, which at least no one takes for a fault of the network. Drain lets it go on, as
 * it cannot know where a message ends. */

struct tunnel_config {
    struct loop *loop;
    struct log *log;
    struct upstream *upstream; /* outlives the engine */
    const struct peer *peer;   /* the client; outlives the engine */
    uint64_t idle_timeout_ns;  /* since a byte came or went, either way */
};

/* NULL when memory ends. */
struct stream_engine *tunnel_new(const struct tunnel_config *config);

#endif
