/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "quic/counters.h"
#include "quic/crypto.h"
#include "quic/settings.h"
#include "quic/token.h"
#include "quic/trace.h"

/* Birth, reading and the timer of a connection; its end is in state.c. */

/* When the handshake is done a server's TLS has nothing left to do: its tickets are written, the
 * keys and their updates are ngtcp2's, and a client has nothing more to say (RFC 9001 4.4, 6).
 * It would hold 10 KiB. */
static void drop_tls(struct quic_conn *c) {
    if (!c->hub->is_server || c->state != CONN_OPEN || !c->tls)
        return;
    ngtcp2_conn_set_tls_native_handle(c->q, NULL);
    crypto_session_free(c->tls);
    c->tls = NULL;
}

static void run(struct task *task, uint32_t events) {
    struct quic_conn *c = container_of(task, struct quic_conn, task);
    check_magic(c, CONN_MAGIC);
    if (conn_lives(c) && (events & TASK_TIMER)) {
        conn_rest(c);
        int rv = ngtcp2_conn_handle_expiry(c->q, c->hub->config.turn->now_ns);
        if (rv != 0)
            conn_fail(c, rv);
        else
            hub_ready(c);
    } else if (c->state < CONN_GONE && (events & TASK_TIMER)) {
        conn_set_state(c, CONN_GONE);
    }
    drop_tls(c);
    conn_settle(c);
    if (c->state == CONN_GONE)
        conn_bury(c);
    else if (c->state >= CONN_ENDING)
        conn_strip(c);
}

static ngtcp2_conn *native(ngtcp2_crypto_conn_ref *ref) {
    struct quic_conn *c = ref->user_data;
    return c->q;
}

static void stats(const struct peer *peer, struct quic_stats *ret_stats) {
    const struct quic_conn *c = peer->connection;
    check_magic(c, CONN_MAGIC);
    ngtcp2_conn_info info;
    *ret_stats = (struct quic_stats){0};
    if (!c->q)
        return;
    ngtcp2_conn_get_conn_info2(c->q, &info);
    const ngtcp2_cid *id = ngtcp2_conn_get_client_initial_dcid2(c->q);
    ret_stats->version = ngtcp2_conn_get_negotiated_version2(c->q);
    ret_stats->smoothed_rtt_ns = info.smoothed_rtt;
    ret_stats->min_rtt_ns = info.min_rtt == UINT64_MAX ? 0 : info.min_rtt;
    ret_stats->congestion_window = info.cwnd;
    ret_stats->bytes_in_flight = info.bytes_in_flight;
    ret_stats->packets_sent = info.pkt_sent;
    ret_stats->packets_received = info.pkt_recv;
    ret_stats->packets_lost = info.pkt_lost;
    ret_stats->connection_id_n = (uint8_t)id->datalen;
    memcpy(ret_stats->connection_id, id->data, id->datalen);
}

static struct quic_conn *conn_new(struct hub *h, const struct addr *local,
                                  const struct addr *remote) {
    struct quic_conn *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->magic = CONN_MAGIC;
    c->hub = h;
    c->crypto.ref = (ngtcp2_crypto_conn_ref){native, c};
    list_init(&c->crypto.ring.keys);
    c->local = *local;
    c->remote = *remote;
    c->peer.local = *local;
    c->peer.remote = *remote;
    c->peer.quic_stats = stats;
    c->peer.connection = c;
    c->begin_ns = h->config.turn->now_ns;
    list_init(&c->ids);
    list_init(&c->ready);
    list_append(&h->conns, &c->link);
    h->n_live++;
    h->n_handshakes++;
    quota_add(h->config.handshakes);
    task_init(&c->task, h->config.turn, run);
    return c;
}

static ngtcp2_path path_of(const struct addr *local, const struct addr *remote) {
    return (ngtcp2_path){
        .local = {(ngtcp2_sockaddr *)&local->sa, local->n},
        .remote = {(ngtcp2_sockaddr *)&remote->sa, remote->n},
    };
}

static const ngtcp2_callbacks *callbacks_of(const struct hub *h) {
    return h->callbacks ? h->callbacks : &conn_callbacks;
}

/* ---- servers ---- */

static int fill_server_params(struct hub *h, const struct conn_first *first, const ngtcp2_cid *scid,
                              ngtcp2_transport_params *params) {
    settings_params(&h->config, params);
    params->original_dcid = first->original_dcid;
    params->original_dcid_present = 1;
    params->stateless_reset_token_present = 1;
    if (first->token_type == NGTCP2_TOKEN_TYPE_RETRY) {
        params->retry_scid = first->hd->dcid;
        params->retry_scid_present = 1;
    }
    return token_reset_token(h, scid, params->stateless_reset_token);
}

