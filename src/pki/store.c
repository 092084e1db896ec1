/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "pki/leaf.h"
#include "pki/pem.h"
#include "sys/file.h"
#include "tls/digest.h"

enum { LEAF_FILE_MOST = 64 * 1024, HASH_BYTES = 8 };

/* What is asked for, in the form in which it is compared. */
struct request {
    const struct ca *ca;
    struct san *sans;
    size_t n_sans;
    struct buf names; /* as in the certificate */
    int64_t now_s;
};

static const char *text_of(const struct buf *b) {
    return (const char *)b->p;
}

static int compare_sans(const void *a, const void *b) {
    const struct san *left = a, *right = b;

    if (left->kind != right->kind)
        return (int)left->kind - (int)right->kind;
    return strcmp(left->text, right->text);
}

static void drop_doubles(struct request *r) {
    size_t n = 0;

    for (size_t i = 0; i < r->n_sans; i++)
        if (n == 0 || compare_sans(&r->sans[n - 1], &r->sans[i]))
            r->sans[n++] = r->sans[i];
    r->n_sans = n;
}

static void request_fini(struct request *r) {
    free(r->sans);
    buf_fini(&r->names);
}

static int request_init(struct request *r, const struct ca *ca, const struct store_wish *wish,
                        struct buf *message) {
    int err = 0;

    *r = (struct request){.ca = ca, .now_s = wish->now_s};
    buf_init(&r->names);
    if (wish->n_names == 0 || wish->n_names > LEAF_NAMES_MOST) {
        buf_format(message, "a certificate has 1 to %d names, not %zu", LEAF_NAMES_MOST,
                   wish->n_names);
        return ERR_INVALID;
    }
    r->sans = calloc(wish->n_names, sizeof(*r->sans));
    if (!r->sans)
        return ERR_NO_MEMORY;
    for (; r->n_sans < wish->n_names && !err; r->n_sans++)
        err = san_parse(wish->names[r->n_sans], &r->sans[r->n_sans], message);
    if (!err) {
        qsort(r->sans, r->n_sans, sizeof(*r->sans), compare_sans);
        drop_doubles(r);
        san_write(r->sans, r->n_sans, &r->names);
        err = r->names.failed ? ERR_NO_MEMORY : 0;
    }
    if (err)
        request_fini(r);
    return err;
}

static int make_paths(const struct request *r, struct store_leaf *leaf) {
    uint8_t hash[32];
    char hex[2 * HASH_BYTES + 1];

    digest_sha256(buf_view(&r->names), hash);
    hex_encode(hash, HASH_BYTES, hex);
    buf_format(&leaf->cert_path, "%s/leaf-%s.pem", text_of(&r->ca->folder), hex);
    buf_format(&leaf->key_path, "%s/leaf-%s-key.pem", text_of(&r->ca->folder), hex);
    return leaf->cert_path.failed || leaf->key_path.failed ? ERR_NO_MEMORY : 0;
}

int64_t store_renew_at(const struct cert *cert) {
    return cert->not_after_s - (cert->not_after_s - cert->not_before_s) / 3;
}

static bool is_good(const struct request *r, const struct cert *cert, struct key *key) {
    return str_eq(cert->sans, buf_view(&r->names)) && cert->not_before_s <= r->now_s &&
           r->now_s < store_renew_at(cert) && cert_issued_by(cert, &r->ca->cert, r->ca->key) &&
           key_fits(key, cert->spki);
}

static int take_if_good(const struct request *r, struct cert *chain, struct store_leaf *leaf) {
    struct key *key;
    int err = key_load(buf_view(&leaf->key_pem), &key);

    if (err)
        return err;
    if (is_good(r, &chain[0], key)) {
        leaf->cert = chain[0];
        chain[0] = (struct cert){.is_ca = false};
    } else {
        err = ERR_NOT_FOUND;
    }
    key_free(key);
    return err;
}

/* Whatever is wrong with the kept one, the answer is a new one. */
static int load_kept(const struct request *r, struct store_leaf *leaf) {
    struct cert *chain;
    size_t n;
    int err = file_read(text_of(&leaf->cert_path), LEAF_FILE_MOST, &leaf->chain_pem);

    if (!err)
        err = file_read(text_of(&leaf->key_path), LEAF_FILE_MOST, &leaf->key_pem);
    if (!err)
        err = cert_chain_read(buf_view(&leaf->chain_pem), &chain, &n);
    if (!err) {
        err = take_if_good(r, chain, leaf);
        cert_chain_free(chain, n);
    }
    if (err) {
        buf_fini(&leaf->chain_pem);
        pem_wipe(&leaf->key_pem);
    }
    return err;
}

