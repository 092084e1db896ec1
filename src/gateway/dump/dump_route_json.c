/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/turn.h"
#include "gateway/dump/dump_json.h"
#include "gateway/dump/dump_names.h"
#include "gateway/dump/dump_route.h"

struct maker {
    struct json *json;
    struct arena *arena;
    const struct config *config;
    const struct dump_route *route;
};

static struct json_value *action(struct maker *m, const struct config_route *r) {
    uint64_t timeout_ns = r->options.timeout_ns;
    uint64_t standard_ns = m->config->gateway.upstream_response_timeout_ns;
    struct json *j = m->json;
    struct json_value *o = json_object(j);

    json_add_str(j, o, STR("cluster"), dump_cluster_name(m->arena, r->upstream));
    json_add(j, o, STR("timeout"), dump_json_duration(j, timeout_ns ? timeout_ns : standard_ns));
    if (r->options.rewrite.n)
        json_add_str(j, o, STR("prefixRewrite"), r->options.rewrite);
    return o;
}

/* Envoy takes a redirect apart. The query is kept there unless the path brings its own, as here. */
static void add_redirect(struct maker *m, const struct config_route *r, struct json_value *to) {
    static const char *const codes[] = {NULL, "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT",
                                        "PERMANENT_REDIRECT"}; /* 301 is the default */
    struct json *j = m->json;
    struct json_value *o = json_add_object(j, to, STR("redirect"));
    struct str target = r->options.redirect, path = target;
    const char *code = codes[r->options.redirect_status], *problem;
    struct uri uri;

    if (!str_starts(target, STR("/"))) {
        size_t head = str_istarts(target, STR("https://")) ? 8 : 7, n = head;
        while (n < target.n && !strchr("/?#", target.p[n]))
            n++;
        path = (struct str){target.p + n, target.n - n};
        if (uri_parse(m->arena, (struct str){target.p, n}, &uri, &problem)) {
            j->failed = true;
            return;
        }
        json_add_str(j, o, STR("schemeRedirect"), uri.scheme);
        json_add_str(j, o, STR("hostRedirect"), uri.host);
        json_add_u64(j, o, STR("portRedirect"), uri.port);
    }
    if (path.n)
        json_add_str(j, o, STR("pathRedirect"), path);
    if (code)
        json_add_str(j, o, STR("responseCode"), str_of(code));
}

static void add_response(struct maker *m, const struct config_route *r, struct json_value *to) {
    struct json *j = m->json;
    struct json_value *o = json_add_object(j, to, STR("directResponse")), *body;

    json_add_u64(j, o, STR("status"), r->options.respond);
    if (!r->options.respond_body.n)
        return;
    body = json_add_object(j, o, STR("body"));
    json_add_str(j, body, STR("inlineString"), r->options.respond_body);
}

static void add_answer(struct maker *m, const struct config_route *r, struct json_value *to) {
    switch (r->answer) {
    case ROUTE_TUNNEL:
    case ROUTE_PROXY: json_add(m->json, to, STR("route"), action(m, r)); break;
    case ROUTE_ECHO: json_add_object(m->json, to, STR("nonForwardingAction")); break;
    case ROUTE_REDIRECT: add_redirect(m, r, to); break;
    case ROUTE_RESPOND: add_response(m, r, to); break;
    }
}

/* appendAction APPEND_IF_EXISTS_OR_ADD is the default, and so left out. */
static void push_header(struct json *j, struct json_value *all, struct field field, bool set) {
    struct json_value *option = json_object(j);
    struct json_value *header = json_add_object(j, option, STR("header"));

    json_add_str(j, header, STR("key"), field.name);
    json_add_str(j, header, STR("value"), field.value);
    if (set)
        json_add_str(j, option, STR("appendAction"), STR("OVERWRITE_IF_EXISTS_OR_ADD"));
    json_push(j, all, option);
}

static void push_edits(struct json *j, struct json_value *all, const struct edits *e) {
    for (size_t i = 0; i < e->n_set; i++)
        push_header(j, all, e->set[i], true);
    for (size_t i = 0; i < e->n_add; i++)
        push_header(j, all, e->add[i], false);
}

