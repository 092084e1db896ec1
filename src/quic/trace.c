/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/trace.h"

#include "quic/qlog.h"

static void on_qlog(void *user, uint32_t flags, const void *p, size_t n) {
    struct quic_conn *c = user;
    (void)flags;
    if (n > 0)
        c->trace->keeper->write(c->trace, p, n);
}

void trace_begin(struct quic_conn *c, const ngtcp2_cid *id, ngtcp2_settings *settings) {
    struct quic_qlog *qlog = c->hub->config.qlog;
    c->trace = qlog ? qlog->begin(qlog, id->data, id->datalen) : NULL;
    settings->qlog_write = c->trace ? on_qlog : NULL;
}

/* A datagram that no key opens is no connection, though it looked like the first of one. */
static bool is_one(const struct quic_conn *c) {
    ngtcp2_conn_info info;
    if (!c->q || !c->hub->is_server)
        return c->q != NULL;
    ngtcp2_conn_get_conn_info2(c->q, &info);
    return info.pkt_recv > 0;
}

void trace_end(struct quic_conn *c) {
    bool keep = is_one(c);
    ngtcp2_conn_del(c->q);
    c->q = NULL;
    if (c->trace)
        c->trace->keeper->end(c->trace, keep);
    c->trace = NULL;
}
