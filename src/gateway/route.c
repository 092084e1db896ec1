/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/route.h"

#include "gateway/binding.h"
#include "gateway/worker.h"
#include "handler/echo/echo.h"
#include "handler/proxy.h"
#include "http/reply.h"

bool route_host_matches(struct str pattern, struct str host) {
    if (str_eq(pattern, STR("*")))
        return true;
    if (!str_starts(pattern, STR("*.")))
        return str_ieq(pattern, host);
    struct str suffix = {pattern.p + 1, pattern.n - 1};
    if (host.n <= suffix.n)
        return false;
    return str_ieq(suffix, (struct str){host.p + host.n - suffix.n, suffix.n});
}

static bool any_matches(const struct strs *hosts, struct str host) {
    for (size_t i = 0; i < hosts->n; i++)
        if (route_host_matches(hosts->v[i], host))
            return true;
    return false;
}

static const struct config_route *find(const struct config *c, struct str host, struct str path) {
    const struct config_route *best = NULL;

    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *r = c->routes[i];
        if (r->options.hosts.n && !any_matches(&r->options.hosts, host))
            continue;
        if (!str_starts(path, r->options.path) && !str_eq(path, STR("*")))
            continue;
        if (!best || r->options.path.n > best->options.path.n)
            best = r;
    }
    return best;
}

static void refuse(struct exchange *x, struct str host) {
    struct str text = arena_format(&x->arena,
                                   "no route for \"" STR_FMT "\" " STR_FMT
                                   " here. `h3gw serve --help` and the [route] sections of the "
                                   "configuration say what there is.",
                                   STR_ARG(host), STR_ARG(x->request.path));
    reply_error(x, 404, text.p ? text : STR("no route"));
}

void route_exchange(struct exchange *x) {
    struct worker *w = worker_of(x);
    const struct binding *b = x->peer->server;
    struct str host = x->request.authority;
    uint16_t port;

    if (authority_split(x->request.authority, &host, &port))
        host = x->request.authority;
    bool ours = b->server->any_host || b->server->options.hosts.n == 0 ||
                any_matches(&b->server->options.hosts, host);
    const struct config_route *r =
        ours ? find(w->config, host, message_path_only(&x->request)) : NULL;
    if (!r) {
        refuse(x, host);
        return;
    }
    x->route = r;
    x->route_name = r->name;
    x->alt_svc = str_of(b->alt_svc);
    if (r->upstream)
        proxy_open(x, w->upstreams[r->upstream->index], &w->proxy);
    else
        echo_open(x);
}
