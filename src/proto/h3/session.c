/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "proto/h3/h3.h"
#include "proto/h3/stream.h"

static struct h3 *h3_of_app(const struct quic_app *app) {
    struct h3 *h3 = container_of((struct quic_app *)(uintptr_t)app, struct h3, app);
    check_magic(h3, H3_MAGIC);
    return h3;
}

/* ---- input ---- */

static void count_streams(struct h3 *h3) {
    if (h3->mux.server)
        return;
    h3->mux.client.max_streams = h3->mux.client.n_streams + (uint32_t)quic_bidi_left(h3->conn);
    mux_tell_owner(&h3->mux, CLIENT_READY);
}

static int opened(struct quic_app *app) {
    struct h3 *h3 = h3_of_app(app);
    for (int i = 0; i < 3; i++)
        if ((h3->own[i] = quic_open_uni(h3->conn)) < 0)
            return ERR_LIMIT;
    int rv = nghttp3_conn_bind_control_stream(h3->ng, h3->own[0]);
    if (rv == 0)
        rv = nghttp3_conn_bind_qpack_streams(h3->ng, h3->own[1], h3->own[2]);
    if (rv != 0)
        return h3_fail(h3, rv);
    h3->opened = true;
    count_streams(h3);
    h3_watch(h3);
    return 0;
}

/* A malformed message is its stream's affair (RFC 9114 4.1.2). What was not decoded of it is not
 * missed, as no table is shared. */
static int misread(struct h3 *h3, int64_t id, size_t n, int error) {
    struct mux_stream *s = h3_stream_find(h3, id);
    if (!s || (error != NGHTTP3_ERR_MALFORMED_HTTP_HEADER &&
               error != NGHTTP3_ERR_MALFORMED_HTTP_MESSAGING))
        return h3_fail(h3, error);
    h3_stream_reset(s, H3_MESSAGE_ERROR);
    mux_stream_break(s, h3->mux.server ? REASON_CLIENT_PROTOCOL : REASON_UPSTREAM_PROTOCOL);
    quic_credit(h3->conn, id, n - h3->n_data);
    return 0;
}

static int receive(struct quic_app *app, int64_t id, const uint8_t *p, size_t n, bool fin) {
    struct h3 *h3 = h3_of_app(app);
    if (h3->mux.failed)
        return ERR_CLOSED;
    h3->n_data = 0;
    nghttp3_ssize taken =
        nghttp3_conn_read_stream2(h3->ng, id, p, n, fin, h3->mux.env->turn->now_ns);
    if (taken < 0)
        return misread(h3, id, n, (int)taken);
    quic_credit(h3->conn, id, (uint64_t)taken);
    return 0;
}

static void reset(struct quic_app *app, int64_t id, uint64_t code) {
    struct h3 *h3 = h3_of_app(app);
    struct mux_stream *s = h3_stream_find(h3, id);
    if (h3->mux.failed)
        return;
    h3_count_reset(h3, s);
    if (!h3->mux.failed && nghttp3_conn_shutdown_stream_read(h3->ng, id) != 0)
        h3_fail(h3, NGHTTP3_ERR_NOMEM);
    if (!s)
        return;
    s->reset_came = true;
    s->close_code = code;
    mux_stream_came(s);
}

static void stop(struct quic_app *app, int64_t id, uint64_t code) {
    struct h3 *h3 = h3_of_app(app);
    struct mux_stream *s = h3_stream_find(h3, id);
    if (h3->mux.failed)
        return;
    for (int i = 0; i < 3; i++)
        if (h3->opened && h3->own[i] == id)
            h3_close(h3, H3_CLOSED_CRITICAL_STREAM, "a critical stream was closed");
    if (s)
        h3_count_reset(h3, s);
    if (!s || h3->mux.failed)
        return;
    nghttp3_conn_shutdown_stream_write(h3->ng, id);
    h3_stream_of(s)->stop_came = true;
    if (!s->reset_came)
        s->close_code = code;
    mux_stream_came(s);
}

static bool is_request(int64_t id) {
    return (id & 3) == 0;
}

static void forget(struct h3 *h3, int64_t id, uint64_t code) {
    struct mux_stream *s = h3_stream_find(h3, id);
    if (!s)
        return;
    s->closed = true;
    if (s->close_code == 0)
        s->close_code = code;
    mux_stream_came(s);
    if (h3->mux.server)
        return;
    h3->mux.client.n_streams--;
    count_streams(h3);
}

