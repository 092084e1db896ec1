/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/err.h"
#include "gateway/config/config_parts.h"

/* What can only be said when everything was read. Each check tells what it finds and goes on:
 * the one who fixes the file wants to see it all. */

enum { DEFAULT_PORT = 8443 };

static int check_listens(struct config *c, struct config_server *s) {
    struct str standard = arena_format(&c->arena, "localhost:%d", DEFAULT_PORT);
    struct strs texts = s->options.listen.n ? s->options.listen : (struct strs){&standard, 1};
    struct config_listens listens = {0};

    if (!standard.p)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < texts.n; i++)
        if (config_check_listen(c, config_at_item(s->place, "listen", i), "listen", texts.v[i],
                                &listens))
            return ERR_NO_MEMORY;
    s->listens = listens.v;
    s->n_listens = listens.n;
    return 0;
}

static bool same_listen(const struct config_listen *a, const struct config_listen *b) {
    return addr_eq(&a->addr, &b->addr) && addr_port(&a->addr) != 0;
}

static void check_own_listens(struct config *c, const struct config_server *s) {
    for (size_t i = 0; i < s->n_listens; i++)
        for (size_t j = 0; j < i; j++)
            if (same_listen(&s->listens[i], &s->listens[j]))
                config_error(c, s->listens[i].place,
                             "listen: " STR_FMT " and " STR_FMT
                             " mean the same address: keep one of them",
                             STR_ARG(s->listens[j].text), STR_ARG(s->listens[i].text));
}

static const struct config_listen *shared_listen(const struct config_server *a,
                                                 const struct config_server *b) {
    for (size_t i = 0; i < a->n_listens; i++)
        for (size_t j = 0; j < b->n_listens; j++)
            if (same_listen(&a->listens[i], &b->listens[j]))
                return &a->listens[i];
    return NULL;
}

static bool has_host(const struct config_server *s, struct str host, size_t *ret_i) {
    *ret_i = 0;
    if (s->options.hosts.n == 0)
        return str_eq(host, STR("*"));
    for (size_t i = 0; i < s->options.hosts.n; i++)
        if (str_ieq(s->options.hosts.v[i], host)) {
            *ret_i = i;
            return true;
        }
    return false;
}

/* Servers may share an address, as SNI tells them apart; a host may not be two servers'. */
static void check_neighbours(struct config *c, const struct config_server *s,
                             const struct config_server *other) {
    static struct str any[] = {{"*", 1}};
    const struct config_listen *listen = shared_listen(s, other);
    struct strs hosts = s->options.hosts.n ? s->options.hosts : (struct strs){any, 1};
    struct config_place here, there;
    size_t theirs;

    for (size_t i = 0; listen && i < hosts.n; i++) {
        if (!has_host(other, hosts.v[i], &theirs))
            continue;
        here = config_at_item(s->place, "hosts", i);
        there = config_at_item(other->place, "hosts", theirs);
        config_error(c, here,
                     "hosts: \"" STR_FMT "\" on " STR_FMT " is already [server " STR_FMT
                     "]'s (" STR_FMT ")",
                     STR_ARG(hosts.v[i]), STR_ARG(listen->text), STR_ARG(other->name),
                     STR_ARG(config_where(c, here, there)));
    }
}

static void check_credential_of(struct config *c, struct config_server *s) {
    if (s->options.credential.n == 0)
        return;
    for (size_t i = 0; i < c->n_credentials; i++)
        if (str_eq(c->credentials[i]->name, s->options.credential))
            s->credential = c->credentials[i];
    if (!s->credential)
        config_error(c, config_at(s->place, "credential"),
                     "credential: there is no [credential " STR_FMT "]%s",
                     STR_ARG(s->options.credential),
                     config_hint(c, SECTION_CREDENTIAL, s->options.credential));
}

static void check_client_ca(struct config *c, const struct config_server *s) {
    enum { SIMPLE };

    if (s->options.tls != SIMPLE && !config_passthrough(s) &&
        (!s->options.credential.n || s->credential) &&
        (!s->credential || !s->credential->options.client_ca.n))
        config_error(
            c, config_at(s->place, "tls"),
            "tls: asking for client certificates needs a credential with client-ca = FILE");
}

