/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/crypto.h"

#include <stdio.h>

#include <wolfssl/options.h>

#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>

#include "base/check.h"
#include "quic/crypto_keys.h"
#include "quic/settings.h"

/* Of RFC 9001 8.2; wolfSSL would otherwise also take the number of the drafts. */
enum { TRANSPORT_PARAMETERS_EXTENSION = 0x39, ALERT_UNEXPECTED_MESSAGE = 10 };

/* ---- levels ---- */

static ngtcp2_encryption_level level_of(WOLFSSL_ENCRYPTION_LEVEL native) {
    switch (native) {
    case wolfssl_encryption_initial: return NGTCP2_ENCRYPTION_LEVEL_INITIAL;
    case wolfssl_encryption_early_data: return NGTCP2_ENCRYPTION_LEVEL_0RTT;
    case wolfssl_encryption_handshake: return NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;
    case wolfssl_encryption_application: break;
    }
    return NGTCP2_ENCRYPTION_LEVEL_1RTT;
}

static WOLFSSL_ENCRYPTION_LEVEL native_level(ngtcp2_encryption_level level) {
    switch (level) {
    case NGTCP2_ENCRYPTION_LEVEL_INITIAL: return wolfssl_encryption_initial;
    case NGTCP2_ENCRYPTION_LEVEL_0RTT: return wolfssl_encryption_early_data;
    case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE: return wolfssl_encryption_handshake;
    default: return wolfssl_encryption_application;
    }
}

/* ---- what wolfSSL calls: 1, or 0 to fail the handshake ---- */

static ngtcp2_conn *conn_of(const WOLFSSL *ssl) {
    ngtcp2_crypto_conn_ref *ref = wolfSSL_get_app_data(ssl);
    return ref->get_conn(ref);
}

static int on_secrets(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL native, const uint8_t *rx,
                      const uint8_t *tx, size_t n) {
    ngtcp2_conn *conn = conn_of(ssl);
    ngtcp2_encryption_level level = level_of(native);
    if (rx && ngtcp2_crypto_derive_and_install_rx_key(conn, NULL, NULL, NULL, level, rx, n) != 0)
        return 0;
    return !tx ||
           ngtcp2_crypto_derive_and_install_tx_key(conn, NULL, NULL, NULL, level, tx, n) == 0;
}

static int on_output(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL native, const uint8_t *p, size_t n) {
    ngtcp2_conn *conn = conn_of(ssl);
    int rv = ngtcp2_conn_submit_crypto_data(conn, level_of(native), p, n);
    if (rv != 0)
        ngtcp2_conn_set_tls_error(conn, rv);
    return rv == 0;
}

static int on_flush(WOLFSSL *ssl) {
    (void)ssl;
    return 1;
}

static int on_alert(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL native, uint8_t alert) {
    (void)native;
    ngtcp2_conn_set_tls_alert(conn_of(ssl), alert);
    return 1;
}

static const WOLFSSL_QUIC_METHOD method = {on_secrets, on_output, on_flush, on_alert};

/* ---- what ngtcp2 calls: 0 or -1 ---- */

static bool wants_more(WOLFSSL *ssl, int rv) {
    int native = wolfSSL_get_error(ssl, rv);
    return native == WOLFSSL_ERROR_WANT_READ || native == WOLFSSL_ERROR_WANT_WRITE;
}

int ngtcp2_crypto_read_write_crypto_data(ngtcp2_conn *conn, ngtcp2_encryption_level level,
                                         const uint8_t *p, size_t n) {
    WOLFSSL *ssl = ngtcp2_conn_get_tls_native_handle2(conn);
    if (!ssl) {
        ngtcp2_conn_set_tls_alert(conn, ALERT_UNEXPECTED_MESSAGE);
        return -1;
    }
    if (n > 0 && wolfSSL_provide_quic_data(ssl, native_level(level), p, n) != WOLFSSL_SUCCESS)
        return -1;
    if (!ngtcp2_conn_get_handshake_completed2(conn)) {
        int rv = wolfSSL_quic_do_handshake(ssl);
        if (rv <= 0)
            return wants_more(ssl, rv) ? 0 : -1;
        ngtcp2_conn_tls_handshake_completed(conn);
    }
    int rv = wolfSSL_process_quic_post_handshake(ssl);
    return rv == WOLFSSL_SUCCESS || wants_more(ssl, rv) ? 0 : -1;
}

int ngtcp2_crypto_set_local_transport_params(void *session, const uint8_t *p, size_t n) {
    uint8_t told[256]; /* ngtcp2's helper has as much */
    ngtcp2_ssize told_n = settings_tell(p, n, told, sizeof(told));
    if (told_n < 0)
        return -1;
    int rv = wolfSSL_set_quic_transport_params(session, told, (size_t)told_n);
    return rv == WOLFSSL_SUCCESS ? 0 : -1;
}

/* RFC 9000 16. false: it is cut short. */
static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret_value) {
    size_t n = *p < end ? (size_t)1 << (**p >> 6) : SIZE_MAX;
    if ((size_t)(end - *p) < n)
        return false;
    *ret_value = *(*p)++ & 0x3f;
    for (; n > 1; n--)
        *ret_value = *ret_value << 8 | *(*p)++;
    return true;
}

/* A parameter twice is an error (RFC 9000 7.4), for which ngtcp2 does not look: it would take
 * the second. Those that have a meaning are below 64, but for one that has no value. */
static bool repeats(const uint8_t *p, size_t n) {
    const uint8_t *end = p + n;
    uint64_t id, length, seen = 0;
    while (read_varint(&p, end, &id) && read_varint(&p, end, &length) &&
           length <= (size_t)(end - p)) {
        uint64_t bit = id < 64 ? UINT64_C(1) << id : 0;
        if (seen & bit)
            return true;
        seen |= bit;
        p += length;
    }
    return false; /* whether it is well-formed ngtcp2 says */
}

int ngtcp2_crypto_set_remote_transport_params(ngtcp2_conn *conn, void *session) {
    const uint8_t *p = NULL;
    size_t n = 0;
    wolfSSL_get_peer_quic_transport_params(session, &p, &n);
    int rv = n > 0 && repeats(p, n)
                 ? NGTCP2_ERR_TRANSPORT_PARAM
                 : ngtcp2_conn_decode_and_set_remote_transport_params(conn, p, n);
    if (rv != 0)
        ngtcp2_conn_set_tls_error(conn, rv);
    return rv == 0 ? 0 : -1;
}

/* ---- contexts and sessions ---- */

void crypto_prepare(struct tls_context *tls, bool is_server) {
    WOLFSSL_CTX *native = tls_context_native(tls);
    (void)wolfSSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
    (void)wolfSSL_CTX_set_max_proto_version(native, TLS1_3_VERSION);
    (void)wolfSSL_CTX_set_quic_method(native, &method);
    if (!is_server)
        (void)wolfSSL_CTX_UseSessionTicket(native);
}

void *crypto_session_new(struct tls_context *tls, const char *host, struct crypto_link *link) {
    WOLFSSL *ssl = tls_session_new(tls, host);
    if (!ssl)
        return NULL;
    if (wolfSSL_set_app_data(ssl, link) != WOLFSSL_SUCCESS) {
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
    if (session)
        tls_session_problem(session, wolfSSL_get_error(session, -1), to, cap);
    else
        (void)snprintf(to, cap, "the peer went on with TLS after the handshake");
}
