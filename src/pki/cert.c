/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/cert.h"

#include <stdlib.h>

#include "base/err.h"
#include "pki/der.h"
#include "pki/pem.h"
#include "tls/digest.h"

enum { CHAIN_MOST = 32 };

static int read_ca(struct str value, struct cert *cert) {
    struct str body, ca;

    if (der_expect(&value, DER_SEQUENCE, &body))
        return ERR_INVALID;
    cert->is_ca = der_optional(&body, DER_BOOLEAN, &ca) && ca.n == 1 && ca.p[0];
    return 0;
}

static int read_usage(struct str value, struct cert *cert) {
    struct str body, oid;

    if (der_expect(&value, DER_SEQUENCE, &body))
        return ERR_INVALID;
    cert->for_servers = false;
    while (body.n > 0) {
        if (der_expect(&body, DER_OID, &oid))
            return ERR_INVALID;
        if (str_eq(oid, OID_SERVER_AUTH) || str_eq(oid, STR("\x55\x1d\x25\x00")))
            cert->for_servers = true;
    }
    return 0;
}

static int read_sans(struct str value, struct cert *cert) {
    struct der_item names, name;
    struct str rest;

    if (der_next(&value, &names) || names.tag != DER_SEQUENCE)
        return ERR_INVALID;
    for (rest = names.content; rest.n > 0;)
        if (der_next(&rest, &name))
            return ERR_INVALID;
    cert->sans = names.whole;
    return 0;
}

static int read_aki(struct str value, struct cert *cert) {
    struct str body;

    if (der_expect(&value, DER_SEQUENCE, &body))
        return ERR_INVALID;
    der_optional(&body, DER_CONTEXT, &cert->aki);
    return 0;
}

static int read_extension(struct str extension, struct cert *cert) {
    struct str oid, critical, value;

    if (der_expect(&extension, DER_OID, &oid))
        return ERR_INVALID;
    der_optional(&extension, DER_BOOLEAN, &critical);
    if (der_expect(&extension, DER_OCTET_STRING, &value))
        return ERR_INVALID;
    if (str_eq(oid, OID_CONSTRAINTS))
        return read_ca(value, cert);
    if (str_eq(oid, OID_EKU))
        return read_usage(value, cert);
    if (str_eq(oid, OID_SAN))
        return read_sans(value, cert);
    if (str_eq(oid, OID_AKI))
        return read_aki(value, cert);
    if (str_eq(oid, OID_SKI))
        return der_expect(&value, DER_OCTET_STRING, &cert->ski);
    return 0;
}

static int read_extensions(struct str rest, struct cert *cert) {
    struct str list, extension;

    if (der_expect(&rest, DER_SEQUENCE, &list))
        return ERR_INVALID;
    while (list.n > 0)
        if (der_expect(&list, DER_SEQUENCE, &extension) || read_extension(extension, cert))
            return ERR_INVALID;
    return 0;
}

static int expect_whole(struct str *rest, struct str *ret_whole) {
    struct der_item item;

    if (der_next(rest, &item) || item.tag != DER_SEQUENCE)
        return ERR_INVALID;
    *ret_whole = item.whole;
    return 0;
}

static int read_tbs(struct str tbs, struct cert *cert) {
    struct str body, version, algorithm, validity, ignored, extensions;

    if (der_expect(&tbs, DER_SEQUENCE, &body))
        return ERR_INVALID;
    der_optional(&body, DER_CONSTRUCTED, &version);
    if (der_expect(&body, DER_INTEGER, &cert->serial) || expect_whole(&body, &algorithm) ||
        expect_whole(&body, &cert->issuer) || der_expect(&body, DER_SEQUENCE, &validity) ||
        expect_whole(&body, &cert->subject) || expect_whole(&body, &cert->spki))
        return ERR_INVALID;
    if (der_expect_time(&validity, &cert->not_before_s) ||
        der_expect_time(&validity, &cert->not_after_s))
        return ERR_INVALID;
    der_optional(&body, DER_CONTEXT + 1, &ignored);
    der_optional(&body, DER_CONTEXT + 2, &ignored);
    return der_optional(&body, DER_CONSTRUCTED + 3, &extensions) ? read_extensions(extensions, cert)
                                                                 : 0;
}

static int read_whole(struct str der, struct cert *cert) {
    struct str body;

    if (der_expect(&der, DER_SEQUENCE, &body) || der.n > 0 || expect_whole(&body, &cert->tbs) ||
        expect_whole(&body, &cert->algorithm) || der_expect_bits(&body, &cert->signature))
        return ERR_INVALID;
    return read_tbs(cert->tbs, cert);
}

