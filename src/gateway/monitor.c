/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/monitor.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "gateway/metrics.h"
#include "proto/h1/h1.h"

/* Probes and scrapers are few; more connections wait. */
enum { MONITOR_CONNECTIONS = 256 };

static int write_health(void *context, struct buf *to) {
    const struct monitor *m = context;

    buf_str(to, m->draining ? STR("draining\n") : STR("ready\n"));
    return m->draining ? 503 : 200;
}

static int write_stats(void *context, struct buf *to) {
    const struct monitor *m = context;

    stats_page(&m->view, to);
    return 200;
}

static void route(struct exchange *x) {
    const struct monitor_listener *l = x->env->owner;

    admin_open(x, &l->page, 1);
}

static int on_response(struct exchange *x) {
    const struct monitor_listener *l = x->env->owner;

    return fields_add(&x->response.fields, STR("date"), worker_date(l->worker));
}

static const struct hook monitor_hook = {.name = "monitor", .response = on_response};
static const struct hook *const hooks[] = {&monitor_hook, NULL};

static struct stream_engine *accept_plain(void *context, struct peer *peer) {
    struct monitor_listener *l = context;

    peer->version = HTTP_1_1;
    return h1_server_new(&l->http, peer);
}

static void tell(struct monitor_listener *l, const struct addr *addr, int err) {
    struct log *log = l->worker->log;
    char text[ADDR_TEXT];

    addr_text(addr, text);
    if (err)
        log_error(log, "cannot listen on TCP %s for %s: %s", text, l->page.path,
                  err == ERR_EXISTS   ? "the port is in use"
                  : err == ERR_SYSTEM ? strerror(errno)
                                      : err_text(err));
    else if (!addr_is_loopback(addr))
        log_warn(log, "http://%s%s is open to the network, unencrypted and for everybody", text,
                 l->page.path);
}

static int open_listener(struct monitor_listener *l, struct worker *w, const struct addr *addr) {
    struct listener_config config = {
        .loop = w->loop,
        .log = w->log,
        .addr = *addr,
        .max_streams = MONITOR_CONNECTIONS,
        .write_timeout_ns = w->limits.write_timeout_ns,
        .accept = accept_plain,
        .context = l,
    };
    int err;

    l->worker = w;
    http_env_init(&l->http, &w->turn, &w->chunks);
    l->http.log = w->log;
    l->http.limits = &w->limits;
    l->http.hooks = hooks;
    l->http.route = route;
    l->http.owner = l;
    l->http.scratch = w->http.scratch;
    l->http.scratch_bytes = w->http.scratch_bytes;
    if (addr->n == 0)
        return 0;
    err = listener_open(&config, &l->tcp);
    tell(l, err ? addr : listener_addr(l->tcp), err);
    return err;
}

int monitor_open(struct monitor *m, struct worker *w, const struct stats_view *view) {
    const struct gateway_options *o = &w->config->gateway;
    int err;

    *m = (struct monitor){.view = *view};
    m->health.page =
        (struct admin_page){"/healthz/ready", "text/plain; charset=utf-8", write_health, m};
    m->stats.page = (struct admin_page){"/stats/prometheus", METRICS_TYPE, write_stats, m};
    err = open_listener(&m->health, w, &o->health);
    if (!err)
        err = open_listener(&m->stats, w, &o->stats);
    if (err)
        monitor_close(m);
    return err;
}

void monitor_drain(struct monitor *m) {
    m->draining = true;
}

void monitor_close(struct monitor *m) {
    listener_free(m->health.tcp);
    listener_free(m->stats.tcp);
    m->health.tcp = m->stats.tcp = NULL;
}
