/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_upstream.h"

#include "gateway/dump/dump_json.h"
#include "gateway/dump/dump_names.h"

static bool is_unix(const struct uri *uri) {
    return str_eq(uri->scheme, STR("unix"));
}

struct str dump_upstream_type(const struct config_upstream *u) {
    struct addr addr;

    for (size_t i = 0; i < u->n_uris; i++)
        if (!is_unix(&u->uris[i]) && addr_from_ip(u->uris[i].host, u->uris[i].port, &addr))
            return STR("STRICT_DNS");
    return STR("STATIC");
}

static struct json_value *endpoint(struct json *j, const struct uri *uri) {
    struct json_value *o = json_object(j), *address;
    struct json_value *inner = json_add_object(j, o, STR("endpoint"));

    if (!is_unix(uri)) {
        json_add(j, inner, STR("address"), dump_json_address(j, uri->host, uri->port, false));
        return o;
    }
    address = json_add_object(j, inner, STR("address"));
    json_add_str(j, json_add_object(j, address, STR("pipe")), STR("path"), uri->path);
    return o;
}

static void add_endpoints(struct json *j, struct str name, const struct config_upstream *u,
                          struct json_value *to) {
    struct json_value *load = json_add_object(j, to, STR("loadAssignment"));
    struct json_value *locality = json_object(j), *all;

    json_add_str(j, load, STR("clusterName"), name);
    all = json_add_array(j, locality, STR("lbEndpoints"));
    for (size_t i = 0; i < u->n_uris; i++)
        json_push(j, all, endpoint(j, &u->uris[i]));
    json_push(j, json_add_array(j, load, STR("endpoints")), locality);
}

static void add_limits(struct json *j, const struct gateway_options *gateway,
                       struct json_value *to) {
    struct json_value *breakers = json_add_object(j, to, STR("circuitBreakers"));
    struct json_value *host = json_object(j);

    json_add_u64(j, host, STR("maxConnections"), gateway->upstream_connections);
    json_push(j, json_add_array(j, breakers, STR("perHostThresholds")), host);
}

static void add_protocol(struct json *j, const struct gateway_options *gateway,
                         struct json_value *to) {
    struct json_value *all = json_add_object(j, to, STR("typedExtensionProtocolOptions"));
    struct json_value *http =
        dump_json_any(j, STR("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"));
    struct json_value *common = json_add_object(j, http, STR("commonHttpProtocolOptions"));
    struct json_value *only = json_add_object(j, http, STR("explicitHttpConfig"));

    json_add(j, common, STR("idleTimeout"),
             dump_json_duration(j, gateway->upstream_idle_timeout_ns));
    json_add_object(j, only, STR("httpProtocolOptions"));
    json_add(j, all, STR("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"), http);
}

/* Connections are passed on to it: no HTTP is spoken, and the pool's limit does not count. */
static bool is_for_tunnels(const struct config *c, const struct config_upstream *u) {
    for (size_t i = 0; i < c->n_routes; i++)
        if (c->routes[i]->upstream == u && c->routes[i]->answer == ROUTE_TUNNEL)
            return true;
    return false;
}

struct json_value *dump_upstream_json(struct json *j, struct arena *a, const struct config *c,
                                      const struct config_upstream *u) {
    struct str name = dump_cluster_name(a, u);
    struct json_value *o = json_object(j);
    bool http = !is_for_tunnels(c, u);

    json_add_str(j, o, STR("name"), name);
    json_add_str(j, o, STR("type"), dump_upstream_type(u));
    json_add(j, o, STR("connectTimeout"),
             dump_json_duration(j, c->gateway.upstream_connect_timeout_ns));
    if (http)
        add_limits(j, &c->gateway, o);
    add_endpoints(j, name, u, o);
    if (http)
        add_protocol(j, &c->gateway, o);
    return o;
}
