/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/route.h"

#include "base/err.h"
#include "gateway/host.h"
#include "gateway/outfit.h"
#include "gateway/redirect.h"
#include "handler/echo/echo.h"
#include "handler/proxy.h"
#include "http/reply.h"

static bool takes_path(const struct config_route *r, struct str path) {
    if (r->exact)
        return str_eq(path, r->match);
    return str_starts(path, r->match) || str_eq(path, STR("*"));
}

/* Of two for the same host: the very path, else the longer prefix. */
static bool is_better(const struct config_route *r, const struct config_route *than) {
    return r->exact != than->exact ? r->exact : r->match.n > than->match.n;
}

/* The most specific host first, as Istio's virtual hosts. */
static const struct config_route *find(const struct config *c, struct str host, struct str path) {
    const struct config_route *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *r = c->routes[i];
        size_t fit = hosts_fit(&r->options.hosts, host);
        if (fit == 0 || fit < best_fit || r->answer == ROUTE_TUNNEL || !takes_path(r, path))
            continue;
        if (!best || fit > best_fit || is_better(r, best))
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

static void redirect(struct exchange *x, const struct config_route *r) {
    static const int statuses[] = {301, 302, 303, 307, 308}; /* of the option redirect-status */
    struct str to = redirect_location(&x->arena, r->options.redirect, x->request.path);

    if (!to.p || fields_set_static(&x->response.fields, STR("location"), to))
        reply_error(x, 503, STR("out of memory"));
    else
        reply(x, statuses[r->options.redirect_status], STR(""), STR(""));
}

static void respond(struct exchange *x, const struct config_route *r) {
    bool text = r->options.respond_body.n > 0;

    reply(x, (int)r->options.respond, text ? STR("text/plain; charset=utf-8") : STR(""),
          r->options.respond_body);
}

/* The request as it goes on. */
static int edit_request(struct exchange *x, const struct config_route *r) {
    struct message *q = &x->request;

    if (r->options.rewrite.n && str_starts(q->path, STR("/"))) {
        struct str to = rewrite_path(&x->arena, q->path, r->match.n, r->options.rewrite);
        if (!to.p)
            return ERR_NO_MEMORY;
        x->client_path = q->path;
        q->path = to;
    }
    return edits_apply(&r->request, &q->fields);
}

static void hand_over(struct exchange *x, const struct config_route *r) {
    const struct outfit *o = outfit_of(x);

    if (edit_request(x, r)) {
        reply_error(x, 503, STR("out of memory"));
        return;
    }
    switch (r->answer) {
    case ROUTE_PROXY: proxy_open(x, o->upstreams[r->upstream->index], &o->proxies[r->index]); break;
    case ROUTE_ECHO: echo_open(x); break;
    case ROUTE_REDIRECT: redirect(x, r); break;
    case ROUTE_RESPOND: respond(x, r); break;
    case ROUTE_TUNNEL: refuse(x, x->request.authority); break; /* find passes them over */
    }
}

void route_exchange(struct exchange *x) {
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
        r = find(outfit_of(x)->config, host, message_path_only(&x->request));
    if (!r) {
        refuse(x, host);
        return;
    }
    x->route = r;
    x->route_name = r->name;
    x->alt_svc = str_of(site->alt_svc);
    hand_over(x, r);
}

/* Behind the forwarding hook: what the route says has the last word. */
static int on_response(struct exchange *x) {
    const struct config_route *r = x->route;

    return r ? edits_apply(&r->response, &x->response.fields) : 0;
}

const struct hook route_hook = {.name = "route", .response = on_response};
