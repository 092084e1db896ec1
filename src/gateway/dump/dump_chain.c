/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "gateway/dump/dump_listener.h"
#include "gateway/host.h"

/* An empty list takes any name, as does "*"; Envoy has no such name. */
static const struct str any_host[] = {{"*", 1}};

static struct strs hosts_of(const struct strs *hosts, bool any) {
    struct strs all = {(struct str *)(uintptr_t)any_host, 1};

    for (size_t i = 0; i < hosts->n; i++)
        any = any || str_eq(hosts->v[i], any_host[0]);
    return any || hosts->n == 0 ? all : *hosts;
}

static bool has(const struct strs *hosts, struct str host) {
    for (size_t i = 0; i < hosts->n; i++)
        if (str_ieq(hosts->v[i], host))
            return true;
    return false;
}

/* The narrower one of two patterns, where they have names in common. */
static void add_common(struct strs *to, struct str ours, struct str theirs) {
    struct str common = host_matches(ours, theirs) ? theirs : ours;

    if ((host_matches(ours, theirs) || host_matches(theirs, ours)) && !has(to, common))
        to->v[to->n++] = common;
}

static void push(struct dump_chain_list *list, struct dump_chain chain) {
    if (has(&chain.hosts, any_host[0]))
        chain.hosts.n = 0;
    list->v[list->n++] = chain;
}

static int add_tunnels(const struct config *c, struct arena *a, const struct config_server *s,
                       struct dump_chain_list *list) {
    struct strs ours = hosts_of(&s->options.hosts, s->any_host);

    for (size_t i = 0; i < c->n_routes; i++) {
        struct dump_chain chain = {.server = s, .tunnel = c->routes[i]};
        struct strs theirs = hosts_of(&c->routes[i]->options.hosts, false);
        if (c->routes[i]->answer != ROUTE_TUNNEL)
            continue;
        chain.hosts.v = arena_alloc(a, ours.n * theirs.n * sizeof(struct str));
        if (!chain.hosts.v)
            return ERR_NO_MEMORY;
        for (size_t k = 0; k < ours.n * theirs.n; k++)
            add_common(&chain.hosts, ours.v[k / theirs.n], theirs.v[k % theirs.n]);
        if (chain.hosts.n)
            push(list, chain);
    }
    return 0;
}

int dump_chain_list(const struct config *c, struct arena *a, const struct dump_listener *l,
                    struct dump_chain_list *ret_list) {
    struct dump_chain_list list = {0};
    int err = 0;

    list.v = arena_alloc(a, (l->n_servers * (c->n_routes + 1) + 1) * sizeof *list.v);
    if (!list.v)
        return ERR_NO_MEMORY;
    for (size_t i = 0; !err && i < l->n_servers; i++) {
        const struct config_server *s = l->servers[i];
        if (config_passthrough(s))
            err = add_tunnels(c, a, s, &list);
        else
            push(&list, (struct dump_chain){.server = s,
                                            .hosts = hosts_of(&s->options.hosts, s->any_host)});
    }
    if (!err)
        *ret_list = list;
    return err;
}

struct str dump_listener_type(const struct dump_listener *l) {
    size_t passed = 0;

    for (size_t i = 0; i < l->n_servers; i++)
        passed += config_passthrough(l->servers[i]);
    if (passed == 0)
        return STR("HTTP");
    return passed == l->n_servers ? STR("TCP") : STR("HTTP+TCP");
}
