/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/engine.h"
#include "base/list.h"
#include "base/peer.h"
#include "sys/loop.h"

/* A TCP (or unix) socket that drives a stream engine. Reads go straight into the engine's
 * room, output leaves in one sendmsg per turn. Owned by the list it is in (a listener's or a
 * pool's); it ends by itself when engine or peer are done, and tells its owner. */

struct net_stream;

struct net_stream_config {
    struct loop *loop;
    int fd; /* non-blocking; owned by the stream from now on */
    struct log *log;
    struct list *owner;        /* the stream links itself there */
    uint64_t write_timeout_ns; /* output that the peer does not take; 0: none (engine.patient) */
    int stalled_reason;        /* what the engine is freed with then; 0: REASON_CLIENT_STALLED */
    bool hear_out;             /* after a reset, all that came before it is still read */
    /* Called once, right before the engine is freed (the stream may linger after that): keep
     * no pointer into it. May be NULL. */
    void (*released)(void *context, struct net_stream *stream);
    /* Called once when the stream has ended, in the turn, before it is buried; may be NULL. */
    void (*ended)(void *context, struct net_stream *stream);
    void *context;
    void *tag; /* the owner's: net_stream_tag */
};

/* Two steps, as engines want the peer: make the stream, then give it its engine (owned from
 * then on). NULL when memory ends: fd is closed. */
struct net_stream *net_stream_new(const struct net_stream_config *config);
struct peer *net_stream_peer(struct net_stream *s); /* addresses are filled in */
void *net_stream_tag(const struct net_stream *s);
int net_stream_start(struct net_stream *s, struct stream_engine *engine);

void net_stream_drain(struct net_stream *s);
void net_stream_close(struct net_stream *s, int reason); /* at once */
/* At once and visibly so: what the peer got is not all (RST). */
void net_stream_reset(struct net_stream *s, int reason);
struct net_stream *net_stream_of(struct list *link);

#endif
