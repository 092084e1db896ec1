/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H2_H2_H
#define PROTO_H2_H2_H

#include "base/engine.h"
#include "base/peer.h"
#include "http/client.h"
#include "http/env.h"

/* HTTP/2 (RFC 9113) on nghttp2 as a stream engine, both roles. */

/* The server role. peer outlives it. NULL when memory ends. */
struct stream_engine *h2_server_new(struct http_env *env, const struct peer *peer);

/* The client role, over TLS (ALPN h2) or in the clear with prior knowledge. Freed through
 * its engine. owner is woken with client_event bits. NULL when memory ends. */
struct http_client *h2_client_new(struct http_env *env, const struct peer *peer,
                                  struct task *owner);

#endif
