/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_NATIVE_H
#define TLS_NATIVE_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/context.h"
#include "tls/seal.h"

/* What the files of this folder share; for nobody else.
 *
 * A site is one [server] with the WOLFSSL_CTX that holds its certificate. A handshake starts
 * in the first and changes over in the SNI callback. wolfSSL_set_SSL_CTX takes certificate,
 * CA store and session id context along and leaves everything else: site_apply sets that. */

enum { TLS_CONTEXT_MAGIC = 0x746c7363, TLS_SESSION_MAGIC = 0x746c7373 };

struct tls_site {
    WOLFSSL_CTX *native;
    enum tls_client_auth client_auth;
    const void *owner;
    struct seal seal; /* of its tickets, where a secret was given */
};

struct tls_context {
    uint32_t magic;
    bool is_server, insecure;
    enum tls_transport transport;
    char *alpn;
    struct tls_site *sites; /* a client has one */
    size_t n_sites;
    int (*choose)(void *context, const char *sni);
    int (*issue)(void *context, size_t index, const char *sni, struct tls_pair *ret_pair);
    void *choose_context; /* of issue too */
    struct tls_keylog *keylog;
};

enum { SNI_BYTES = 256, HOST_BYTES = 256 };

/* What a client checks the certificate against. */
struct tls_wanted {
    char host[HOST_BYTES]; /* what it must be for; empty: not checked */
    char names[200];       /* of the certificate that did not match, for the message */
};

/* Our part of a WOLFSSL: its application data with the index below, as 0 is ngtcp2's. */
enum { TLS_SESSION_SLOT = 1 };

struct tls_session {
    uint32_t magic;
    struct tls_context *context;
    const struct tls_site *site;
    char *sni;                 /* asked for by the client, in lower case; NULL: none */
    struct tls_wanted *wanted; /* NULL: a server's */
    uint8_t *cert;             /* the peer's, in DER, from its verification to tls_session_facts */
    size_t cert_n;
    int verify_error;   /* the first, a wolfSSL code; 0: none */
    bool name_mismatch; /* a valid certificate, but for other names */
    bool refused_name;  /* choose() wanted none of it */
};

struct tls_session *tls_session_of(const WOLFSSL *ssl);

/* Has the peer ended it with a fatal alert? */
bool tls_session_refused(WOLFSSL *ssl);

/* The callbacks that context.c puts into each WOLFSSL_CTX. */
int tls_session_on_sni(WOLFSSL *ssl, int *alert, void *context);
int tls_session_on_verify(int ok, WOLFSSL_X509_STORE_CTX *store);
int tls_session_on_ticket(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
                          int to_seal, unsigned char *ticket, int n, int *ret_n, void *context);
void tls_session_on_keylog(const WOLFSSL *ssl, const char *line);

#endif
