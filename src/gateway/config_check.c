/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/err.h"
#include "gateway/config.h"

/* What can only be said when everything was read. Each check tells what it finds and goes on:
 * the one who fixes the file wants to see it all. */

enum { DEFAULT_PORT = 8443 };

static int add_listen(struct config *c, struct config_server *s, struct config_listen listen) {
    struct config_listen *v = arena_alloc(&c->arena, (s->n_listens + 1) * sizeof *v);

    if (!v)
        return ERR_NO_MEMORY;
    if (s->n_listens)
        memcpy(v, s->listens, s->n_listens * sizeof *v);
    v[s->n_listens++] = listen;
    s->listens = v;
    return 0;
}

/* A name that stands for an IPv6 and an IPv4 address: V6ONLY sockets, so one for each. */
static int add_pair(struct config *c, struct config_server *s, const char *ip6, const char *ip4,
                    struct config_listen listen) {
    uint16_t port = addr_port(&listen.addr);
    int err = addr_from_ip(str_of(ip4), port, &listen.addr);

    if (!err)
        err = add_listen(c, s, listen);
    listen.optional = true;
    if (!err)
        err = addr_from_ip(str_of(ip6), port, &listen.addr);
    return err ? err : add_listen(c, s, listen);
}

static int port_parse(struct str text, uint16_t *ret_port) {
    uint64_t port;

    if (str_to_u64(text, &port) || port > 65535)
        return ERR_INVALID;
    *ret_port = (uint16_t)port;
    return 0;
}

static int check_listen(struct config *c, struct config_server *s, struct str text) {
    struct config_listen listen = {.text = text};
    struct str localhost = STR("localhost:");
    struct str port_text = text;
    uint16_t port;

    if (str_starts(text, localhost))
        port_text = (struct str){text.p + localhost.n, text.n - localhost.n};
    else if (str_starts(text, STR(":")))
        port_text = (struct str){text.p + 1, text.n - 1};
    if (!port_parse(port_text, &port)) {
        bool any = port_text.p == text.p + 1;
        addr_from_ip(STR("::"), port, &listen.addr);
        return add_pair(c, s, any ? "::" : "::1", any ? "0.0.0.0" : "127.0.0.1", listen);
    }
    if (!addr_parse(text, &listen.addr) && listen.addr.sa.sa_family != AF_UNIX)
        return add_listen(c, s, listen);
    config_error(c, config_at(s->place, "listen"),
                 "listen: \"" STR_FMT "\" is not ADDR:PORT: write 127.0.0.1:8443, [::1]:8443, "
                 "localhost:8443, or :8443 for every address",
                 STR_ARG(text));
    return 0;
}

static int check_listens(struct config *c, struct config_server *s) {
    if (s->options.listen.n == 0) {
        struct str standard = arena_format(&c->arena, "localhost:%d", DEFAULT_PORT);
        return standard.p ? check_listen(c, s, standard) : ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < s->options.listen.n; i++) {
        int err = check_listen(c, s, s->options.listen.v[i]);
        if (err)
            return err;
    }
    return 0;
}

static bool same_listen(const struct config_listen *a, const struct config_listen *b) {
    return addr_eq(&a->addr, &b->addr) && addr_port(&a->addr) != 0;
}

static void check_own_listens(struct config *c, const struct config_server *s) {
    for (size_t i = 0; i < s->n_listens; i++)
        for (size_t j = 0; j < i; j++)
            if (same_listen(&s->listens[i], &s->listens[j]))
                config_error(c, config_at(s->place, "listen"), "listen: " STR_FMT " stands twice",
                             STR_ARG(s->listens[i].text));
}

static const struct config_listen *shared_listen(const struct config_server *a,
                                                 const struct config_server *b) {
    for (size_t i = 0; i < a->n_listens; i++)
        for (size_t j = 0; j < b->n_listens; j++)
            if (same_listen(&a->listens[i], &b->listens[j]))
                return &a->listens[i];
    return NULL;
}

static bool has_host(const struct config_server *s, struct str host) {
    if (s->options.hosts.n == 0)
        return str_eq(host, STR("*"));
    for (size_t i = 0; i < s->options.hosts.n; i++)
        if (str_ieq(s->options.hosts.v[i], host))
            return true;
    return false;
}

/* Servers may share an address, as SNI tells them apart; a host may not be two servers'. */
static void check_neighbours(struct config *c, const struct config_server *s,
                             const struct config_server *other) {
    static struct str any[] = {{"*", 1}};
    const struct config_listen *listen = shared_listen(s, other);
    struct strs hosts = s->options.hosts.n ? s->options.hosts : (struct strs){any, 1};

    for (size_t i = 0; listen && i < hosts.n; i++)
        if (has_host(other, hosts.v[i]))
            config_error(c, config_at(s->place, "hosts"),
                         "hosts: \"" STR_FMT "\" on " STR_FMT " is already [server " STR_FMT
                         "]'s (line %d)",
                         STR_ARG(hosts.v[i]), STR_ARG(listen->text), STR_ARG(other->name),
                         config_at(other->place, "hosts").line);
}

static bool valid_host_pattern(struct str host) {
    if (str_starts(host, STR("*.")))
        host = (struct str){host.p + 2, host.n - 2};
    if (str_eq(host, STR("*")))
        return true;
    if (host.n == 0 || host.n > 253)
        return false;
    for (size_t i = 0; i < host.n; i++) {
        unsigned char ch = (unsigned char)host.p[i];
        bool fine = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                    (ch >= '0' && ch <= '9') || ch == '-' || ch == '.' || ch == '_' || ch == ':';
        if (!fine)
            return false;
    }
    return true;
}

