/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_H1_H
#define PROTO_H1_H1_H

#include "base/engine.h"
#include "base/peer.h"
#include "http/client.h"
#include "http/env.h"

/* HTTP/1.1 (RFC 9112) as a stream engine, both roles. llhttp parses; heads are written
 * anew, never forwarded. One exchange at a time; pipelined requests wait unparsed. */

/* The server role; answers HTTP/1.0 too. peer outlives it. NULL when memory ends. */
struct stream_engine *h1_server_new(struct http_env *env, const struct peer *peer);

/* The client role: one stream at a time, reused while both sides keep alive. Freed through
 * its engine. owner is woken with client_event bits. NULL when memory ends. */
struct http_client *h1_client_new(struct http_env *env, const struct peer *peer,
                                  struct task *owner);

#endif
