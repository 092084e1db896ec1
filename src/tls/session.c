/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/err.h"
#include "tls/digest.h"
#include "tls/names.h"
#include "tls/native.h"

struct tls_session *tls_session_of(const WOLFSSL *ssl) {
    struct tls_session *s = wolfSSL_get_ex_data((WOLFSSL *)ssl, TLS_SESSION_SLOT);
    check_magic(s, TLS_SESSION_MAGIC);
    return s;
}

static void copy_text(char *to, size_t cap, struct str text) {
    size_t n = text.n < cap - 1 ? text.n : cap - 1;
    if (n > 0)
        memcpy(to, text.p, n);
    to[n] = '\0';
}

/* Everything about a site that wolfSSL_set_SSL_CTX leaves as the first site had it. */
static void site_apply(WOLFSSL *ssl, const struct tls_site *site) {
    int mode = WOLFSSL_VERIFY_NONE;
    if (site->client_auth != TLS_CLIENT_AUTH_NONE) {
        mode = WOLFSSL_VERIFY_PEER;
        if (site->client_auth == TLS_CLIENT_AUTH_REQUIRED)
            mode |= WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    wolfSSL_set_verify(ssl, mode, mode == WOLFSSL_VERIFY_NONE ? NULL : tls_session_on_verify);
}

/* The name in the hello, as far as that has been read; in lower case. */
static void read_sni(WOLFSSL *ssl, char to[SNI_BYTES]) {
    void *name = NULL;
    size_t n = wolfSSL_SNI_GetRequest(ssl, WOLFSSL_SNI_HOST_NAME, &name);
    if (!name || n >= SNI_BYTES || memchr(name, '\0', n))
        n = 0;
    for (size_t i = 0; i < n; i++) {
        char c = ((const char *)name)[i];
        to[i] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
    }
    to[n] = '\0';
}

/* NULL: nobody's. */
static const struct tls_site *site_of(const struct tls_context *c, const char *sni) {
    int index = c->choose ? c->choose(c->choose_context, sni) : 0;
    return index >= 0 && (size_t)index < c->n_sites ? &c->sites[index] : NULL;
}

/* A certificate of its own for this name; when none is to be had, the site's serves. */
static void show_issued(WOLFSSL *ssl, const struct tls_session *s, size_t index) {
    const struct tls_context *c = s->context;
    struct tls_pair pair;
    if (!c->issue || !s->sni || c->issue(c->choose_context, index, s->sni, &pair) != 0)
        return;
    (void)wolfSSL_use_certificate_chain_buffer(ssl, (const uint8_t *)pair.cert_pem.p,
                                               (long)pair.cert_pem.n);
    (void)wolfSSL_use_PrivateKey_buffer(ssl, (const uint8_t *)pair.key_pem.p, (long)pair.key_pem.n,
                                        WOLFSSL_FILETYPE_PEM);
}

/* 0 or ERR_NO_MEMORY. */
static int keep_sni(struct tls_session *s, const char *sni) {
    free(s->sni);
    s->sni = sni[0] ? strdup(sni) : NULL;
    return sni[0] && !s->sni ? ERR_NO_MEMORY : 0;
}

/* Called for every ClientHello, with a name or without; a second time after a
 * HelloRetryRequest. */
int tls_session_on_sni(WOLFSSL *ssl, int *alert, void *context) {
    struct tls_context *c = context;
    check_magic(c, TLS_CONTEXT_MAGIC);
    struct tls_session *s = tls_session_of(ssl);
    char sni[SNI_BYTES];
    read_sni(ssl, sni);
    if (keep_sni(s, sni) != 0)
        return fatal_return;
    const struct tls_site *site = site_of(c, sni);
    if (!site) {
        s->refused_name = true;
        *alert = unrecognized_name;
        return fatal_return;
    }
    if (!wolfSSL_set_SSL_CTX(ssl, site->native))
        return fatal_return;
    s->site = site;
    site_apply(ssl, site);
    /* A resumed connection has no client certificate: never let one begin. */
    if (site->client_auth != TLS_CLIENT_AUTH_NONE)
        (void)wolfSSL_no_ticket_TLSv13(ssl);
    show_issued(ssl, s, (size_t)(site - c->sites));
    return s->sni ? 0 : noack_return;
}

/* budget: wolfSSL gives the parameters.
 *
 * In TLS 1.2 a ticket is opened before the name has chosen the site, maybe even before the name was
 * read: so the name decides here too. wolfSSL has the name in the ticket, and refuses it for
 * another one afterwards. */
int tls_session_on_ticket(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
                          int to_seal, unsigned char *ticket, int n, int *ret_n, void *context) {
    const struct tls_session *s = tls_session_of(ssl);
    struct seal_ticket t = {name, iv, mac, {ticket, (size_t)n}};
    const struct tls_site *site = s->site;
    char sni[SNI_BYTES];
    (void)context;
    *ret_n = n;
    if (to_seal) {
        if (s->context->transport == TLS_TCP)
            (void)wolfSSL_set_max_early_data(ssl, 0); /* what is skipped is not to be promised */
        return seal_close(&site->seal, &t);
    }
    read_sni(ssl, sni);
    site = site_of(s->context, sni);
    return site ? seal_open(&site->seal, &t) : WOLFSSL_TICKET_RET_REJECT;
}

/* wolfSSL throws it away after the verification. 0 or ERR_NO_MEMORY. */
static int keep_certificate(struct tls_session *s, struct str der) {
    uint8_t *kept = malloc(der.n);
    if (!kept)
        return ERR_NO_MEMORY;
    memcpy(kept, der.p, der.n);
    free(s->cert);
    s->cert = kept;
    s->cert_n = der.n;
    return 0;
}

/* wolfSSL has checked the chain; the name is checked here, as its own check would take a common
 * name where there are no alternative ones, and knows no IP addresses in our build. */
int tls_session_on_verify(int ok, WOLFSSL_X509_STORE_CTX *store) {
    struct tls_session *s = store->userCtx;
    check_magic(s, TLS_SESSION_MAGIC);
    if (!ok) {
        if (s->verify_error == 0)
            s->verify_error = store->error;
        return 0;
    }
    if (store->error_depth != 0)
        return 1;
    if (store->totalCerts < 1)
        return !s->wanted; /* a server's client need not have one; who requires it looks later */
    struct str der = {(const char *)store->certs[0].buffer, store->certs[0].length};
    struct tls_wanted *w = s->wanted;
    s->name_mismatch = w && w->host[0] && !names_match(der, w->host, w->names, sizeof(w->names));
    return !s->name_mismatch && keep_certificate(s, der) == 0;
}

void tls_session_on_keylog(const WOLFSSL *ssl, const char *line) {
    struct tls_keylog *keylog = tls_session_of(ssl)->context->keylog;
    if (keylog)
        keylog->line(keylog, line, strlen(line));
}

static bool prepare_client(WOLFSSL *ssl, struct tls_session *s, const char *host) {
    wolfSSL_set_connect_state(ssl);
    s->wanted = calloc(1, sizeof(*s->wanted));
    if (!s->wanted || strlen(host) >= sizeof(s->wanted->host))
        return false;
    if (!s->context->insecure)
        copy_text(s->wanted->host, sizeof(s->wanted->host), str_of(host));
    struct addr literal;
    if (host[0] && addr_from_ip(str_of(host), 0, &literal) != 0 &&
        wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, host, (unsigned short)strlen(host)) != 1)
        return false;
    /* Both, or every server without ML-KEM would cost a round trip more. TLS 1.2 has none. */
    (void)wolfSSL_UseKeyShare(ssl, WOLFSSL_X25519MLKEM768);
    (void)wolfSSL_UseKeyShare(ssl, WOLFSSL_ECC_X25519);
    return true;
}

