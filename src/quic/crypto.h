/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_CRYPTO_H
#define QUIC_CRYPTO_H

#include <ngtcp2/ngtcp2_crypto.h>
#include <stdbool.h>
#include <stddef.h>

#include "quic/crypto_keys.h"
#include "tls/context.h"

/* The one place of QUIC that knows wolfSSL: the handshake (crypto.c) and the keys that come of
 * it (crypto_keys.c). A session is a WOLFSSL whose application data leads back to its
 * connection. */

struct crypto_link {
    ngtcp2_crypto_conn_ref ref; /* first: ngtcp2 takes the application data for it */
    struct crypto_ring ring;
};

/* Puts QUIC's method into the context. Idempotent. */
void crypto_prepare(struct tls_context *tls, bool is_server);

/* host NULL: a server's. link outlives the session, and the ngtcp2_conn. NULL: no memory. */
void *crypto_session_new(struct tls_context *tls, const char *host, struct crypto_link *link);
void crypto_session_free(void *session);

/* Why the handshake failed, as a sentence; session NULL: it is over and gone. */
void crypto_problem(void *session, char *to, size_t cap);

#endif
