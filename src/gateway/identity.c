/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/identity.h"

#include <unistd.h>

#include "base/err.h"
#include "pki/cert.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "pki/san.h"
#include "pki/store.h"
#include "sys/file.h"

enum { MAX_PEM = 1 << 20, MAX_BUNDLE = 8 << 20, MAX_NAMES = CONFIG_MAX_HOSTS + 4, HOST_NAME = 256 };

/* "*" takes any authority; no certificate can name that. */
static bool is_any(struct str host) {
    return str_eq(host, STR("*"));
}

static int read_pem(struct config *c, struct config_place place, struct str path, struct buf *to) {
    int err = file_read(path.p, MAX_PEM, to);

    if (err && err != ERR_NO_MEMORY) {
        config_error(c, place, "credential: cannot read %s: %s", path.p, err_text(err));
        return ERR_INVALID;
    }
    return err;
}

static void check_cover(struct config *c, const struct config_server *s, const struct cert *cert) {
    const struct config_credential *given = s->credential;

    for (size_t i = 0; i < s->options.hosts.n; i++)
        if (!is_any(s->options.hosts.v[i]) && !cert_covers(cert, s->options.hosts.v[i]))
            config_error(c, given->place,
                         "credential: " STR_FMT " does not cover the host " STR_FMT
                         " of [server " STR_FMT "]",
                         STR_ARG(given->options.cert), STR_ARG(s->options.hosts.v[i]),
                         STR_ARG(s->name));
}

/* Is what was read a certificate with its key, for these hosts, now? */
static int check_pair(struct config *c, const struct config_server *s, int64_t now_s,
                      struct identity *i) {
    const struct config_credential *given = s->credential;
    struct cert *chain = NULL;
    struct key *key = NULL;
    size_t n = 0, before = c->errors->n;
    int err = cert_chain_read(buf_view(&i->cert_pem), &chain, &n);

    if (err)
        config_error(c, given->place, "credential: " STR_FMT " has no certificate in PEM form: %s",
                     STR_ARG(given->options.cert), err_text(err));
    err = key_load(buf_view(&i->key_pem), &key);
    if (err)
        config_error(c, given->place, "credential: " STR_FMT " has no usable private key: %s",
                     STR_ARG(given->options.key), err_text(err));
    if (n && key && !key_fits(key, chain[0].spki))
        config_error(c, given->place, "credential: the key " STR_FMT " does not belong to " STR_FMT,
                     STR_ARG(given->options.key), STR_ARG(given->options.cert));
    if (n) {
        check_cover(c, s, &chain[0]);
        cert_spki_hash(&chain[0], &i->spki_hash);
        if (chain[0].not_after_s < now_s)
            config_error(c, given->place, "credential: " STR_FMT " has expired",
                         STR_ARG(given->options.cert));
    }
    if (n) {
        i->cert = chain[0];
        chain[0] = (struct cert){0};
    }
    key_free(key);
    cert_chain_free(chain, n);
    return c->errors->n > before ? ERR_INVALID : 0;
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
    if (err && !(w->only_look && err == ERR_NOT_FOUND)) {
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
        if (err && !(w->only_look && err == ERR_NOT_FOUND))
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

/* The bindings do not know of tunnels yet. */
static int refuse_passthrough(struct config *c, const struct config_server *s) {
    config_error(c, config_at(s->place, "tls"),
                 "tls: passthrough cannot be served yet; check, listeners and upstreams know it");
    return ERR_INVALID;
}

int identity_load(struct config *c, const struct identity_wish *wish,
                  struct identity *ret_identity) {
    struct identity i = {0};
    const struct config_credential *given = wish->server->credential;
    if (config_passthrough(wish->server))
        return refuse_passthrough(c, wish->server);
    int err = given && given->options.cert.n ? load_given(c, wish->server, wish->now_s, &i)
                                             : load_automatic(c, wish, &i);

    if (!err && given && given->options.client_ca.n)
        err = read_pem(c, config_at(given->place, "client-ca"), given->options.client_ca,
                       &i.client_ca_pem);

    if (err)
        identity_fini(&i);
    else
        *ret_identity = i;
    return err;
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
