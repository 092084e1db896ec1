/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_route.h"

#include "base/err.h"
#include "gateway/dump/dump_names.h"
#include "gateway/host.h"

struct maker {
    struct arena *arena;
    const struct config *config;
};

static const struct str any_host[] = {{"*", 1}};

/* An empty list takes any. */
static struct strs hosts_of(const struct strs *hosts) {
    struct strs any = {(struct str *)(uintptr_t)any_host, 1};

    return hosts->n ? *hosts : any;
}

static struct strs server_hosts(const struct config_server *s) {
    struct strs none = {0};

    return s->any_host ? hosts_of(&none) : hosts_of(&s->options.hosts);
}

/* As gateway/route.c chooses: the host that fits best, then the very path, then the longest
 * prefix, then the order of the file. */
static bool goes_before(const struct dump_vhost *v, const struct config_route *a,
                        const struct config_route *b) {
    size_t fit = hosts_fit(&a->options.hosts, v->domain);
    size_t other = hosts_fit(&b->options.hosts, v->domain);

    if (fit != other)
        return fit > other;
    return a->exact != b->exact ? a->exact : a->match.n > b->match.n;
}

static void insert_route(struct dump_vhost *v, const struct config_route *r) {
    size_t at = v->n_routes++;

    for (; at > 0 && goes_before(v, r, v->routes[at - 1]); at--)
        v->routes[at] = v->routes[at - 1];
    v->routes[at] = r;
}

static int add_routes(const struct maker *m, struct dump_vhost *v) {
    const struct config *c = m->config;

    v->routes = arena_alloc(m->arena, (c->n_routes + 1) * sizeof(struct config_route *));
    if (!v->routes)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_routes; i++)
        if (c->routes[i]->answer != ROUTE_TUNNEL &&
            hosts_fit(&c->routes[i]->options.hosts, v->domain))
            insert_route(v, c->routes[i]);
    return 0;
}

static bool has_domain(const struct dump_route *r, struct str domain) {
    for (size_t i = 0; i < r->n_vhosts; i++)
        if (str_ieq(r->vhosts[i].domain, domain))
            return true;
    return false;
}

static int add_domain(const struct maker *m, struct dump_route *r, struct str domain) {
    struct dump_vhost *v = &r->vhosts[r->n_vhosts];

    if (has_domain(r, domain))
        return 0;
    *v = (struct dump_vhost){.domain = domain};
    v->name =
        arena_format(m->arena, STR_FMT ":%u", STR_ARG(domain), dump_route_port(r->server, r->port));
    r->n_vhosts++;
    return v->name.p ? add_routes(m, v) : ERR_NO_MEMORY;
}

/* What a host of the server and one of a route have in common: the narrower one, if any. */
static int add_common(const struct maker *m, struct dump_route *r, struct str ours,
                      struct str theirs) {
    if (host_matches(ours, theirs))
        return add_domain(m, r, theirs);
    return host_matches(theirs, ours) ? add_domain(m, r, ours) : 0;
}

static size_t most_vhosts(const struct maker *m, struct strs ours) {
    size_t n = 0;

    for (size_t i = 0; i < m->config->n_routes; i++)
        n += ours.n * hosts_of(&m->config->routes[i]->options.hosts).n;
    return n;
}

/* What Istio gives a server that no route is for: everything is a 404. */
static int add_blackhole(const struct maker *m, struct dump_route *r) {
    struct dump_vhost *v = &r->vhosts[r->n_vhosts++];

    *v = (struct dump_vhost){.domain = any_host[0]};
    v->name = arena_format(m->arena, "blackhole:%u", dump_route_port(r->server, r->port));
    return v->name.p ? 0 : ERR_NO_MEMORY;
}

static int add_vhosts(const struct maker *m, struct dump_route *r) {
    const struct config *c = m->config;
    struct strs ours = server_hosts(r->server);
    int err = 0;

    r->vhosts = arena_alloc(m->arena, (most_vhosts(m, ours) + 1) * sizeof *r->vhosts);
    if (!r->vhosts)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_routes; i++) {
        struct strs theirs = hosts_of(&c->routes[i]->options.hosts);
        if (c->routes[i]->answer == ROUTE_TUNNEL)
            continue;
        for (size_t k = 0; !err && k < ours.n * theirs.n; k++)
            err = add_common(m, r, ours.v[k / theirs.n], theirs.v[k % theirs.n]);
    }
    return err || r->n_vhosts ? err : add_blackhole(m, r);
}

static bool has_name(const struct dump_route_list *list, struct str name) {
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->v[i].name, name))
            return true;
    return false;
}

static bool is_before(struct str a, struct str b) {
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return order ? order < 0 : a.n < b.n;
}

static void insert(struct dump_route_list *list, struct dump_route r) {
    size_t at = list->n++;

    for (; at > 0 && is_before(r.name, list->v[at - 1].name); at--)
        list->v[at] = list->v[at - 1];
    list->v[at] = r;
}

static int add_listen(const struct maker *m, struct dump_route_list *list,
                      const struct config_server *s, uint16_t port) {
    struct dump_route r = {.server = s, .port = port};
    int err;

    r.name = dump_route_name(m->arena, s, port);
    if (!r.name.p)
        return ERR_NO_MEMORY;
    if (has_name(list, r.name))
        return 0;
    err = add_vhosts(m, &r);
    if (!err)
        insert(list, r);
    return err;
}

int dump_route_list(const struct config *c, struct arena *a, struct dump_route_list *ret_list) {
    struct maker m = {a, c};
    struct dump_route_list list = {0};
    size_t n = 0;
    int err = 0;

    for (size_t i = 0; i < c->n_servers; i++)
        n += c->servers[i]->n_listens;
    list.v = arena_alloc(a, (n + 1) * sizeof *list.v);
    if (!list.v)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_servers; i++) {
        const struct config_server *s = c->servers[i];
        for (size_t k = 0; !err && !config_passthrough(s) && k < s->n_listens; k++)
            err = add_listen(&m, &list, s, addr_port(&s->listens[k].addr));
    }
    if (!err)
        *ret_list = list;
    return err;
}