static void check_credential(struct config *c, const struct config_credential *o) {
    bool flags = o->place.file.n == 0;

    /* Only client-ca: what the server shows comes from the local CA. */
    if (o->options.cert.n == 0 && o->options.key.n == 0 && o->options.client_ca.n)
        return;
    if (o->options.cert.n == 0)
        config_error(c, o->place,
                     flags ? "--key needs --cert FILE beside it"
                           : "credential: cert = FILE is missing");
    if (o->options.key.n == 0)
        config_error(c, o->place,
                     flags ? "--cert needs --key FILE beside it"
                           : "credential: key = FILE is missing");
}

static int check_upstream(struct config *c, struct config_upstream *u) {
    if (u->options.url.n == 0)
        config_error(c, u->place, "upstream: url = URL is missing");
    u->uris = arena_zalloc(&c->arena, (u->options.url.n + 1) * sizeof *u->uris);
    if (!u->uris)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < u->options.url.n; i++) {
        struct str text = u->options.url.v[i];
        struct uri *uri = &u->uris[u->n_uris];
        const char *problem = "";
        int err = uri_parse(&c->arena, text, uri, &problem);
        if (err == ERR_NO_MEMORY)
            return err;
        if (err)
            config_error(c, config_at_item(u->place, "url", i), "upstream: \"" STR_FMT "\": %s",
                         STR_ARG(text), problem);
        else
            u->n_uris += config_check_scheme(c, u, i, uri);
    }
    return 0;
}

static int check_servers(struct config *c) {
    if (c->n_servers == 0)
        config_error(c, config_main(c), "there is no [server NAME]: it says where to listen");
    for (size_t i = 0; i < c->n_servers; i++) {
        c->servers[i]->index = i;
        int err = check_listens(c, c->servers[i]);
        if (err)
            return err;
        config_check_hosts(c, c->servers[i]->place, &c->servers[i]->options.hosts);
        check_credential_of(c, c->servers[i]);
    }
    for (size_t i = 0; i < c->n_servers; i++) {
        check_own_listens(c, c->servers[i]);
        check_client_ca(c, c->servers[i]);
        for (size_t j = 0; j < i; j++)
            check_neighbours(c, c->servers[i], c->servers[j]);
    }
    return 0;
}

static bool taken_by_server(const struct config *c, const struct config_listen *listen) {
    for (size_t i = 0; i < c->n_servers; i++)
        for (size_t j = 0; j < c->servers[i]->n_listens; j++)
            if (same_listen(&c->servers[i]->listens[j], listen))
                return true;
    return false;
}

static int check_http_redirect(struct config *c) {
    struct str text = c->gateway.http_redirect;
    struct config_place place = config_at(c->gateway_place, "http-redirect");

    if (text.n == 0)
        return 0;
    if (config_check_listen(c, place, "http-redirect", text, &c->http_redirect))
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->http_redirect.n; i++)
        if (taken_by_server(c, &c->http_redirect.v[i])) {
            config_error(c, place,
                         "http-redirect: a server listens on " STR_FMT
                         " already: choose another port",
                         STR_ARG(text));
            break;
        }
    return 0;
}

static int check_admin(struct config *c) {
    struct str text = c->gateway.admin;

    c->admin_auto = str_eq(text, STR("auto"));
    if (c->admin_auto || str_eq(text, STR("off")))
        return 0;
    if (addr_parse(text, &c->admin) || str_starts(text, STR(":")))
        config_error(c, config_at(c->gateway_place, "admin"),
                     "%s: \"" STR_FMT "\" is not ADDR:PORT or unix:PATH: write "
                     "127.0.0.1:15000, unix:/run/h3gw.sock, auto or off",
                     config_at(c->gateway_place, "admin").line ? "admin" : "--admin",
                     STR_ARG(text));
    return 0;
}

int config_check(struct config *c) {
    int err = check_servers(c);

    if (!err)
        err = check_http_redirect(c);
    if (!err)
        err = check_admin(c);

    for (size_t i = 0; i < c->n_credentials; i++)
        check_credential(c, c->credentials[i]);
    config_mark_tunnels(c);
    for (size_t i = 0; !err && i < c->n_upstreams; i++) {
        c->upstreams[i]->index = i;
        err = check_upstream(c, c->upstreams[i]);
    }
    if (!err)
        err = config_check_routes(c);
    config_check_passthrough(c);
    if (c->n_routes == 0)
        config_error(c, config_main(c), "there is no [route NAME]: it says who answers");
    return err ? err : config_verdict(c);
}
