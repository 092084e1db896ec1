/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_cert.h"

#include "base/err.h"
#include "gateway/dump/dump_names.h"
#include "sys/file.h"

enum { MAX_PEM = 1 << 20, PER_SERVER = 3 }; /* its own, its clients' CA, the local CA */

const struct dump_cert *dump_certs_find(const struct dump_certs *d, struct str name) {
    for (size_t i = 0; i < d->n; i++)
        if (str_eq(d->v[i].name, name))
            return &d->v[i];
    return NULL;
}

bool dump_cert_is_valid(const struct dump_cert *cert, int64_t now_s) {
    return cert->there && cert->cert.not_before_s <= now_s && now_s <= cert->cert.not_after_s;
}

/* A new one, or NULL: it is there already. */
static struct dump_cert *add(struct dump_certs *d, struct str name, bool is_ca) {
    if (dump_certs_find(d, name))
        return NULL;
    d->v[d->n] = (struct dump_cert){.name = name, .is_ca = is_ca};
    return &d->v[d->n++];
}

/* The leaf alone counts; the rest of the chain is in the PEM. */
static int take_pem(struct dump_cert *to) {
    struct cert *chain;
    size_t n;
    int err = cert_chain_read(buf_view(&to->pem), &chain, &n);

    if (err)
        return err;
    to->cert = chain[0];
    to->there = true;
    chain[0] = (struct cert){0};
    cert_chain_free(chain, n);
    return 0;
}

static int add_file(struct dump_certs *d, struct str name, struct str path, bool is_ca) {
    struct dump_cert *to = name.p ? add(d, name, is_ca) : NULL;
    int err;

    if (!name.p)
        return ERR_NO_MEMORY;
    if (!to)
        return 0;
    err = file_read(path.p, MAX_PEM, &to->pem);
    if (!err)
        err = take_pem(to);
    return err == ERR_NO_MEMORY ? err : 0;
}

static int copy_pem(struct dump_cert *to, struct str pem) {
    if (!to)
        return 0;
    buf_str(&to->pem, pem);
    int err = to->pem.failed ? ERR_NO_MEMORY : take_pem(to);
    return err == ERR_NO_MEMORY ? err : 0;
}

/* What the local CA has made for it, and the CA. */
static int add_automatic(struct dump_certs *d, struct config *c, place_env *env,
                         const struct config_server *s) {
    struct identity_wish wish = {.server = s, .env = env, .now_s = d->now_s, .only_look = true};
    struct str name = dump_secret_name(&d->arena, s);
    struct dump_cert *own = name.p ? add(d, name, false) : NULL;
    size_t errors = c->errors->n;
    struct identity i;
    int err = name.p ? identity_load(c, &wish, &i) : ERR_NO_MEMORY;

    /* It is for `h3gw check` to tell what is wrong. */
    if (c->errors->n > errors)
        c->errors->p[c->errors->n = errors] = '\0';
    if (err)
        return err == ERR_NO_MEMORY ? err : 0;
    err = copy_pem(own, buf_view(&i.cert_pem));
    if (!err)
        err = copy_pem(add(d, DUMP_ROOT_NAME, true), buf_view(&i.ca.pem));
    identity_fini(&i);
    return err;
}

static int add_server(struct dump_certs *d, struct config *c, place_env *env,
                      const struct config_server *s) {
    const struct config_credential *o = s->credential;
    int err = dump_is_given(s)
                  ? add_file(d, dump_credential_name(&d->arena, o), o->options.cert, false)
                  : add_automatic(d, c, env, s);

    if (!err && o && o->options.client_ca.n)
        err = add_file(d, dump_client_ca_name(&d->arena, o), o->options.client_ca, true);
    return err;
}

static int begin(struct dump_certs *d, const struct config *c, int64_t now_s) {
    *d = (struct dump_certs){.now_s = now_s};
    arena_init(&d->arena, NULL, 0);
    d->v = arena_zalloc(&d->arena, (PER_SERVER * c->n_servers + 1) * sizeof *d->v);
    return d->v ? 0 : ERR_NO_MEMORY;
}

int dump_certs_load(struct dump_certs *d, struct config *c, place_env *env, int64_t now_s) {
    int err = begin(d, c, now_s);

    for (size_t i = 0; !err && i < c->n_servers; i++)
        if (!config_passthrough(c->servers[i]))
            err = add_server(d, c, env, c->servers[i]);
    if (err)
        dump_certs_fini(d);
    return err;
}

static int add_identity(struct dump_certs *d, const struct config_server *s,
                        const struct identity *i) {
    const struct config_credential *o = s->credential;
    struct str name = dump_secret_name(&d->arena, s);
    int err = name.p ? copy_pem(add(d, name, false), buf_view(&i->cert_pem)) : ERR_NO_MEMORY;

    if (!err && i->automatic)
        err = copy_pem(add(d, DUMP_ROOT_NAME, true), buf_view(&i->ca.pem));
    if (err || !o || !o->options.client_ca.n)
        return err;
    name = dump_client_ca_name(&d->arena, o);
    return name.p ? copy_pem(add(d, name, true), buf_view(&i->client_ca_pem)) : ERR_NO_MEMORY;
}

int dump_certs_of(struct dump_certs *d, const struct config *c, const struct identity *identities,
                  int64_t now_s) {
    int err = begin(d, c, now_s);

    for (size_t i = 0; !err && i < c->n_servers; i++)
        if (!config_passthrough(c->servers[i]))
            err = add_identity(d, c->servers[i], &identities[i]);
    if (err)
        dump_certs_fini(d);
    return err;
}

void dump_certs_fini(struct dump_certs *d) {
    for (size_t i = 0; i < d->n; i++) {
        cert_fini(&d->v[i].cert);
        buf_fini(&d->v[i].pem);
    }
    arena_fini(&d->arena);
}