static int start_server(struct quic_conn *c, const struct conn_first *first) {
    struct hub *h = c->hub;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid scid;
    int err = hub_draw_id(h, &scid);
    if (err == 0)
        err = fill_server_params(h, first, &scid, &params);
    if (err == 0)
        err = hub_id_add(c, &scid);
    if (err == 0)
        err = hub_id_add(c, &first->hd->dcid);
    if (err != 0)
        return err;
    c->begun = h->config.began != NULL;
    if (c->begun)
        h->config.began(h->config.context, &c->peer);
    settings_fill(&h->config, true, &settings);
    settings.token = first->token_type == NGTCP2_TOKEN_TYPE_UNKNOWN ? NULL : first->hd->token;
    settings.tokenlen = settings.token ? first->hd->tokenlen : 0;
    settings.token_type = first->token_type;
    trace_begin(c, &first->original_dcid, &settings);
    ngtcp2_path path = path_of(&c->local, &c->remote);
    if (ngtcp2_conn_server_new(&c->q, &first->hd->scid, &scid, &path, first->hd->version,
                               callbacks_of(h), &settings, &params, NULL, c) != 0)
        return ERR_NO_MEMORY;
    c->tls = crypto_session_new(h->config.tls, NULL, &c->crypto);
    if (!c->tls)
        return ERR_NO_MEMORY;
    ngtcp2_conn_set_tls_native_handle(c->q, c->tls);
    return 0;
}

int conn_new_server(struct hub *h, const struct conn_first *first, struct quic_conn **ret_conn) {
    if (!quota_enter(h->config.conns))
        return ERR_LIMIT;
    struct quic_conn *c = conn_new(h, &first->d->local, &first->d->remote);
    if (!c) {
        quota_leave(h->config.conns);
        return ERR_NO_MEMORY;
    }
    int err = start_server(c, first);
    if (err != 0) {
        conn_bury(c);
        return err;
    }
    if (h->config.counters)
        h->config.counters->connections++;
    *ret_conn = c;
    return 0;
}

/* ---- clients ---- */

static void unstart(struct quic_conn *c) {
    trace_end(c);
    crypto_session_free(c->tls);
    hub_ids_clear(c);
    c->tls = NULL;
}

/* The first destination id is random, of at least 8 bytes (RFC 9000 7.2). */
int conn_start_client(struct quic_conn *c, uint32_t version) {
    struct hub *h = c->hub;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid scid, dcid;
    uint32_t before = c->version;
    unstart(c);
    c->version = version;
    int err = hub_draw_id(h, &scid);
    if (err == 0)
        err = hub_draw_id(h, &dcid);
    if (err == 0)
        err = hub_id_add(c, &scid);
    if (err != 0)
        return err;
    settings_fill(&h->config, false, &settings);
    settings.original_version = before ? before : version;
    settings_params(&h->config, &params);
    trace_begin(c, &dcid, &settings);
    ngtcp2_path path = path_of(&c->local, &c->remote);
    if (ngtcp2_conn_client_new(&c->q, &dcid, &scid, &path, version, callbacks_of(h), &settings,
                               &params, NULL, c) != 0)
        return ERR_NO_MEMORY;
    c->tls = crypto_session_new(h->config.tls, c->host ? c->host : "", &c->crypto);
    if (!c->tls)
        return ERR_NO_MEMORY;
    ngtcp2_conn_set_tls_native_handle(c->q, c->tls);
    hub_ready(c);
    conn_settle(c);
    return 0;
}

int conn_new_client(struct hub *h, const struct conn_goal *goal, struct quic_conn **ret_conn) {
    struct quic_conn *c = conn_new(h, goal->local, goal->remote);
    if (!c)
        return ERR_NO_MEMORY;
    c->host = goal->host ? strdup(goal->host) : NULL;
    int err = goal->host && !c->host ? ERR_NO_MEMORY : conn_start_client(c, goal->version);
    if (err == 0) {
        c->app = h->config.accept(h->config.context, c, &c->peer);
        err = c->app ? 0 : ERR_NO_MEMORY;
    }
    if (err != 0) {
        conn_bury(c);
        return err;
    }
    *ret_conn = c;
    return 0;
}

/* ---- reading ---- */

/* A straggler gets the farewell again, ever more seldom, and never more than three times
 * what it is long. */
static void read_late(struct quic_conn *c, size_t n) {
    c->stragglers++;
    bool power_of_two = (c->stragglers & (c->stragglers - 1)) == 0;
    if (c->state != CONN_CLOSING || !power_of_two || c->farewell_n > 3 * n)
        return;
    c->answer = true;
    hub_ready(c);
}

int conn_read(struct quic_conn *c, struct span packet, const struct datagram *d) {
    if (!conn_lives(c)) {
        read_late(c, packet.n);
        return 0;
    }
    /* A client has one socket, which may not know its own address. */
    ngtcp2_path path = path_of(c->hub->is_server ? &d->local : &c->local, &d->remote);
    ngtcp2_pkt_info pi = {.ecn = d->ecn & NGTCP2_ECN_MASK};
    if (d->ifindex)
        c->ifindex = d->ifindex;
    int rv =
        ngtcp2_conn_read_pkt(c->q, &path, &pi, packet.p, packet.n, c->hub->config.turn->now_ns);
    if (rv == 0) {
        c->heard_ns = c->hub->config.turn->now_ns;
        c->rests = false;
        hub_ready(c);
    }
    return rv;
}

int conn_update_key(struct quic_conn *c) {
    int rv = ngtcp2_conn_initiate_key_update(c->q, c->hub->config.turn->now_ns);
    hub_ready(c);
    return rv;
}

int conn_migrate(struct quic_conn *c, const struct addr *local) {
    c->local = *local;
    ngtcp2_path path = path_of(&c->local, &c->remote);
    int rv = ngtcp2_conn_initiate_migration(c->q, &path, c->hub->config.turn->now_ns);
    hub_ready(c);
    return rv;
}
