/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/err.h"
#include "command/get_parts.h"
#include "proto/h1/h1.h"
#include "proto/h2/h2.h"
#include "tls/engine.h"

/* How often a QUIC handshake is looked at; it has no other way to say that it failed. */
static const uint64_t look_ns = 20 * MS_NS;

/* --resolve HOST:PORT:ADDR: the address for the URL's host and port, else the host itself. */
static struct str dial_host(const struct getter *g) {
    const struct args *args = g->options->args;
    struct str host = g->uri.host;

    for (size_t i = 0; i < args->n_given; i++) {
        struct str rest = args->given[i].value, name, port_text;
        uint64_t port;
        if (strcmp(args->table->rows[args->given[i].row].name, "resolve") != 0)
            continue;
        str_cut(&rest, ':', &name);
        if (str_cut(&rest, ':', &port_text) && !str_to_u64(port_text, &port) &&
            port == g->uri.port && str_ieq(name, g->uri.host))
            host = rest;
    }
    return host;
}

void get_connect(struct getter *g) {
    struct dial_config config = {
        .loop = g->loop,
        .resolver = g->resolver,
        .task = &g->task,
        .host = dial_host(g),
        .port = g->uri.port,
        .timeout_ns = g->options->connect_timeout_ns,
        .datagram = g->version == GET_HTTP3,
    };

    if (g->alt_port)
        config.port = g->alt_port;
    g->dial = dial_start(&config);
    if (!g->dial)
        get_fail(g, "out of memory");
}

/* ---- TCP ---- */

static struct stream_engine *make_client(struct getter *g, struct peer *peer) {
    bool h2 = peer->secure ? peer->version == HTTP_2 : g->version == GET_HTTP2;

    peer->version = h2 ? HTTP_2 : HTTP_1_1;
    g->client =
        h2 ? h2_client_new(&g->http, peer, &g->task) : h1_client_new(&g->http, peer, &g->task);
    task_wake(&g->task, CLIENT_READY);
    return g->client ? g->client->engine : NULL;
}

static struct stream_engine *inner(void *context, struct peer *peer) {
    struct getter *g = context;

    if (g->version == GET_HTTP2 && peer->version != HTTP_2) {
        get_fail(g, STR_FMT ": the server does not speak HTTP/2", STR_ARG(g->uri.authority));
        return NULL;
    }
    return make_client(g, peer);
}

static void engine_released(void *context, struct net_stream *stream) {
    struct getter *g = context;
    const char *problem = g->tls_engine ? tls_engine_problem(g->tls_engine) : "";

    check(g->stream == stream);
    if (g->state == GET_CONNECTING)
        get_fail(g, STR_FMT ": %s", STR_ARG(g->uri.authority),
                 problem[0] ? problem : "the server closed the connection during the handshake");
    g->client = NULL;
    g->tls_engine = NULL;
}

static void stream_ended(void *context, struct net_stream *stream) {
    struct getter *g = context;

    check(g->stream == stream);
    g->stream = NULL;
    if (g->peer) {
        g->last_peer = *g->peer;
        g->last_peer.sni = NULL; /* the stream's, as the certificate */
        g->last_peer.cert = NULL;
        g->peer = &g->last_peer;
    }
}

static struct stream_engine *make_engine(struct getter *g, struct peer *peer) {
    struct tls_engine_config config = {
        .turn = &g->turn,
        .context = g->tls,
        .host = g->uri.host.p,
        .peer = peer,
        .inner = inner,
        .inner_context = g,
        .handshake_timeout_ns = g->options->connect_timeout_ns,
    };

    g->peer = peer;
    if (str_eq(g->uri.scheme, STR("http")))
        return make_client(g, peer);
    if (get_tls(g, TLS_TCP))
        return NULL;
    config.context = g->tls;
    g->tls_engine = tls_engine_new(&config);
    return g->tls_engine;
}

static void start_tcp(struct getter *g) {
    int fd = dial_take_fd(g->dial);
    struct net_stream_config config = {
        .loop = g->loop,
        .fd = fd,
        .log = &g->log,
        .owner = &g->streams,
        .released = engine_released,
        .ended = stream_ended,
        .context = g,
    };

    if (fd < 0) {
        get_fail(g, "cannot connect to " STR_FMT ": %s", STR_ARG(g->uri.authority),
                 dial_problem(g->dial));
        return;
    }
    g->connected_ns = g->turn.now_ns;
    g->stream = net_stream_new(&config);
    struct stream_engine *engine = g->stream ? make_engine(g, net_stream_peer(g->stream)) : NULL;
    if (!engine || net_stream_start(g->stream, engine))
        get_fail(g, "out of memory");
}

static void look(struct getter *g) {
    if (g->options->timeout_ns && g->turn.now_ns - g->begin_ns > g->options->timeout_ns)
        get_fail(g, "--max-time is over");
    else if (g->n_tries && g->state == GET_CONNECTING)
        get_quic_look(g);
    if (g->state < GET_DONE && task_at(&g->task, g->turn.now_ns + look_ns))
        get_fail(g, "out of memory");
}

void get_connect_run(struct task *task, uint32_t events) {
    struct getter *g = container_of(task, struct getter, task);

    if (g->state == GET_DONE || g->state == GET_FAILED)
        return;
    if (events & TASK_TIMER)
        look(g);
    if (events & DIAL_DONE) {
        if (g->version == GET_HTTP3)
            get_quic_start(g);
        else
            start_tcp(g);
    }
    if (events & PORT_REFUSED)
        get_quic_refused(g);
    if (g->state == GET_CONNECTING && (events & (CLIENT_READY | PORT_REFUSED)) && g->n_tries)
        get_quic_look(g);
    if (g->state != GET_CONNECTING || !g->client)
        return;
    if (client_can_open(g->client)) {
        if (g->options->verbose)
            get_show_connection(g);
        get_exchange_open(g);
    }
}

void get_disconnect(struct getter *g) {
    if (g->x)
        exchange_leave(&g->front);
    task_fini(&g->front.task);
    dial_free(g->dial);
    if (g->stream)
        net_stream_close(g->stream, REASON_NONE);
    get_quic_close(g);
    while (turn_run(&g->turn, SIZE_MAX))
        ;
    tls_context_free(g->tls);
}
