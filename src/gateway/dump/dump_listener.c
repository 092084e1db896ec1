/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_listener.h"

#include "base/err.h"

enum { N_PLAIN = 2 }; /* health, stats */

/* An address that is listened on, before the two of a pair become one. */
struct place {
    const struct config_listen *listen;
    const struct config_server **servers;
    size_t n_servers;
    struct place *second; /* the other one of the pair; NULL: there is none */
    bool merged;          /* it is shown with the first of its pair */
};

struct places {
    struct arena *arena;
    const struct config *config;
    struct place *v;
    size_t n;
};

static struct place *place_of(struct places *p, const struct config_listen *listen) {
    for (size_t i = 0; i < p->n; i++)
        if (addr_port(&listen->addr) && addr_eq(&p->v[i].listen->addr, &listen->addr))
            return &p->v[i];
    p->v[p->n].listen = listen;
    p->v[p->n].servers =
        arena_alloc(p->arena, p->config->n_servers * sizeof(struct config_server *));
    return &p->v[p->n++];
}

static int add_server(struct places *p, const struct config_server *s) {
    struct place *before = NULL;

    for (size_t i = 0; i < s->n_listens; i++) {
        if (s->listens[i].closed)
            continue;
        struct place *place = place_of(p, &s->listens[i]);
        if (!place->servers)
            return ERR_NO_MEMORY;
        /* A server that names an address twice has been refused, but for port 0. */
        place->servers[place->n_servers++] = s;
        if (before && s->listens[i].optional)
            before->second = place;
        before = place;
    }
    return 0;
}

static int collect(struct places *p) {
    size_t n = 0;
    int err = 0;

    for (size_t i = 0; i < p->config->n_servers; i++)
        n += p->config->servers[i]->n_listens;
    p->v = arena_zalloc(p->arena, (n + 1) * sizeof *p->v);
    if (!p->v)
        return ERR_NO_MEMORY;
    for (size_t i = 0; !err && i < p->config->n_servers; i++)
        err = add_server(p, p->config->servers[i]);
    return err;
}

static bool same_servers(const struct place *a, const struct place *b) {
    return addr_port(&a->listen->addr) == addr_port(&b->listen->addr) &&
           a->n_servers == b->n_servers && a->listen->no_mirror == b->listen->no_mirror &&
           memcmp(a->servers, b->servers, a->n_servers * sizeof(struct config_server *)) == 0;
}

/* A pair is one listener only where all servers listen on both. */
static void merge(struct places *p) {
    for (size_t i = 0; i < p->n; i++) {
        struct place *place = &p->v[i];
        if (place->second && !place->merged && same_servers(place, place->second))
            place->second->merged = true;
        else
            place->second = NULL;
    }
}

static struct str address_text(struct arena *a, const struct place *place) {
    char text[ADDR_TEXT];

    return arena_str(a, str_of(addr_ip_text(&place->listen->addr, text)));
}

static int fill(struct places *p, const struct place *place, bool udp, struct dump_listener *l) {
    struct str empty = {"", 0};

    *l = (struct dump_listener){.udp = udp, .port = addr_port(&place->listen->addr)};
    l->address = address_text(p->arena, place);
    l->more = place->second ? address_text(p->arena, place->second) : empty;
    l->name =
        arena_format(p->arena, "%s" STR_FMT "_%u", udp ? "udp_" : "", STR_ARG(l->address), l->port);
    l->servers = arena_alloc(p->arena, place->n_servers * sizeof(struct config_server *));
    if (!l->address.p || !l->more.p || !l->name.p || !l->servers)
        return ERR_NO_MEMORY;
    l->places[0] = place->listen;
    l->places[1] = place->second ? place->second->listen : NULL;
    for (size_t i = 0; i < place->n_servers; i++)
        if (!udp || (config_http3(p->config, place->servers[i]) && !place->listen->no_mirror))
            l->servers[l->n_servers++] = place->servers[i];
    return 0;
}

static int compare_text(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int order = memcmp(a.p, b.p, n);

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* By the type only where it says the transport, too: UDP stands behind TCP. */
static bool is_before(const struct dump_listener *a, const struct dump_listener *b) {
    int order = compare_text(a->address, b->address);

    if (a->port != b->port)
        return a->port < b->port;
    return order ? order < 0 : !a->udp && b->udp;
}

static void insert(struct dump_listener_list *list, struct dump_listener l) {
    size_t at = list->n++;

    for (; at > 0 && is_before(&l, &list->v[at - 1]); at--)
        list->v[at] = list->v[at - 1];
    list->v[at] = l;
}

static int add_plain(struct arena *a, struct dump_listener_list *list, const struct addr *addr,
                     struct str path) {
    struct dump_listener l = {.port = addr_port(addr), .more = {"", 0}, .path = path};
    char text[ADDR_TEXT];

    if (addr->n == 0 || addr->sa.sa_family == AF_UNIX)
        return 0;
    l.address = arena_str(a, str_of(addr_ip_text(addr, text)));
    l.name = arena_format(a, STR_FMT "_%u", STR_ARG(l.address), l.port);
    if (!l.address.p || !l.name.p)
        return ERR_NO_MEMORY;
    insert(list, l);
    return 0;
}

int dump_listener_list(const struct config *c, struct arena *a,
                       struct dump_listener_list *ret_list) {
    struct places p = {.arena = a, .config = c};
    struct dump_listener_list list = {0};
    struct dump_listener l;

    if (collect(&p))
        return ERR_NO_MEMORY;
    merge(&p);
    list.v = arena_alloc(a, (2 * p.n + N_PLAIN) * sizeof *list.v);
    if (!list.v)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < 2 * p.n; i++) {
        if (p.v[i / 2].merged)
            continue;
        if (fill(&p, &p.v[i / 2], i % 2, &l))
            return ERR_NO_MEMORY;
        if (l.n_servers)
            insert(&list, l);
    }
    if (add_plain(a, &list, &c->gateway.health, STR("/healthz/ready")) ||
        add_plain(a, &list, &c->gateway.stats, STR("/stats/prometheus")))
        return ERR_NO_MEMORY;
    *ret_list = list;
    return 0;
}
