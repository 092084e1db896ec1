/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/identity.h"

#include <unistd.h>

#include "base/date.h"
#include "base/err.h"
#include "pki/cert.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "pki/san.h"
#include "pki/store.h"
#include "sys/file.h"

enum { DAY_S = 86400, SOON_DAYS = 30 }; /* a month is enough to ask for a new certificate */
enum { MAX_PEM = 1 << 20, MAX_BUNDLE = 8 << 20, MAX_NAMES = CONFIG_MAX_HOSTS + 4, HOST_NAME = 256 };

/* "*" takes any authority; no certificate can name that. */
static bool is_any(struct str host) {
    return str_eq(host, STR("*"));
}

static int read_pem(struct config *c, struct config_place place, struct str path, struct buf *to) {
    int err = file_read(path.p, MAX_PEM, to);

    if (err && err != ERR_NO_MEMORY) {
        config_error(c, place, "credential: cannot read %s: %s", path.p, file_problem(err));
        return ERR_INVALID;
    }
    return err;
}

static void check_cover(struct config *c, const struct config_server *s, const struct cert *cert) {
    const struct config_credential *given = s->credential;
    struct config_place place = config_at(given->place, "cert");

    for (size_t i = 0; i < s->options.hosts.n; i++)
        if (!is_any(s->options.hosts.v[i]) && !cert_covers(cert, s->options.hosts.v[i]))
            config_error(c, place,
                         "credential: " STR_FMT " does not cover the host " STR_FMT
                         " of [server " STR_FMT "] (" STR_FMT ")",
                         STR_ARG(given->options.cert), STR_ARG(s->options.hosts.v[i]),
                         STR_ARG(s->name),
                         STR_ARG(config_where(c, place, config_at_item(s->place, "hosts", i))));
}

static void check_time(struct config *c, const struct config_credential *given, int64_t now_s,
                       struct identity *i) {
    struct config_place place = config_at(given->place, "cert");
    int64_t days = (i->cert.not_after_s - now_s) / DAY_S;
    char date[DATE_TEXT];

    if (i->cert.not_after_s < now_s)
        config_error(c, place, "credential: " STR_FMT " has expired, on %s",
                     STR_ARG(given->options.cert), date_imf((uint64_t)i->cert.not_after_s, date));
    else if (i->cert.not_before_s > now_s)
        config_error(c, place,
                     "credential: " STR_FMT " is not valid before %s: is the clock right?",
                     STR_ARG(given->options.cert), date_imf((uint64_t)i->cert.not_before_s, date));
    else if (days < SOON_DAYS)
        buf_format(&i->warning, "%s of [credential " STR_FMT "] ends in %lld days",
                   given->options.cert.p, STR_ARG(given->name), (long long)days);
}

/* The first certificate of the file. 0, ERR_NO_MEMORY, ERR_INVALID: told. */
static int read_leaf(struct config *c, const struct config_credential *given, struct identity *i) {
    struct cert *chain = NULL;
    size_t n = 0;
    int err = cert_chain_read(buf_view(&i->cert_pem), &chain, &n);

    if (err == ERR_NO_MEMORY)
        return err;
    if (err) {
        config_error(c, config_at(given->place, "cert"),
                     "credential: " STR_FMT " has no certificate in PEM form",
                     STR_ARG(given->options.cert));
        return ERR_INVALID;
    }
    i->cert = chain[0];
    chain[0] = (struct cert){0};
    cert_chain_free(chain, n);
    return cert_spki_hash(&i->cert, &i->spki_hash);
}

