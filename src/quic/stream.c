/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "base/err.h"
#include "quic/conn.h"

/* What applications ask of a connection. These may be called from anywhere, ngtcp2's callbacks
 * and the middle of a packet included: ngtcp2 only notes what is to be sent then, and does not
 * look at it before the next packet. After the end they do nothing. */

static bool lives(const struct quic_conn *c) {
    check_magic(c, CONN_MAGIC);
    return conn_lives(c);
}

/* Only memory can end here: a stream that is gone, or not ours to write, is no error. */
static void judge(struct quic_conn *c, int rv) {
    if (rv != 0 && ngtcp2_err_is_fatal(rv))
        conn_want_close(c, false, NGTCP2_INTERNAL_ERROR, "");
    hub_ready(c);
}

void quic_wake(struct quic_conn *c) {
    if (lives(c))
        hub_ready(c);
}

typedef int open_function(ngtcp2_conn *q, int64_t *ret_id, void *stream);

static int64_t open_stream(struct quic_conn *c, open_function *how) {
    int64_t id = -1;
    if (!lives(c) || !c->app_open)
        return ERR_LIMIT;
    int rv = how(c->q, &id, NULL);
    if (rv == 0)
        return id;
    return rv == NGTCP2_ERR_STREAM_ID_BLOCKED ? ERR_LIMIT : ERR_NO_MEMORY;
}

int64_t quic_open_bidi(struct quic_conn *c) {
    return open_stream(c, ngtcp2_conn_open_bidi_stream);
}

int64_t quic_open_uni(struct quic_conn *c) {
    return open_stream(c, ngtcp2_conn_open_uni_stream);
}

uint64_t quic_bidi_left(const struct quic_conn *c) {
    return lives(c) && c->app_open ? ngtcp2_conn_get_streams_bidi_left2(c->q) : 0;
}

void quic_credit_conn(struct quic_conn *c, uint64_t n) {
    if (lives(c) && n > 0)
        ngtcp2_conn_extend_max_offset(c->q, n);
}

void quic_credit(struct quic_conn *c, int64_t id, uint64_t n) {
    quic_credit_conn(c, n);
    if (lives(c) && n > 0)
        judge(c, ngtcp2_conn_extend_max_stream_offset(c->q, id, n));
}

void quic_reset_stream(struct quic_conn *c, int64_t id, uint64_t code) {
    if (lives(c))
        judge(c, ngtcp2_conn_shutdown_stream_write(c->q, 0, id, code));
}

void quic_stop_sending(struct quic_conn *c, int64_t id, uint64_t code) {
    if (lives(c))
        judge(c, ngtcp2_conn_shutdown_stream_read(c->q, 0, id, code));
}

void quic_allow_stream(struct quic_conn *c) {
    if (!lives(c))
        return;
    ngtcp2_conn_extend_max_streams_bidi(c->q, 1);
    hub_ready(c);
}

void quic_close(struct quic_conn *c, uint64_t code, const char *text) {
    if (lives(c))
        conn_want_close(c, true, code, text);
}

const struct peer *quic_peer(const struct quic_conn *c) {
    check_magic(c, CONN_MAGIC);
    return &c->peer;
}

struct turn *quic_turn(const struct quic_conn *c) {
    check_magic(c, CONN_MAGIC);
    return c->hub->config.turn;
}
