/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h3_drive.h"

static int64_t id_of(const struct quic_conn *c, unsigned i) {
    return i < 4 ? (int64_t)i * 4 : (int64_t)(i - 4) * 4 + (c->client ? 3 : 2);
}

static int index_of(const struct quic_conn *c, int64_t id) {
    for (unsigned i = 0; i < H3_STREAMS; i++)
        if (id_of(c, i) == id)
            return (int)i;
    return -1;
}

/* A client's request streams are there when it has opened them. */
static bool is_open(const struct quic_conn *c, unsigned i) {
    return !c->client || i >= 4 || id_of(c, i) < c->next_bidi;
}

/* ---- what HTTP/3 asks of QUIC ---- */

void quic_wake(struct quic_conn *conn) {
    (void)conn;
}

int64_t quic_open_bidi(struct quic_conn *conn) {
    if (!conn->client || conn->next_bidi >= 16)
        return -1;
    conn->next_bidi += 4;
    return conn->next_bidi - 4;
}

int64_t quic_open_uni(struct quic_conn *conn) {
    int64_t id = conn->next_uni;
    conn->next_uni += 4;
    return id;
}

uint64_t quic_bidi_left(const struct quic_conn *conn) {
    return conn->client ? (uint64_t)(16 - conn->next_bidi) / 4 : 0;
}

void quic_credit_conn(struct quic_conn *conn, uint64_t n) {
    (void)conn, (void)n;
}

void quic_credit(struct quic_conn *conn, int64_t id, uint64_t n) {
    (void)conn, (void)id, (void)n;
}

void quic_reset_stream(struct quic_conn *conn, int64_t id, uint64_t code) {
    (void)code;
    if (index_of(conn, id) >= 0)
        conn->shut[index_of(conn, id)] = true;
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
    return &conn->w.peer;
}

struct turn *quic_turn(const struct quic_conn *conn) {
    return (struct turn *)(uintptr_t)&conn->w.turn;
}

/* ---- the script ---- */

/* All output goes out and is acked; some of it not at once. */
static void take_output(struct quic_conn *c, bool ack) {
    struct quic_out out;
    for (int laps = 0; laps < 1000 && !c->closed; laps++) {
        if (c->app->ops->pull(c->app, &out) != 0 || out.stream_id < 0)
            return;
        int i = index_of(c, out.stream_id);
        if (i >= 0 && c->shut[i]) {
            c->app->ops->shut(c->app, out.stream_id);
            continue;
        }
        if (i >= 0 && c->flow[i] != FLOW_OPEN) {
            c->flow[i] = FLOW_BLOCKED;
            c->app->ops->blocked(c->app, out.stream_id);
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
    if (c->ended[i] || !is_open(c, i))
        return 1 + size;
    c->ended[i] = fin;
    if (size > 0 || fin)
        c->app->ops->recv(c->app, id_of(c, i), p + 1, size, fin);
    return 1 + size;
}

/* The peer's window closes, or opens; a client hears of more streams. */
static void flow(struct quic_conn *c, unsigned i) {
    bool told = c->flow[i] == FLOW_BLOCKED;
    c->flow[i] = c->flow[i] == FLOW_OPEN ? FLOW_CLOSED : FLOW_OPEN;
    if (told && !c->shut[i])
        c->app->ops->unblocked(c->app, id_of(c, i));
    if (c->client && i >= 4)
        c->app->ops->more_streams(c->app);
}

static void event(struct quic_conn *c, unsigned i, unsigned what) {
    const struct quic_app_ops *ops = c->app->ops;
    if (what == 5) {
        ops->drain(c->app);
        return;
    }
    if (!is_open(c, i))
        return;
    if (what == 2 && !c->ended[i]) {
        c->ended[i] = true;
        ops->reset(c->app, id_of(c, i), 0x10c);
    } else if (what == 3 && i < 4 && !c->shut[i]) {
        c->shut[i] = true;
        ops->stop(c->app, id_of(c, i), 0x10c);
    } else if (what == 4 && c->ended[i] && (i >= 4 || c->shut[i]) && !c->gone[i]) {
        c->gone[i] = true;
        ops->closed(c->app, id_of(c, i), 0x10c);
    } else if (what == 6 && !c->gone[i]) {
        flow(c, i);
    }
}

void h3_drive_init(struct quic_conn *c, bool client) {
    *c = (struct quic_conn){.client = client, .next_uni = client ? 2 : 3};
    fuzz_world_init(&c->w);
}

void h3_drive_run(struct quic_conn *c, const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n && !c->closed;) {
        unsigned i = p[at] & 7, what = p[at] >> 3 & 7;
        bool later = p[at] & 0x80, run = !(p[at] & 0x40);
        at++;
        if (what < 2)
            at += data(c, i, what, p + at, n - at);
        else
            event(c, i, what);
        if (run)
            fuzz_later(&c->w, later ? 30 * SECOND_NS : 1);
        take_output(c, what != 7);
        fuzz_turn(&c->w);
    }
}

void h3_drive_fini(struct quic_conn *c) {
    (void)c->app->ops->idle(c->app);
    fuzz_later(&c->w, 100 * SECOND_NS);
    c->app->ops->free(c->app, 0);
    fuzz_world_fini(&c->w);
}
