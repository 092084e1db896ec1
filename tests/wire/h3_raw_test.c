/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proto/h3/h3.h"
#include "quic_pair.h"
#include "visit.h"

/* Stream bytes written by hand against the server, over real QUIC: what no honest client
 * sends. The client's quic_app only carries them. */

enum { STREAMS = 64 };
enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PUSH_PROMISE = 5, GOAWAY = 7, MAX_PUSH_ID = 13 };

struct raw_stream {
    int64_t id;
    struct buf out;
    size_t sent;
    bool fin, fin_sent, is_blocked;
    struct buf in;
    bool in_fin, was_reset;
    uint64_t code;
};

struct world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct quic_pair quic;
    struct site site;
    struct quic_app app;
    struct quic_conn *conn;
    bool opened, freed;
    struct raw_stream streams[STREAMS];
    int n_streams;
    struct buf section;
};

static struct world *world_of(const struct quic_app *app) {
    return container_of((struct quic_app *)(uintptr_t)app, struct world, app);
}

/* ---- the client's application ---- */

static struct raw_stream *find(struct world *w, int64_t id) {
    for (int i = 0; i < w->n_streams; i++)
        if (w->streams[i].id == id)
            return &w->streams[i];
    return NULL;
}

static int on_opened(struct quic_app *app) {
    world_of(app)->opened = true;
    return 0;
}

static int on_recv(struct quic_app *app, int64_t id, const uint8_t *p, size_t n, bool fin) {
    struct world *w = world_of(app);
    struct raw_stream *s = find(w, id);
    quic_credit(w->conn, id, n);
    if (!s)
        return 0;
    buf_add(&s->in, p, n);
    s->in_fin |= fin;
    return 0;
}

static int on_pull(struct quic_app *app, struct quic_out *out) {
    struct world *w = world_of(app);
    out->stream_id = -1;
    out->n = 0;
    for (int i = 0; i < w->n_streams; i++) {
        struct raw_stream *s = &w->streams[i];
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
    struct raw_stream *s = find(world_of(app), id);
    s->sent += n;
    s->fin_sent = s->fin && s->sent == s->out.n;
    return 0;
}

static void on_acked(struct quic_app *app, int64_t id, uint64_t n) {
    (void)app, (void)id, (void)n;
}

static void on_blocked(struct quic_app *app, int64_t id) {
    find(world_of(app), id)->is_blocked = true;
}

static void on_unblocked(struct quic_app *app, int64_t id) {
    struct raw_stream *s = find(world_of(app), id);
    if (s)
        s->is_blocked = false;
}

static void on_shut(struct quic_app *app, int64_t id) {
    struct raw_stream *s = find(world_of(app), id);
    s->sent = s->out.n;
    s->fin_sent = true;
}

static void on_reset(struct quic_app *app, int64_t id, uint64_t code) {
    struct raw_stream *s = find(world_of(app), id);
    if (!s)
        return;
    s->was_reset = true;
    s->code = code;
}

static void on_stop(struct quic_app *app, int64_t id, uint64_t code) {
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
    world_of(app)->freed = true;
}

static const struct quic_app_ops raw_ops = {
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
    .closed = on_stop,
    .more_streams = on_more,
    .drain = on_more,
    .idle = on_idle,
    .done_code = 0x100,
    .free = on_free,
};

/* ---- the world ---- */

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    return h3_server_new(&w->env, conn, peer);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    (void)peer;
    w->conn = conn;
    w->app.ops = &raw_ops;
    return &w->app;
}

static bool is_open(void *context) {
    return ((struct world *)context)->opened;
}

static bool never(void *context) {
    (void)context;
    return false;
}

static void run(struct world *w) {
    if (!w->freed)
        quic_wake(w->conn);
    (void)net_sim_run(w->quic.net, SECOND_NS, never, NULL);
}

static struct world *world_with(uint32_t streams) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    turn_init(&w->turn);
    turn_begin(&w->turn, 1000 * SECOND_NS, 1800000000);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    http_env_init(&w->env, &w->turn, &w->chunks);
    w->env.limits = &w->limits;
    w->limits.streams = streams;
    site_env(&w->env, &w->site);
    quic_pair_init(&w->quic, &w->turn, w);
    w->quic.server_config.streams = streams;
    w->quic.client_config.accept = accept_client;
    w->quic.server_config.accept = accept_server;
    quic_pair_join(&w->quic, 1);
    buf_init(&w->section);
    assert_true(net_sim_run(w->quic.net, 5 * SECOND_NS, is_open, w));
    return w;
}

