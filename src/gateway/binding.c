/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/binding.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "gateway/passthrough.h"
#include "handler/tunnel.h"
#include "proto/h1/h1.h"
#include "proto/h2/h2.h"
#include "proto/h3/h3.h"
#include "tls/engine.h"
#include "tls/peek.h"

/* Room for a burst of full-size datagrams while the worker is busy elsewhere. */
enum { UDP_BUFFER = 4 << 20 };

/* ---- what connections are made of ---- */

static void keep(struct outfit *o, struct peer *peer) {
    peer->keeper = o;
    o->n_connections++;
}

static void on_ended(void *context, struct peer *peer) {
    struct outfit *o = peer->keeper;

    (void)context;
    check(o->n_connections > 0);
    o->n_connections--;
    peer->keeper = NULL;
}

static struct stream_engine *make_http(void *context, struct peer *peer) {
    struct outfit *o = context;

    stats_handshake(&o->worker->stats, peer);
    if (peer->version == HTTP_2)
        return h2_server_new(&o->http, peer);
    return h1_server_new(&o->http, peer);
}

static struct stream_engine *end_tls(struct venue *v, struct peer *peer) {
    struct outfit *o = v->outfit;
    struct worker *w = o->worker;
    struct tls_engine_config config = {
        .turn = &w->turn,
        .context = v->tcp_tls,
        .peer = peer,
        .inner = make_http,
        .inner_context = o,
        .handshake_timeout_ns = o->config->gateway.handshake_timeout_ns,
        .scratch = w->tls_scratch,
        .failures = w->stats.tcp_failures,
        .log = w->log,
    };

    peer->server = v->tcp_sites.v[0]; /* until the handshake has chosen */
    return tls_engine_new(&config);
}

static struct stream_engine *pass_through(struct venue *v, struct peer *peer, struct str sni) {
    struct outfit *o = v->outfit;
    const struct config_route *r = passthrough_route(o->config, sni);
    struct tunnel_config config = {
        .loop = o->worker->loop,
        .log = o->worker->log,
        .upstream = r ? o->upstreams[r->upstream->index] : NULL,
        .peer = peer,
        .idle_timeout_ns = o->config->gateway.tunnel_idle_timeout_ns,
    };

    return r ? tunnel_new(&config) : NULL;
}

static struct stream_engine *choose(void *context, struct peer *peer, const struct hello *hello) {
    struct venue *v = context;
    const struct site *site = hello ? site_of_sni(&v->all_sites, hello->sni) : NULL;

    if (site && config_passthrough(site->server)) {
        peer->server = site;
        return pass_through(v, peer, str_of(hello->sni));
    }
    return v->tcp_sites.n ? end_tls(v, peer) : NULL;
}

static struct stream_engine *make_secure(struct venue *v, struct peer *peer) {
    struct outfit *o = v->outfit;
    struct peek_config config = {
        .turn = &o->worker->turn,
        .peer = peer,
        .choose = choose,
        .context = v,
        .handshake_timeout_ns = o->config->gateway.handshake_timeout_ns,
        .failures = o->worker->stats.tcp_failures,
        .log = o->worker->log,
    };

    o->worker->stats.tcp_connections++;
    if (v->tcp_sites.n == v->all_sites.n)
        return end_tls(v, peer);
    return peek_engine_new(&config);
}

static struct stream_engine *accept_tcp(void *context, struct peer *peer) {
    struct binding *b = context;
    struct venue *v = b->venue;

    keep(v->outfit, peer);
    if (!v->address->plain)
        return make_secure(v, peer);
    peer->version = HTTP_1_1;
    return h1_server_new(&v->outfit->plain, peer);
}

static void began_quic(void *context, struct peer *peer) {
    struct binding *b = context;

    keep(b->venue->outfit, peer);
}

static struct quic_app *accept_quic(void *context, struct quic_conn *conn,
                                    const struct peer *peer) {
    struct outfit *o = peer->keeper;

    (void)context;
    /* A client may do without ALPN as far as TLS is concerned; RFC 9114 3.1 wants it. */
    if (strcmp(peer->alpn, "h3") != 0)
        return NULL;
    stats_handshake(&o->worker->stats, peer);
    return h3_server_new(&o->http, conn, peer);
}

/* ---- what the sockets get ---- */

static struct quic_config quic_config_of(struct binding *b) {
    static const enum quic_retry retries[] = {QUIC_RETRY_AUTO, QUIC_RETRY_ALWAYS, QUIC_RETRY_OFF};
    static const enum quic_cc ccs[] = {QUIC_CUBIC, QUIC_RENO, QUIC_BBR};
    const struct venue *v = b->venue;
    const struct generation *g = v->outfit->generation;
    const struct gateway_options *o = &g->config.gateway;
    struct quic_config q;

