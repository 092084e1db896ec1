/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/peer.h"
#include "base/str.h"

/* What handshakes are made from: certificates, trust, ALPN, key log. Made once per
 * configuration and worker, read-only then. QUIC needs contexts of its own, as
 * wolfSSL's QUIC method belongs to the context. TLS 1.3, and 1.2 with AEAD suites only over
 * TCP; groups X25519MLKEM768, X25519, P-256, P-384. */

struct tls_context;

enum tls_transport { TLS_TCP, TLS_QUIC };
enum tls_client_auth { TLS_CLIENT_AUTH_NONE, TLS_CLIENT_AUTH_OPTIONAL, TLS_CLIENT_AUTH_REQUIRED };

/* One line of the NSS key log (RFC 9850), without newline. May be called from any worker. */
struct tls_keylog {
    void (*line)(struct tls_keylog *keylog, const char *line, size_t n);
};

/* One certificate with its key, shown to clients that name one of its server's hosts. */
struct tls_server {
    struct str name;              /* tickets are for the server of this name */
    struct str cert_pem, key_pem; /* leaf first, then its chain */
    enum tls_client_auth client_auth;
    struct str client_ca_pem;
    const void *owner; /* goes to peer->server */
};

/* A certificate made for one name. */
struct tls_pair {
    struct str cert_pem, key_pem;
};

struct tls_server_config {
    enum tls_transport transport;
    const char *alpn; /* "h2,http/1.1" or "h3": the client's order decides */
    const struct tls_server *servers;
    size_t n_servers;
    /* Which of servers for this name (lower case; "" when none was sent): an index, or -1 to
     * refuse with unrecognized_name. NULL: always the first. */
    int (*choose)(void *context, const char *sni);
    /* At the handshake, a certificate for this very name where that of servers[index] will not
     * do: 0 and a pair that stays valid until the next call, or negative: the server's own is
     * shown. NULL: none are made. */
    int (*issue)(void *context, size_t index, const char *sni, struct tls_pair *ret_pair);
    void *context;
    struct tls_keylog *keylog; /* NULL: none */
    const uint8_t *secret; /* 32 bytes that the keys of tickets come from; NULL: of this context */
    bool early_data;
};

struct tls_client_config {
    enum tls_transport transport;
    const char *alpn;
    struct str ca_pem;            /* trusted roots; empty with insecure */
    bool insecure;                /* take any certificate */
    struct str cert_pem, key_pem; /* to show to servers that ask; empty: none */
    const char *suites;           /* in wolfSSL's spelling; NULL: the usual ones */
    bool tls12;                   /* at most; TCP only */
    struct tls_keylog *keylog;
};

/* 0 or a negative err; problem (cap bytes) says what was wrong with which file's content. */
int tls_server_context_new(const struct tls_server_config *config, struct tls_context **ret_context,
                           char *problem, size_t cap);
int tls_client_context_new(const struct tls_client_config *config, struct tls_context **ret_context,
                           char *problem, size_t cap);
void tls_context_free(struct tls_context *c);

/* The newest session ticket of one server, as a client keeps it to resume; of one worker. */
struct tls_tickets;
struct tls_tickets *tls_tickets_new(void); /* NULL: no memory */
void tls_tickets_free(struct tls_tickets *tickets);
/* Before and after a connection; for the engines. */
void tls_session_resume(void *session, const struct tls_tickets *tickets);
void tls_session_keep_ticket(void *session, struct tls_tickets *tickets);

/* ---- for quic/crypto.c ---- */
/* The WOLFSSL_CTX. */
void *tls_context_native(const struct tls_context *c);
/* Makes a WOLFSSL (returned as void *) ready for its role: ALPN, and for a client SNI (none
 * for a literal address) and the host name check. NULL: no memory. */
void *tls_session_new(struct tls_context *c, const char *host);
/* After a handshake: what it agreed on, into peer (also peer->server). 0, ERR_NO_MEMORY, or
 * ERR_TLS: a client certificate is required and not there (the last line of defence). Then close
 * the connection. */
int tls_session_facts(void *session, struct peer *peer);
void tls_session_free(void *session);
/* Why a handshake failed, as a sentence ("the client does not trust the certificate (alert
 * certificate_unknown)"); to is terminated. */
void tls_session_problem(void *session, int error, char *to, size_t cap);

#endif