static int make_with(const struct request *r, struct key *key, struct store_leaf *leaf) {
    struct leaf_wish wish = {
        .sans = r->sans,
        .n_sans = r->n_sans,
        .key = key,
        .now_s = r->now_s,
        .days = LEAF_DAYS_AUTOMATIC,
    };
    struct buf der;
    int err;

    buf_init(&der);
    err = leaf_issue(r->ca, &wish, &der);
    if (!err)
        err = cert_read(buf_view(&der), &leaf->cert);
    if (!err) {
        pem_add(&leaf->chain_pem, "CERTIFICATE", buf_view(&der));
        err = leaf->chain_pem.failed ? ERR_NO_MEMORY : key_pem(key, &leaf->key_pem);
    }
    buf_fini(&der);
    return err;
}

static int make(const struct request *r, struct store_leaf *leaf) {
    struct key *key;
    int err = key_make(KEY_EC, 256, &key);

    if (err)
        return err;
    err = make_with(r, key, leaf);
    key_free(key);
    leaf->fresh = true;
    return err;
}

/* A full disk or a folder that others own does not keep the gateway from starting. */
static void keep(struct store_leaf *leaf) {
    int err = file_write(text_of(&leaf->key_path), buf_view(&leaf->key_pem), 0600, FILE_OVERWRITE);

    if (!err)
        err =
            file_write(text_of(&leaf->cert_path), buf_view(&leaf->chain_pem), 0644, FILE_OVERWRITE);
    if (!err)
        return;
    buf_format(&leaf->warning, "the certificate could not be kept as %s: %s",
               text_of(&leaf->cert_path), err == ERR_NO_MEMORY ? err_text(err) : strerror(errno));
    buf_reset(&leaf->cert_path);
    buf_reset(&leaf->key_path);
}

static int load_or_make(const struct request *r, struct store_leaf *leaf) {
    struct file_lock lock = {-1};
    int err = make_paths(r, leaf);

    if (err)
        return err;
    /* Without the lock the worst is a pair that does not fit, which is then made again. */
    ca_lock(text_of(&r->ca->folder), &lock);
    if (load_kept(r, leaf)) {
        err = make(r, leaf);
        if (!err)
            keep(leaf);
    }
    file_unlock(&lock);
    return err;
}

static int look(const struct request *r, struct store_leaf *leaf) {
    int err = make_paths(r, leaf);

    if (!err && load_kept(r, leaf))
        err = ERR_NOT_FOUND;
    return err;
}

static int get(const struct ca *ca, const struct store_wish *wish, struct store_leaf *ret_leaf,
               struct buf *message, int (*how)(const struct request *, struct store_leaf *)) {
    struct store_leaf leaf = {.fresh = false};
    struct request r;
    int err = ca->key ? request_init(&r, ca, wish, message) : ERR_INVALID;

    if (!err) {
        err = how(&r, &leaf);
        request_fini(&r);
    }
    if (!err) {
        *ret_leaf = leaf;
        return 0;
    }
    store_leaf_fini(&leaf);
    if (message->n == 0)
        buf_format(message, "the certificate: %s",
                   err == ERR_SYSTEM ? RANDOM_ADVICE : err_text(err));
    return err;
}

int store_get(const struct ca *ca, const struct store_wish *wish, struct store_leaf *ret_leaf,
              struct buf *message) {
    return get(ca, wish, ret_leaf, message, load_or_make);
}

int store_find(const struct ca *ca, const struct store_wish *wish, struct store_leaf *ret_leaf,
               struct buf *message) {
    return get(ca, wish, ret_leaf, message, look);
}

int store_make(const struct ca *ca, const struct store_wish *wish, struct store_leaf *ret_leaf,
               struct buf *message) {
    return get(ca, wish, ret_leaf, message, make);
}

void store_leaf_fini(struct store_leaf *leaf) {
    buf_fini(&leaf->chain_pem);
    pem_wipe(&leaf->key_pem);
    buf_fini(&leaf->cert_path);
    buf_fini(&leaf->key_path);
    buf_fini(&leaf->warning);
    cert_fini(&leaf->cert);
}
