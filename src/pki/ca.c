/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/ca.h"

#include <errno.h>
#include <unistd.h>

#include "base/date.h"
#include "base/err.h"
#include "pki/issue.h"
#include "pki/pem.h"
#include "sys/file.h"
#include "tls/digest.h"

enum { DAY_S = 86400, CA_DAYS = 3652, CA_FILE_MOST = 64 * 1024 };

static const char *text_of(const struct buf *path) {
    return (const char *)path->p;
}

static int say(struct buf *message, const struct buf *path, const char *what) {
    buf_format(message, "%s: %s", text_of(path), what);
    return ERR_INVALID;
}

static int say_err(struct buf *message, const struct buf *path, int err) {
    bool has_errno = err == ERR_SYSTEM || err == ERR_REFUSED || err == ERR_NOT_FOUND;

    buf_format(message, "%s: %s", text_of(path), has_errno ? strerror(errno) : err_text(err));
    return err;
}

static int init_paths(const char *folder, struct ca *ca) {
    buf_init(&ca->folder);
    buf_init(&ca->cert_path);
    buf_init(&ca->key_path);
    buf_init(&ca->pem);
    buf_str(&ca->folder, str_of(folder));
    file_join(&ca->cert_path, str_of(folder), STR(CA_CERT_FILE));
    file_join(&ca->key_path, str_of(folder), STR(CA_KEY_FILE));
    return ca->folder.failed || ca->cert_path.failed || ca->key_path.failed ? ERR_NO_MEMORY : 0;
}

void ca_fini(struct ca *ca) {
    buf_fini(&ca->folder);
    buf_fini(&ca->cert_path);
    buf_fini(&ca->key_path);
    buf_fini(&ca->pem);
    cert_fini(&ca->cert);
    key_free(ca->key);
    *ca = (struct ca){.key = NULL};
}

int ca_lock(const char *folder, struct file_lock *ret_lock) {
    struct buf path;
    int err;

    buf_init(&path);
    file_join(&path, str_of(folder), STR(".lock"));
    ret_lock->fd = -1;
    err = path.failed ? ERR_NO_MEMORY : file_lock(text_of(&path), ret_lock);
    buf_fini(&path);
    return err == ERR_REFUSED ? 0 : err;
}

static int load_cert(struct ca *ca, struct buf *message) {
    struct cert *chain;
    size_t n;
    int err = file_read(text_of(&ca->cert_path), CA_FILE_MOST, &ca->pem);

    if (err)
        return say_err(message, &ca->cert_path, err);
    err = cert_chain_read(buf_view(&ca->pem), &chain, &n);
    if (err == ERR_NO_MEMORY)
        return err;
    if (err)
        return say(message, &ca->cert_path,
                   "not a certificate in PEM form: move it away to have a new CA made");
    ca->cert = chain[0];
    chain[0] = (struct cert){.is_ca = false};
    cert_chain_free(chain, n);
    return 0;
}

static int load_key(struct ca *ca, struct buf *message) {
    struct buf pem;
    int err;

    buf_init(&pem);
    err = file_read(text_of(&ca->key_path), CA_FILE_MOST, &pem);
    if (err)
        say_err(message, &ca->key_path, err);
    else
        err = key_load(buf_view(&pem), &ca->key);
    pem_wipe(&pem);
    if (err && message->n == 0 && err != ERR_NO_MEMORY && err != ERR_SYSTEM)
        say(message, &ca->key_path,
            err == ERR_UNSUPPORTED ? "an encrypted key, or one of an unknown kind"
                                   : "not a private key in PEM form");
    return err;
}

static int check_ca(const struct ca *ca, int64_t now_s, struct buf *message) {
    char date[DATE_TEXT];

    if (!ca->cert.is_ca)
        return say(message, &ca->cert_path, "not the certificate of a CA");
    if (ca->key && !key_fits(ca->key, ca->cert.spki))
        return say(message, &ca->key_path,
                   "not the key of the certificate beside it, " CA_CERT_FILE);
    if (now_s <= ca->cert.not_after_s)
        return 0;
    date_rfc3339((uint64_t)ca->cert.not_after_s, date);
    buf_format(message,
               "%s: this CA ended on %.10s: move it and its key away to have a new one made",
               text_of(&ca->cert_path), date);
    return ERR_INVALID;
}

static int load(struct ca *ca, int64_t now_s, struct buf *message) {
    int err = load_cert(ca, message);

    if (!err && file_exists(text_of(&ca->key_path)))
        err = load_key(ca, message);
    return err ? err : check_ca(ca, now_s, message);
}

