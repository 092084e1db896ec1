/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/counters.h"

#include "quic/conn.h"

void quic_counters_add(struct quic_counters *to, const struct quic_counters *from) {
    to->connections += from->connections;
    for (int i = 0; i < ERR_KINDS; i++)
        to->failures[i] += from->failures[i];
    to->retries += from->retries;
    to->migrations += from->migrations;
    to->packets_sent += from->packets_sent;
    to->packets_received += from->packets_received;
    to->packets_lost += from->packets_lost;
    to->rtts += from->rtts;
    to->rtt_ns += from->rtt_ns;
}

static void add(struct quic_counters *to, const struct quic_conn *c, ngtcp2_conn_info *ret_info) {
    ngtcp2_conn_get_conn_info2(c->q, ret_info);
    to->packets_sent += ret_info->pkt_sent;
    to->packets_received += ret_info->pkt_recv;
    to->packets_lost += ret_info->pkt_lost;
}

void counters_take(const struct quic_conn *c) {
    struct quic_counters *to = c->hub->config.counters;
    ngtcp2_conn_info info;
    if (!to || !c->q)
        return;
    add(to, c, &info);
    if (c->peer.secure) {
        to->rtts++;
        to->rtt_ns += info.smoothed_rtt;
    }
}

void quic_server_count(const struct datagram_engine *e, struct quic_counters *to) {
    const struct hub *h = hub_of(e);
    ngtcp2_conn_info info;
    list_each(&h->conns, at, next) {
        const struct quic_conn *c = list_entry(at, struct quic_conn, link);
        if (c->q)
            add(to, c, &info);
    }
}

static int closed_by_peer(const struct quic_conn *c) {
    const ngtcp2_ccerr *e = ngtcp2_conn_get_ccerr2(c->q);
    bool alert = e->type == NGTCP2_CCERR_TYPE_TRANSPORT && e->error_code >= NGTCP2_CRYPTO_ERROR &&
                 e->error_code <= NGTCP2_CRYPTO_ERROR + UINT8_MAX;
    return alert ? ERR_REFUSED : ERR_CLOSED;
}

static int closed_by_us(const struct quic_conn *c) {
    bool alert = !c->close.wanted || c->close.code >= NGTCP2_CRYPTO_ERROR;
    return alert ? ERR_TLS : ERR_LIMIT;
}

static int err_of(const struct quic_conn *c, int liberr) {
    switch (liberr) {
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
    case NGTCP2_ERR_IDLE_CLOSE: return ERR_TIMEOUT;
    case NGTCP2_ERR_DRAINING: return closed_by_peer(c);
    case NGTCP2_ERR_CALLBACK_FAILURE: return closed_by_us(c);
    case NGTCP2_ERR_CRYPTO: return ERR_TLS;
    case NGTCP2_ERR_NOMEM: return ERR_NO_MEMORY;
    default: return ERR_PROTOCOL;
    }
}

void counters_failure(const struct quic_conn *c, int liberr) {
    if (c->hub->config.counters && c->q)
        c->hub->config.counters->failures[-err_of(c, liberr)]++;
}
