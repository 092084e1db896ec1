/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "tls/digest.h"
#include "tls/native.h"

/* TLS 1.3 in the order of what this machine does fastest; wolfSSL's own order would choose
 * AES-256 and P-384 with some clients. TLS 1.2 with forward secrecy and AEAD only. */
#define SUITES_13 "TLS13-AES128-GCM-SHA256:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES256-GCM-SHA384"
#define SUITES_12 \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define GROUPS "X25519MLKEM768:X25519:P-256:P-384"

/* wolfSSL compares and stores ids that are shorter than its ID_LEN of 32. */
enum { SESSION_CONTEXT = 24 };

struct problem {
    char *to;
    size_t cap;
};

static int problem_set(struct problem problem, const char *what, int native) {
    const char *why = native == 0 ? "" : wolfSSL_ERR_reason_error_string((unsigned long)-native);
    if (problem.cap > 0)
        (void)snprintf(problem.to, problem.cap, "%s%s%s", what, *why ? ": " : "", why);
    return native == MEMORY_E ? ERR_NO_MEMORY : ERR_INVALID;
}

static WOLFSSL_METHOD *method_of(bool is_server, enum tls_transport transport) {
    if (transport == TLS_QUIC)
        return is_server ? wolfTLSv1_3_server_method() : wolfTLSv1_3_client_method();
    return is_server ? wolfSSLv23_server_method() : wolfSSLv23_client_method();
}

static bool choose_algorithms(WOLFSSL_CTX *native, enum tls_transport transport) {
    const char *suites = transport == TLS_QUIC ? SUITES_13 : SUITES_13 ":" SUITES_12;
    if (transport == TLS_TCP && wolfSSL_CTX_SetMinVersion(native, WOLFSSL_TLSV1_2) != 1)
        return false;
    return wolfSSL_CTX_set_cipher_list(native, suites) == 1 &&
           wolfSSL_CTX_set1_groups_list(native, GROUPS) == 1;
}

/* A WOLFSSL_CTX without certificates or trust. NULL: no memory. */
static WOLFSSL_CTX *native_new(const struct tls_context *c) {
    WOLFSSL_CTX *native = wolfSSL_CTX_new(method_of(c->is_server, c->transport));
    if (!native)
        return NULL;
    if (!choose_algorithms(native, c->transport)) {
        wolfSSL_CTX_free(native);
        return NULL;
    }
    if (c->keylog)
        wolfSSL_CTX_set_keylog_callback(native, tls_session_on_keylog);
    return native;
}

static struct tls_context *context_new(bool is_server, enum tls_transport transport,
                                       const char *alpn, size_t n_sites) {
    struct tls_context *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->magic = TLS_CONTEXT_MAGIC;
    c->is_server = is_server;
    c->transport = transport;
    c->sites = calloc(n_sites, sizeof(*c->sites));
    c->alpn = strdup(alpn ? alpn : "");
    if (!c->sites || !c->alpn) {
        tls_context_free(c);
        return NULL;
    }
    return c;
}

void tls_context_free(struct tls_context *c) {
    if (!c)
        return;
    check_magic(c, TLS_CONTEXT_MAGIC);
    for (size_t i = 0; i < c->n_sites; i++)
        wolfSSL_CTX_free(c->sites[i].native);
    free(c->sites);
    free(c->alpn);
    c->magic = 0;
    free(c);
}

void *tls_context_native(const struct tls_context *c) {
    check_magic(c, TLS_CONTEXT_MAGIC);
    return c->sites[0].native;
}

/* A ticket of one site, in one mode, under one CA must not open another: a resumed
 * connection shows no client certificate, and wolfSSL binds tickets to nothing else of this. */
static int bind_tickets(struct tls_site *site, const struct tls_server_config *config,
                        const struct tls_server *server) {
    uint8_t digest[32], ca[32];
    char text[400], ca_hex[65];
    digest_sha256(server->client_ca_pem, ca);
    hex_encode(ca, sizeof(ca), ca_hex);
    int n = snprintf(text, sizeof(text), "%d %d %s " STR_FMT, (int)config->transport,
                     (int)server->client_auth, ca_hex, STR_ARG(server->name));
    check(n > 0 && (size_t)n < sizeof(text));
    struct str binding = {text, (size_t)n};
    if (config->secret) {
        seal_init(&site->seal, config->secret, binding);
        (void)wolfSSL_CTX_set_TicketEncCb(site->native, tls_session_on_ticket);
    }
    digest_sha256(binding, digest);
    return wolfSSL_CTX_set_session_id_context(site->native, digest, SESSION_CONTEXT);
}

/* What a client may send before it knows that it is not taken: as much as OpenSSL skips. */
enum { SKIPPED_BYTES = 16 * 1024 };

/* Tickets need no cache, and all contexts of the process would share it; 0-RTT does, as wolfSSL
 * notes there which ticket was used.
 *
 * Over TCP no early data is taken, but some comes: from who has a ticket of another server that was
 * here before us. It is skipped (RFC 8446 4.2.10), which wolfSSL does up to the size that our own
 * tickets would promise; tls_session_on_ticket sees to it that they do not. */
