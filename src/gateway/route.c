/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/route.h"

#include "gateway/host.h"
#include "gateway/site.h"
#include "gateway/worker.h"
#include "handler/echo/echo.h"
#include "handler/proxy.h"
#include "http/reply.h"

/* The most specific host first, as Istio's virtual hosts; then the longest prefix. */
static const struct config_route *find(const struct config *c, struct str host, struct str path) {
    const struct config_route *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *r = c->routes[i];
        size_t fit = hosts_fit(&r->options.hosts, host);
        if (fit == 0 || fit < best_fit)
            continue;
        if (!str_starts(path, r->options.path) && !str_eq(path, STR("*")))
            continue;
        if (!best || fit > best_fit || r->options.path.n > best->options.path.n)
            best = r;
        best_fit = fit;
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
    const struct site *site = x->peer->server, *owner;
    const struct config_route *r = NULL;
    struct str host = x->request.authority;
    uint16_t port;

    if (authority_split(x->request.authority, &host, &port))
        host = x->request.authority;
    owner = site_of_host(site->neighbours, host);
    if (owner && owner != site) {
        reply_error(x, 421,
                    STR("this name has a server of its own here; connect anew, with its "
                        "name in the handshake"));
        return;
    }
    if (owner)
        r = find(w->config, host, message_path_only(&x->request));
    if (!r) {
        refuse(x, host);
        return;
    }
    x->route = r;
    x->route_name = r->name;
    x->alt_svc = str_of(site->alt_svc);
    if (r->upstream)
        proxy_open(x, w->upstreams[r->upstream->index], &w->proxy);
    else
        echo_open(x);
}
