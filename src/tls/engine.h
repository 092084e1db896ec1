/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_ENGINE_H
#define TLS_ENGINE_H

#include "base/engine.h"
#include "base/log.h"
#include "base/peer.h"
#include "base/turn.h"
#include "tls/context.h"

/* TLS over TCP as a stream engine around another one. The inner engine is made when the
 * handshake has chosen the protocol, and is freed with this one. An idle connection holds no
 * buffers but wolfSSL's own.
 *
 * End of input: the inner engine hears of it after close_notify. A FIN without one may be an
 * attacker's: a client's inner engine does not hear of it at all, it is freed with its answer
 * incomplete; a server's does, as requests say themselves how long they are and many
 * clients just go. close_notify is sent when the inner engine ends its output.
 *
 * Plain HTTP on a server's side is answered with a plain 400 that says where to go. */

struct tls_engine_config {
    struct turn *turn;
    struct tls_context *context;
    const char *host;  /* client role: the name to ask for and to check; NULL: server role */
    struct peer *peer; /* facts go there; outlives the engine */
    /* Called once, in the turn or from filled, after the handshake: the inner engine, or NULL
     * to close the connection. peer->alpn and peer->version are set. */
    struct stream_engine *(*inner)(void *context, struct peer *peer);
    void *inner_context;
    uint64_t handshake_timeout_ns; /* 0: none */
    /* Where the driver reads ciphertext into, shared by all TLS engines of the worker and by
     * nobody else (not http_env.scratch: that is the inner engines'). p NULL: each engine has
     * memory of its own. */
    struct span scratch;
    uint64_t *failures;          /* handshakes, [ERR_KINDS] by -err; NULL: not counted */
    struct log *log;             /* hears of handshakes that fail, at level info; or NULL */
    struct tls_tickets *tickets; /* client role: to resume with, outlives the engine; or NULL */
};

/* NULL when memory ends. */
struct stream_engine *tls_engine_new(const struct tls_engine_config *config);

/* For messages: why did the handshake fail? "" when it did not. */
const char *tls_engine_problem(const struct stream_engine *e);

#endif