static void limit_early_data(WOLFSSL_CTX *native, const struct tls_server_config *config) {
    bool takes = config->transport == TLS_QUIC && config->early_data;
    if (takes)
        (void)wolfSSL_CTX_set_max_early_data(native, UINT32_MAX);
    else
        (void)wolfSSL_CTX_set_session_cache_mode(native, WOLFSSL_SESS_CACHE_OFF);
    if (config->transport == TLS_TCP && config->secret)
        (void)wolfSSL_CTX_set_max_early_data(native, SKIPPED_BYTES);
}

static int load_certificate(WOLFSSL_CTX *native, struct str cert, struct str key,
                            struct problem problem) {
    int n = wolfSSL_CTX_use_certificate_chain_buffer(native, (const uint8_t *)cert.p, (long)cert.n);
    if (n != 1)
        return problem_set(problem, "the certificate cannot be used", n);
    n = wolfSSL_CTX_use_PrivateKey_buffer(native, (const uint8_t *)key.p, (long)key.n,
                                          WOLFSSL_FILETYPE_PEM);
    if (n != 1)
        return problem_set(problem, "the private key cannot be used", n);
    if (wolfSSL_CTX_check_private_key(native) != 1)
        return problem_set(problem, "the private key does not belong to the certificate", 0);
    return 0;
}

static int load_trust(WOLFSSL_CTX *native, struct str pem, const char *what,
                      struct problem problem) {
    int n = wolfSSL_CTX_load_verify_buffer(native, (const uint8_t *)pem.p, (long)pem.n,
                                           WOLFSSL_FILETYPE_PEM);
    return n == 1 ? 0 : problem_set(problem, what, n);
}

static int site_init(struct tls_context *c, const struct tls_server_config *config, size_t index,
                     struct problem problem) {
    const struct tls_server *server = &config->servers[index];
    WOLFSSL_CTX *native = native_new(c);
    if (!native)
        return ERR_NO_MEMORY;
    c->sites[index] = (struct tls_site){
        .native = native, .client_auth = server->client_auth, .owner = server->owner};
    c->n_sites = index + 1;
    int err = load_certificate(native, server->cert_pem, server->key_pem, problem);
    if (err == 0 && server->client_auth != TLS_CLIENT_AUTH_NONE)
        err = load_trust(native, server->client_ca_pem, "the client CA cannot be used", problem);
    if (err != 0)
        return err;
    if (bind_tickets(&c->sites[index], config, server) != 1)
        return ERR_NO_MEMORY;
    wolfSSL_CTX_set_servername_callback(native, tls_session_on_sni);
    wolfSSL_CTX_set_servername_arg(native, c);
    limit_early_data(native, config);
    return 0;
}

int tls_server_context_new(const struct tls_server_config *config, struct tls_context **ret_context,
                           char *problem, size_t cap) {
    struct problem told = {problem, cap};
    if (cap > 0)
        problem[0] = '\0';
    if (config->n_servers == 0)
        return problem_set(told, "there is no certificate", 0);
    struct tls_context *c = context_new(true, config->transport, config->alpn, config->n_servers);
    if (!c)
        return ERR_NO_MEMORY;
    c->choose = config->choose;
    c->issue = config->issue;
    c->choose_context = config->context;
    c->keylog = config->keylog;
    int err = 0;
    for (size_t i = 0; err == 0 && i < config->n_servers; i++)
        err = site_init(c, config, i, told);
    if (err != 0) {
        tls_context_free(c);
        return err;
    }
    *ret_context = c;
    return 0;
}

static int client_init(struct tls_context *c, const struct tls_client_config *config,
                       struct problem problem) {
    WOLFSSL_CTX *native = native_new(c);
    if (!native)
        return ERR_NO_MEMORY;
    c->sites[0].native = native;
    c->n_sites = 1;
    (void)wolfSSL_CTX_UseSessionTicket(native);
    (void)wolfSSL_CTX_set_session_cache_mode(native, WOLFSSL_SESS_CACHE_OFF);
    if (config->suites && wolfSSL_CTX_set_cipher_list(native, config->suites) != 1)
        return problem_set(problem, "there is no such cipher suite", 0);
    if (config->tls12 && wolfSSL_CTX_set_max_proto_version(native, TLS1_2_VERSION) != 1)
        return problem_set(problem, "TLS 1.2 is not for this", 0);
    if (config->cert_pem.n > 0) {
        int err = load_certificate(native, config->cert_pem, config->key_pem, problem);
        if (err != 0)
            return err;
    }
    wolfSSL_CTX_set_verify(native, c->insecure ? WOLFSSL_VERIFY_NONE : WOLFSSL_VERIFY_PEER,
                           tls_session_on_verify);
    return c->insecure || config->ca_pem.n == 0
               ? 0
               : load_trust(native, config->ca_pem, "the trusted roots cannot be used", problem);
}

int tls_client_context_new(const struct tls_client_config *config, struct tls_context **ret_context,
                           char *problem, size_t cap) {
    if (cap > 0)
        problem[0] = '\0';
    struct tls_context *c = context_new(false, config->transport, config->alpn, 1);
    if (!c)
        return ERR_NO_MEMORY;
    c->insecure = config->insecure;
    c->keylog = config->keylog;
    int err = client_init(c, config, (struct problem){problem, cap});
    if (err != 0) {
        tls_context_free(c);
        return err;
    }
    *ret_context = c;
    return 0;
}