static struct world *world_new(void) {
    return world_with(100);
}

static void world_free(struct world *w) {
    quic_pair_end(&w->quic);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    assert_int_equal(w->env.n_exchanges, 0);
    assert_int_equal(w->site.live, 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    quic_pair_fini(&w->quic);
    for (int i = 0; i < w->n_streams; i++) {
        buf_fini(&w->streams[i].out);
        buf_fini(&w->streams[i].in);
    }
    buf_fini(&w->section);
    free(w);
}

static struct raw_stream *stream(struct world *w, bool uni) {
    assert_true(w->n_streams < STREAMS);
    struct raw_stream *s = &w->streams[w->n_streams++];
    s->id = uni ? quic_open_uni(w->conn) : quic_open_bidi(w->conn);
    assert_true(s->id >= 0);
    buf_init(&s->out);
    buf_init(&s->in);
    return s;
}

/* ---- bytes ---- */

static void varint(struct buf *b, uint64_t v) {
    if (v >= 64) {
        buf_char(b, (char)(0x80 | v >> 24));
        buf_char(b, (char)(v >> 16));
        buf_char(b, (char)(v >> 8));
    }
    buf_char(b, (char)v);
}

static void frame(struct raw_stream *s, uint64_t type, const void *p, size_t n) {
    varint(&s->out, type);
    varint(&s->out, n);
    if (n > 0)
        buf_add(&s->out, p, n);
}

static struct raw_stream *control(struct world *w) {
    struct raw_stream *s = stream(w, true);
    varint(&s->out, 0);
    frame(s, SETTINGS, NULL, 0);
    return s;
}

/* RFC 9204 4.5.6: a literal with a literal name. */
static void line_n(struct world *w, const char *name, const char *value, size_t value_n) {
    size_t n = strlen(name);
    if (n < 7) {
        buf_char(&w->section, (char)(0x20 | n));
    } else {
        buf_char(&w->section, 0x27);
        buf_char(&w->section, (char)(n - 7));
    }
    buf_add(&w->section, name, n);
    buf_char(&w->section, (char)value_n);
    buf_add(&w->section, value, value_n);
}

static void line(struct world *w, const char *name, const char *value) {
    line_n(w, name, value, strlen(value));
}

static void begin(struct world *w) {
    buf_reset(&w->section);
    buf_char(&w->section, 0); /* no dynamic table */
    buf_char(&w->section, 0);
}

static void begin_get(struct world *w, const char *path) {
    begin(w);
    line(w, ":method", "GET");
    line(w, ":scheme", "https");
    line(w, ":path", path);
    line(w, ":authority", "test.example");
}

static void headers(struct world *w, struct raw_stream *s) {
    frame(s, HEADERS, w->section.p, w->section.n);
}

/* The status from our encoder: a static table index, or the literal after one. */
static int status_of(const struct raw_stream *s) {
    static const struct {
        uint8_t index;
        int status;
    } known[] = {{24, 103}, {25, 200}, {26, 304}, {27, 404}, {28, 503},
                 {63, 100}, {64, 204}, {67, 400}, {71, 500}};
    if (s->in.n < 5 || s->in.p[0] != HEADERS)
        return 0;
    const uint8_t *p = s->in.p + (s->in.p[1] < 64 ? 4 : 5);
    int index = p[0] == 0xff ? 63 + p[1] : p[0] & 0x3f;
    for (size_t i = 0; (p[0] & 0xc0) == 0xc0 && i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].index == index)
            return known[i].status;
    return -1;
}

static bool gone(struct world *w) {
    return quic_server_conns(w->quic.server) == 0 || w->freed;
}

/* ---- conversations ---- */

static void test_plain(void **state) {
    (void)state;
    struct world *w = world_new();
    control(w);
    struct raw_stream *s = stream(w, false);
    begin_get(w, "/hello");
    headers(w, s);
    s->fin = true;
    run(w);
    assert_int_equal(status_of(s), 200);
    assert_true(s->in_fin);
    world_free(w);
}

