/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/stats.h"

#include <stdlib.h>

#include "gateway/outfit.h"

/* From an app on the same machine to the patience of people. */
const uint64_t stats_bounds_ns[STATS_BOUNDS] = {
    MS_NS,       5 * MS_NS / 2, 5 * MS_NS,   10 * MS_NS, 25 * MS_NS,        50 * MS_NS,
    100 * MS_NS, 250 * MS_NS,   500 * MS_NS, SECOND_NS,  5 * SECOND_NS / 2, 10 * SECOND_NS,
};

void stats_init(struct stats *s) {
    *s = (struct stats){0};
    list_init(&s->rows);
    list_init(&s->origins);
}

void stats_fini(struct stats *s) {
    list_each(&s->rows, at, next)
        free(list_entry(at, struct stats_row, link));
    list_each(&s->origins, at, next)
        free(list_entry(at, struct stats_origin, link));
    stats_init(s);
}

static size_t version_of(enum http_version version) {
    return version == HTTP_3 ? 2 : version == HTTP_2 ? 1 : 0;
}

void stats_handshake(struct stats *s, const struct peer *peer) {
    s->handshakes[version_of(peer->version)][peer->resumed]++;
    s->early_data[version_of(peer->version)] += peer->early_data;
}

/* ---- by name ---- */

/* An object with two names behind it. */
static void *named_new(size_t bytes, struct str first, struct str second, struct str ret_names[2]) {
    char *object = calloc(1, bytes + first.n + second.n + 1);

    if (!object)
        return NULL;
    if (first.n)
        memcpy(object + bytes, first.p, first.n);
    if (second.n)
        memcpy(object + bytes + first.n, second.p, second.n);
    ret_names[0] = (struct str){object + bytes, first.n};
    ret_names[1] = (struct str){object + bytes + first.n, second.n};
    return object;
}

struct stats_row *stats_row(struct stats *s, struct str server, struct str route) {
    struct str names[2];

    list_each(&s->rows, at, next) {
        struct stats_row *row = list_entry(at, struct stats_row, link);
        if (str_eq(row->server, server) && str_eq(row->route, route))
            return row;
    }
    struct stats_row *row = named_new(sizeof *row, server, route, names);
    if (!row)
        return NULL;
    row->server = names[0];
    row->route = names[1];
    list_append(&s->rows, &row->link);
    return row;
}

static struct stats_origin *origin_of(struct stats *s, struct str upstream, struct str name) {
    struct str names[2];

    list_each(&s->origins, at, next) {
        struct stats_origin *o = list_entry(at, struct stats_origin, link);
        if (str_eq(o->upstream, upstream) && str_eq(o->name, name))
            return o;
    }
    struct stats_origin *o = named_new(sizeof *o, upstream, name, names);
    if (!o)
        return NULL;
    o->upstream = names[0];
    o->name = names[1];
    list_append(&s->origins, &o->link);
    return o;
}

/* ---- requests ---- */

/* NULL: no memory for the first request of its kind, which goes uncounted. */
static struct stats_cell *cell_of(const struct exchange *x) {
    const struct site *site = x->peer->server;
    const struct config_route *route = x->route;
    struct outfit *o = outfit_of(x);
    size_t n_routes = o->config->n_routes, at = route ? route->index : n_routes;

    if (!site)
        return NULL;
    struct stats_row **row = &o->stats_rows[site->server->index * (n_routes + 1) + at];
    if (!*row)
        *row = stats_row(&o->worker->stats, site->server->name, route ? route->name : STR(""));
    return *row ? &(*row)->versions[version_of(x->peer->version)] : NULL;
}

static size_t class_of(const struct exchange *x) {
    int status = x->head_taken ? x->response.status : reason_status(x->reason);

    return status >= 100 && status < 600 ? (size_t)status / 100 : 0;
}

static void on_end(struct exchange *x) {
    struct stats_cell *c = cell_of(x);
    uint64_t took_ns = x->env->turn->now_ns - x->begin_ns;
    size_t i = 0;

    if (!c)
        return;
    c->requests[class_of(x)]++;
    c->request_bytes += x->request.body.written;
    c->response_bytes += x->response.body.sent - x->response.body.dropped;
    while (i < STATS_BOUNDS && took_ns > stats_bounds_ns[i])
        i++;
    c->durations[i]++;
    c->duration_ns += took_ns;
}

const struct hook stats_hook = {.name = "stats", .end = on_end};

/* ---- sums ---- */

void stats_upstream(struct stats *s, struct str name, const struct upstream *u, bool is_now) {
    for (size_t i = 0; i < upstream_origins(u); i++) {
        struct origin_numbers n = upstream_numbers(u, i);
        struct stats_origin *o = origin_of(s, name, n.name);
        s->failed = s->failed || !o;
        if (!o)
            return;
        o->connects += n.connects;
        o->failures += n.failures;
        o->connecting += is_now ? n.connecting : 0;
        o->idle += is_now ? n.idle : 0;
        o->busy += is_now ? n.busy : 0;
    }
}

static void add_all(uint64_t *to, const uint64_t *from, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void add_cell(struct stats_cell *to, const struct stats_cell *from) {
    add_all(to->requests, from->requests, STATS_CLASSES);
    add_all(to->durations, from->durations, STATS_BOUNDS + 1);
    to->request_bytes += from->request_bytes;
    to->response_bytes += from->response_bytes;
    to->duration_ns += from->duration_ns;
}

static void add_named(struct stats *sum, const struct stats *s) {
    list_each(&s->rows, at, next) {
        const struct stats_row *from = list_entry(at, struct stats_row, link);
        struct stats_row *to = stats_row(sum, from->server, from->route);
        sum->failed = sum->failed || !to;
        for (size_t i = 0; to && i < STATS_VERSIONS; i++)
            add_cell(&to->versions[i], &from->versions[i]);
    }
    list_each(&s->origins, at, next) {
        const struct stats_origin *from = list_entry(at, struct stats_origin, link);
        struct stats_origin *to = origin_of(sum, from->upstream, from->name);
        sum->failed = sum->failed || !to;
        if (to) {
            to->connects += from->connects;
            to->failures += from->failures;
        }
    }
}

void stats_add(struct stats *sum, const struct stats *s) {
    add_named(sum, s);
    sum->tcp_connections += s->tcp_connections;
    add_all(sum->tcp_failures, s->tcp_failures, ERR_KINDS);
    add_all(&sum->handshakes[0][0], &s->handshakes[0][0], STATS_VERSIONS * (size_t)2);
    add_all(sum->early_data, s->early_data, STATS_VERSIONS);
    quic_counters_add(&sum->quic, &s->quic);
}
