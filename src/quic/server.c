/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "quic/conn.h"
#include "quic/counters.h"
#include "quic/crypto.h"
#include "quic/token.h"

/* The server's engine: what arrives goes to its connection, makes a new one, or is answered
 * without any state. Answers are never over three times as long as what they answer, and are
 * dropped when too many wait. */

enum { REPLY_BYTES = 640, MAX_REPLIES = 256, RESETS_A_SECOND = 100 };

struct reply {
    struct list link;
    struct addr local, remote;
    int ifindex;
    size_t n;
    uint8_t data[REPLY_BYTES];
};

struct server {
    struct hub hub; /* first */
    struct list replies;
    size_t n_replies;
    uint64_t second; /* when resets were counted */
    unsigned n_resets;
};

static struct server *server_of(const struct datagram_engine *e) {
    struct hub *h = hub_of(e);
    check(h->is_server);
    return container_of(h, struct server, hub);
}

/* ---- replies ---- */

static struct reply *reply_new(struct server *s, const struct datagram *d) {
    struct reply *r = s->n_replies < MAX_REPLIES ? malloc(sizeof(*r)) : NULL;
    if (!r)
        return NULL;
    r->local = d->local;
    r->remote = d->remote;
    r->ifindex = d->ifindex;
    r->n = 0;
    return r;
}

static struct span reply_room(struct reply *r) {
    return (struct span){r->data, sizeof(r->data)};
}

/* n as the writers return it; what came of it. */
static bool reply_send(struct server *s, struct reply *r, size_t n, size_t trigger_n) {
    if (n == 0 || n > 3 * trigger_n) {
        free(r);
        return false;
    }
    r->n = n;
    list_append(&s->replies, &r->link);
    s->n_replies++;
    datagram_engine_wake(&s->hub.engine);
    return true;
}

static void reply_free(struct server *s, struct reply *r) {
    list_remove(&r->link);
    s->n_replies--;
    free(r);
}

static void send_versions(struct server *s, const ngtcp2_version_cid *vc, const struct datagram *d,
                          size_t n) {
    struct reply *r = reply_new(s, d);
    if (r)
        reply_send(s, r, token_write_versions(vc, reply_room(r)), n);
}

static void send_retry(struct server *s, const ngtcp2_pkt_hd *hd, const struct datagram *d,
                       size_t n) {
    struct reply *r = reply_new(s, d);
    if (r && reply_send(s, r, token_write_retry(&s->hub, hd, &d->remote, reply_room(r)), n) &&
        s->hub.config.counters)
        s->hub.config.counters->retries++;
}

static void send_refusal(struct server *s, const struct conn_first *first, uint64_t code,
                         size_t n) {
    struct reply *r = reply_new(s, first->d);
    if (r)
        reply_send(s, r, token_write_refusal(first->hd, code, reply_room(r)), n);
}

static bool may_reset(struct server *s) {
    uint64_t second = s->hub.config.turn->now_ns / SECOND_NS;
    if (second != s->second)
        s->n_resets = 0;
    s->second = second;
    return s->n_resets++ < RESETS_A_SECOND;
}

static void send_reset(struct server *s, const uint8_t *id, const struct datagram *d, size_t n) {
    if (hub_is_foreign(&s->hub, id[0]) || !may_reset(s))
        return;
    struct reply *r = reply_new(s, d);
    if (r)
        reply_send(s, r, token_write_reset(&s->hub, id, n, reply_room(r)), n);
}

/* ---- new connections ---- */

/* Who has shown an address may still only open so many at once. */
enum { FLOODED = 4 };

static bool wants_token(const struct hub *h) {
    return h->config.retry == QUIC_RETRY_ALWAYS ||
           (h->config.retry == QUIC_RETRY_AUTO && quota_is_full(h->config.handshakes, 1));
}

static void refuse(struct server *s, const struct conn_first *first, size_t n) {
    send_refusal(s, first, NGTCP2_CONNECTION_REFUSED, n);
}

static void refuse_as_full(struct server *s, const struct conn_first *first, size_t n) {
    const struct quic_config *config = &s->hub.config;
    char remote[ADDR_TEXT];
    log_seldom(config->log, LOG_WARN, LOG_REFUSED, config->turn->now_ns,
               "quic: %s: refused: there are as many QUIC connections as %s allows, %u",
               addr_text(&first->d->remote, remote), config->conns->name, config->conns->most);
    refuse(s, first, n);
}

/* Its address may be a lie. */
static void refuse_as_flooded(struct server *s, const struct conn_first *first, size_t n) {
    const struct quic_config *config = &s->hub.config;
    char remote[ADDR_TEXT];
    log_seldom(config->log, LOG_WARN, LOG_HANDSHAKES, config->turn->now_ns,
               "quic: %s: refused: %u handshakes are half open, four times %s",
               addr_text(&first->d->remote, remote), config->handshakes->n,
               config->handshakes->name);
    refuse(s, first, n);
}

/* Answers the sender when there is none for it. */
static bool has_room(struct server *s, const struct conn_first *first, size_t n) {
    const struct hub *h = &s->hub;
    if (h->draining)
        refuse(s, first, n);
    else if (quota_is_full(h->config.conns, 1))
        refuse_as_full(s, first, n);
    else if (quota_is_full(h->config.handshakes, FLOODED))
        refuse_as_flooded(s, first, n);
    else
        return true;
    return false;
}