/* nghttp3 must know too, or it takes a PRIORITY_UPDATE of a later stream for an error. */
static void allow_stream(struct h3 *h3) {
    quic_allow_stream(h3->conn);
    if (!h3->mux.failed)
        nghttp3_conn_set_max_client_streams_bidi(h3->ng, ++h3->max_bidi);
}

static void closed(struct quic_app *app, int64_t id, uint64_t code) {
    struct h3 *h3 = h3_of_app(app);
    int rv = h3->mux.failed ? 0 : nghttp3_conn_close_stream(h3->ng, id, code);
    if (rv != 0 && rv != NGHTTP3_ERR_STREAM_NOT_FOUND)
        h3_fail(h3, rv);
    forget(h3, id, code);
    if (h3->mux.server && is_request(id))
        allow_stream(h3);
}

static void more_streams(struct quic_app *app) {
    count_streams(h3_of_app(app));
}

/* ---- output ---- */

static int pull(struct quic_app *app, struct quic_out *out) {
    struct h3 *h3 = h3_of_app(app);
    enum { PIECES = sizeof(out->iov) / sizeof(out->iov[0]) };
    nghttp3_vec vec[PIECES];
    int fin = 0;
    out->stream_id = -1;
    out->n = 0;
    if (h3->mux.failed || !h3->opened)
        return 0;
    nghttp3_ssize n = nghttp3_conn_writev_stream(h3->ng, &out->stream_id, &fin, vec, PIECES);
    if (n < 0)
        return h3_fail(h3, (int)n);
    h3->pulled.n = 0;
    for (nghttp3_ssize i = 0; i < n; i++) {
        out->iov[i] = (struct iovec){vec[i].base, vec[i].len};
        h3->pulled.n += vec[i].len;
    }
    out->n = (int)n;
    out->fin = h3->pulled.fin = fin;
    h3->pulled.id = out->stream_id;
    return 0;
}

static int sent(struct quic_app *app, int64_t id, size_t n) {
    struct h3 *h3 = h3_of_app(app);
    if (h3->mux.failed)
        return 0;
    int rv = nghttp3_conn_add_write_offset(h3->ng, id, n);
    if (rv != 0)
        return h3_fail(h3, rv);
    if (!h3->pulled.fin || h3->pulled.id != id || h3->pulled.n != n)
        return 0;
    struct mux_stream *s = h3_stream_find(h3, id);
    if (s) {
        s->fin_sent = true;
        mux_stream_came(s);
    }
    return 0;
}

static void acked(struct quic_app *app, int64_t id, uint64_t n) {
    struct h3 *h3 = h3_of_app(app);
    int rv = h3->mux.failed ? 0 : nghttp3_conn_add_ack_offset(h3->ng, id, n);
    if (rv != 0)
        h3_fail(h3, rv);
}

static void blocked(struct quic_app *app, int64_t id) {
    struct h3 *h3 = h3_of_app(app);
    if (!h3->mux.failed)
        nghttp3_conn_block_stream(h3->ng, id);
}

static void unblocked(struct quic_app *app, int64_t id) {
    struct h3 *h3 = h3_of_app(app);
    int rv = h3->mux.failed ? 0 : nghttp3_conn_unblock_stream(h3->ng, id);
    if (rv != 0)
        h3_fail(h3, rv);
}

static void shut(struct quic_app *app, int64_t id) {
    struct h3 *h3 = h3_of_app(app);
    if (!h3->mux.failed)
        nghttp3_conn_shutdown_stream_write(h3->ng, id);
}

static void drain(struct quic_app *app) {
    h3_drain(h3_of_app(app));
}

static bool idle(const struct quic_app *app) {
    const struct h3 *h3 = h3_of_app(app);
    if (!list_empty(&h3->mux.streams))
        return false;
    if (!h3->draining || !h3->mux.server || !h3->opened || h3->mux.failed)
        return true;
    return h3->drained && nghttp3_conn_is_drained(h3->ng);
}

/* ---- timers, for the server role: a client's owner has its own ---- */

