/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/control.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/change.h"
#include "gateway/dump/dump.h"
#include "gateway/duty.h"
#include "gateway/metrics.h"
#include "gateway/stats_page.h"
#include "http/uri.h"

#define TEXT_TYPE "text/plain; charset=utf-8"

/* ---- health, stats ---- */

static int write_health(void *context, struct exchange *x, struct buf *to) {
    const struct gateway *g = context;
    bool ready = g->state == GATEWAY_SERVING;

    (void)x;
    buf_str(to, ready ? STR("ready\n") : STR("draining\n"));
    return ready ? 200 : 503;
}

static int write_stats(void *context, struct exchange *x, struct buf *to) {
    struct gateway *g = context;
    struct stats sum;

    (void)x;
    stats_init(&sum);
    for (unsigned i = 0; i < g->n_workers; i++)
        worker_do(&g->workers[i], duty_count, &sum);
    stats_page(&sum, g->begin_s, to);
    to->failed = to->failed || sum.failed; /* counters that are gone for once look like a restart */
    stats_fini(&sum);
    return 200;
}

/* ---- dumps ---- */

/* Empty when it is not there. 0 or ERR_NO_MEMORY. */
static int query_of(struct exchange *x, const char *name, struct str *ret_value) {
    struct str value = STR("");
    int err = query_get(&x->arena, message_query(&x->request), str_of(name), &value);

    if (err == ERR_NO_MEMORY)
        return err;
    *ret_value = value;
    return 0;
}

static int read_wishes(struct exchange *x, struct dump *d) {
    struct str form, port;
    uint64_t number = 0;

    if (query_of(x, "form", &form) || query_of(x, "port", &port) ||
        query_of(x, "address", &d->address) || query_of(x, "type", &d->type) ||
        query_of(x, "name", &d->name))
        return ERR_NO_MEMORY;
    if (dump_form_parse(form.n ? form : STR("table"), &d->form) ||
        (port.n && (str_to_u64(port, &number) || number > UINT16_MAX)))
        return ERR_INVALID;
    d->port = (uint16_t)number;
    return 0;
}

static int count_connections(struct gateway *g, struct dump *d) {
    size_t n = g->now->addresses.n;

    d->connections = calloc(n + 1, sizeof *d->connections);
    if (!d->connections)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < g->n_workers; i++)
        worker_do(&g->workers[i], duty_count_addresses, d->connections);
    return 0;
}

static int dump(struct gateway *g, struct exchange *x,
                int (*print)(const struct dump *, struct buf *), struct buf *to) {
    struct dump_certs certs;
    struct dump d = {.config = &g->now->config, .certs = &certs};
    int err = read_wishes(x, &d);

    if (err == ERR_NO_MEMORY)
        return 503;
    if (err) {
        buf_str(to, STR("form is table, wide, short or json; port is a number\n"));
        return 400;
    }
    if (dump_certs_of(&certs, &g->now->config, g->now->identities, (int64_t)time(NULL)))
        return 503;
    err = count_connections(g, &d);
    if (!err)
        err = print(&d, to);
    free(d.connections);
    dump_certs_fini(&certs);
    return err ? 503 : 200;
}

static int write_listeners(void *context, struct exchange *x, struct buf *to) {
    return dump(context, x, dump_listeners, to);
}

static int write_routes(void *context, struct exchange *x, struct buf *to) {
    return dump(context, x, dump_routes, to);
}

static int write_upstreams(void *context, struct exchange *x, struct buf *to) {
    return dump(context, x, dump_upstreams, to);
}

static int write_certs(void *context, struct exchange *x, struct buf *to) {
    return dump(context, x, dump_secrets, to);
}

/* For people who have several: "4711 127.0.0.1:8443, [::1]:8443". */
static int write_gateway(void *context, struct exchange *x, struct buf *to) {
    const struct gateway *g = context;
    char text[ADDR_TEXT];
    bool any = false;

    (void)x;
    buf_format(to, "%ld", (long)getpid());
    for (size_t i = 0; i < g->now->addresses.n; i++) {
        const struct address *a = &g->now->addresses.v[i];
        if (a->tcp && !a->plain)
            buf_format(to, "%s%s", any ? ", " : " ", addr_text(&a->addr, text));
        any = any || (a->tcp && !a->plain);
    }
    buf_char(to, '\n');
    return 200;
}

/* ---- deeds ---- */

static int post_reload(void *context, struct exchange *x, struct buf *to) {
    (void)x;
    if (change_next(context, to))
        return 409;
    buf_reset(to);
    buf_str(to, STR("reloaded\n"));
    return 200;
}

static int post_stop(void *context, struct exchange *x, struct buf *to) {
    struct gateway *g = context;
    struct str now;

    if (query_of(x, "now", &now))
        return 503;
    buf_str(to, STR("draining\n"));
    task_wake(&g->signals, now.n ? GATEWAY_END_NOW : GATEWAY_TERM);
    return 202;
}

void control_init(struct gateway *g) {
    const struct admin_page admin[GATEWAY_PAGES] = {
        {"/listeners", TEXT_TYPE, write_listeners, g, false, true},
        {"/routes", TEXT_TYPE, write_routes, g, false, true},
        {"/upstreams", TEXT_TYPE, write_upstreams, g, false, true},
        {"/certs", TEXT_TYPE, write_certs, g, false, true},
        {"/gateway", TEXT_TYPE, write_gateway, g, false, true},
        {"/reload", TEXT_TYPE, post_reload, g, true, true},
        {"/stop", TEXT_TYPE, post_stop, g, true, true},
    };

    memcpy(g->admin_pages, admin, sizeof admin);
    g->health_page =
        (struct admin_page){"/healthz/ready", TEXT_TYPE, write_health, g, false, false};
    g->stats_page =
        (struct admin_page){"/stats/prometheus", METRICS_TYPE, write_stats, g, false, false};
    monitor_init(&g->health, &g->control, &g->health_page, 1);
    monitor_init(&g->stats, &g->control, &g->stats_page, 1);
    monitor_init(&g->admin, &g->control, g->admin_pages, GATEWAY_PAGES);
}
