/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/issue.h"

#include "base/err.h"
#include "pki/der.h"
#include "tls/digest.h"

enum { SERIAL = 16, NAME_MOST = 64 };

static void add_attribute(struct buf *to, struct str oid, const char *text) {
    size_t set = der_begin(to, DER_SET);
    size_t attribute = der_begin(to, DER_SEQUENCE);
    size_t value;

    der_add(to, DER_OID, oid);
    value = der_begin(to, DER_UTF8);
    for (size_t i = 0; text[i] && i < NAME_MOST; i++)
        buf_char(to, text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    der_end(to, value);
    der_end(to, attribute);
    der_end(to, set);
}

void issue_name(const char *organisation, const char *common_name, struct buf *to) {
    size_t name = der_begin(to, DER_SEQUENCE);

    add_attribute(to, OID_O, organisation);
    if (common_name)
        add_attribute(to, OID_CN, common_name);
    der_end(to, name);
}

void issue_extension(struct buf *to, struct str oid, bool critical, struct str value) {
    size_t extension = der_begin(to, DER_SEQUENCE);

    der_add(to, DER_OID, oid);
    if (critical) /* FALSE is the default, which DER leaves out */
        der_add(to, DER_BOOLEAN, STR("\xff"));
    der_add(to, DER_OCTET_STRING, value);
    der_end(to, extension);
}

/* Named bits: trailing zeros are left out. */
void issue_key_usage(struct buf *to, unsigned bits) {
    uint8_t value[4] = {DER_BIT_STRING, 2, 0, 0};
    unsigned highest = 0;

    for (unsigned bit = 0; bit < 8; bit++)
        if (bits & (1u << bit)) {
            value[3] |= (uint8_t)(0x80 >> bit);
            highest = bit;
        }
    value[2] = (uint8_t)(7 - highest);
    issue_extension(to, OID_KEY_USAGE, true, (struct str){(const char *)value, sizeof(value)});
}

void issue_ca_constraint(struct buf *to) {
    issue_extension(to, OID_CONSTRAINTS, true, STR("\x30\x06\x01\x01\xff\x02\x01\x00"));
}

void issue_leaf_constraint(struct buf *to) {
    issue_extension(to, OID_CONSTRAINTS, true, STR("\x30\x00"));
}

static void add_key_id(struct buf *to, struct str oid, struct str prefix, struct str id) {
    struct buf value;

    buf_init(&value);
    buf_str(&value, prefix);
    buf_str(&value, id);
    if (value.failed)
        to->failed = true;
    issue_extension(to, oid, false, buf_view(&value));
    buf_fini(&value);
}

void issue_subject_key_id(struct buf *to, struct str id) {
    char prefix[2] = {DER_OCTET_STRING, (char)id.n};

    add_key_id(to, OID_SKI, (struct str){prefix, sizeof(prefix)}, id);
}

void issue_authority_key_id(struct buf *to, struct str id) {
    char prefix[4] = {DER_SEQUENCE, (char)(id.n + 2), (char)DER_CONTEXT, (char)id.n};

    add_key_id(to, OID_AKI, (struct str){prefix, sizeof(prefix)}, id);
}

int issue_key_id(struct str spki, uint8_t to[KEY_ID]) {
    struct str body, algorithm, bits;
    uint8_t hash[32];

    if (der_expect(&spki, DER_SEQUENCE, &body) || der_expect(&body, DER_SEQUENCE, &algorithm) ||
        der_expect_bits(&body, &bits))
        return ERR_INVALID;
    digest_sha256(bits, hash);
    memcpy(to, hash, KEY_ID);
    return 0;
}

static int add_serial(struct buf *to) {
    uint8_t serial[SERIAL];
    int err = random_bytes(serial, sizeof(serial));

    if (err)
        return err;
    serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and always of the same length */
    der_add_number(to, (struct str){(const char *)serial, sizeof(serial)});
    return 0;
}

static int write_tbs(const struct issue *issue, struct buf *to) {
    size_t tbs = der_begin(to, DER_SEQUENCE), part, list;
    int err;

    der_add(to, DER_CONSTRUCTED, STR("\x02\x01\x02")); /* v3 */
    err = add_serial(to);
    if (err)
        return err;
    key_algorithm(issue->signer, to);
    buf_str(to, issue->issuer);
    part = der_begin(to, DER_SEQUENCE);
    der_add_time(to, issue->not_before_s);
    der_add_time(to, issue->not_after_s);
    der_end(to, part);
    buf_str(to, issue->subject);
    buf_str(to, issue->spki);
    part = der_begin(to, DER_CONSTRUCTED + 3);
    list = der_begin(to, DER_SEQUENCE);
    buf_str(to, issue->extensions);
    der_end(to, list);
    der_end(to, part);
    der_end(to, tbs);
    return to->failed ? ERR_NO_MEMORY : 0;
}

static int write_signed(const struct issue *issue, struct str tbs, struct buf *to) {
    struct buf signature;
    size_t cert;
    int err;

    buf_init(&signature);
    err = key_sign(issue->signer, tbs, &signature);
    if (!err) {
        cert = der_begin(to, DER_SEQUENCE);
        buf_str(to, tbs);
        key_algorithm(issue->signer, to);
        der_add_bits(to, buf_view(&signature));
        der_end(to, cert);
        err = to->failed ? ERR_NO_MEMORY : 0;
    }
    buf_fini(&signature);
    return err;
}

int issue_sign(const struct issue *issue, struct buf *to) {
    struct buf tbs;
    int err;

    buf_init(&tbs);
    err = write_tbs(issue, &tbs);
    if (!err)
        err = write_signed(issue, buf_view(&tbs), to);
    buf_fini(&tbs);
    return err;
}