/* Is what was read a certificate with its key, for these hosts, now? */
static int check_pair(struct config *c, const struct config_server *s, int64_t now_s,
                      struct identity *i) {
    const struct config_credential *given = s->credential;
    struct config_place place = config_at(given->place, "key");
    struct key *key = NULL;
    size_t before = c->errors->n;
    int cert_err = read_leaf(c, given, i), err = key_load(buf_view(&i->key_pem), &key);

    if (err && err != ERR_NO_MEMORY)
        config_error(c, place,
                     "credential: " STR_FMT " has no private key that can be used: PEM without a "
                     "password is wanted",
                     STR_ARG(given->options.key));
    if (!cert_err && key && !key_fits(key, i->cert.spki))
        config_error(c, place, "credential: the key " STR_FMT " does not belong to " STR_FMT,
                     STR_ARG(given->options.key), STR_ARG(given->options.cert));
    if (!cert_err) {
        check_cover(c, s, &i->cert);
        check_time(c, given, now_s, i);
    }
    key_free(key);
    if (cert_err == ERR_NO_MEMORY || err == ERR_NO_MEMORY)
        return ERR_NO_MEMORY;
    if (c->errors->failed)
        return ERR_NO_MEMORY; /* what was to be told may have been about this one */
    return cert_err || err || c->errors->n > before ? ERR_INVALID : 0;
}

static int load_given(struct config *c, const struct config_server *s, int64_t now_s,
                      struct identity *i) {
    const struct config_credential *given = s->credential;
    int err = read_pem(c, config_at(given->place, "cert"), given->options.cert, &i->cert_pem);
    int key_err = read_pem(c, config_at(given->place, "key"), given->options.key, &i->key_pem);

    if (err || key_err)
        return err ? err : key_err;
    return check_pair(c, s, now_s, i);
}

static int load_client_ca(struct config *c, const struct config_credential *given,
                          struct identity *i) {
    struct config_place place = config_at(given->place, "client-ca");
    struct cert *chain = NULL;
    size_t n = 0;
    int err = read_pem(c, place, given->options.client_ca, &i->client_ca_pem);

    if (err)
        return err;
    err = cert_chain_read(buf_view(&i->client_ca_pem), &chain, &n);
    if (err && err != ERR_NO_MEMORY)
        config_error(c, place, "credential: " STR_FMT " has no certificate in PEM form",
                     STR_ARG(given->options.client_ca));
    cert_chain_free(chain, n);
    return err && err != ERR_NO_MEMORY ? ERR_INVALID : err;
}

static bool is_name(struct str text) {
    struct san san;
    struct buf message;
    bool fine;

    buf_init(&message);
    fine = san_parse(text, &san, &message) == 0;
    buf_fini(&message);
    return fine;
}

/* What the leaf is for: the hosts; and for servers of flags this machine's own names. */
static size_t names_of(const struct config_server *s, char host_name[HOST_NAME],
                       struct str names[MAX_NAMES]) {
    size_t n = 0;
    bool any = s->any_host || s->options.hosts.n == 0;

    for (size_t i = 0; i < s->options.hosts.n; i++)
        any = any || is_any(s->options.hosts.v[i]);
    if (any) {
        names[n++] = STR("localhost");
        names[n++] = STR("127.0.0.1");
        names[n++] = STR("::1");
        host_name[HOST_NAME - 1] = '\0';
        if (!gethostname(host_name, HOST_NAME - 1) && is_name(str_of(host_name)))
            names[n++] = str_of(host_name);
    }
    for (size_t i = 0; i < s->options.hosts.n && n < MAX_NAMES; i++)
        if (!is_any(s->options.hosts.v[i]))
            names[n++] = s->options.hosts.v[i];
    return n;
}

static int take_leaf(struct identity *i, struct store_leaf *leaf) {
    buf_str(&i->cert_pem, buf_view(&leaf->chain_pem));
    buf_str(&i->key_pem, buf_view(&leaf->key_pem));
    buf_str(&i->warning, buf_view(&leaf->warning));
    cert_spki_hash(&leaf->cert, &i->spki_hash);
    i->cert = leaf->cert;
    leaf->cert = (struct cert){0};
    store_leaf_fini(leaf);
    return i->cert_pem.failed || i->key_pem.failed ? ERR_NO_MEMORY : 0;
}

static int make_leaf(struct config *c, const struct identity_wish *w, struct identity *i) {
    char host_name[HOST_NAME];
    struct str names[MAX_NAMES];
    struct store_wish wish = {names, names_of(w->server, host_name, names), w->now_s};
    struct store_leaf leaf;
    struct buf message;
    int err;

    buf_init(&message);
    err = (w->only_look ? store_find : store_get)(&i->ca, &wish, &leaf, &message);
    if (err && err != ERR_NO_MEMORY && !(w->only_look && err == ERR_NOT_FOUND)) {
        config_error(c, config_at(w->server->place, "hosts"), "cannot make a certificate: " STR_FMT,
                     STR_ARG(buf_view(&message)));
        err = ERR_INVALID;
    }
    buf_fini(&message);
    return err ? err : take_leaf(i, &leaf);
}

