/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz_world.h"
#include "proto/h3/h3.h"

/* HTTP/3 without QUIC below it: the quic_* functions stand here, and remember only what the
 * rules of QUIC need. The input is a script: a byte for what and on which stream, for data a
 * byte for the length, and the bytes. */

enum { STREAMS = 8 };

struct quic_conn {
    struct fuzz_world *w;
    struct quic_app *app;
    int64_t next_uni;
    bool closed;
    bool shut[STREAMS], ended[STREAMS]; /* nothing more goes out, comes in */
    bool gone[STREAMS];
};

/* Four request streams and four unidirectional ones. */
static int64_t id_of(unsigned i) {
    return i < 4 ? (int64_t)i * 4 : (int64_t)(i - 4) * 4 + 2;
}

static int index_of(int64_t id) {
    for (unsigned i = 0; i < STREAMS; i++)
        if (id_of(i) == id)
            return (int)i;
    return -1;
}

void quic_wake(struct quic_conn *conn) {
    (void)conn;
}

int64_t quic_open_bidi(struct quic_conn *conn) {
    (void)conn;
    return -1;
}

int64_t quic_open_uni(struct quic_conn *conn) {
    int64_t id = conn->next_uni;
    conn->next_uni += 4;
    return id;
}

uint64_t quic_bidi_left(const struct quic_conn *conn) {
    (void)conn;
    return 0;
}

void quic_credit(struct quic_conn *conn, int64_t id, uint64_t n) {
    (void)conn, (void)id, (void)n;
}

void quic_reset_stream(struct quic_conn *conn, int64_t id, uint64_t code) {
    (void)code;
    if (index_of(id) >= 0)
        conn->shut[index_of(id)] = true;
}

void quic_stop_sending(struct quic_conn *conn, int64_t id, uint64_t code) {
    (void)conn, (void)id, (void)code;
}

void quic_allow_stream(struct quic_conn *conn) {
    (void)conn;
}

void quic_close(struct quic_conn *conn, uint64_t code, const char *text) {
    (void)code, (void)text;
    conn->closed = true;
}

const struct peer *quic_peer(const struct quic_conn *conn) {
    return &conn->w->peer;
}

struct turn *quic_turn(const struct quic_conn *conn) {
    return &conn->w->turn;
}

/* All output goes out and is acked; some of it not at once. */
static void take_output(struct quic_conn *c, bool ack) {
    struct quic_out out;
    for (int laps = 0; laps < 1000 && !c->closed; laps++) {
        if (c->app->ops->pull(c->app, &out) != 0 || out.stream_id < 0)
            return;
        int i = index_of(out.stream_id);
        if (i >= 0 && c->shut[i]) {
            c->app->ops->shut(c->app, out.stream_id);
            continue;
        }
        size_t n = 0;
        for (int k = 0; k < out.n; k++)
            n += out.iov[k].iov_len;
        if (c->app->ops->sent(c->app, out.stream_id, n) != 0)
            return;
        if (i >= 0 && out.fin)
            c->shut[i] = true;
        if (ack && n > 0)
            c->app->ops->acked(c->app, out.stream_id, n);
    }
}

static size_t data(struct quic_conn *c, unsigned i, bool fin, const uint8_t *p, size_t n) {
    if (n == 0)
        return 0;
    size_t size = p[0] < n - 1 ? p[0] : n - 1;
    if (c->ended[i])
        return 1 + size;
    c->ended[i] = fin;
    if (size > 0 || fin)
        c->app->ops->recv(c->app, id_of(i), p + 1, size, fin);
    return 1 + size;
}

static void event(struct quic_conn *c, unsigned i, unsigned what) {
    const struct quic_app_ops *ops = c->app->ops;
    if (what == 2 && !c->ended[i]) {
        c->ended[i] = true;
        ops->reset(c->app, id_of(i), 0x10c);
    } else if (what == 3 && i < 4 && !c->shut[i]) {
        c->shut[i] = true;
        ops->stop(c->app, id_of(i), 0x10c);
    } else if (what == 4 && c->ended[i] && (i >= 4 || c->shut[i]) && !c->gone[i]) {
        c->gone[i] = true;
        ops->closed(c->app, id_of(i), 0x10c);
    } else if (what == 5) {
        ops->drain(c->app);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct fuzz_world w;
    struct quic_conn c = {.w = &w, .next_uni = 3};
    fuzz_world_init(&w);
    c.app = h3_server_new(&w.env, &c, &w.peer);
    check(c.app);
    c.app->ops->opened(c.app);
    for (size_t at = 0; at < n && !c.closed;) {
        unsigned i = p[at] & 7, what = p[at] >> 3 & 7;
        bool later = p[at] & 0x80, run = !(p[at] & 0x40);
        at++;
        if (what < 2)
            at += data(&c, i, what, p + at, n - at);
        else
            event(&c, i, what);
        if (run)
            fuzz_later(&w, later ? 30 * SECOND_NS : 1);
        take_output(&c, what != 7);
        fuzz_turn(&w);
    }
    (void)c.app->ops->idle(c.app);
    fuzz_later(&w, 100 * SECOND_NS);
    c.app->ops->free(c.app, 0);
    fuzz_world_fini(&w);
    return 0;
}
