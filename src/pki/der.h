/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_DER_H
#define PKI_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* The part of DER (X.690) that certificates are made of: definite lengths, tags of one byte.
 *
 * wolfCrypt has a certificate writer, but its struct knows neither name constraints nor which
 * extension is critical, counts validity in days from now and takes 30 KB; so keys, digests
 * and signatures are wolfCrypt's, and the few lines around them are ours.
 *
 * Writing: der_begin, the content, der_end with what der_begin gave; the buf remembers a
 * failure. Reading: views into the input; nothing outside of it is ever looked at. */

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8 = 0x0c,
    DER_UTC_TIME = 0x17,
    DER_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,     /* + number: [number] IMPLICIT, of a primitive type */
    DER_CONSTRUCTED = 0xa0, /* + number: [number] EXPLICIT, or of a constructed type */
};

/* Object identifiers as the content of a DER_OID. */
#define OID_CN STR("\x55\x04\x03")
#define OID_O STR("\x55\x04\x0a")
#define OID_OU STR("\x55\x04\x0b")
#define OID_SKI STR("\x55\x1d\x0e")
#define OID_KEY_USAGE STR("\x55\x1d\x0f")
#define OID_SAN STR("\x55\x1d\x11")
#define OID_CONSTRAINTS STR("\x55\x1d\x13")
#define OID_AKI STR("\x55\x1d\x23")
#define OID_EKU STR("\x55\x1d\x25")
#define OID_SERVER_AUTH STR("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_CLIENT_AUTH STR("\x2b\x06\x01\x05\x05\x07\x03\x02")
#define OID_MAIL_PROTECTION STR("\x2b\x06\x01\x05\x05\x07\x03\x04")
#define OID_ECDSA_SHA256 STR("\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define OID_RSA STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
#define OID_RSA_SHA256 STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b")
#define OID_EC STR("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_ED25519 STR("\x2b\x65\x70")

size_t der_begin(struct buf *to, int tag);
void der_end(struct buf *to, size_t begun);
void der_add(struct buf *to, int tag, struct str content);
void der_add_number(struct buf *to, struct str big_endian); /* INTEGER, not negative */
void der_add_bits(struct buf *to, struct str bytes);        /* BIT STRING of whole bytes */
void der_add_time(struct buf *to, int64_t time_s);          /* UTCTime until 2049 (RFC 5280) */

struct der_item {
    int tag;
    struct str content;
    struct str whole; /* with tag and length */
};

/* Takes the first item off *rest: 0, or ERR_INVALID, also when nothing is left. */
int der_next(struct str *rest, struct der_item *ret_item);

/* The same, when it must be this tag. */
int der_expect(struct str *rest, int tag, struct str *ret_content);

/* Takes it off when it has this tag; false: something else follows, or nothing. */
bool der_optional(struct str *rest, int tag, struct str *ret_content);

/* BIT STRING of whole bytes. */
int der_expect_bits(struct str *rest, struct str *ret_bytes);

/* UTCTime or GeneralizedTime, in seconds since 1970. */
int der_expect_time(struct str *rest, int64_t *ret_time_s);

#endif
