/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/leaf.h"

#include "base/err.h"
#include "pki/der.h"
#include "pki/issue.h"

enum { HOUR_S = 3600, DAY_S = 86400, COMMON_NAME_MOST = 64 };

static bool has_mail(const struct leaf_wish *wish) {
    for (size_t i = 0; i < wish->n_sans; i++)
        if (wish->sans[i].kind == SAN_MAIL)
            return true;
    return false;
}

static void add_extended_usage(const struct leaf_wish *wish, struct buf *to) {
    struct buf value;
    size_t list;

    buf_init(&value);
    list = der_begin(&value, DER_SEQUENCE);
    der_add(&value, DER_OID, OID_SERVER_AUTH);
    if (wish->client)
        der_add(&value, DER_OID, OID_CLIENT_AUTH);
    if (has_mail(wish))
        der_add(&value, DER_OID, OID_MAIL_PROTECTION);
    der_end(&value, list);
    to->failed |= value.failed;
    issue_extension(to, OID_EKU, false, buf_view(&value));
    buf_fini(&value);
}

static void add_names(const struct leaf_wish *wish, struct buf *to) {
    struct buf value;

    buf_init(&value);
    san_write(wish->sans, wish->n_sans, &value);
    to->failed |= value.failed;
    issue_extension(to, OID_SAN, false, buf_view(&value));
    buf_fini(&value);
}

/* RSA keys also decrypt what TLS 1.2 without forward secrecy sends; some clients look. */
static unsigned usage_of(const struct key *key) {
    return USAGE_SIGNATURE | (key_kind(key) == KEY_RSA ? USAGE_KEY_ENCIPHERMENT : 0);
}

static int add_extensions(const struct ca *ca, const struct leaf_wish *wish, struct str spki,
                          struct buf *to) {
    uint8_t id[KEY_ID];
    int err = issue_key_id(spki, id);

    if (err)
        return err;
    issue_leaf_constraint(to);
    issue_key_usage(to, usage_of(wish->key));
    add_extended_usage(wish, to);
    add_names(wish, to);
    issue_subject_key_id(to, (struct str){(const char *)id, sizeof(id)});
    if (ca->cert.ski.n > 0)
        issue_authority_key_id(to, ca->cert.ski);
    return to->failed ? ERR_NO_MEMORY : 0;
}

static int64_t not_before(const struct ca *ca, int64_t now_s) {
    int64_t begin = now_s - HOUR_S;

    return begin > ca->cert.not_before_s ? begin : ca->cert.not_before_s;
}

static int64_t not_after(const struct ca *ca, const struct leaf_wish *wish) {
    int64_t end = wish->now_s + (int64_t)wish->days * DAY_S - HOUR_S;

    return end < ca->cert.not_after_s ? end : ca->cert.not_after_s;
}

static int sign(const struct ca *ca, const struct leaf_wish *wish, struct str spki,
                struct buf *to) {
    const char *first = wish->sans[0].text;
    struct buf subject, extensions;
    int err;

    buf_init(&subject);
    buf_init(&extensions);
    issue_name("h3gw development certificate", strlen(first) <= COMMON_NAME_MOST ? first : NULL,
               &subject);
    err = subject.failed ? ERR_NO_MEMORY : add_extensions(ca, wish, spki, &extensions);
    if (!err) {
        struct issue issue = {
            .issuer = ca->cert.subject,
            .subject = buf_view(&subject),
            .spki = spki,
            .extensions = buf_view(&extensions),
            .not_before_s = not_before(ca, wish->now_s),
            .not_after_s = not_after(ca, wish),
            .signer = ca->key,
        };
        err = issue_sign(&issue, to);
    }
    buf_fini(&extensions);
    buf_fini(&subject);
    return err;
}

int leaf_issue(const struct ca *ca, const struct leaf_wish *wish, struct buf *to) {
    struct buf spki;
    int err;

    if (!ca->key || wish->n_sans == 0 || wish->n_sans > LEAF_NAMES_MOST)
        return ERR_INVALID;
    if (not_after(ca, wish) <= not_before(ca, wish->now_s))
        return ERR_INVALID;
    buf_init(&spki);
    err = key_spki(wish->key, &spki);
    if (!err)
        err = sign(ca, wish, buf_view(&spki), to);
    buf_fini(&spki);
    return err;
}
