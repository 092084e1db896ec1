/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/native.h"

/* What a failed handshake is worth to the one who reads it: who refused what, and why. */

struct row {
    int code;
    const char *text;
};

/* RFC 8446 6.2. The text says what the sender means by it. */
static const struct row alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
};

static const struct row alert_meanings[] = {
    {40, "found no cipher suite or group in common"},
    {42, "does not accept the certificate"},
    {43, "does not accept the certificate's kind"},
    {44, "says that the certificate is revoked"},
    {45, "says that the certificate has expired"},
    {46, "does not trust the certificate"},
    {48, "does not know the CA of the certificate"},
    {49, "denies access"},
    {70, "speaks no TLS version in common"},
    {71, "asks for stronger algorithms"},
    {112, "does not know the name"},
    {116, "requires a client certificate"},
    {120, "speaks no application protocol in common (ALPN)"},
};

static const struct row verify_errors[] = {
    {ASN_NO_SIGNER_E, "the certificate is not signed by a trusted CA"},
    {ASN_SELF_SIGNED_E, "the certificate is self-signed and not trusted"},
    {ASN_BEFORE_DATE_E, "the certificate is not valid yet"},
    {ASN_AFTER_DATE_E, "the certificate has expired"},
    {ASN_SIG_CONFIRM_E, "the certificate's signature is wrong"},
    {ASN_NAME_INVALID_E, "the CA's name constraints do not allow the certificate's names"},
    {ASN_PATHLEN_INV_E, "the chain of CAs is longer than one of them allows"},
    {ASN_PATHLEN_SIZE_E, "the chain of CAs is too long"},
    {EXTKEYUSE_AUTH_E, "the certificate is not meant for this use (extended key usage)"},
    {KEYUSE_SIGNATURE_E, "the certificate is not meant for this use (key usage)"},
    {NOT_CA_ERROR, "the certificate's issuer is no CA"},
    {MAX_CHAIN_ERROR, "the chain of certificates is too long"},
    {RSA_KEY_SIZE_E, "the certificate's RSA key is too short"},
    {ECC_KEY_SIZE_E, "the certificate's key is too short"},
};

static const struct row errors[] = {
    {UNKNOWN_ALPN_PROTOCOL_NAME_E, "no application protocol in common (ALPN)"},
    {VERSION_ERROR, "no TLS version in common"},
    {UNSUPPORTED_PROTO_VERSION, "no TLS version in common"},
    {MATCH_SUITE_ERROR, "no cipher suite in common"},
    {UNSUPPORTED_SUITE, "no cipher suite in common"},
    {KEY_SHARE_ERROR, "no group in common"},
    {BAD_KEY_SHARE_DATA, "no group in common"},
    {NO_PEER_CERT, "the peer showed no certificate, and one is required"},
    {UNKNOWN_RECORD_TYPE, "what came is not TLS"},
    {VERIFY_MAC_ERROR, "a record was damaged or forged"},
    {DECRYPT_ERROR, "a record was damaged or forged"},
    {AES_GCM_AUTH_E, "a record was damaged or forged"},
    {MAC_CMP_FAILED_E, "a record was damaged or forged"},
    {SOCKET_PEER_CLOSED_E, "the connection was closed during the handshake"},
    {SOCKET_ERROR_E, "the connection was closed during the handshake"},
    {MEMORY_E, "out of memory"},
};

#define FIND(rows, code) find(rows, sizeof(rows) / sizeof((rows)[0]), code)

static const char *find(const struct row *rows, size_t n, int code) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].code == code)
            return rows[i].text;
    return NULL;
}

static const char *alert_text(int alert) {
    const char *text = FIND(alerts, alert);
    return text ? text : "unknown";
}

static bool tell_certificate(const struct tls_session *s, char *to, size_t cap) {
    if (s->refused_name) {
        char sni[300];
        str_escape(str_of(s->sni ? s->sni : ""), sni, sizeof(sni));
        (void)snprintf(to, cap, "there is no server for %s%s here",
                       s->sni ? "the name " : "clients that send no name", sni);
        return true;
    }
    if (s->name_mismatch) {
        (void)snprintf(to, cap, "the certificate is not for %s, but for %s", s->wanted->host,
                       s->wanted->names[0] ? s->wanted->names : "no host at all");
        return true;
    }
    if (s->verify_error == 0)
        return false;
    const char *text = FIND(verify_errors, s->verify_error);
    if (!text)
        text = wolfSSL_ERR_reason_error_string((unsigned long)-s->verify_error);
    (void)snprintf(to, cap, "%s", text);
    return true;
}

/* An alert (RFC 8446 6.2) that `who` ("client", "server") has sent. */
static void tell_alert(const char *who, int alert, char *to, size_t cap) {
    const char *meaning = FIND(alert_meanings, alert);
    (void)snprintf(to, cap, "the %s %s (alert %s)", who, meaning ? meaning : "gave up",
                   alert_text(alert));
}

bool tls_session_refused(WOLFSSL *ssl) {
    WOLFSSL_ALERT_HISTORY history = {{-1, -1}, {-1, -1}};
    return wolfSSL_get_alert_history(ssl, &history) == 1 && history.last_rx.level == alert_fatal;
}

void tls_session_problem(void *session, int error, char *to, size_t cap) {
    const struct tls_session *s = tls_session_of(session);
    WOLFSSL_ALERT_HISTORY history = {{-1, -1}, {-1, -1}};
    if (cap == 0 || tell_certificate(s, to, cap))
        return;
    if (wolfSSL_get_alert_history(session, &history) == 1 && history.last_rx.level == alert_fatal) {
        tell_alert(s->context->is_server ? "client" : "server", history.last_rx.code, to, cap);
        return;
    }
    const char *text = FIND(errors, error);
    if (!text)
        text = error == 0 ? "the handshake failed"
                          : wolfSSL_ERR_reason_error_string((unsigned long)-error);
    (void)snprintf(to, cap, "%s", text);
}
