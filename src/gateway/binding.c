/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/binding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/h1/h1.h"
#include "proto/h2/h2.h"
#include "proto/h3/h3.h"
#include "tls/engine.h"

/* Room for a burst of full-size datagrams while the worker is busy elsewhere. */
enum { UDP_BUFFER = 4 << 20 };

static struct stream_engine *make_http(void *context, struct peer *peer) {
    struct binding *b = context;

    stats_handshake(&b->worker->stats, peer);
    if (peer->version == HTTP_2)
        return h2_server_new(&b->worker->http, peer);
    return h1_server_new(&b->worker->http, peer);
}

static struct stream_engine *accept_tcp(void *context, struct peer *peer) {
    struct binding *b = context;
    struct tls_engine_config config = {
        .turn = &b->worker->turn,
        .context = b->tcp_tls,
        .peer = peer,
        .inner = make_http,
        .inner_context = b,
        .handshake_timeout_ns = b->worker->config->gateway.handshake_timeout_ns,
        .scratch = b->worker->tls_scratch,
        .failures = b->worker->stats.tcp_failures,
        .log = b->worker->log,
    };

    b->worker->stats.tcp_connections++;
    peer->server = b->tcp_sites.v[0]; /* until the handshake has chosen */
    return tls_engine_new(&config);
}

static struct quic_app *accept_quic(void *context, struct quic_conn *conn,
                                    const struct peer *peer) {
    struct binding *b = context;

    /* A client may do without ALPN as far as TLS is concerned; RFC 9114 3.1 wants it. */
    if (strcmp(peer->alpn, "h3") != 0)
        return NULL;
    stats_handshake(&b->worker->stats, peer);
    return h3_server_new(&b->worker->http, conn, peer);
}

static int make_context(struct binding *b, const struct binding_config *c,
                        enum tls_transport transport, struct tls_context **ret_context) {
    struct site_set *set = transport == TLS_QUIC ? &b->udp_sites : &b->tcp_sites;
    struct tls_server *servers = calloc(set->n, sizeof *servers);
    struct tls_server_config config = {
        .transport = transport,
        .alpn = transport == TLS_QUIC ? "h3" : "h2,http/1.1",
        .servers = servers,
        .n_servers = set->n,
        .choose = site_choose,
        .issue = site_issue,
        .context = set,
        .keylog = c->keylog,
    };
    int err = ERR_NO_MEMORY;

    for (size_t i = 0; servers && i < set->n; i++)
        servers[i] = site_tls(set->v[i]);
    if (servers)
        err = tls_server_context_new(&config, ret_context, b->problem, sizeof b->problem);
    free(servers);
    return err;
}

void binding_describe(const struct addr *addr, const char *what, int err,
                      char to[BINDING_PROBLEM]) {
    char text[ADDR_TEXT];
    const char *advice = "";
    const char *what_err = err == ERR_SYSTEM ? strerror(errno) : err_text(err);

    addr_text(addr, text);
    if (err == ERR_EXISTS) {
        what_err = "the port is in use";
        advice = "; stop the program that has it, or choose another with --listen";
    } else if (err == ERR_REFUSED && addr_port(addr) < 1024) {
        advice = "; ports below 1024 need root or CAP_NET_BIND_SERVICE: use one above";
    }
    snprintf(to, BINDING_PROBLEM, "cannot listen on %s %s: %s%s", what, text, what_err, advice);
}

static int open_tcp(struct binding *b, const struct binding_config *c) {
    struct worker *w = b->worker;
    struct listener_config config = {
        .loop = w->loop,
        .log = w->log,
        .addr = b->addr,
        .reuse_port = false,
        .max_streams = (uint32_t)w->config->gateway.connections,
        .census = &w->clients,
        .write_timeout_ns = w->config->gateway.write_timeout_ns,
        .accept = accept_tcp,
        .context = b,
    };
    int err = make_context(b, c, TLS_TCP, &b->tcp_tls);

    if (err)
        return err;
    err = listener_open(&config, &b->tcp);
    if (err) {
        binding_describe(&b->addr, "TCP", err, b->problem);
        return err;
    }
    b->addr = *listener_addr(b->tcp);
    return 0;
}

static struct quic_config quic_config_of(struct binding *b, const struct binding_config *c) {
    static const enum quic_retry retries[] = {QUIC_RETRY_AUTO, QUIC_RETRY_ALWAYS, QUIC_RETRY_OFF};
    static const enum quic_cc ccs[] = {QUIC_CUBIC, QUIC_RENO, QUIC_BBR};
    const struct gateway_options *o = &b->worker->config->gateway;
    struct quic_config q;

