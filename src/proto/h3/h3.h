/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H3_H3_H
#define PROTO_H3_H3_H

#include "base/peer.h"
#include "http/client.h"
#include "http/env.h"
#include "quic/quic.h"

/* HTTP/3 (RFC 9114) on nghttp3 as a quic_app, both roles. */

/* The server role, to be returned from quic_config.accept. NULL when memory ends. */
struct quic_app *h3_server_new(struct http_env *env, struct quic_conn *conn,
                               const struct peer *peer);

/* The client role. The quic_app goes to quic_client_new's accept; owner is woken with
 * client_event bits. Freed with its connection. NULL when memory ends. */
struct http_client *h3_client_new(struct http_env *env, struct quic_conn *conn,
                                  const struct peer *peer, struct task *owner);
struct quic_app *h3_client_app(struct http_client *client);

#endif
