/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "pki/key.h"

/* What a certificate says (X.509 v3, RFC 5280): read once, then constant. The members that
 * are views point into its own copy of the DER. Reading checks the form, not the trust. */

struct cert {
    struct buf der;
    struct str tbs; /* what is signed */
    struct str algorithm, signature;
    struct str serial;          /* INTEGER's content */
    struct str issuer, subject; /* Name, whole */
    struct str spki;            /* whole */
    struct str sans;            /* GeneralNames, whole; empty: the extension is not there */
    struct str ski, aki;        /* key identifiers; empty: not there */
    int64_t not_before_s, not_after_s;
    bool is_ca;
    bool for_servers; /* extended key usage allows it, or is not there */
    uint8_t sha256[32];
};

/* Copies. 0, ERR_INVALID or ERR_NO_MEMORY. */
int cert_read(struct str der, struct cert *ret_cert);
void cert_fini(struct cert *cert);

/* All CERTIFICATE blocks of a PEM text, in their order (the leaf first, as servers send it).
 * ERR_NOT_FOUND: there is none. Free with cert_chain_free. */
int cert_chain_read(struct str pem, struct cert **ret_chain, size_t *ret_n);
void cert_chain_free(struct cert *chain, size_t n);

enum cert_name_kind { CERT_DNS, CERT_IP, CERT_URI, CERT_MAIL, CERT_OTHER };

struct cert_name {
    enum cert_name_kind kind;
    struct str bytes; /* text, or 4 or 16 bytes of an address */
};

/* for (struct str at = cert_names(cert); cert_next_name(&at, &name);) … */
struct str cert_names(const struct cert *cert);
bool cert_next_name(struct str *rest, struct cert_name *ret_name);
void cert_name_text(const struct cert_name *name, struct buf *to); /* printable */

/* Does it hold for this host: a DNS name or a literal address (RFC 6125 6.4; a wildcard is a
 * whole first label and stands for one; the common name does not count)? A host with a
 * wildcard itself must be in it literally. */
bool cert_covers(const struct cert *cert, struct str host);

/* Names and key identifiers fit, and the key of the issuer signed it. */
bool cert_issued_by(const struct cert *cert, const struct cert *issuer, struct key *issuer_key);

/* "CN=…, O=…", printable. */
void cert_subject_text(const struct cert *cert, struct buf *to);
void cert_issuer_text(const struct cert *cert, struct buf *to);

/* "3A:0B:…" of the whole certificate, as browsers show it. */
void cert_fingerprint(const struct cert *cert, struct buf *to);

/* Base64 of SHA-256 over the public key, as Chromium's --ignore-certificate-errors-spki-list
 * and HTTP key pinning want it. 0 or ERR_NO_MEMORY. */
int cert_spki_hash(const struct cert *cert, struct buf *to);

/* The same over the whole certificate: WebTransport's serverCertificateHashes. */
void cert_hash(const struct cert *cert, struct buf *to);

#endif