int cert_read(struct str der, struct cert *ret_cert) {
    struct cert cert = {.for_servers = true};
    int err;

    buf_init(&cert.der);
    buf_str(&cert.der, der);
    err = cert.der.failed ? ERR_NO_MEMORY : read_whole(buf_view(&cert.der), &cert);
    if (err) {
        buf_fini(&cert.der);
        return err;
    }
    digest_sha256(der, cert.sha256);
    *ret_cert = cert;
    return 0;
}

void cert_fini(struct cert *cert) {
    buf_fini(&cert->der);
    *cert = (struct cert){.is_ca = false};
}

static int read_block(const struct pem_block *block, struct cert *ret_cert) {
    struct buf der;
    int err;

    buf_init(&der);
    err = pem_decode(block, &der);
    if (!err)
        err = cert_read(buf_view(&der), ret_cert);
    buf_fini(&der);
    return err;
}

static size_t count_certs(struct str pem) {
    struct pem_block block;
    size_t n = 0;

    while (pem_next(&pem, &block))
        n += str_eq(block.label, STR("CERTIFICATE"));
    return n;
}

int cert_chain_read(struct str pem, struct cert **ret_chain, size_t *ret_n) {
    size_t n = count_certs(pem), got = 0;
    struct pem_block block;
    struct cert *chain;
    int err = 0;

    if (n == 0 || n > CHAIN_MOST)
        return n ? ERR_LIMIT : ERR_NOT_FOUND;
    chain = calloc(n, sizeof(*chain));
    if (!chain)
        return ERR_NO_MEMORY;
    while (!err && pem_next(&pem, &block))
        if (str_eq(block.label, STR("CERTIFICATE"))) {
            err = read_block(&block, &chain[got]);
            got += !err;
        }
    if (err) {
        cert_chain_free(chain, got);
        return err;
    }
    *ret_chain = chain;
    *ret_n = n;
    return 0;
}

void cert_chain_free(struct cert *chain, size_t n) {
    for (size_t i = 0; i < n; i++)
        cert_fini(&chain[i]);
    free(chain);
}

static struct str key_id_of(struct str id, struct str fallback) {
    return id.n > 0 ? id : fallback;
}

bool cert_issued_by(const struct cert *cert, const struct cert *issuer, struct key *issuer_key) {
    struct buf algorithm;
    bool fits;

    if (!str_eq(cert->issuer, issuer->subject))
        return false;
    if (!str_eq(key_id_of(cert->aki, issuer->ski), key_id_of(issuer->ski, cert->aki)))
        return false;
    buf_init(&algorithm);
    key_algorithm(issuer_key, &algorithm);
    fits = str_eq(buf_view(&algorithm), cert->algorithm);
    buf_fini(&algorithm);
    return fits && key_verify(issuer_key, cert->tbs, cert->signature);
}

static const char *attribute_name(struct str oid) {
    if (str_eq(oid, OID_CN))
        return "CN";
    if (str_eq(oid, OID_O))
        return "O";
    return str_eq(oid, OID_OU) ? "OU" : NULL;
}

static void add_attribute(struct str attribute, struct buf *to, bool *first) {
    struct der_item value;
    char shown[256];
    struct str oid;
    const char *name;

    if (der_expect(&attribute, DER_OID, &oid) || der_next(&attribute, &value))
        return;
    name = attribute_name(oid);
    if (!name)
        return;
    str_escape(value.content, shown, sizeof(shown));
    buf_format(to, "%s%s=%s", *first ? "" : ", ", name, shown);
    *first = false;
}

static void name_text(struct str name, struct buf *to) {
    struct str rest, set, attribute;
    bool first = true;

    if (der_expect(&name, DER_SEQUENCE, &rest))
        return;
    while (!der_expect(&rest, DER_SET, &set))
        while (!der_expect(&set, DER_SEQUENCE, &attribute))
            add_attribute(attribute, to, &first);
}

void cert_subject_text(const struct cert *cert, struct buf *to) {
    name_text(cert->subject, to);
}

void cert_issuer_text(const struct cert *cert, struct buf *to) {
    name_text(cert->issuer, to);
}

void cert_fingerprint(const struct cert *cert, struct buf *to) {
    for (size_t i = 0; i < sizeof(cert->sha256); i++)
        buf_format(to, "%s%02X", i ? ":" : "", cert->sha256[i]);
}

int cert_spki_hash(const struct cert *cert, struct buf *to) {
    uint8_t hash[32];

    digest_sha256(cert->spki, hash);
    base64_encode(to, (struct str){(const char *)hash, sizeof(hash)});
    return to->failed ? ERR_NO_MEMORY : 0;
}

void cert_hash(const struct cert *cert, struct buf *to) {
    base64_encode(to, (struct str){(const char *)cert->sha256, sizeof(cert->sha256)});
}
