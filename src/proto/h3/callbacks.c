/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "proto/h3/stream.h"
#include "tls/digest.h"

/* What nghttp3 tells, from inside nghttp3_conn_read_stream2 and its like. Nothing here acts:
 * bytes go into bodies, facts into members, credit to QUIC, and tasks are woken. */

static struct h3 *h3_of(void *context) {
    struct h3 *h3 = context;
    check_magic(h3, H3_MAGIC);
    return h3;
}

static struct mux_stream *stream_of(void *stream) {
    struct mux_stream *s = stream;
    if (s)
        check_magic(s, MUX_STREAM_MAGIC);
    return s;
}

static int on_begin_headers(nghttp3_conn *ng, int64_t id, void *context, void *stream) {
    struct h3 *h3 = h3_of(context);
    struct mux_stream *s = stream_of(stream);
    if (!s && h3->mux.server) {
        s = mux_front_new(&h3->mux, id);
        if (!s || nghttp3_conn_set_stream_user_data(ng, id, s) != 0)
            return NGHTTP3_ERR_CALLBACK_FAILURE;
    }
    mux_section_begin(s, false);
    return 0;
}

static int on_begin_trailers(nghttp3_conn *ng, int64_t id, void *context, void *stream) {
    (void)ng, (void)id, (void)context;
    mux_section_begin(stream_of(stream), true);
    return 0;
}

static struct str str_of_rcbuf(nghttp3_rcbuf *rcbuf) {
    nghttp3_vec vec = nghttp3_rcbuf_get_buf(rcbuf);
    return (struct str){(const char *)vec.base, vec.len};
}

/* budget: the signature is nghttp3's */
static int on_header(nghttp3_conn *ng, int64_t id, int32_t token, nghttp3_rcbuf *name,
                     nghttp3_rcbuf *value, uint8_t flags, void *context, void *stream) {
    (void)ng, (void)id, (void)token, (void)flags, (void)context;
    struct mux_stream *s = stream_of(stream);
    if (!s || !s->end.x)
        return 0;
    if (head_builder_add(&s->head, str_of_rcbuf(name), str_of_rcbuf(value)) != 0)
        mux_stream_break(s, REASON_NO_MEMORY);
    return 0;
}

/* Of trailers too. */
static int on_end_headers(nghttp3_conn *ng, int64_t id, int fin, void *context, void *stream) {
    (void)ng, (void)id, (void)fin, (void)context;
    mux_section_came(stream_of(stream));
    return 0;
}

static int on_end_stream(nghttp3_conn *ng, int64_t id, void *context, void *stream) {
    (void)ng, (void)id, (void)context;
    struct mux_stream *s = stream_of(stream);
    if (s)
        mux_stream_fin(s);
    return 0;
}

/* budget: the signature is nghttp3's */
static int on_data(nghttp3_conn *ng, int64_t id, const uint8_t *p, size_t n, void *context,
                   void *stream) {
    (void)ng;
    struct h3 *h3 = h3_of(context);
    struct mux_stream *s = stream_of(stream);
    h3->n_data += n;
    if (s)
        mux_stream_data(s, p, n);
    else
        quic_credit(h3->conn, id, n);
    return 0;
}

static int on_deferred_consume(nghttp3_conn *ng, int64_t id, size_t n, void *context,
                               void *stream) {
    (void)ng, (void)stream;
    quic_credit(h3_of(context)->conn, id, n);
    return 0;
}

static int on_acked(nghttp3_conn *ng, int64_t id, uint64_t n, void *context, void *stream) {
    (void)ng, (void)id, (void)context;
    struct mux_stream *s = stream_of(stream);
    if (s)
        h3_stream_acked(s, n);
    return 0;
}

/* nghttp3 refuses requests that came after the final GOAWAY by these two. */
static int on_stop_sending(nghttp3_conn *ng, int64_t id, uint64_t code, void *context,
                           void *stream) {
    (void)ng;
    struct h3 *h3 = h3_of(context);
    struct mux_stream *s = stream_of(stream);
    quic_stop_sending(h3->conn, id, code);
    if (s)
        mux_stream_break(s, h3->mux.server ? REASON_CLIENT_PROTOCOL : REASON_UPSTREAM_PROTOCOL);
    return 0;
}

static int on_reset_stream(nghttp3_conn *ng, int64_t id, uint64_t code, void *context,
                           void *stream) {
    (void)ng, (void)stream;
    quic_reset_stream(h3_of(context)->conn, id, code);
    return 0;
}

/* GOAWAY: what has this id or a higher one was not looked at (RFC 9114 5.2). */
static int on_shutdown(nghttp3_conn *ng, int64_t id, void *context) {
    (void)ng;
    struct h3 *h3 = h3_of(context);
    if (h3->mux.server)
        return 0;
    h3->mux.client.usable = false;
    list_each(&h3->mux.streams, at, next) {
        struct mux_stream *s = list_entry(at, struct mux_stream, link);
        if (s->id >= id)
            mux_stream_break(s, REASON_REFUSED);
    }
    mux_tell_owner(&h3->mux, CLIENT_GONE);
    return 0;
}

static void on_rand(uint8_t *to, size_t n) {
    /* only a seed for tables: zeros are safe, if predictable */
    if (random_bytes(to, n) != 0)
        memset(to, 0, n);
}

const nghttp3_callbacks *h3_callbacks(void) {
    static const nghttp3_callbacks callbacks = {
        .acked_stream_data = on_acked,
        .recv_data = on_data,
        .deferred_consume = on_deferred_consume,
        .begin_headers = on_begin_headers,
        .recv_header = on_header,
        .end_headers = on_end_headers,
        .begin_trailers = on_begin_trailers,
        .recv_trailer = on_header,
        .end_trailers = on_end_headers,
        .stop_sending = on_stop_sending,
        .end_stream = on_end_stream,
        .reset_stream = on_reset_stream,
        .shutdown = on_shutdown,
        .rand = on_rand,
    };
    return &callbacks;
}