static void check_hosts(struct config *c, struct config_place place, const struct strs *hosts) {
    if (hosts->n > CONFIG_MAX_HOSTS)
        config_error(c, config_at(place, "hosts"), "hosts: at most %d names can stand here",
                     CONFIG_MAX_HOSTS);
    for (size_t i = 0; i < hosts->n; i++)
        if (!valid_host_pattern(hosts->v[i]))
            config_error(c, place,
                         "hosts: \"" STR_FMT "\" is no host name: write it in ASCII "
                         "(xn--… for other letters), as app.test or *.app.test",
                         STR_ARG(hosts->v[i]));
}

/* Two routes of which one would never be taken. */
static bool same_place(const struct route_options *a, const struct route_options *b) {
    if (!str_eq(a->path, b->path))
        return false;
    if (a->hosts.n == 0 || b->hosts.n == 0)
        return a->hosts.n == b->hosts.n;
    for (size_t i = 0; i < a->hosts.n; i++)
        for (size_t j = 0; j < b->hosts.n; j++)
            if (str_ieq(a->hosts.v[i], b->hosts.v[j]))
                return true;
    return false;
}

static void check_double_routes(struct config *c) {
    for (size_t i = 0; i < c->n_routes; i++)
        for (size_t j = 0; j < i; j++)
            if (same_place(&c->routes[i]->options, &c->routes[j]->options))
                config_error(c, c->routes[i]->place,
                             "route: path " STR_FMT " with such hosts stands in [route " STR_FMT
                             "] already",
                             STR_ARG(c->routes[i]->options.path), STR_ARG(c->routes[j]->name));
}

static void check_credential_of(struct config *c, struct config_server *s) {
    if (s->options.credential.n == 0)
        return;
    for (size_t i = 0; i < c->n_credentials; i++)
        if (str_eq(c->credentials[i]->name, s->options.credential))
            s->credential = c->credentials[i];
    if (!s->credential)
        config_error(c, config_at(s->place, "credential"),
                     "credential: there is no [credential " STR_FMT "]",
                     STR_ARG(s->options.credential));
}

static void check_client_ca(struct config *c, const struct config_server *s) {
    enum { SIMPLE };

    if (s->options.tls != SIMPLE && (!s->credential || !s->credential->options.client_ca.n))
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

static void check_route(struct config *c, struct config_route *r) {
    enum { PROXY, ECHO };
    struct str wanted = r->options.upstream;

    if (!str_starts(r->options.path, STR("/")))
        config_error(c, config_at(r->place, "path"),
                     "path: \"" STR_FMT "\" does not begin with \"/\"", STR_ARG(r->options.path));
    check_hosts(c, r->place, &r->options.hosts);
    if (r->options.handler == ECHO) {
        if (wanted.n)
            config_error(c, r->place, "upstream and handler = echo exclude one another");
        return;
    }
    if (wanted.n == 0)
        config_error(c, r->place, "route: upstream = NAME is missing (or handler = echo)");
    for (size_t i = 0; i < c->n_upstreams; i++)
        if (str_eq(c->upstreams[i]->name, wanted))
            r->upstream = c->upstreams[i];
    if (wanted.n && !r->upstream)
        config_error(c, config_at(r->place, "upstream"),
                     "upstream: there is no [upstream " STR_FMT "]", STR_ARG(wanted));
}

static int check_upstream(struct config *c, struct config_upstream *u) {
    if (u->options.url.n == 0)
        config_error(c, config_at(u->place, "url"), "upstream: url = URL is missing");
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
            config_error(c, config_at(u->place, "url"), "upstream: \"" STR_FMT "\": %s",
                         STR_ARG(text), problem);
        else if (!str_eq(uri->scheme, STR("http")) && !str_eq(uri->scheme, STR("unix")))
            config_error(c, config_at(u->place, "url"),
                         "upstream: \"" STR_FMT "\": " STR_FMT
                         " to an upstream is not built yet: use http://HOST:PORT or unix:PATH",
                         STR_ARG(text), STR_ARG(uri->scheme));
        else
            u->n_uris++;
    }
    return 0;
}

static int check_servers(struct config *c) {
    if (c->n_servers == 0)
        config_error(c, (struct config_place){0}, "there is no [server NAME] section");
    for (size_t i = 0; i < c->n_servers; i++) {
        int err = check_listens(c, c->servers[i]);
        if (err)
            return err;
        check_hosts(c, c->servers[i]->place, &c->servers[i]->options.hosts);
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

int config_check(struct config *c) {
    int err = check_servers(c);

    for (size_t i = 0; i < c->n_credentials; i++)
        check_credential(c, c->credentials[i]);
    for (size_t i = 0; !err && i < c->n_upstreams; i++) {
        c->upstreams[i]->index = i;
        err = check_upstream(c, c->upstreams[i]);
    }
    for (size_t i = 0; i < c->n_routes; i++)
        check_route(c, c->routes[i]);
    check_double_routes(c);
    if (c->n_routes == 0)
        config_error(c, (struct config_place){0}, "there is no [route NAME] section");
    if (err)
        return err;
    return c->errors->n ? ERR_INVALID : 0;
}
