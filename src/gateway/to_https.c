/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/to_https.h"

#include "base/err.h"
#include "http/reply.h"
#include "proto/h1/h1.h"

enum { HTTPS_PORT = 443 };

static struct stream_engine *accept_plain(void *context, struct peer *peer) {
    struct to_https *t = context;

    peer->version = HTTP_1_1;
    return h1_server_new(&t->env, peer);
}

/* Where clients reach the first server that has this host; 0: none has. */
static uint16_t port_for(const struct to_https *t, struct str host) {
    for (size_t i = 0; i < t->n_bindings; i++) {
        const struct binding *b = &t->bindings[i];
        const struct site *site = b->tcp ? site_of_host(&b->tcp_sites, host) : NULL;
        if (!site)
            continue;
        uint64_t advertised = site->server->options.advertise;
        return advertised ? (uint16_t)advertised : addr_port(&b->addr);
    }
    return 0;
}

static struct str location(struct exchange *x, struct str host, uint16_t port) {
    bool ip6 = str_find(host, ':') >= 0;
    struct str path = x->request.path, root = STR("/"), suffix = {"", 0};

    if (!str_starts(path, root))
        path = root;
    if (port != HTTPS_PORT)
        suffix = arena_format(&x->arena, ":%u", port);
    if (!suffix.p)
        return suffix;
    return arena_format(&x->arena, "https://%s" STR_FMT "%s" STR_FMT STR_FMT, ip6 ? "[" : "",
                        STR_ARG(host), ip6 ? "]" : "", STR_ARG(suffix), STR_ARG(path));
}

static void redirect(struct exchange *x) {
    const struct to_https *t = container_of(x->env, struct to_https, env);
    struct str host, to;
    uint16_t port;

    if (authority_split(x->request.authority, &host, &port)) {
        reply_error(x, 400,
                    STR("this is plain HTTP; without a valid Host it cannot be said "
                        "where the same is over HTTPS"));
        return;
    }
    port = port_for(t, host);
    if (!port) {
        reply_error(x, 400, STR("this is plain HTTP, and no server here has this name for HTTPS"));
        return;
    }
    to = location(x, host, port);
    if (!to.p || fields_set_static(&x->response.fields, STR("location"), to))
        reply_error(x, 503, STR("out of memory"));
    else
        reply(x, 308, STR(""), STR(""));
}

static int open_one(struct to_https *t, const struct config_listen *listen) {
    struct worker *w = t->worker;
    struct listener_config config = {
        .loop = w->loop,
        .log = w->log,
        .addr = listen->addr,
        .max_streams = (uint32_t)w->config->gateway.connections,
        .census = &w->clients,
        .write_timeout_ns = w->config->gateway.write_timeout_ns,
        .accept = accept_plain,
        .context = t,
    };
    int err = listener_open(&config, &t->listeners[t->n_listeners]);

    if (err)
        binding_describe(&listen->addr, "plain HTTP", err, t->problem);
    t->n_listeners += !err;
    return err;
}

int to_https_open(struct to_https *t, struct worker *worker, const struct binding *bindings,
                  size_t n_bindings) {
    const struct config_listens *listens = &worker->config->http_redirect;

    *t = (struct to_https){.worker = worker, .bindings = bindings, .n_bindings = n_bindings};
    http_env_init(&t->env, &worker->turn, &worker->chunks);
    t->env.log = worker->log;
    t->env.limits = &worker->limits;
    t->env.hooks = worker->http.hooks;
    t->env.route = redirect;
    t->env.owner = worker;
    t->env.scratch = worker->http.scratch;
    t->env.scratch_bytes = worker->http.scratch_bytes;
    for (size_t i = 0; i < listens->n; i++) {
        int err = open_one(t, &listens->v[i]);
        if (err && (!listens->v[i].optional || err == ERR_EXISTS))
            return err;
    }
    return 0;
}

void to_https_drain(struct to_https *t) {
    for (size_t i = 0; i < t->n_listeners; i++)
        listener_drain(t->listeners[i]);
}

bool to_https_idle(const struct to_https *t) {
    for (size_t i = 0; i < t->n_listeners; i++)
        if (listener_streams(t->listeners[i]) > 0)
            return false;
    return true;
}

void to_https_fini(struct to_https *t) {
    for (size_t i = 0; i < t->n_listeners; i++)
        listener_free(t->listeners[i]);
    t->n_listeners = 0;
}