    quic_config_default(&q);
    q.turn = &b->worker->turn;
    q.log = b->worker->log;
    q.tls = v->quic_tls;
    q.accept = accept_quic;
    q.began = began_quic;
    q.ended = on_ended;
    q.context = b;
    q.cc = ccs[o->cc];
    q.retry = retries[o->quic_retry];
    memcpy(q.secret, g->secrets->quic, sizeof q.secret);
    q.worker = b->worker->index;
    q.workers = g->addresses.workers;
    q.stream_window_bytes = (uint32_t)o->body_buffer_bytes;
    q.conn_window_bytes = (uint32_t)o->conn_window_bytes;
    q.streams = (uint32_t)o->streams;
    q.handshakes = &b->worker->heads->handshakes;
    q.conns = &b->worker->heads->quic;
    q.census = &b->worker->heads->clients;
    q.counters = &b->worker->stats.quic;
    q.qlog = qlog_keeper(&v->outfit->qlog);
    q.idle_timeout_ns = o->idle_timeout_ns;
    q.handshake_timeout_ns = o->handshake_timeout_ns;
    return q;
}

/* The worker's socket, which is its own from now on; -1: there is none to take. */
static int take_fd(int *fds, const struct worker *w) {
    int fd = fds[w->index];

    fds[w->index] = -1;
    return fd;
}

static int open_tcp(struct binding *b, int fd) {
    struct worker *w = b->worker;
    struct listener_config config = {
        .loop = w->loop,
        .log = w->log,
        .quota = &w->heads->tcp,
        .census = &w->heads->clients,
        .write_timeout_ns = b->venue->outfit->config->gateway.write_timeout_ns,
        .accept = accept_tcp,
        .ended = on_ended,
        .context = b,
    };

    return fd < 0 ? 0 : listener_adopt(&config, fd, &b->tcp);
}

static int open_udp(struct binding *b, int fd) {
    struct worker *w = b->worker;
    struct port_config config = {
        .loop = w->loop, .log = w->log, .receive_buffer_bytes = UDP_BUFFER};
    struct quic_config q = quic_config_of(b);
    int err = fd < 0 ? 0 : port_adopt(&config, fd, &b->udp);

    if (err || fd < 0)
        return err;
    b->quic = quic_server_new(&q);
    return b->quic ? 0 : ERR_NO_MEMORY;
}

static int open_both(struct binding *b) {
    const struct address *a = b->venue->address;
    int err = open_tcp(b, take_fd(a->tcp_fds, b->worker));

    return err ? err : open_udp(b, take_fd(a->udp_fds, b->worker));
}

int binding_prepare(struct worker *w, struct venue *v, struct log *log) {
    struct binding *b = calloc(1, sizeof *b);
    char text[ADDR_TEXT];
    int err = ERR_NO_MEMORY;

    if (b) {
        list_init(&b->link);
        b->worker = w;
        b->venue = v;
        b->plain = v->address->plain;
        v->prepared = b;
        err = open_both(b);
    }
    if (err)
        log_error(log, "%s: worker %u cannot listen there: %s", addr_text(&v->address->addr, text),
                  w->index, err_text(err));
    return err;
}

void binding_begin(struct binding *b) {
    b->begun = true;
    b->venue->prepared = NULL;
    if (b->tcp)
        listener_start(b->tcp);
    if (b->udp)
        port_start(b->udp, b->quic);
}

static void move_mirror(struct binding *from, struct binding *to) {
    to->udp = from->udp;
    to->quic = from->quic;
    from->udp = NULL;
    from->quic = NULL;
}

/* What was prepared gets the mirror of b alone. */
static struct binding *part(struct binding *b, struct binding *old) {
    listener_free(old->tcp);
    old->tcp = NULL;
    move_mirror(b, old);
    old->venue = b->venue;
    old->begun = true;
    return old;
}

struct binding *binding_use(struct binding *b, struct venue *v) {
    struct binding *prepared = v->prepared, *old = NULL;
    bool is_new = !b->udp && prepared->udp;

    v->prepared = NULL;
    if (b->udp && !v->quic_tls)
        old = part(b, prepared);
    b->venue = v;
    if (b->tcp)
        listener_write_timeout(b->tcp, v->outfit->config->gateway.write_timeout_ns);
    if (is_new)
        move_mirror(prepared, b);
    if (b->udp) {
        struct quic_config q = quic_config_of(b);
        quic_server_use(b->quic, &q);
    }
    if (is_new)
        port_start(b->udp, b->quic);
    if (!old)
        binding_free(prepared);
    return old;
}

bool binding_is_at(const struct binding *b, const struct address *address) {
    return b->plain == address->plain && addr_eq(&b->venue->address->addr, &address->addr);
}

void binding_drain(struct binding *b) {
    if (b->tcp)
        listener_drain(b->tcp);
    if (b->udp)
        port_drain(b->udp);
}

size_t binding_tcp(const struct binding *b) {
    return b->tcp ? listener_streams(b->tcp) : 0;
}

size_t binding_quic(const struct binding *b) {
    return b->udp ? quic_server_conns(b->quic) : 0;
}

size_t binding_quic_handshakes(const struct binding *b) {
    return b->udp ? quic_server_handshakes(b->quic) : 0;
}

bool binding_idle(const struct binding *b) {
    return binding_tcp(b) == 0 && (!b->udp || port_idle(b->udp));
}

void binding_free(struct binding *b) {
    if (!b)
        return;
    list_remove(&b->link);
    listener_free(b->tcp);
    port_free(b->udp);
    if (b->quic && !b->begun)
        b->quic->ops->free(b->quic);
    free(b);
}
