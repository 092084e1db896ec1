/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "quic/conn.h"

/* From the application to packets. The driver pulls; whoever is ready writes a burst of
 * datagrams of one size, as many as the congestion window, the pacer, the driver and ngtcp2's
 * quantum allow, and goes to the end of the queue: thus all get their share. */

/* An application that offers what was refused again and again would keep us for ever. */
enum { MAX_OFFERS = 1024 };

enum offer { OFFER_STOP, OFFER_GO_ON };

/* ---- one packet ---- */

static int ask(struct quic_conn *c, struct quic_out *out) {
    out->stream_id = -1;
    out->fin = false;
    out->n = 0;
    if (!c->app_open || c->close.wanted || ngtcp2_conn_get_max_data_left2(c->q) == 0)
        return 0;
    int err = c->app->ops->pull(c->app, out);
    if (err == 0 && out->n == 0 && !out->fin)
        out->stream_id = -1;
    return err;
}

/* What became of an offer: 0 and whether there is room for more, or an error. */
static int answer(struct quic_conn *c, const struct quic_out *out, ngtcp2_ssize written,
                  ngtcp2_ssize taken, enum offer *ret_offer) {
    *ret_offer = OFFER_STOP;
    if (!c->app) /* then no stream was offered */
        return written < 0 ? (int)written : 0;
    const struct quic_app_ops *ops = c->app->ops;
    *ret_offer = OFFER_GO_ON;
    switch (written) {
    case NGTCP2_ERR_STREAM_DATA_BLOCKED: ops->blocked(c->app, out->stream_id); return 0;
    case NGTCP2_ERR_STREAM_SHUT_WR:
    case NGTCP2_ERR_STREAM_NOT_FOUND: ops->shut(c->app, out->stream_id); return 0;
    case NGTCP2_ERR_WRITE_MORE: return ops->sent(c->app, out->stream_id, (size_t)taken);
    default: break;
    }
    *ret_offer = OFFER_STOP;
    if (written < 0)
        return (int)written;
    return taken >= 0 ? ops->sent(c->app, out->stream_id, (size_t)taken) : 0;
}

/* Padded is a packet that has no room for what is offered: ngtcp2 begins no stream in less than 256
 * bytes, and a packet that is shorter than the first ends the burst. */
enum { MORE_TO_COME = NGTCP2_WRITE_STREAM_FLAG_MORE | NGTCP2_WRITE_STREAM_FLAG_PADDING };

/* budget: ngtcp2 gives the parameters. */
static ngtcp2_ssize write_packet(ngtcp2_conn *q, ngtcp2_path *path, ngtcp2_pkt_info *pi,
                                 uint8_t *to, size_t cap, ngtcp2_tstamp now, void *user) {
    struct quic_conn *c = user;
    struct quic_out out;
    ngtcp2_vec vec[sizeof(out.iov) / sizeof(out.iov[0])];
    for (int offers = 0; offers < MAX_OFFERS; offers++) {
        if (ask(c, &out) != 0)
            return NGTCP2_ERR_CALLBACK_FAILURE;
        for (int i = 0; i < out.n; i++)
            vec[i] = (ngtcp2_vec){out.iov[i].iov_base, out.iov[i].iov_len};
        uint32_t flags = out.stream_id < 0 ? 0 : MORE_TO_COME;
        if (out.stream_id >= 0 && out.fin)
            flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
        ngtcp2_ssize taken = -1;
        ngtcp2_ssize n = ngtcp2_conn_writev_stream(q, path, pi, to, cap, &taken, flags,
                                                   out.stream_id, vec, (size_t)out.n, now);
        enum offer offer;
        int err = answer(c, &out, n, taken, &offer);
        if (err != 0)
            return n < 0 && n != NGTCP2_ERR_WRITE_MORE ? n : NGTCP2_ERR_CALLBACK_FAILURE;
        if (offer == OFFER_STOP)
            return n;
    }
    return NGTCP2_ERR_INTERNAL;
}

/* ---- bursts ---- */

static void address(struct addr *to, const ngtcp2_addr *from) {
    check(from->addrlen <= sizeof(to->in6));
    to->n = from->addrlen;
    memcpy(&to->sa, from->addr, from->addrlen);
}