/* Are these very lines of base64 in the bundle that OpenSSL, curl and Go read here? */
static bool trusted_here(const struct ca *ca) {
    static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    struct str pem = str_trim(buf_view(&ca->pem));
    bool found = false;

    for (size_t i = 0; i < sizeof bundles / sizeof bundles[0] && pem.n && !found; i++) {
        struct buf bundle;
        buf_init(&bundle);
        if (!file_read(bundles[i], MAX_BUNDLE, &bundle) && bundle.n)
            found = memmem(bundle.p, bundle.n, pem.p, pem.n) != NULL;
        buf_fini(&bundle);
    }
    return found;
}

static int open_ca(struct config *c, const struct identity_wish *w, struct identity *i) {
    struct buf folder, owner, message;
    int err;

    buf_init(&folder);
    buf_init(&owner);
    buf_init(&message);
    place_owner(w->env, &owner);
    err = place_ca_root(w->env, &folder);
    if (err) {
        config_error(c, w->server->place,
                     "no place for the CA: set H3GW_CAROOT or HOME to a folder, or give "
                     "--cert and --key");
    } else {
        struct ca_wish wish = {(const char *)folder.p, (const char *)owner.p, w->now_s};
        err = (w->only_look ? ca_load : ca_open)(&wish, &i->ca, &message);
        if (err && err != ERR_NO_MEMORY && !(w->only_look && err == ERR_NOT_FOUND))
            config_error(c, w->server->place, STR_FMT, STR_ARG(buf_view(&message)));
    }
    buf_fini(&folder);
    buf_fini(&owner);
    buf_fini(&message);
    return err;
}

static int load_automatic(struct config *c, const struct identity_wish *w, struct identity *i) {
    int64_t days;
    int err = open_ca(c, w, i);

    if (err)
        return err;
    i->automatic = true;
    i->ca_trusted = trusted_here(&i->ca);
    err = make_leaf(c, w, i);
    days = ca_days_left(&i->ca, w->now_s);
    if (!err && days < CA_SOON_DAYS)
        buf_format(&i->warning, "%sthe CA %s ends in %lld days: remove it and trust the next one",
                   i->warning.n ? "; " : "", (const char *)i->ca.cert_path.p, (long long)days);
    return err;
}

int identity_load(struct config *c, const struct identity_wish *wish,
                  struct identity *ret_identity) {
    struct identity i = {0};
    const struct config_credential *given = wish->server->credential;
    if (config_passthrough(wish->server)) { /* its upstream shows one */
        *ret_identity = i;
        return 0;
    }
    int err = given && given->options.cert.n ? load_given(c, wish->server, wish->now_s, &i)
                                             : load_automatic(c, wish, &i);
    int ca_err = given && given->options.client_ca.n ? load_client_ca(c, given, &i) : 0;

    err = err ? err : ca_err;
    if (err)
        identity_fini(&i);
    else
        *ret_identity = i;
    return err;
}

int identity_check(struct config *c, const struct config_server *s, int64_t now_s,
                   struct buf *warning) {
    const struct config_credential *given = s->credential;
    struct identity i = {0};
    int err = 0, ca_err = 0;

    if (given && given->options.cert.n && given->options.key.n)
        err = load_given(c, s, now_s, &i);
    if (given && given->options.client_ca.n)
        ca_err = load_client_ca(c, given, &i);
    buf_str(warning, buf_view(&i.warning));
    identity_fini(&i);
    return err ? err : ca_err;
}

void identity_fini(struct identity *i) {
    buf_fini(&i->cert_pem);
    pem_wipe(&i->key_pem);
    buf_fini(&i->client_ca_pem);
    buf_fini(&i->spki_hash);
    buf_fini(&i->warning);
    cert_fini(&i->cert);
    if (i->automatic)
        ca_fini(&i->ca);
}