/* TLS 1.2 promises a ticket before the name has chosen the site. */
static bool asks_anybody(const struct tls_context *c) {
    for (size_t i = 0; i < c->n_sites; i++)
        if (c->sites[i].client_auth != TLS_CLIENT_AUTH_NONE)
            return true;
    return false;
}

static bool prepare(WOLFSSL *ssl, struct tls_session *s, const char *host) {
    struct tls_context *c = s->context;
    wolfSSL_SetCertCbCtx(ssl, s);
    size_t n = strlen(c->alpn);
    if (n > 0 && wolfSSL_UseALPN(ssl, c->alpn, (unsigned)n, WOLFSSL_ALPN_FAILED_ON_MISMATCH) != 1)
        return false;
    if (!c->is_server)
        return prepare_client(ssl, s, host ? host : "");
    wolfSSL_set_accept_state(ssl);
    site_apply(ssl, s->site);
    if (asks_anybody(c))
        (void)wolfSSL_NoTicketTLSv12(ssl);
    return true;
}

void *tls_session_new(struct tls_context *c, const char *host) {
    check_magic(c, TLS_CONTEXT_MAGIC);
    struct tls_session *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->magic = TLS_SESSION_MAGIC;
    s->context = c;
    s->site = &c->sites[0];
    WOLFSSL *ssl = wolfSSL_new(c->sites[0].native);
    if (!ssl || wolfSSL_set_ex_data(ssl, TLS_SESSION_SLOT, s) != 1) {
        wolfSSL_free(ssl);
        free(s);
        return NULL;
    }
    if (!prepare(ssl, s, host)) {
        tls_session_free(ssl);
        return NULL;
    }
    return ssl;
}