    quic_config_default(&q);
    q.turn = &b->worker->turn;
    q.log = b->worker->log;
    q.tls = b->quic_tls;
    q.accept = accept_quic;
    q.context = b;
    q.cc = ccs[o->cc];
    q.retry = retries[o->quic_retry];
    memcpy(q.secret, c->secret, sizeof q.secret);
    q.stream_window_bytes = (uint32_t)o->body_buffer_bytes;
    q.conn_window_bytes = (uint32_t)o->conn_window_bytes;
    q.streams = (uint32_t)o->streams;
    q.max_handshakes = (uint32_t)o->handshakes;
    q.max_conns = (uint32_t)o->connections;
    q.census = &b->worker->clients;
    q.counters = &b->worker->stats.quic;
    q.qlog = qlog_keeper(&b->worker->qlog);
    q.idle_timeout_ns = o->idle_timeout_ns;
    q.handshake_timeout_ns = o->handshake_timeout_ns;
    return q;
}

static int open_udp(struct binding *b, const struct binding_config *c) {
    struct port_config config = {
        .loop = b->worker->loop,
        .log = b->worker->log,
        .addr = b->addr,
        .receive_buffer_bytes = UDP_BUFFER,
    };
    int err = make_context(b, c, TLS_QUIC, &b->quic_tls);

    if (err)
        return err;
    err = port_open(&config, &b->udp);
    if (err) {
        binding_describe(&b->addr, "UDP", err, b->problem);
        return err;
    }
    struct quic_config q = quic_config_of(b, c);
    b->quic = quic_server_new(&q);
    if (!b->quic) {
        port_free(b->udp);
        b->udp = NULL;
        return ERR_NO_MEMORY;
    }
    port_start(b->udp, b->quic);
    return 0;
}

int binding_init(struct binding *b, const struct config_listen *listen, size_t n) {
    *b = (struct binding){.addr = listen->addr, .optional = listen->optional};
    b->sites = calloc(n, sizeof *b->sites);
    b->tcp_sites.v = calloc(n, sizeof(struct site *));
    b->udp_sites.v = calloc(n, sizeof(struct site *));
    b->tcp_sites.all = b->udp_sites.all = &b->tcp_sites;
    if (b->sites && b->tcp_sites.v && b->udp_sites.v)
        return 0;
    binding_fini(b);
    return ERR_NO_MEMORY;
}

int binding_add(struct binding *b, const struct config_server *server,
                const struct identity *identity, struct log *log) {
    struct site *site = &b->sites[b->tcp_sites.n];
    int err = issuer_init(&site->issuer, server, identity, log);

    site->neighbours = &b->tcp_sites;
    site->server = server;
    site->identity = identity;
    b->tcp_sites.v[b->tcp_sites.n++] = site;
    return err;
}

static void announce(struct binding *b) {
    uint64_t max_age_ns = b->worker->config->gateway.alt_svc_max_age_ns;

    for (size_t i = 0; i < b->udp_sites.n; i++) {
        struct site *site = b->udp_sites.v[i];
        unsigned long long port = site->server->options.advertise;
        snprintf(site->alt_svc, sizeof site->alt_svc, "h3=\":%llu\"; ma=%llu",
                 port ? port : addr_port(&b->addr), (unsigned long long)(max_age_ns / SECOND_NS));
    }
}

int binding_open(struct binding *b, const struct binding_config *c) {
    int err;

    b->worker = c->worker;
    err = open_tcp(b, c);
    if (err)
        return err;
    for (size_t i = 0; i < b->tcp_sites.n; i++)
        if (config_http3(c->worker->config, b->tcp_sites.v[i]->server))
            b->udp_sites.v[b->udp_sites.n++] = b->tcp_sites.v[i];
    if (b->udp_sites.n && !open_udp(b, c))
        announce(b);
    return 0;
}

void binding_drain(struct binding *b) {
    if (b->tcp)
        listener_drain(b->tcp);
    if (b->udp)
        port_drain(b->udp);
}

bool binding_idle(const struct binding *b) {
    return (!b->tcp || listener_streams(b->tcp) == 0) && (!b->udp || port_idle(b->udp));
}

void binding_fini(struct binding *b) {
    if (b->tcp)
        listener_free(b->tcp);
    if (b->udp)
        port_free(b->udp);
    tls_context_free(b->tcp_tls);
    tls_context_free(b->quic_tls);
    for (size_t i = 0; i < b->tcp_sites.n; i++)
        issuer_fini(&b->sites[i].issuer);
    free(b->sites);
    free(b->tcp_sites.v);
    free(b->udp_sites.v);
    *b = (struct binding){0};
}
