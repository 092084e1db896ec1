/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_json.h"
#include "gateway/dump/dump_listener.h"
#include "gateway/dump/dump_names.h"

/* The shapes are those of Istio's gateways (reference: pilot/pkg/networking/core/gateway.go), with
 * what h3gw really does in them. proto3 JSON leaves defaults out: codecType AUTO, protocol TCP. */

#define EXTENSION(name) STR("envoy.extensions." name)

enum { TLS_SIMPLE, TLS_MUTUAL };

struct maker {
    struct json *json;
    struct arena *arena;
    const struct config *config;
    const struct dump_listener *listener;
};

static struct json_value *sds(struct json *j, struct str name) {
    struct json_value *o = json_object(j);

    json_add_str(j, o, STR("name"), name);
    json_add(j, o, STR("sdsConfig"), dump_json_source(j));
    return o;
}

static void add_client_ca(struct maker *m, const struct config_server *s, struct json_value *tls) {
    struct json *j = m->json;
    struct json_value *both = json_add_object(j, tls, STR("combinedValidationContext"));

    json_add_object(j, both, STR("defaultValidationContext"));
    json_add(j, both, STR("validationContextSdsSecretConfig"),
             sds(j, dump_client_ca_name(m->arena, s->credential)));
}

/* What DownstreamTlsContext holds, be it alone or in QUIC's. */
static void fill_tls(struct maker *m, const struct config_server *s, struct json_value *to) {
    struct json *j = m->json;
    struct json_value *common = json_add_object(j, to, STR("commonTlsContext"));
    struct json_value *certs = json_add_array(j, common, STR("tlsCertificateSdsSecretConfigs"));

    json_push(j, certs, sds(j, dump_secret_name(m->arena, s)));
    if (s->options.tls != TLS_SIMPLE && s->credential)
        add_client_ca(m, s, common);
    json_add(j, common, STR("alpnProtocols"),
             dump_json_text(j, m->listener->udp ? STR("[\"h3\"]") : STR("[\"h2\", \"http/1.1\"]")));
    json_add_bool(j, to, STR("requireClientCertificate"), s->options.tls == TLS_MUTUAL);
}

static struct json_value *transport_socket(struct maker *m, const struct config_server *s) {
    struct dump_typed t;

    if (!m->listener->udp) {
        t = dump_json_typed(m->json, STR("envoy.transport_sockets.tls"),
                            EXTENSION("transport_sockets.tls.v3.DownstreamTlsContext"));
        fill_tls(m, s, t.config);
        return t.outer;
    }
    t = dump_json_typed(m->json, STR("envoy.transport_sockets.quic"),
                        EXTENSION("transport_sockets.quic.v3.QuicDownstreamTransport"));
    fill_tls(m, s, json_add_object(m->json, t.config, STR("downstreamTlsContext")));
    return t.outer;
}

static struct json_value *routes(struct maker *m, const struct config_server *s) {
    struct json *j = m->json;
    struct json_value *rds = json_object(j);

    json_add(j, rds, STR("configSource"),
             dump_json_text(j, STR("{\"ads\": {}, \"initialFetchTimeout\": \"0s\", "
                                   "\"resourceApiVersion\": \"V3\"}")));
    json_add_str(j, rds, STR("routeConfigName"), dump_route_name(m->arena, s, m->listener->port));
    return rds;
}

static struct json_value *http_filters(struct json *j) {
    struct json_value *all = json_array(j);

    json_push(j, all,
              dump_json_typed(j, STR("envoy.filters.http.router"),
                              EXTENSION("filters.http.router.v3.Router"))
                  .outer);
    return all;
}

static void add_client_cert(struct json *j, struct json_value *to) {
    json_add_str(j, to, STR("forwardClientCertDetails"), STR("SANITIZE_SET"));
    json_add(j, to, STR("setCurrentClientCertDetails"),
             dump_json_text(j, STR("{\"subject\": true, \"cert\": true, \"dns\": true, "
                                   "\"uri\": true}")));
}

static void add_limits(struct maker *m, struct json_value *to) {
    const struct gateway_options *o = &m->config->gateway;
    struct json *j = m->json;
    struct json_value *common = json_add_object(j, to, STR("commonHttpProtocolOptions"));

    json_add(j, common, STR("idleTimeout"), dump_json_duration(j, o->idle_timeout_ns));
    json_add_str(j, to, STR("streamIdleTimeout"), STR("0s"));
    json_add(j, to, STR("requestHeadersTimeout"), dump_json_duration(j, o->header_timeout_ns));
    json_add(j, to, STR("drainTimeout"), dump_json_duration(j, o->drain_timeout_ns));
}

static struct dump_typed manager_of(struct json *j) {
    return dump_json_typed(
        j, STR("envoy.filters.network.http_connection_manager"),
        EXTENSION("filters.network.http_connection_manager.v3.HttpConnectionManager"));
}

static struct json_value *connection_manager(struct maker *m, const struct config_server *s) {
    enum { SERVER_OURS, SERVER_PASS };
    struct json *j = m->json;
    struct str prefix = arena_format(m->arena, "outbound_" STR_FMT, STR_ARG(m->listener->name));
    struct dump_typed t = manager_of(j);