static int build(struct ca *ca, const struct ca_wish *wish, struct buf *der) {
    struct buf name, spki, extensions, common_name;
    uint8_t id[KEY_ID];
    struct str id_bytes = {(const char *)id, sizeof(id)};
    int err;

    buf_init(&name);
    buf_init(&spki);
    buf_init(&extensions);
    buf_init(&common_name);
    /* "CA" first: a long owner is cut */
    buf_format(&common_name, "h3gw CA %s", wish->owner);
    err = key_spki(ca->key, &spki);
    if (!err)
        err = issue_key_id(buf_view(&spki), id);
    if (!err && !common_name.failed) {
        struct issue issue = {.not_before_s = wish->now_s - DAY_S, .signer = ca->key};

        issue_name("h3gw development CA", text_of(&common_name), &name);
        issue_ca_constraint(&extensions);
        issue_key_usage(&extensions, USAGE_CERT_SIGN | USAGE_CRL_SIGN);
        issue_subject_key_id(&extensions, id_bytes);
        issue.issuer = buf_view(&name);
        issue.subject = buf_view(&name);
        issue.spki = buf_view(&spki);
        issue.extensions = buf_view(&extensions);
        issue.not_after_s = wish->now_s + (int64_t)CA_DAYS * DAY_S;
        err = issue_sign(&issue, der);
    }
    if (!err && (name.failed || extensions.failed || common_name.failed))
        err = ERR_NO_MEMORY;
    buf_fini(&common_name);
    buf_fini(&extensions);
    buf_fini(&spki);
    buf_fini(&name);
    return err;
}

/* The key first: a certificate without a key would look like a CA that lost it. */
static int write_files(struct ca *ca, struct buf *message) {
    struct buf key;
    int err;

    buf_init(&key);
    err = key_pem(ca->key, &key);
    if (!err) {
        err = file_write(text_of(&ca->key_path), buf_view(&key), 0600, FILE_NEW);
        if (err)
            say_err(message, &ca->key_path, err);
    }
    pem_wipe(&key);
    if (err)
        return err;
    err = file_write(text_of(&ca->cert_path), buf_view(&ca->pem), 0644, FILE_NEW);
    if (err) {
        say_err(message, &ca->cert_path, err);
        unlink(text_of(&ca->key_path));
    }
    return err;
}

static int make(struct ca *ca, const struct ca_wish *wish, struct buf *message) {
    struct buf der;
    int err = key_make(KEY_EC, 256, &ca->key);

    if (err)
        return err;
    buf_init(&der);
    err = build(ca, wish, &der);
    if (!err)
        err = cert_read(buf_view(&der), &ca->cert);
    if (!err) {
        pem_add(&ca->pem, "CERTIFICATE", buf_view(&der));
        err = ca->pem.failed ? ERR_NO_MEMORY : write_files(ca, message);
    }
    buf_fini(&der);
    ca->fresh = true;
    return err;
}

static int load_or_make(struct ca *ca, const struct ca_wish *wish, struct buf *message) {
    bool has_cert = file_exists(text_of(&ca->cert_path));
    bool has_key = file_exists(text_of(&ca->key_path));

    if (!has_cert && !has_key)
        return make(ca, wish, message);
    if (!has_cert)
        return say(message, &ca->key_path,
                   "a CA's key without its certificate, " CA_CERT_FILE
                   ": put that beside it, or move the key away to have a new CA made");
    if (!has_key)
        return say(message, &ca->cert_path,
                   "the key of this CA, " CA_KEY_FILE
                   ", is not beside it: without it nothing can be signed");
    return load(ca, wish->now_s, message);
}

static int open_locked(struct ca *ca, const struct ca_wish *wish, struct buf *message) {
    struct file_lock lock = {-1};
    int err = file_make_folders(wish->folder, 0755);

    if (err && !file_exists(text_of(&ca->cert_path)))
        return say_err(message, &ca->folder, err);
    err = ca_lock(wish->folder, &lock);
    if (err)
        return say_err(message, &ca->folder, err);
    err = load_or_make(ca, wish, message);
    file_unlock(&lock);
    return err;
}

static int finish(struct ca *ca, int err, struct ca *ret_ca, struct buf *message) {
    if (!err) {
        *ret_ca = *ca;
        return 0;
    }
    if (message->n == 0 && err == ERR_SYSTEM) /* of files it was told where it happened */
        say(message, &ca->folder, "the CA cannot be used: " RANDOM_ADVICE);
    else if (message->n == 0 && err != ERR_NOT_FOUND)
        buf_format(message, "the CA: %s", err_text(err));
    ca_fini(ca);
    return err;
}

int ca_open(const struct ca_wish *wish, struct ca *ret_ca, struct buf *message) {
    struct ca ca = {.key = NULL};
    int err = init_paths(wish->folder, &ca);

    if (!err)
        err = open_locked(&ca, wish, message);
    return finish(&ca, err, ret_ca, message);
}

int ca_load(const struct ca_wish *wish, struct ca *ret_ca, struct buf *message) {
    struct ca ca = {.key = NULL};
    int err = init_paths(wish->folder, &ca);

    if (!err)
        err = file_exists(text_of(&ca.cert_path)) ? load(&ca, wish->now_s, message) : ERR_NOT_FOUND;
    return finish(&ca, err, ret_ca, message);
}

int64_t ca_days_left(const struct ca *ca, int64_t now_s) {
    return (ca->cert.not_after_s - now_s) / DAY_S;
}
