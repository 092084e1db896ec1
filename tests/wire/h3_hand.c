/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h3_hand.h"

#include <string.h>

#include "base/check.h"

static struct hand *hand_of(const struct quic_app *app) {
    return container_of((struct quic_app *)(uintptr_t)app, struct hand, app);
}

static struct hand_stream *find(struct hand *h, int64_t id) {
    for (int i = 0; i < h->n_streams; i++)
        if (h->streams[i].id == id)
            return &h->streams[i];
    return NULL;
}

static void tell(struct hand *h, struct hand_stream *s) {
    if (h->came)
        h->came(h, s);
}

static int on_opened(struct quic_app *app) {
    hand_of(app)->opened = true;
    tell(hand_of(app), NULL);
    return 0;
}

static int on_recv(struct quic_app *app, int64_t id, const uint8_t *p, size_t n, bool fin) {
    struct hand *h = hand_of(app);
    struct hand_stream *s = find(h, id);
    if (!s || !h->hoards)
        quic_credit(h->conn, id, n);
    if (!s)
        return 0;
    buf_add(&s->in, p, n);
    s->in_fin |= fin;
    tell(h, s);
    return 0;
}

static int on_pull(struct quic_app *app, struct quic_out *out) {
    struct hand *h = hand_of(app);
    out->stream_id = -1;
    out->n = 0;
    for (int i = 0; i < h->n_streams; i++) {
        struct hand_stream *s = &h->streams[i];
        bool more = s->sent < s->out.n || (s->fin && !s->fin_sent);
        if (!more || s->is_blocked)
            continue;
        out->stream_id = s->id;
        out->fin = s->fin;
        out->n = s->sent < s->out.n;
        out->iov[0] = (struct iovec){s->out.p + s->sent, s->out.n - s->sent};
        return 0;
    }
    return 0;
}

static int on_sent(struct quic_app *app, int64_t id, size_t n) {
    struct hand_stream *s = find(hand_of(app), id);
    s->sent += n;
    s->fin_sent = s->fin && s->sent == s->out.n;
    return 0;
}

static void on_acked(struct quic_app *app, int64_t id, uint64_t n) {
    (void)app, (void)id, (void)n;
}

static void on_blocked(struct quic_app *app, int64_t id) {
    find(hand_of(app), id)->is_blocked = true;
}

static void on_unblocked(struct quic_app *app, int64_t id) {
    struct hand_stream *s = find(hand_of(app), id);
    if (s)
        s->is_blocked = false;
}

static void on_shut(struct quic_app *app, int64_t id) {
    struct hand_stream *s = find(hand_of(app), id);
    s->sent = s->out.n;
    s->fin_sent = true;
}

static void on_reset(struct quic_app *app, int64_t id, uint64_t code) {
    struct hand_stream *s = find(hand_of(app), id);
    if (!s)
        return;
    s->was_reset = true;
    s->code = code;
    tell(hand_of(app), s);
}

static void on_stop(struct quic_app *app, int64_t id, uint64_t code) {
    struct hand_stream *s = find(hand_of(app), id);
    if (!s)
        return;
    s->was_stopped = true;
    if (!s->was_reset)
        s->code = code;
}

static void on_closed(struct quic_app *app, int64_t id, uint64_t code) {
    (void)app, (void)id, (void)code;
}

static void on_more(struct quic_app *app) {
    (void)app;
}

static bool on_idle(const struct quic_app *app) {
    (void)app;
    return false;
}

static void on_free(struct quic_app *app, int reason) {
    (void)reason;
    hand_of(app)->freed = true;
    tell(hand_of(app), NULL);
}

static const struct quic_app_ops hand_ops = {
    .opened = on_opened,
    .recv = on_recv,
    .pull = on_pull,
    .sent = on_sent,
    .acked = on_acked,
    .blocked = on_blocked,
    .unblocked = on_unblocked,
    .shut = on_shut,
    .reset = on_reset,
    .stop = on_stop,
    .closed = on_closed,
    .more_streams = on_more,
    .drain = on_more,
    .idle = on_idle,
    .done_code = 0x100,
    .free = on_free,
};

