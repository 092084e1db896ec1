/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config/config_parts.h"
#include "gateway/host.h"

/* tls = passthrough: what it asks of servers, and of the routes and upstreams behind them. */

/* ---- which routes ---- */

static const struct strs *hosts_of_server(const struct config_server *s) {
    static const struct strs any = {0};

    return s->any_host ? &any : &s->options.hosts;
}

/* How well a host fits the servers of one kind. */
static size_t best_fit(const struct config *c, bool passthrough, struct str host) {
    size_t best = 0;

    for (size_t i = 0; i < c->n_servers; i++) {
        if (config_passthrough(c->servers[i]) != passthrough)
            continue;
        size_t fit = hosts_fit(hosts_of_server(c->servers[i]), host);
        best = fit > best ? fit : best;
    }
    return best;
}

enum kind { NOBODYS, REQUESTS, CONNECTIONS, BOTH };

/* Those of the servers that a host fits best. */
static enum kind kind_of(const struct config *c, struct str host) {
    size_t ended = best_fit(c, false, host), passed = best_fit(c, true, host);

    if (ended == 0 && passed == 0)
        return NOBODYS;
    if (ended == passed)
        return BOTH;
    return passed > ended ? CONNECTIONS : REQUESTS;
}

static size_t count_passthrough(const struct config *c) {
    size_t n = 0;

    for (size_t i = 0; i < c->n_servers; i++)
        n += config_passthrough(c->servers[i]);
    return n;
}

static bool is_tunnel(struct config *c, const struct config_route *r) {
    static struct str any[] = {{"*", 1}};
    struct strs hosts = r->options.hosts.n ? r->options.hosts : (struct strs){any, 1};
    bool kinds[BOTH + 1] = {false};

    for (size_t i = 0; i < hosts.n; i++)
        kinds[kind_of(c, hosts.v[i])] = true;
    if (kinds[BOTH] || (kinds[CONNECTIONS] && kinds[REQUESTS]))
        config_error(c, config_at(r->place, "hosts"),
                     "hosts: they belong both to a server with tls = passthrough and to one "
                     "without: make a route for each");
    return kinds[CONNECTIONS] || (!kinds[REQUESTS] && count_passthrough(c) == c->n_servers);
}

void config_mark_tunnels(struct config *c) {
    if (count_passthrough(c) == 0)
        return;
    for (size_t i = 0; i < c->n_routes; i++)
        if (is_tunnel(c, c->routes[i]))
            c->routes[i]->answer = ROUTE_TUNNEL;
}

/* ---- what may stand where ---- */

static bool is_given(const struct config_route *r, const struct option *o) {
    for (const struct config_line *l = r->place.options; l; l = l->next)
        if (l->option == o)
            return true;
    return false;
}

bool config_is_for_tunnels(const struct option *o) {
    return strcmp(o->key, "hosts") == 0 || strcmp(o->key, "upstream") == 0;
}

void config_check_tunnel(struct config *c, struct config_route *r) {
    r->match = STR("/");
    for (const struct option *o = options; o < options + n_options; o++)
        if (!config_is_for_tunnels(o) && is_given(r, o))
            config_error(c, config_at(r->place, o->key),
                         "%s: its server has tls = passthrough, so requests are not seen: only "
                         "hosts and upstream can stand here",
                         o->key);
    if (!r->options.upstream.n)
        config_error(c, r->place, "route: upstream = NAME is missing");
}

static void refuse(struct config *c, const struct config_server *s, const char *key,
                   const char *why) {
    config_error(c, config_at(s->place, key), "%s: the server has tls = passthrough, %s", key, why);
}

static bool has_route(const struct config *c, struct str host) {
    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *r = c->routes[i];
        bool narrower = false;
        for (size_t k = 0; k < r->options.hosts.n; k++)
            narrower = narrower || host_matches(host, r->options.hosts.v[k]);
        if (r->answer == ROUTE_TUNNEL && (narrower || hosts_fit(&r->options.hosts, host)))
            return true;
    }
    return false;
}

static void check_routes_of(struct config *c, const struct config_server *s) {
    static struct str any[] = {{"*", 1}};
    struct strs hosts = s->options.hosts.n ? s->options.hosts : (struct strs){any, 1};

    for (size_t i = 0; i < hosts.n; i++)
        if (!has_route(c, hosts.v[i]))
            config_error(c, config_at(s->place, s->options.hosts.n ? "hosts" : "tls"),
                         "%s: no [route] says where connections for \"" STR_FMT
                         "\" go: write one with hosts and upstream",
                         s->options.hosts.n ? "hosts" : "tls", STR_ARG(hosts.v[i]));
}

void config_check_passthrough(struct config *c) {
    enum { HTTP3_ON = 1 };

    for (size_t i = 0; i < c->n_servers; i++) {
        const struct config_server *s = c->servers[i];
        if (!config_passthrough(s))
            continue;
        if (s->options.credential.n)
            refuse(c, s, "credential", "so the upstream shows a certificate, not h3gw: remove it");
        if (s->options.http3 == HTTP3_ON)
            refuse(c, s, "http3", "which is not mirrored: remove it");
        if (s->options.advertise)
            refuse(c, s, "advertise", "so no alt-svc can be sent: remove it");
        check_routes_of(c, s);
    }
}

/* ---- upstreams ---- */

static bool serves(const struct config *c, const struct config_upstream *u, bool tunnels) {
    for (size_t i = 0; i < c->n_routes; i++)
        if ((c->routes[i]->answer == ROUTE_TUNNEL) == tunnels &&
            str_eq(c->routes[i]->options.upstream, u->name))
            return true;
    return false;
}

static void wrong_url(struct config *c, const struct config_upstream *u, size_t i,
                      const char *problem) {
    config_error(c, config_at_item(u->place, "url", i), "upstream: \"" STR_FMT "\": %s",
                 STR_ARG(u->options.url.v[i]), problem);
}

bool config_check_scheme(struct config *c, const struct config_upstream *u, size_t i,
                         const struct uri *uri) {
    bool tunnels = serves(c, u, true), requests = serves(c, u, false);
    bool tcp = str_eq(uri->scheme, STR("tcp")), tls = tcp || str_eq(uri->scheme, STR("https"));

    if (str_eq(uri->scheme, STR("unix")))
        return true;
    if (tunnels && !tls)
        wrong_url(c, u, i,
                  "its route's server has tls = passthrough, so TLS must end there: use "
                  "https://HOST:PORT, tcp://HOST:PORT or unix:PATH");
    else if (tunnels && !requests && !str_eq(uri->path, STR("/")))
        wrong_url(c, u, i, "connections are passed on as they are: a path means nothing");
    else if (tunnels && !requests)
        return true;
    else if (tcp)
        wrong_url(c, u, i,
                  "tcp is for routes of servers with tls = passthrough: use http://HOST:PORT "
                  "or unix:PATH");
    else if (!str_eq(uri->scheme, STR("http")))
        config_error(c, config_at_item(u->place, "url", i),
                     "upstream: \"" STR_FMT "\": " STR_FMT
                     " to an upstream is not built yet: use http://HOST:PORT or unix:PATH",
                     STR_ARG(u->options.url.v[i]), STR_ARG(uri->scheme));
    else if (!str_eq(uri->path, STR("/")))
        wrong_url(c, u, i,
                  "the path would be ignored: end it after the port, and say rewrite = PATH in "
                  "the [route]");
    else
        return true;
    return false;
}