/* Whether the sender may have a connection now; answers it when not. */
static bool let_in(struct server *s, struct conn_first *first, size_t n) {
    const ngtcp2_pkt_hd *hd = first->hd;
    if (!has_room(s, first, n))
        return false;
    switch (token_check(&s->hub, hd, &first->d->remote, &first->original_dcid)) {
    case TOKEN_RETRY: first->token_type = NGTCP2_TOKEN_TYPE_RETRY; return true;
    case TOKEN_NEW: first->token_type = NGTCP2_TOKEN_TYPE_NEW_TOKEN; return true;
    case TOKEN_WRONG: send_refusal(s, first, NGTCP2_INVALID_TOKEN, n); return false;
    case TOKEN_NONE: break;
    }
    if (hd->dcid.datalen < NGTCP2_MIN_INITIAL_DCIDLEN)
        return false;
    if (wants_token(&s->hub)) {
        send_retry(s, hd, first->d, n);
        return false;
    }
    return true;
}

static void read_packet(struct server *s, struct quic_conn *c, struct span packet,
                        const struct datagram *d) {
    ngtcp2_pkt_hd hd;
    int rv = conn_read(c, packet, d);
    if (rv == NGTCP2_ERR_RETRY && ngtcp2_accept(&hd, packet.p, packet.n) == 0)
        send_retry(s, &hd, d, packet.n);
    if (rv != 0)
        conn_fail(c, rv);
    conn_settle(c);
}

static void take_first(struct server *s, struct span packet, const struct datagram *d) {
    ngtcp2_pkt_hd hd;
    struct quic_conn *c;
    if (ngtcp2_accept(&hd, packet.p, packet.n) != 0)
        return;
    struct conn_first first = {.hd = &hd, .original_dcid = hd.dcid, .d = d};
    if (!let_in(s, &first, packet.n))
        return;
    int err = conn_new_server(&s->hub, &first, &c);
    if (err == 0)
        read_packet(s, c, packet, d);
    else if (err == ERR_LIMIT) /* another worker was faster */
        refuse_as_full(s, &first, packet.n);
}

/* ---- the engine ---- */

static void take_packet(struct server *s, struct span packet, const struct datagram *d) {
    ngtcp2_version_cid vc;
    if (packet.n == 0)
        return;
    bool is_long = packet.p[0] & 0x80;
    int rv = ngtcp2_pkt_decode_version_cid(&vc, packet.p, packet.n, HUB_ID_BYTES);
    if (rv == NGTCP2_ERR_VERSION_NEGOTIATION)
        send_versions(s, &vc, d, packet.n);
    /* Version 0 is Version Negotiation, which is for clients. */
    if (rv != 0 || (is_long && vc.version == 0))
        return;
    struct quic_conn *c = hub_find(&s->hub, vc.dcid, vc.dcidlen);
    if (c)
        read_packet(s, c, packet, d);
    else if (is_long)
        take_first(s, packet, d);
    else
        send_reset(s, vc.dcid, d, packet.n);
}

static void take(struct datagram_engine *e, struct datagram *d) {
    struct server *s = server_of(e);
    size_t segment = d->segment > 0 ? d->segment : d->n;
    for (size_t at = 0; at < d->n; at += segment) {
        size_t n = d->n - at < segment ? d->n - at : segment;
        take_packet(s, (struct span){d->data + at, n}, d);
    }
}

static bool pull(struct datagram_engine *e, struct datagram *d, size_t max_segments) {
    struct server *s = server_of(e);
    struct reply *r = list_first(&s->replies, struct reply, link);
    if (!r)
        return hub_pull(&s->hub, d, max_segments);
    check(d->cap >= r->n);
    memcpy(d->data, r->data, r->n);
    d->n = r->n;
    d->segment = 0;
    d->local = r->local;
    d->remote = r->remote;
    d->ifindex = r->ifindex;
    d->ecn = 0;
    reply_free(s, r);
    return true;
}

static void drain(struct datagram_engine *e) {
    hub_drain(&server_of(e)->hub);
}

static void end(struct datagram_engine *e) {
    conn_end_all(&server_of(e)->hub);
}

static bool idle(const struct datagram_engine *e) {
    const struct server *s = server_of(e);
    return s->hub.n_live == 0 && list_empty(&s->replies) && list_empty(&s->hub.ready);
}

static void server_free(struct grave *grave) {
    struct server *s = container_of(grave, struct server, hub.grave);
    hub_fini(&s->hub);
    free(s);
}

static void free_engine(struct datagram_engine *e) {
    struct server *s = server_of(e);
    e->driver = NULL;
    list_each(&s->hub.conns, at, next)
        conn_bury(list_entry(at, struct quic_conn, link));
    list_each(&s->replies, at, next)
        reply_free(s, list_entry(at, struct reply, link));
    turn_bury(s->hub.config.turn, &s->hub.grave, server_free);
}

static const struct datagram_engine_ops ops = {
    .take = take,
    .pull = pull,
    .drain = drain,
    .end = end,
    .idle = idle,
    .free = free_engine,
};

struct datagram_engine *quic_server_new(const struct quic_config *config) {
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    list_init(&s->replies);
    if (hub_init(&s->hub, config, true) != 0) {
        free(s);
        return NULL;
    }
    s->hub.engine.ops = &ops;
    crypto_prepare(config->tls, true);
    return &s->hub.engine;
}

void quic_server_use(struct datagram_engine *e, const struct quic_config *config) {
    struct hub *h = hub_of(e);
    struct quic_config now = *config;
    now.turn = h->config.turn;
    now.log = h->config.log;
    memcpy(now.secret, h->config.secret, sizeof(now.secret));
    now.worker = h->config.worker;
    now.workers = h->config.workers;
    now.handshakes = h->config.handshakes;
    now.conns = h->config.conns;
    now.census = h->config.census;
    h->config = now;
    crypto_prepare(now.tls, true);
}

size_t quic_server_conns(const struct datagram_engine *e) {
    return server_of(e)->hub.n_live;
}

size_t quic_server_handshakes(const struct datagram_engine *e) {
    return server_of(e)->hub.n_handshakes;
}