static void time_out(struct h3 *h3) {
    uint64_t now = h3->mux.env->turn->now_ns;
    bool empty = list_empty(&h3->mux.streams);
    if (h3->drained && empty && now >= h3_drain_due(h3))
        h3_close(h3, H3_NO_ERROR, "drained");
    else if (!h3->drained && now >= h3_drain_due(h3))
        h3_drain_finally(h3);
    if (empty && now - h3->mux.idle_ns >= h3->mux.env->limits->idle_timeout_ns)
        h3_close(h3, H3_NO_ERROR, "idle");
    list_each(&h3->mux.streams, at, next)
        mux_stream_look_after(list_entry(at, struct mux_stream, link));
}

static void h3_run(struct task *task, uint32_t events) {
    struct h3 *h3 = container_of(task, struct h3, task);
    check_magic(h3, H3_MAGIC);
    if (h3->mux.failed)
        return;
    if (events & TASK_TIMER)
        time_out(h3);
    h3_watch(h3);
}

/* ---- birth and death ---- */

static void free_h3(struct grave *grave) {
    struct h3 *h3 = container_of(grave, struct h3, grave);
    nghttp3_conn_del(h3->ng);
    h3->magic = 0;
    free(h3);
}

static void app_free(struct quic_app *app, int reason) {
    struct h3 *h3 = h3_of_app(app);
    mux_end(&h3->mux, (enum reason)reason, true);
    task_fini(&h3->task);
    turn_bury(h3->mux.env->turn, &h3->grave, free_h3);
}

static const struct quic_app_ops app_ops = {
    .opened = opened,
    .recv = receive,
    .pull = pull,
    .sent = sent,
    .acked = acked,
    .blocked = blocked,
    .unblocked = unblocked,
    .shut = shut,
    .reset = reset,
    .stop = stop,
    .closed = closed,
    .more_streams = more_streams,
    .drain = drain,
    .idle = idle,
    .done_code = H3_NO_ERROR,
    .free = app_free,
};

/* No QPACK dynamic table: with one, a client of another QUIC stack stalled now and then
 * waiting for it. RFC 9220's ENABLE_CONNECT_PROTOCOL belongs here once tunnels exist. */
static int conn_new(struct h3 *h3) {
    nghttp3_settings settings;
    nghttp3_settings_default(&settings);
    settings.max_field_section_size = h3->mux.env->limits->head_bytes;
    settings.qpack_max_dtable_capacity = 0;
    settings.qpack_encoder_max_dtable_capacity = 0;
    settings.qpack_blocked_streams = 0;
    settings.glitch_ratelim_burst = h3->mux.env->limits->glitches;
    settings.glitch_ratelim_rate = h3->mux.env->limits->glitches / 10 + 1;
    if (!h3->mux.server)
        return nghttp3_conn_client_new(&h3->ng, h3_callbacks(), &settings, NULL, h3);
    int rv = nghttp3_conn_server_new(&h3->ng, h3_callbacks(), &settings, NULL, h3);
    if (rv == 0)
        nghttp3_conn_set_max_client_streams_bidi(h3->ng, h3->max_bidi);
    return rv;
}

static struct h3 *h3_new(struct http_env *env, struct quic_conn *conn, const struct peer *peer,
                         bool server) {
    struct h3 *h3 = calloc(1, sizeof(*h3));
    if (!h3)
        return NULL;
    *h3 = (struct h3){.magic = H3_MAGIC, .app = {&app_ops}, .conn = conn};
    mux_init(&h3->mux, &h3_stream_ops, env, peer, server);
    h3->max_bidi = env->limits->streams;
    task_init(&h3->task, env->turn, h3_run);
    if (conn_new(h3) != 0) {
        free(h3);
        return NULL;
    }
    return h3;
}

struct quic_app *h3_server_new(struct http_env *env, struct quic_conn *conn,
                               const struct peer *peer) {
    struct h3 *h3 = h3_new(env, conn, peer, true);
    return h3 ? &h3->app : NULL;
}

static const struct http_client_ops client_ops = {.open = mux_back_open};

struct http_client *h3_client_new(struct http_env *env, struct quic_conn *conn,
                                  const struct peer *peer, struct task *owner) {
    struct h3 *h3 = h3_new(env, conn, peer, false);
    if (!h3)
        return NULL;
    h3->mux.client = (struct http_client){.ops = &client_ops, .owner = owner, .usable = true};
    return &h3->mux.client;
}

struct quic_app *h3_client_app(struct http_client *client) {
    struct h3 *h3 = container_of(client, struct h3, mux.client);
    check_magic(h3, H3_MAGIC);
    return &h3->app;
}
