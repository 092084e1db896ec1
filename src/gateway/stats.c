/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/stats.h"

#include <stdlib.h>
#include <time.h>

#include "gateway/site.h"
#include "gateway/worker.h"

/* From an app on the same machine to the patience of people. */
const uint64_t stats_bounds_ns[STATS_BOUNDS] = {
    MS_NS,       5 * MS_NS / 2, 5 * MS_NS,   10 * MS_NS, 25 * MS_NS,        50 * MS_NS,
    100 * MS_NS, 250 * MS_NS,   500 * MS_NS, SECOND_NS,  5 * SECOND_NS / 2, 10 * SECOND_NS,
};

int stats_init(struct stats *s, const struct config *config) {
    *s = (struct stats){.n_servers = config->n_servers, .n_routes = config->n_routes};
    s->begin_s = (uint64_t)time(NULL);
    s->rows = calloc(config->n_servers * (config->n_routes + 1) + 1, sizeof(struct stats_row *));
    return s->rows ? 0 : ERR_NO_MEMORY;
}

void stats_fini(struct stats *s) {
    for (size_t i = 0; s->rows && i < s->n_servers * (s->n_routes + 1); i++)
        free(s->rows[i]);
    free(s->rows);
    s->rows = NULL;
}

size_t stats_version(enum http_version version) {
    return version == HTTP_3 ? 2 : version == HTTP_2 ? 1 : 0;
}

void stats_handshake(struct stats *s, const struct peer *peer) {
    s->handshakes[stats_version(peer->version)][peer->resumed]++;
}

/* NULL: no memory for the first request of its kind, which goes uncounted. */
static struct stats_cell *cell_of(struct stats *s, const struct exchange *x) {
    const struct site *site = x->peer->server;
    const struct config_route *route = x->route;
    size_t at = route ? route->index : s->n_routes;
    struct stats_row **row;

    if (!site || site->server->index >= s->n_servers || at > s->n_routes)
        return NULL;
    row = &s->rows[site->server->index * (s->n_routes + 1) + at];
    if (!*row)
        *row = calloc(1, sizeof **row);
    return *row ? &(*row)->versions[stats_version(x->peer->version)] : NULL;
}

static size_t class_of(const struct exchange *x) {
    int status = x->head_taken ? x->response.status : reason_status(x->reason);

    return status >= 100 && status < 600 ? (size_t)status / 100 : 0;
}

static void on_end(struct exchange *x) {
    struct stats_cell *c = cell_of(&worker_of(x)->stats, x);
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