static void envelope(const struct quic_conn *c, struct datagram *d, size_t n, size_t segment) {
    d->n = n;
    d->segment = segment < n ? segment : 0;
    d->ifindex = c->ifindex;
}

static bool write_burst(struct quic_conn *c, struct datagram *d, size_t max_segments) {
    ngtcp2_path_storage ps;
    ngtcp2_pkt_info pi = {0};
    size_t segment = 0;
    uint64_t now = c->hub->config.turn->now_ns;
    size_t least = ngtcp2_conn_get_path_max_tx_udp_payload_size2(c->q);
    size_t quantum = ngtcp2_conn_get_send_quantum2(c->q);
    size_t cap = d->cap < quantum ? d->cap : quantum;
    check(d->cap >= least);
    ngtcp2_path_storage_zero(&ps);
    ngtcp2_ssize n =
        ngtcp2_conn_write_aggregate_pkt2(c->q, &ps.path, &pi, d->data, cap < least ? least : cap,
                                         &segment, write_packet, max_segments, now);
    if (n < 0) {
        conn_fail(c, (int)n);
        return false;
    }
    ngtcp2_conn_update_pkt_tx_time(c->q, now);
    if (n == 0)
        return false;
    address(&d->local, &ps.path.local);
    address(&d->remote, &ps.path.remote);
    d->ecn = pi.ecn;
    envelope(c, d, (size_t)n, segment);
    return true;
}

/* ---- the end ---- */

static ngtcp2_ssize write_close(struct quic_conn *c, ngtcp2_path *path) {
    ngtcp2_ccerr e;
    size_t n = strlen(c->close.text);
    ngtcp2_ccerr_default(&e);
    if (c->close.is_app)
        ngtcp2_ccerr_set_application_error(&e, c->close.code, (uint8_t *)c->close.text, n);
    else
        ngtcp2_ccerr_set_transport_error(&e, c->close.code, (uint8_t *)c->close.text, n);
    return ngtcp2_conn_write_connection_close(c->q, path, NULL, c->farewell, CONN_FAREWELL_BYTES,
                                              &e, c->hub->config.turn->now_ns);
}

static bool send_farewell(const struct quic_conn *c, struct datagram *d) {
    memcpy(d->data, c->farewell, c->farewell_n);
    d->local = c->local;
    d->remote = c->remote;
    d->ecn = 0;
    envelope(c, d, c->farewell_n, c->farewell_n);
    return true;
}

/* Nothing can be said before the first packet, and nothing is said when memory ended. */
static bool end(struct quic_conn *c, struct datagram *d) {
    ngtcp2_path_storage ps;
    ngtcp2_path_storage_zero(&ps);
    c->farewell = malloc(CONN_FAREWELL_BYTES);
    ngtcp2_ssize n = c->farewell ? write_close(c, &ps.path) : 0;
    if (n <= 0) {
        conn_set_state(c, CONN_DRAINING);
        return false;
    }
    c->farewell_n = (size_t)n;
    address(&c->local, &ps.path.local);
    address(&c->remote, &ps.path.remote);
    conn_set_state(c, CONN_CLOSING);
    return send_farewell(c, d);
}

static bool conn_pull(struct quic_conn *c, struct datagram *d, size_t max_segments) {
    if (c->state < CONN_ENDING && write_burst(c, d, max_segments)) {
        hub_ready(c);
        return true;
    }
    if (c->state == CONN_ENDING)
        return end(c, d);
    if (c->state == CONN_CLOSING && c->answer) {
        c->answer = false;
        return send_farewell(c, d);
    }
    conn_settle(c);
    return false;
}

bool hub_pull(struct hub *h, struct datagram *d, size_t max_segments) {
    struct quic_conn *c;
    check(d->cap >= CONN_FAREWELL_BYTES);
    while ((c = list_first(&h->ready, struct quic_conn, ready))) {
        list_remove(&c->ready);
        if (conn_pull(c, d, max_segments > 0 ? max_segments : 1))
            return true;
    }
    return false;
}
