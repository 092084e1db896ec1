/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/monitor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "proto/h1/h1.h"

/* Probes and scrapers are few; more connections wait. */
enum { MONITOR_CONNECTIONS = 256 };

static void route(struct exchange *x) {
    const struct monitor_listener *l = x->env->owner;

    admin_open(x, l->pages, l->n_pages);
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

void monitor_init(struct monitor_listener *l, struct worker *control,
                  const struct admin_page *pages, size_t n) {
    *l = (struct monitor_listener){.worker = control, .pages = pages, .n_pages = n};
    quota_init(&l->quota, "a limit of ours", MONITOR_CONNECTIONS);
    http_limits_default(&l->limits);
    http_env_init(&l->http, &control->turn, &control->chunks);
    l->http.log = control->log;
    l->http.limits = &l->limits;
    l->http.hooks = hooks;
    l->http.route = route;
    l->http.owner = l;
    l->http.scratch = control->scratch.p;
    l->http.scratch_bytes = control->scratch.n;
}

static void tell(const struct monitor_listener *l, const struct addr *addr, int err,
                 struct log *log) {
    char text[ADDR_TEXT];

    addr_text(addr, text);
    if (err)
        log_error(log, "cannot listen on %s%s for %s: %s",
                  addr->sa.sa_family == AF_UNIX ? "" : "TCP ", text, l->pages[0].path,
                  err == ERR_EXISTS   ? "the port is in use"
                  : err == ERR_SYSTEM ? strerror(errno)
                                      : err_text(err));
    else if (addr->sa.sa_family != AF_UNIX && !addr_is_loopback(addr))
        log_warn(log, "http://%s%s is open to the network, unencrypted and for everybody", text,
                 l->pages[0].path);
}

int monitor_prepare(struct monitor_listener *l, const struct addr *addr, struct log *log) {
    struct listener_config config = {
        .loop = l->worker->loop,
        .log = l->worker->log,
        .addr = *addr,
        .quota = &l->quota,
        .write_timeout_ns = l->limits.write_timeout_ns,
        .accept = accept_plain,
        .context = l,
    };
    bool same = addr->n == l->wanted.n && (addr->n == 0 || addr_eq(addr, &l->wanted));
    int err;

    l->next_addr = *addr;
    if (same || addr->n == 0)
        return 0;
    err = listener_open(&config, &l->next);
    tell(l, err ? addr : listener_addr(l->next), err, log);
    return err;
}

/* A socket's file goes with it. */
static void remove_file(const struct listener *l) {
    if (listener_addr(l)->sa.sa_family == AF_UNIX)
        (void)unlink(listener_addr(l)->un.sun_path);
}

static void close_listener(struct listener *l) {
    if (l)
        remove_file(l);
    listener_free(l);
}

void monitor_commit(struct monitor_listener *l) {
    if (!l->next && l->next_addr.n > 0)
        return; /* as it is */
    listener_free(l->old);
    l->old = l->tcp;
    if (l->old) {
        remove_file(l->old);
        listener_drain(l->old);
    }
    l->tcp = l->next;
    l->next = NULL;
    l->wanted = l->next_addr;
}

void monitor_abandon(struct monitor_listener *l) {
    close_listener(l->next);
    l->next = NULL;
}

void monitor_close(struct monitor_listener *l) {
    if (!l->worker)
        return;
    monitor_abandon(l);
    listener_free(l->old);
    close_listener(l->tcp);
    l->old = l->tcp = NULL;
}

const struct addr *monitor_addr(const struct monitor_listener *l) {
    return l->tcp ? listener_addr(l->tcp) : NULL;
}