static void test_unknown_frames_and_streams(void **state) {
    (void)state;
    struct world *w = world_new();
    control(w);
    struct raw_stream *grease = stream(w, true);
    varint(&grease->out, 0x21 + 0x1f * 3);
    buf_str(&grease->out, STR("anything"));
    struct raw_stream *s = stream(w, false);
    frame(s, 0x21 + 0x1f * 5, "grease", 6);
    begin_get(w, "/hello");
    headers(w, s);
    frame(s, 0x21 + 0x1f * 7, "grease", 6);
    s->fin = true;
    run(w);
    assert_int_equal(status_of(s), 200);
    world_free(w);
}

/* Refused alone with 400, or with its connection by nghttp3; never with a handler. */
static void refuse(const char *name, const char *value, size_t n) {
    struct world *w = world_new();
    control(w);
    struct raw_stream *s = stream(w, false);
    begin_get(w, "/hello");
    line_n(w, name, value, n);
    headers(w, s);
    s->fin = true;
    run(w);
    assert_true(gone(w) || status_of(s) == 400);
    assert_int_equal(w->site.started, 0);
    world_free(w);
}

static void test_malformed(void **state) {
    (void)state;
    refuse("X-Upper", "1", 1);
    refuse("host", "other.example", 13);
    refuse("te", "gzip", 4);
    refuse("connection", "close", 5);
    refuse("transfer-encoding", "chunked", 7);
    refuse("content-length", "5", 1);
    refuse("content-length", "+0", 2);
    refuse(":method", "GET", 3);
    refuse(":protocol", "websocket", 9);
    refuse(":status", "200", 3);
}

/* nghttp3 drops such fields without a word: they must not reach the handler. */
static void test_dropped_fields(void **state) {
    (void)state;
    static const char *const values[] = {"b\r\nx-evil: 1", "a\nb", "a\rb"};
    for (int i = 0; i < 3; i++) {
        struct world *w = world_new();
        control(w);
        struct raw_stream *s = stream(w, false);
        begin_get(w, "/hello");
        line(w, "cookie", values[i]);
        headers(w, s);
        s->fin = true;
        run(w);
        assert_string_equal(w->site.cookie, "");
        world_free(w);
    }
}

static void test_malformed_path(void **state) {
    (void)state;
    static const char *const paths[] = {"/a b", "/a#b", "/a\r\nx: y", "hello", "", "*"};
    for (int i = 0; i < 6; i++) {
        struct world *w = world_new();
        control(w);
        struct raw_stream *s = stream(w, false);
        begin_get(w, paths[i]);
        headers(w, s);
        s->fin = true;
        run(w);
        assert_true(gone(w) || status_of(s) == 400);
        assert_int_equal(w->site.started, 0);
        world_free(w);
    }
}

/* CVE-2026-33555. */
static void test_lone_fin(void **state) {
    (void)state;
    struct world *w = world_new();
    control(w);
    struct raw_stream *s = stream(w, false);
    begin_get(w, "/count");
    line(w, "content-length", "5");
    headers(w, s);
    run(w);
    assert_int_equal(w->site.live, 1);
    s->fin = true;
    run(w);
    assert_true(gone(w));
    assert_int_equal(status_of(s), 0);
    assert_int_equal(w->site.live, 0);
    world_free(w);
}

static void test_wrong_length(void **state) {
    (void)state;
    static const char *const lengths[] = {"3", "8"};
    for (int i = 0; i < 2; i++) {
        struct world *w = world_new();
        control(w);
        struct raw_stream *s = stream(w, false);
        begin_get(w, "/count");
        line(w, "content-length", lengths[i]);
        headers(w, s);
        frame(s, DATA, "abcde", 5);
        s->fin = true;
        run(w);
        assert_true(gone(w));
        assert_int_equal(w->site.live, 0);
        world_free(w);
    }
}

/* CVE-2026-42530: second control and QPACK streams, and the end of one. */
static void test_critical_streams(void **state) {
    (void)state;
    for (uint64_t type = 0; type < 4; type++) {
        struct world *w = world_new();
        for (int i = 0; i < 2; i++) {
            struct raw_stream *s = stream(w, true);
            varint(&s->out, type);
            if (type == 0)
                frame(s, SETTINGS, NULL, 0);
        }
        run(w);
        assert_true(gone(w));
        world_free(w);
    }
    for (uint64_t type = 0; type < 4; type++) {
        struct world *w = world_new();
        struct raw_stream *s = stream(w, true);
        varint(&s->out, type);
        if (type == 0)
            frame(s, SETTINGS, NULL, 0);
        run(w);
        s->fin = true;
        run(w);
        assert_true(gone(w));
        world_free(w);
    }
}

