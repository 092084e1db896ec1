/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/crypto.h"

#include <wolfssl/options.h>

#include <ngtcp2/ngtcp2_crypto_wolfssl.h>
#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>

/* Of RFC 9001 8.2; wolfSSL would otherwise also take the number of the drafts. */
enum { TRANSPORT_PARAMETERS_EXTENSION = 0x39 };

void crypto_prepare(struct tls_context *tls, bool is_server) {
    WOLFSSL_CTX *native = tls_context_native(tls);
    if (is_server)
        (void)ngtcp2_crypto_wolfssl_configure_server_context(native);
    else
        (void)ngtcp2_crypto_wolfssl_configure_client_context(native);
}

void *crypto_session_new(struct tls_context *tls, const char *host, ngtcp2_crypto_conn_ref *ref) {
    WOLFSSL *ssl = tls_session_new(tls, host);
    if (!ssl)
        return NULL;
    if (wolfSSL_set_app_data(ssl, ref) != WOLFSSL_SUCCESS) {
        tls_session_free(ssl);
        return NULL;
    }
    wolfSSL_set_quic_transport_version(ssl, TRANSPORT_PARAMETERS_EXTENSION);
    return ssl;
}

void crypto_session_free(void *session) {
    if (session)
        tls_session_free(session);
}

void crypto_problem(void *session, char *to, size_t cap) {
    tls_session_problem(session, wolfSSL_get_error(session, -1), to, cap);
}