void tls_session_free(void *session) {
    if (!session)
        return;
    struct tls_session *s = tls_session_of(session);
    wolfSSL_free(session);
    free(s->sni);
    free(s->wanted);
    free(s->cert);
    s->magic = 0;
    free(s);
}

/* The most specific first, as RFC 4514 has it; DER begins with the least. */
static void subject_of(WOLFSSL_X509 *cert, char *to, size_t cap) {
    WOLFSSL_X509_NAME *name = wolfSSL_X509_get_subject_name(cert);
    to[0] = '\0';
    for (int i = name ? wolfSSL_X509_NAME_entry_count(name) : 0; i-- > 0;) {
        WOLFSSL_X509_NAME_ENTRY *entry = wolfSSL_X509_NAME_get_entry(name, i);
        WOLFSSL_ASN1_STRING *value = wolfSSL_X509_NAME_ENTRY_get_data(entry);
        int nid = wolfSSL_OBJ_obj2nid(wolfSSL_X509_NAME_ENTRY_get_object(entry));
        const char *type = wolfSSL_OBJ_nid2sn(nid);
        int n = value ? wolfSSL_ASN1_STRING_length(value) : 0;
        struct str bytes = {n > 0 ? (const char *)wolfSSL_ASN1_STRING_data(value) : NULL,
                            n > 0 ? (size_t)n : 0};
        names_add_attribute(type ? type : "OID", bytes, to, cap);
    }
}

/* What cannot be read or kept counts as none: who requires one will not have it. */
static void certificate_facts(struct tls_session *s, struct peer *peer) {
    if (!s->cert)
        return;
    WOLFSSL_X509 *cert = wolfSSL_X509_d2i(NULL, s->cert, (int)s->cert_n);
    free(peer->cert);
    peer->cert = cert ? calloc(1, sizeof(*peer->cert)) : NULL;
    if (peer->cert) {
        digest_sha256((struct str){(const char *)s->cert, s->cert_n}, peer->cert->sha256);
        subject_of(cert, peer->cert->subject, sizeof(peer->cert->subject));
    }
    wolfSSL_X509_free(cert);
    free(s->cert);
    s->cert = NULL;
}

static enum http_version version_of(const char *alpn) {
    if (strcmp(alpn, "h2") == 0)
        return HTTP_2;
    return strncmp(alpn, "h3", 2) == 0 ? HTTP_3 : HTTP_1_1;
}

/* wolfSSL names NIST's curves as SEC does; everybody else as NIST. */
static const char *group_name(const char *native) {
    static const char *const names[][2] = {
        {"SECP256R1", "P-256"}, {"SECP384R1", "P-384"}, {"SECP521R1", "P-521"}};
    for (size_t i = 0; native && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(native, names[i][0]) == 0)
            return names[i][1];
    return native;
}

int tls_session_facts(void *session, struct peer *peer) {
    WOLFSSL *ssl = session;
    struct tls_session *s = tls_session_of(ssl);
    char *alpn = NULL;
    unsigned short n = 0;
    if (wolfSSL_ALPN_GetProtocol(ssl, &alpn, &n) != 1)
        n = 0;
    copy_text(peer->alpn, sizeof(peer->alpn), (struct str){alpn, n});
    peer->version = version_of(peer->alpn);
    peer->secure = true;
    if (peer_set_sni(peer, s->sni ? s->sni : "") != 0)
        return ERR_NO_MEMORY;
    peer->tls_version = wolfSSL_get_version(ssl);
    peer->cipher = wolfSSL_CIPHER_get_name(wolfSSL_get_current_cipher(ssl));
    copy_text(peer->group, sizeof(peer->group), str_of(group_name(wolfSSL_get_curve_name(ssl))));
    peer->resumed = wolfSSL_session_reused(ssl) == 1;
    peer->server = s->context->is_server ? s->site->owner : NULL;
    certificate_facts(s, peer);
    bool required = s->context->is_server && s->site->client_auth == TLS_CLIENT_AUTH_REQUIRED;
    return required && !peer->cert ? ERR_TLS : 0;
}