struct quic_app *hand_init(struct hand *h, struct quic_conn *conn) {
    h->app.ops = &hand_ops;
    h->conn = conn;
    buf_init(&h->section);
    return &h->app;
}

void hand_fini(struct hand *h) {
    for (int i = 0; i < h->n_streams; i++) {
        buf_fini(&h->streams[i].out);
        buf_fini(&h->streams[i].in);
    }
    buf_fini(&h->section);
}

struct hand_stream *hand_open(struct hand *h, bool uni) {
    check(h->n_streams < HAND_STREAMS);
    struct hand_stream *s = &h->streams[h->n_streams++];
    s->id = uni ? quic_open_uni(h->conn) : quic_open_bidi(h->conn);
    check(s->id >= 0);
    buf_init(&s->out);
    buf_init(&s->in);
    return s;
}

/* ---- bytes ---- */

void hand_varint(struct buf *b, uint64_t v) {
    if (v >= 64) {
        buf_char(b, (char)(0x80 | v >> 24));
        buf_char(b, (char)(v >> 16));
        buf_char(b, (char)(v >> 8));
    }
    buf_char(b, (char)v);
}

void hand_frame(struct hand_stream *s, uint64_t type, const void *p, size_t n) {
    hand_varint(&s->out, type);
    hand_varint(&s->out, n);
    if (n > 0)
        buf_add(&s->out, p, n);
}

struct hand_stream *hand_control(struct hand *h) {
    struct hand_stream *s = hand_open(h, true);
    hand_varint(&s->out, 0);
    hand_frame(s, HAND_SETTINGS, NULL, 0);
    return s;
}

void hand_begin(struct hand *h) {
    buf_reset(&h->section);
    buf_char(&h->section, 0); /* no dynamic table */
    buf_char(&h->section, 0);
}

static void prefixed(struct buf *b, uint8_t pattern, uint8_t most, size_t n) {
    if (n < most) {
        buf_char(b, (char)(pattern | n));
        return;
    }
    check(n - most < 128);
    buf_char(b, (char)(pattern | most));
    buf_char(b, (char)(n - most));
}

/* RFC 9204 4.5.6: a literal with a literal name. */
void hand_line(struct hand *h, struct str name, struct str value) {
    prefixed(&h->section, 0x20, 7, name.n);
    buf_add(&h->section, name.p, name.n);
    prefixed(&h->section, 0, 127, value.n);
    buf_add(&h->section, value.p, value.n);
}

void hand_begin_get(struct hand *h, const char *path) {
    hand_begin(h);
    hand_line(h, STR(":method"), STR("GET"));
    hand_line(h, STR(":scheme"), STR("https"));
    hand_line(h, STR(":path"), str_of(path));
    hand_line(h, STR(":authority"), STR("test.example"));
}

void hand_headers(struct hand *h, struct hand_stream *s) {
    hand_frame(s, HAND_HEADERS, h->section.p, h->section.n);
}

void hand_get(struct hand *h, struct hand_stream *s, const char *path) {
    hand_begin_get(h, path);
    hand_headers(h, s);
}

/* The status from our encoder: an index of the static table, or three digits after one. */
int hand_status(const struct hand_stream *s) {
    static const struct {
        uint8_t index;
        int status;
    } known[] = {{24, 103}, {25, 200}, {26, 304}, {27, 404}, {28, 503},
                 {63, 100}, {64, 204}, {67, 400}, {71, 500}};
    if (s->in.n < 5 || s->in.p[0] != HAND_HEADERS)
        return 0;
    const uint8_t *p = s->in.p + (s->in.p[1] < 64 ? 4 : 5);
    int index = p[0] == 0xff ? 63 + p[1] : p[0] & 0x3f;
    for (size_t i = 0; (p[0] & 0xc0) == 0xc0 && i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].index == index)
            return known[i].status;
    uint64_t status;
    if (p[0] == 0x5f && p[2] == 3 && str_to_u64((struct str){(const char *)p + 3, 3}, &status) == 0)
        return (int)status;
    return -1;
}