static void test_control_stream_reset(void **state) {
    (void)state;
    struct world *w = world_new();
    struct raw_stream *s = control(w);
    run(w);
    quic_reset_stream(w->conn, s->id, 0x10c);
    run(w);
    assert_true(gone(w));
    world_free(w);
}

static void wrong_frame(uint64_t type, bool on_control) {
    struct world *w = world_new();
    struct raw_stream *c = control(w), *s = stream(w, false);
    if (!on_control)
        begin_get(w, "/never");
    frame(on_control ? c : s, type, "\0", 1);
    run(w);
    assert_true(gone(w));
    world_free(w);
}

static void test_wrong_frames(void **state) {
    (void)state;
    wrong_frame(DATA, true);
    wrong_frame(HEADERS, true);
    wrong_frame(SETTINGS, true);
    wrong_frame(PUSH_PROMISE, true);
    wrong_frame(2, true);
    wrong_frame(DATA, false);
    wrong_frame(SETTINGS, false);
    wrong_frame(PUSH_PROMISE, false);
    wrong_frame(GOAWAY, false);
    wrong_frame(MAX_PUSH_ID, false);
}

/* CVE-2025-64702: small on the wire, large when decoded. */
static void test_header_bomb(void **state) {
    (void)state;
    struct world *w = world_new();
    control(w);
    struct raw_stream *s = stream(w, false);
    begin_get(w, "/hello");
    for (int i = 0; i < 20000; i++)
        buf_char(&w->section, (char)0xdf); /* accept-encoding: gzip, deflate, br */
    headers(w, s);
    s->fin = true;
    run(w);
    assert_int_equal(w->site.started, 0);
    assert_true(gone(w) || status_of(s) == -1 || s->was_reset);
    world_free(w);
}

static void test_truncated_header(void **state) {
    (void)state;
    struct world *w = world_new();
    control(w);
    struct raw_stream *s = stream(w, false);
    begin_get(w, "/hello");
    headers(w, s);
    s->out.n -= 5;
    s->fin = true;
    run(w);
    assert_true(gone(w));
    assert_int_equal(w->site.started, 0);
    world_free(w);
}

static void test_slow_header(void **state) {
    (void)state;
    struct world *w = world_new();
    w->limits.header_timeout_ns = 10 * SECOND_NS;
    control(w);
    struct raw_stream *s = stream(w, false);
    begin_get(w, "/hello");
    headers(w, s);
    s->out.n -= 5;
    run(w);
    (void)net_sim_run(w->quic.net, 15 * SECOND_NS, never, NULL);
    assert_true(s->in_fin || s->was_reset);
    assert_int_equal(w->site.started, 0);
    assert_int_equal(w->env.n_exchanges, 0);
    world_free(w);
}

/* RFC 9218 7.2: of a stream that became possible only later. */
static void test_priority_update(void **state) {
    (void)state;
    struct world *w = world_with(4);
    struct raw_stream *c = control(w), *s = NULL;
    for (int i = 0; i < 6; i++) {
        const uint8_t update[] = {0x80, 0x0f, 0x07, 0x00, 4, (uint8_t)(4 * i), 'u', '=', '1'};
        buf_add(&c->out, update, sizeof(update));
        s = stream(w, false);
        begin_get(w, "/hello");
        headers(w, s);
        s->fin = true;
        run(w);
        assert_int_equal(status_of(s), 200);
    }
    assert_false(gone(w));
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_unknown_frames_and_streams),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_dropped_fields),
        cmocka_unit_test(test_malformed_path),
        cmocka_unit_test(test_lone_fin),
        cmocka_unit_test(test_wrong_length),
        cmocka_unit_test(test_critical_streams),
        cmocka_unit_test(test_control_stream_reset),
        cmocka_unit_test(test_wrong_frames),
        cmocka_unit_test(test_header_bomb),
        cmocka_unit_test(test_truncated_header),
        cmocka_unit_test(test_slow_header),
        cmocka_unit_test(test_priority_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
