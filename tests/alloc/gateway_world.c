/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway_world.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/binding.h"
#include "gateway/change.h"
#include "sys/file.h"

static const char *home;

static char *look_up(const char *name) {
    bool is_home = strcmp(name, "H3GW_CAROOT") == 0 || strcmp(name, "XDG_RUNTIME_DIR") == 0;
    return is_home ? (char *)(uintptr_t)home : NULL;
}

static void hear(struct log *log, enum log_level level, const char *line, size_t n) {
    struct gateway_world *w = container_of(log, struct gateway_world, log);
    int said = snprintf(w->said + w->n_said, SAID - w->n_said, "%s: %.*s\n", log_level_text(level),
                        (int)n, line);
    if (said > 0 && w->n_said + (size_t)said < SAID)
        w->n_said += (size_t)said;
}

static int read_file(void *context, struct config *c) {
    struct gateway_world *w = context;
    int err = config_read_file(c, w->path);
    return err ? err : config_check(c);
}

void gateway_world_init(struct gateway_world *w, struct folder *folder) {
    memset(w, 0, sizeof(*w));
    home = folder->path;
    w->log.level = LOG_INFO;
    w->log.write = hear;
    w->configurer = (struct configurer){read_file, w};
}

void gateway_world_write(struct folder *folder, const char *name, const char *text) {
    struct buf filled;
    buf_init(&filled);
    for (const char *at; (at = strstr(text, "FOLDER")); text = at + 6) {
        buf_add(&filled, text, (size_t)(at - text));
        buf_str(&filled, str_of(folder->path));
    }
    buf_str(&filled, str_of(text));
    assert_int_equal(file_write(path_in(folder, name), buf_view(&filled), 0600, FILE_NEW), 0);
    buf_fini(&filled);
}

static void forget(struct gateway_world *w) {
    buf_fini(&w->errors);
    w->n_said = 0;
    w->said[0] = '\0';
}

int gateway_world_start(struct gateway_world *w, const char *path) {
    forget(w);
    w->path = path;
    w->log.level = LOG_INFO;
    int err = gateway_start(&w->g, &w->configurer, &w->log, look_up, &w->errors);
    if (!err)
        w->g.state = GATEWAY_SERVING;
    return err;
}

int gateway_world_reload(struct gateway_world *w, const char *path) {
    forget(w);
    w->path = path;
    return change_next(&w->g, &w->errors);
}

void gateway_world_settle(struct gateway_world *w) {
    while (change_sweep(&w->g))
        loop_lap(w->g.control.loop, MS_NS);
    task_stop_timer(&w->g.sweep);
    loop_lap(w->g.control.loop, 0);
}

void gateway_world_stop(struct gateway_world *w) {
    gateway_stop(&w->g);
    forget(w);
}

/* ---- is all there? ---- */

static const struct binding *binding_at(const struct worker *w, const struct venue *v) {
    list_each(&w->bindings, at, next) {
        const struct binding *b = list_entry(at, struct binding, link);
        if (b->venue == v)
            return b;
    }
    return NULL;
}

/* In the worker's thread, where nothing can be asserted. */
struct look {
    const struct gateway *g;
    bool fine;
};

static bool is_bound(const struct binding *b, const struct address *a) {
    return b && b->tcp && a->plain == b->plain && !a->udp == !b->quic && !b->quic == !b->udp;
}

static void look_into(struct worker *w, void *context) {
    struct look *look = context;
    const struct generation *now = look->g->now;
    const struct outfit *o = list_first(&w->outfits, struct outfit, link);
    size_t bound = 0;

    look->fine = o->generation == now;
    for (size_t i = 0; i < now->addresses.n && look->fine; i++)
        look->fine = is_bound(binding_at(w, &o->venues[i]), &now->addresses.v[i]);
    list_each(&w->bindings, at, next)
        bound++;
    look->fine = look->fine && bound == now->addresses.n;
}

void gateway_world_check(struct gateway_world *w) {
    struct gateway *g = &w->g;
    const struct config *c = &g->now->config;

    for (unsigned i = 0; i < g->n_workers; i++) {
        struct look look = {g, false};
        worker_do(&g->workers[i], look_into, &look);
        assert_true(look.fine);
    }
    assert_true(!c->gateway.health.n == !monitor_addr(&g->health));
    assert_true(!c->gateway.stats.n == !monitor_addr(&g->stats));
    assert_true(!c->admin.n == !monitor_addr(&g->admin));
    assert_int_not_equal(g->renewal.heap_slot, 0);
    assert_true(g->changes || strstr(w->said, "will not be noticed"));
}

static const struct addr *plain_of(const struct gateway *g) {
    for (size_t i = 0; i < g->now->addresses.n; i++)
        if (g->now->addresses.v[i].plain)
            return &g->now->addresses.v[i].addr;
    return NULL;
}

void gateway_world_ask(struct gateway_world *w) {
    static const char request[] = "GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n";
    const struct addr *to = plain_of(&w->g);
    char wanted[64], text[4096];
    size_t n = 0;
    ssize_t got;

    assert_non_null(to);
    int fd = socket(to->sa.sa_family, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &to->sa, to->n), 0);
    assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    while ((got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0)
        n += (size_t)got;
    close(fd);
    text[n] = '\0';
    snprintf(wanted, sizeof(wanted), "https://localhost:%u/x",
             addr_port(&w->g.now->addresses.v[0].addr));
    assert_non_null(strstr(text, " 308 "));
    assert_non_null(strstr(text, wanted));
}
