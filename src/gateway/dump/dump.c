/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump.h"

#include "base/err.h"
#include "gateway/dump/dump_json.h"
#include "gateway/dump/dump_listener.h"
#include "gateway/dump/dump_names.h"
#include "gateway/dump/dump_route.h"
#include "gateway/dump/dump_table.h"
#include "gateway/dump/dump_upstream.h"

int dump_form_parse(struct str text, enum dump_form *ret_form) {
    static const char *const words[] = {
        [DUMP_TABLE] = "table", [DUMP_WIDE] = "wide", [DUMP_SHORT] = "short", [DUMP_JSON] = "json"};

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eq(str_of(words[i]), text)) {
            *ret_form = i;
            return 0;
        }
    return ERR_INVALID;
}

/* Prints the value and ends the document. */
static int print(struct json *j, struct json_value *value, struct buf *to) {
    int err = json_print(j, value, JSON_PRETTY, to);

    json_fini(j);
    return err;
}

static bool address_fits(const struct dump *d, const struct dump_listener *l) {
    return d->address.n == 0 || str_ieq(d->address, l->address) ||
           (l->more.n && str_ieq(d->address, l->more));
}

static bool listener_fits(const struct dump *d, const struct dump_listener *l) {
    return address_fits(d, l) && (d->port == 0 || d->port == l->port) &&
           (d->type.n == 0 || str_ieq(d->type, dump_listener_type(l)));
}

static int listeners_json(const struct dump *d, struct arena *a,
                          const struct dump_listener_list *list, struct buf *to) {
    struct json j;

    json_init(&j);
    struct json_value *all = json_array(&j);
    for (size_t i = 0; i < list->n; i++)
        json_push(&j, all, dump_listener_json(&j, a, d->config, &list->v[i]));
    return print(&j, all, to);
}

int dump_listeners(const struct dump *d, struct buf *to) {
    struct dump_listener_list list;
    struct arena a;
    size_t n = 0;

    arena_init(&a, NULL, 0);
    int err = dump_listener_list(d->config, &a, &list);
    if (!err) {
        for (size_t i = 0; i < list.n; i++)
            if (listener_fits(d, &list.v[i]))
                list.v[n++] = list.v[i];
        list.n = n;
        err = d->form == DUMP_JSON ? listeners_json(d, &a, &list, to)
                                   : dump_listeners_table(d, &a, &list, to);
    }
    arena_fini(&a);
    return err;
}

static int routes_json(const struct dump *d, struct arena *a, const struct dump_route_list *list,
                       struct buf *to) {
    struct json j;

    json_init(&j);
    struct json_value *all = json_array(&j);
    for (size_t i = 0; i < list->n; i++)
        json_push(&j, all, dump_route_json(&j, a, d->config, &list->v[i]));
    return print(&j, all, to);
}

int dump_routes(const struct dump *d, struct buf *to) {
    struct dump_route_list list;
    struct arena a;
    size_t n = 0;

    arena_init(&a, NULL, 0);
    int err = dump_route_list(d->config, &a, &list);
    if (!err) {
        for (size_t i = 0; i < list.n; i++)
            if (d->name.n == 0 || str_eq(d->name, list.v[i].name))
                list.v[n++] = list.v[i];
        list.n = n;
        err = d->form == DUMP_JSON ? routes_json(d, &a, &list, to)
                                   : dump_routes_table(d, &a, &list, to);
    }
    arena_fini(&a);
    return err;
}

/* By name, as istioctl's clusters; a name is there once. */
static void insert(const struct config_upstream **v, size_t n, const struct config_upstream *u) {
    for (; n > 0 && strcmp(u->name.p, v[n - 1]->name.p) < 0; n--)
        v[n] = v[n - 1];
    v[n] = u;
}

static size_t choose(const struct dump *d, const struct config_upstream **v) {
    const struct config *c = d->config;
    size_t n = 0;

    for (size_t i = 0; i < c->n_upstreams; i++) {
        const struct config_upstream *u = c->upstreams[i];
        bool fits = (d->name.n == 0 || str_eq(d->name, u->name)) &&
                    (d->port == 0 || (u->n_uris && d->port == u->uris[0].port));
        if (fits)
            insert(v, n++, u);
    }
    return n;
}

static int upstreams_json(const struct dump *d, struct arena *a,
                          const struct config_upstream *const *v, size_t n, struct buf *to) {
    struct json j;

    json_init(&j);
    struct json_value *all = json_array(&j);
    for (size_t i = 0; i < n; i++)
        json_push(&j, all, dump_upstream_json(&j, a, d->config, v[i]));
    return print(&j, all, to);
}

int dump_upstreams(const struct dump *d, struct buf *to) {
    const struct config_upstream **v;
    struct arena a;
    int err = ERR_NO_MEMORY;

    arena_init(&a, NULL, 0);
    v = arena_alloc(&a, (d->config->n_upstreams + 1) * sizeof(struct config_upstream *));
    if (v) {
        size_t n = choose(d, v);
        err = d->form == DUMP_JSON ? upstreams_json(d, &a, v, n, to)
                                   : dump_upstreams_table(d, v, n, to);
    }
    arena_fini(&a);
    return err;
}

int dump_secrets(const struct dump *d, struct buf *to) {
    struct json j;

    if (d->form != DUMP_JSON)
        return dump_secrets_table(d, to);
    json_init(&j);
    return print(&j, dump_certs_json(&j, d->certs), to);
}
