/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_ROUTE_H
#define GATEWAY_DUMP_ROUTE_H

#include "base/arena.h"
#include "gateway/config/config.h"

/* The routes as Envoy would have them: a route configuration for each server that sees requests
 * (not tls = passthrough) and port that it advertises, a virtual host for each domain that the
 * server and a route have in common. Envoy takes the most specific domain, and there the first
 * route that fits: so a virtual host holds all routes whose hosts cover its domain, in the order in
 * which gateway/route.c prefers them. */

struct dump_vhost {
    struct str name, domain; /* "app.test:443", "app.test" */
    const struct config_route **routes;
    size_t n_routes;
};

struct dump_route {
    struct str name;
    const struct config_server *server;
    uint16_t port; /* the one listened on */
    struct dump_vhost *vhosts;
    size_t n_vhosts;
};

struct dump_route_list {
    struct dump_route *v;
    size_t n;
};

/* Sorted by name. 0 or ERR_NO_MEMORY. */
int dump_route_list(const struct config *c, struct arena *a, struct dump_route_list *ret_list);

/* envoy.config.route.v3.RouteConfiguration */
struct json;
struct json_value;
struct json_value *dump_route_json(struct json *j, struct arena *a, const struct config *c,
                                   const struct dump_route *r);

#endif
