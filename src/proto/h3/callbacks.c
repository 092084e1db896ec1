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

static struct h3_stream *stream_of(void *stream) {
    struct h3_stream *s = stream;
    if (s)
        check_magic(s, H3_STREAM_MAGIC);
    return s;
}

static enum section section_of(const struct h3_stream *s) {
    return s->h3->server ? SECTION_REQUEST : SECTION_RESPONSE;
}

static void begin_section(struct h3_stream *s, enum section section) {
    if (s && s->end.x)
        head_builder_init(&s->head, section, &s->end.x->arena, s->h3->env->limits);
}

static int on_begin_headers(nghttp3_conn *ng, int64_t id, void *context, void *stream) {
    struct h3 *h3 = h3_of(context);
    struct h3_stream *s = stream_of(stream);
    if (!s && h3->server) {
        s = h3_front_new(h3, id);
        if (!s || nghttp3_conn_set_stream_user_data(ng, id, s) != 0)
            return NGHTTP3_ERR_CALLBACK_FAILURE;
    }
    if (s)
        begin_section(s, section_of(s));
    return 0;
}

static int on_begin_trailers(nghttp3_conn *ng, int64_t id, void *context, void *stream) {
    (void)ng, (void)id, (void)context;
    begin_section(stream_of(stream), SECTION_TRAILERS);
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
    struct h3_stream *s = stream_of(stream);
    if (!s || !s->end.x)
        return 0;
    if (head_builder_add(&s->head, str_of_rcbuf(name), str_of_rcbuf(value)) != 0)
        h3_stream_break(s, REASON_NO_MEMORY);
    return 0;
}

static void request_came(struct h3_stream *s) {
    s->head_came = true;
    s->head_verdict = head_builder_request(&s->head, s->in);
    h3_stream_came(s);
}

static void response_came(struct h3_stream *s) {
    int err = head_builder_response(&s->head, s->in);
    if (err != 0) {
        h3_stream_break(s, err == ERR_NO_MEMORY ? REASON_NO_MEMORY : REASON_UPSTREAM_PROTOCOL);
        return;
    }
    if (s->head.status < 200) {
        exchange_inform(s->end.x, s->head.status, &s->head.fields);
        return;
    }
    s->head_came = true;
    h3_stream_came(s);
}

static int on_end_headers(nghttp3_conn *ng, int64_t id, int fin, void *context, void *stream) {
    (void)ng, (void)id, (void)fin;
    struct h3 *h3 = h3_of(context);
    struct h3_stream *s = stream_of(stream);
    if (!s || !s->end.x)
        return 0;
    if (h3->server)
        request_came(s);
    else
        response_came(s);
    return 0;
}

static int on_end_trailers(nghttp3_conn *ng, int64_t id, int fin, void *context, void *stream) {
    (void)ng, (void)id, (void)fin;
    struct h3 *h3 = h3_of(context);
    struct h3_stream *s = stream_of(stream);
    if (s && s->end.x && head_builder_trailers(&s->head, &s->in->trailers) != 0)
        h3_stream_break(s, h3->server ? REASON_CLIENT_PROTOCOL : REASON_UPSTREAM_PROTOCOL);
    return 0;
}

/* A body that was broken must not look complete. */
static int on_end_stream(nghttp3_conn *ng, int64_t id, void *context, void *stream) {
    (void)ng, (void)id, (void)context;
    struct h3_stream *s = stream_of(stream);
    if (!s)
        return 0;
    s->fin_came = true;
    if (s->end.x && s->broken == REASON_NONE)
        body_finish(&s->in->body);
    h3_stream_came(s);
    return 0;
}

/* budget: the signature is nghttp3's */
static int on_data(nghttp3_conn *ng, int64_t id, const uint8_t *p, size_t n, void *context,
                   void *stream) {
    (void)ng;
    struct h3 *h3 = h3_of(context);
    struct h3_stream *s = stream_of(stream);
    h3->n_data += n;
    if (s)
        h3_stream_data(s, p, n);
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
    struct h3_stream *s = stream_of(stream);
    if (s)
        body_acked(s->sending, (size_t)n);
    return 0;
}

/* nghttp3 refuses requests that came after the final GOAWAY by these two. */
static int on_stop_sending(nghttp3_conn *ng, int64_t id, uint64_t code, void *context,
                           void *stream) {
    (void)ng;
    struct h3 *h3 = h3_of(context);
    struct h3_stream *s = stream_of(stream);
    quic_stop_sending(h3->conn, id, code);
    if (s)
        h3_stream_break(s, h3->server ? REASON_CLIENT_PROTOCOL : REASON_UPSTREAM_PROTOCOL);
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
    if (h3->server)
        return 0;
    h3->client.usable = false;
    list_each(&h3->streams, at, next) {
        struct h3_stream *s = list_entry(at, struct h3_stream, link);
        if (s->id >= id)
            h3_stream_break(s, REASON_REFUSED);
    }
    h3_tell_owner(h3, CLIENT_GONE);
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
        .end_trailers = on_end_trailers,
        .stop_sending = on_stop_sending,
        .end_stream = on_end_stream,
        .reset_stream = on_reset_stream,
        .shutdown = on_shutdown,
        .rand = on_rand,
    };
    return &callbacks;
}