static void add_removals(struct json *j, struct json_value *to, struct str key,
                         const struct edits *e) {
    struct json_value *all = e->n_remove ? json_add_array(j, to, key) : NULL;

    for (size_t i = 0; i < e->n_remove; i++)
        json_push(j, all, json_str(j, e->remove[i]));
}

static void add_edits(struct maker *m, const struct config_route *r, struct json_value *to) {
    const struct edits *q = &r->request, *a = &r->response;
    const struct dump_route *on = m->route;
    struct json *j = m->json;
    bool http3 = config_http3(m->config, on->server);
    struct json_value *all = NULL;
    char text[64];

    if (q->n_set + q->n_add)
        push_edits(j, json_add_array(j, to, STR("requestHeadersToAdd")), q);
    add_removals(j, to, STR("requestHeadersToRemove"), q);
    if (http3 || a->n_set + a->n_add)
        all = json_add_array(j, to, STR("responseHeadersToAdd"));
    if (http3) {
        snprintf(text, sizeof text, "h3=\":%u\"; ma=%llu", dump_route_port(on->server, on->port),
                 (unsigned long long)(m->config->gateway.alt_svc_max_age_ns / SECOND_NS));
        push_header(j, all, (struct field){STR("alt-svc"), str_of(text)}, false);
    }
    push_edits(j, all, a);
    add_removals(j, to, STR("responseHeadersToRemove"), a);
}

/* Istio keeps there which VirtualService a route came from. */
static void add_metadata(struct maker *m, const struct config_route *r, struct json_value *to) {
    struct json *j = m->json;
    struct str space = m->route->server->options.namespace;
    struct str path = arena_format(
        m->arena, "/apis/networking.istio.io/v1/namespaces/" STR_FMT "/virtual-service/" STR_FMT,
        STR_ARG(space.n ? space : STR("default")), STR_ARG(r->name));
    struct json_value *metadata = json_add_object(j, to, STR("metadata"));
    struct json_value *filters = json_add_object(j, metadata, STR("filterMetadata"));
    struct json_value *istio = json_add_object(j, filters, STR("istio"));

    json_add_str(j, istio, STR("config"), path);
}

static struct json_value *route(struct maker *m, const struct config_route *r) {
    struct json *j = m->json;
    struct json_value *o = json_object(j);
    struct json_value *match;

    json_add_str(j, o, STR("name"), r->name);
    match = json_add_object(j, o, STR("match"));
    json_add_str(j, match, r->exact ? STR("path") : STR("prefix"), r->match);
    add_answer(m, r, o);
    add_metadata(m, r, o);
    add_edits(m, r, o);
    return o;
}

static struct json_value *virtual_host(struct maker *m, const struct dump_vhost *v) {
    struct json *j = m->json;
    struct json_value *o = json_object(j), *routes;

    json_add_str(j, o, STR("name"), v->name);
    json_push(j, json_add_array(j, o, STR("domains")), json_str(j, v->domain));
    routes = json_add_array(j, o, STR("routes"));
    for (size_t i = 0; i < v->n_routes; i++)
        json_push(j, routes, route(m, v->routes[i]));
    json_add_bool(j, o, STR("includeRequestAttemptCount"), true);
    return o;
}

struct json_value *dump_route_json(struct json *j, struct arena *a, const struct config *c,
                                   const struct dump_route *r) {
    struct maker m = {j, a, c, r};
    struct json_value *o = json_object(j), *hosts;

    json_add_str(j, o, STR("name"), r->name);
    hosts = json_add_array(j, o, STR("virtualHosts"));
    for (size_t i = 0; i < r->n_vhosts; i++)
        json_push(j, hosts, virtual_host(&m, &r->vhosts[i]));
    json_add_bool(j, o, STR("validateClusters"), false);
    json_add_bool(j, o, STR("ignorePortInHostMatching"), true);
    return o;
}