    if (m->listener->udp)
        json_add_str(j, t.config, STR("codecType"), STR("HTTP3"));
    json_add_str(j, t.config, STR("statPrefix"), prefix);
    json_add(j, t.config, STR("rds"), routes(m, s));
    json_add(j, t.config, STR("httpFilters"), http_filters(j));
    add_limits(m, t.config);
    json_add_str(j, t.config, STR("serverName"), STR("h3gw"));
    if (m->config->gateway.server_header == SERVER_PASS)
        json_add_str(j, t.config, STR("serverHeaderTransformation"), STR("APPEND_IF_ABSENT"));
    json_add_bool(j, t.config, STR("useRemoteAddress"), true);
    add_client_cert(j, t.config);
    if (m->listener->udp)
        json_add_object(j, t.config, STR("http3ProtocolOptions"));
    return t.outer;
}

/* What we answer ourselves: no cluster stands behind it. */
static struct json_value *inline_routes(struct json *j, struct str path) {
    struct json_value *config = json_object(j), *host = json_object(j), *route = json_object(j);
    struct json_value *match = json_add_object(j, route, STR("match"));

    json_add_str(j, match, STR("prefix"), path);
    json_add_object(j, route, STR("nonForwardingAction"));
    json_add_str(j, host, STR("name"), STR("backend"));
    json_add(j, host, STR("domains"), dump_json_text(j, STR("[\"*\"]")));
    json_push(j, json_add_array(j, host, STR("routes")), route);
    json_push(j, json_add_array(j, config, STR("virtualHosts")), host);
    return config;
}

static struct json_value *plain_chain(struct json *j, const struct dump_listener *l) {
    struct json_value *chain = json_object(j);
    struct dump_typed t = manager_of(j);

    json_add_str(j, t.config, STR("statPrefix"), l->name);
    json_add(j, t.config, STR("routeConfig"), inline_routes(j, l->path));
    json_add(j, t.config, STR("httpFilters"), http_filters(j));
    json_push(j, json_add_array(j, chain, STR("filters")), t.outer);
    return chain;
}

static void add_match(struct json *j, const struct strs *hosts, struct json_value *chain) {
    struct json_value *match, *names;

    if (hosts->n == 0)
        return;
    match = json_add_object(j, chain, STR("filterChainMatch"));
    names = json_add_array(j, match, STR("serverNames"));
    for (size_t i = 0; i < hosts->n; i++)
        json_push(j, names, json_str(j, hosts->v[i]));
}

static struct json_value *tcp_proxy(struct maker *m, const struct config_upstream *u) {
    struct json *j = m->json;
    struct dump_typed t = dump_json_typed(j, STR("envoy.filters.network.tcp_proxy"),
                                          EXTENSION("filters.network.tcp_proxy.v3.TcpProxy"));
    struct str cluster = dump_cluster_name(m->arena, u);

    json_add_str(j, t.config, STR("statPrefix"), cluster);
    json_add_str(j, t.config, STR("cluster"), cluster);
    json_add(j, t.config, STR("idleTimeout"),
             dump_json_duration(j, m->config->gateway.tunnel_idle_timeout_ns));
    return t.outer;
}

static struct json_value *filter_chain(struct maker *m, const struct dump_chain *c) {
    struct json *j = m->json;
    struct json_value *chain = json_object(j), *filters;

    add_match(j, &c->hosts, chain);
    filters = json_add_array(j, chain, STR("filters"));
    if (c->tunnel) {
        json_push(j, filters, tcp_proxy(m, c->tunnel->upstream));
        return chain;
    }
    json_push(j, filters, connection_manager(m, c->server));
    json_add(j, chain, STR("transportSocket"), transport_socket(m, c->server));
    if (!m->listener->udp)
        json_add(j, chain, STR("transportSocketConnectTimeout"),
                 dump_json_duration(j, m->config->gateway.handshake_timeout_ns));
    return chain;
}

static void add_addresses(struct json *j, const struct dump_listener *l, struct json_value *to) {
    struct json_value *second = json_object(j);

    json_add(j, to, STR("address"), dump_json_address(j, l->address, l->port, l->udp));
    if (!l->more.n)
        return;
    json_add(j, second, STR("address"), dump_json_address(j, l->more, l->port, l->udp));
    json_push(j, json_add_array(j, to, STR("additionalAddresses")), second);
}

static void add_transport(struct json *j, const struct dump_listener *l, struct json_value *to) {
    struct json_value *filters;

    if (l->udp) {
        json_add(j, to, STR("udpListenerConfig"),
                 dump_json_text(j, STR("{\"quicOptions\": {}, \"downstreamSocketConfig\": {}}")));
        return;
    }
    filters = json_add_array(j, to, STR("listenerFilters"));
    json_push(j, filters,
              dump_json_typed(j, STR("envoy.filters.listener.tls_inspector"),
                              EXTENSION("filters.listener.tls_inspector.v3.TlsInspector"))
                  .outer);
}

struct json_value *dump_listener_json(struct json *j, struct arena *a, const struct config *c,
                                      const struct dump_listener *l) {
    struct maker m = {j, a, c, l};
    struct json_value *o = json_object(j), *chains;
    struct dump_chain_list list;

    if (dump_chain_list(c, a, l, &list)) {
        j->failed = true;
        return NULL;
    }
    json_add_str(j, o, STR("name"), l->name);
    add_addresses(j, l, o);
    chains = json_add_array(j, o, STR("filterChains"));
    if (l->path.n) {
        json_push(j, chains, plain_chain(j, l));
        return o;
    }
    for (size_t i = 0; i < list.n; i++)
        json_push(j, chains, filter_chain(&m, &list.v[i]));
    add_transport(j, l, o);
    json_add_str(j, o, STR("trafficDirection"), STR("OUTBOUND"));
    return o;
}
