/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic_echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "base/check.h"
#include "base/err.h"
#include "base/list.h"
#include "certs.h"
#include "quic/client.h"
#include "quic_pair.h"

enum { SLOW_BYTES = 7000, SLOW_MS = 20, NO_ERROR = 0x100 };

struct stream {
    struct list link;
    int64_t id;
    uint8_t *out; /* never moves: ngtcp2 looks at it until it is acked */
    size_t out_n, sent, acked, in;
    uint64_t owed; /* credit not given back */
    bool fin, fin_sent, fin_in, blocked, bad;
};

struct echo {
    struct quic_app app;
    struct quic_world *w;
    struct quic_conn *conn;
    struct quic_echo_count *count;
    bool is_client, may_open, draining;
    struct list streams;
    struct task slow;
    struct grave grave;
};

static struct echo *echo_of(const struct quic_app *app) {
    return container_of(app, struct echo, app);
}

static uint8_t pattern(int64_t id, size_t at) {
    return (uint8_t)(at * 31 + at / 253 + (size_t)id * 17);
}

static struct stream *stream_find(struct echo *e, int64_t id) {
    list_each(&e->streams, at, next)
        if (list_entry(at, struct stream, link)->id == id)
            return list_entry(at, struct stream, link);
    return NULL;
}

static struct stream *stream_new(struct echo *e, int64_t id) {
    struct stream *s = calloc(1, sizeof(*s));
    check(s);
    s->id = id;
    s->out = malloc(e->w->plan.bytes + 1);
    check(s->out);
    list_append(&e->streams, &s->link);
    e->count->opened++;
    return s;
}

static void stream_free(struct stream *s) {
    list_remove(&s->link);
    free(s->out);
    free(s);
}

static void open_streams(struct echo *e) {
    while (e->is_client && e->may_open && e->count->opened < e->w->plan.streams) {
        int64_t id = quic_open_bidi(e->conn);
        if (id < 0)
            break;
        struct stream *s = stream_new(e, id);
        s->out_n = e->w->plan.bytes;
        s->fin = true;
        for (size_t i = 0; i < s->out_n; i++)
            s->out[i] = pattern(id, i);
        quic_wake(e->conn);
    }
}

static int opened(struct quic_app *app) {
    struct echo *e = echo_of(app);
    e->may_open = true;
    open_streams(e);
    return 0;
}

static void credit(struct echo *e, struct stream *s, size_t n) {
    s->owed += n;
    if (!e->w->plan.slow) {
        quic_credit(e->conn, s->id, s->owed);
        s->owed = 0;
    }
}

static void drip(struct task *task, uint32_t events) {
    struct echo *e = container_of(task, struct echo, slow);
    (void)events;
    list_each(&e->streams, at, next) {
        struct stream *s = list_entry(at, struct stream, link);
        uint64_t n = s->owed < SLOW_BYTES ? s->owed : SLOW_BYTES;
        quic_credit(e->conn, s->id, n);
        s->owed -= n;
    }
    check(task_at(task, task->turn->now_ns + SLOW_MS * UINT64_C(1000000)) == 0);
}

static int receive(struct quic_app *app, int64_t id, const uint8_t *p, size_t n, bool fin) {
    struct echo *e = echo_of(app);
    struct stream *s = stream_find(e, id);
    if (!s)
        s = stream_new(e, id);
    e->count->received += n;
    for (size_t i = 0; e->is_client && i < n; i++)
        s->bad |= p[i] != pattern(id, s->in + i);
    s->in += n;
    s->fin_in |= fin;
    credit(e, s, n);
    if (e->is_client) {
        if (fin && s->in == e->w->plan.bytes && !s->bad)
            e->count->complete++;
        e->count->damaged += s->bad;
        return 0;
    }
    check(s->out_n + n <= e->w->plan.bytes);
    memcpy(s->out + s->out_n, p, n);
    s->out_n += n;
    s->fin = fin;
    quic_wake(e->conn);
    return 0;
}

static bool has_output(const struct stream *s) {
    return !s->blocked && (s->sent < s->out_n || (s->fin && !s->fin_sent));
}

static int pull(struct quic_app *app, struct quic_out *out) {
    struct echo *e = echo_of(app);
    list_each(&e->streams, at, next) {
        struct stream *s = list_entry(at, struct stream, link);
        if (!has_output(s))
            continue;
        size_t left = s->out_n - s->sent, half = left / 2;
        out->stream_id = s->id;
        out->fin = s->fin;
        out->n = left == 0 ? 0 : 2;
        out->iov[0] = (struct iovec){s->out + s->sent, half};
        out->iov[1] = (struct iovec){s->out + s->sent + half, left - half};
        break;
    }
    return 0;
}

static int sent(struct quic_app *app, int64_t id, size_t n) {
    struct echo *e = echo_of(app);
    struct stream *s = stream_find(e, id);
    check(s && s->sent + n <= s->out_n);
    s->sent += n;
    s->fin_sent = s->fin && s->sent == s->out_n;
    list_remove(&s->link);
    list_append(&e->streams, &s->link);
    uint64_t code = e->w->plan.reset_code;
    if (e->is_client && code && s->sent >= e->w->plan.bytes / 2)
        quic_reset_stream(e->conn, id, code);
    return 0;
}

static void acked(struct quic_app *app, int64_t id, uint64_t n) {
    struct stream *s = stream_find(echo_of(app), id);
    check(s && s->acked + n <= s->sent);
    s->acked += n;
}

static void set_blocked(struct quic_app *app, int64_t id, bool blocked) {
    struct stream *s = stream_find(echo_of(app), id);
    if (s)
        s->blocked = blocked;
}

static void blocked(struct quic_app *app, int64_t id) {
    set_blocked(app, id, true);
}

static void unblocked(struct quic_app *app, int64_t id) {
    set_blocked(app, id, false);
    quic_wake(echo_of(app)->conn);
}

static void shut(struct quic_app *app, int64_t id) {
    struct stream *s = stream_find(echo_of(app), id);
    check(s);
    s->out_n = s->sent;
    s->fin_sent = true;
}

static void on_reset(struct quic_app *app, int64_t id, uint64_t code) {
    struct echo *e = echo_of(app);
    e->count->reset++;
    if (!e->is_client)
        quic_reset_stream(e->conn, id, code);
}

static void on_stop(struct quic_app *app, int64_t id, uint64_t code) {
    (void)id;
    (void)code;
    echo_of(app)->count->stopped++;
}

static void on_closed(struct quic_app *app, int64_t id, uint64_t code) {
    (void)code;
    struct echo *e = echo_of(app);
    struct stream *s = stream_find(e, id);
    if (!s)
        return;
    /* What was not given back for the stream still counts for the connection. */
    quic_credit(e->conn, id, s->owed);
    stream_free(s);
    e->count->closed++;
    if (!e->is_client)
        quic_allow_stream(e->conn);
}

static void more_streams(struct quic_app *app) {
    open_streams(echo_of(app));
}

static void on_drain(struct quic_app *app) {
    echo_of(app)->draining = true;
    echo_of(app)->count->drained++;
}

static bool is_idle(const struct quic_app *app) {
    return list_empty(&echo_of(app)->streams);
}

static void echo_free(struct grave *grave) {
    free(container_of(grave, struct echo, grave));
}

static void on_free(struct quic_app *app, int reason) {
    (void)reason;
    struct echo *e = echo_of(app);
    quic_wake(e->conn); /* must be harmless */
    e->count->apps--;
    list_each(&e->streams, at, next)
        stream_free(list_entry(at, struct stream, link));
    if (!e->is_client && e->w->server_conn == e->conn)
        e->w->server_conn = NULL;
    task_fini(&e->slow);
    turn_bury(&e->w->turn, &e->grave, echo_free);
}

static const struct quic_app_ops ops = {
    .opened = opened,
    .recv = receive,
    .pull = pull,
    .sent = sent,
    .acked = acked,
    .blocked = blocked,
    .unblocked = unblocked,
    .shut = shut,
    .reset = on_reset,
    .stop = on_stop,
    .closed = on_closed,
    .more_streams = more_streams,
    .drain = on_drain,
    .idle = is_idle,
    .done_code = NO_ERROR,
    .free = on_free,
};

static struct quic_app *echo_new(struct quic_world *w, struct quic_conn *conn, bool is_client) {
    struct echo *e = calloc(1, sizeof(*e));
    check(e);
    *e = (struct echo){.app = {&ops}, .w = w, .conn = conn, .is_client = is_client};
    e->count = is_client ? &w->client_count : &w->server_count;
    e->count->apps++;
    list_init(&e->streams);
    task_init(&e->slow, &w->turn, drip);
    if (w->plan.slow)
        check(task_at(&e->slow, w->turn.now_ns) == 0);
    return &e->app;
}

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct quic_world *w = context;
    check(strcmp(peer->alpn, "h3") == 0);
    if (w->refuse)
        return NULL;
    w->server_conn = conn;
    return echo_new(w, conn, false);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    (void)peer;
    return echo_new(context, conn, true);
}

/* ---- the world ---- */

static void write_log(struct log *log, enum log_level level, const char *line, size_t n) {
    struct quic_world *w = log->context;
    (void)level;
    size_t used = strlen(w->logged);
    if (used + n + 2 < sizeof(w->logged))
        (void)snprintf(w->logged + used, sizeof(w->logged) - used, "%.*s\n", (int)n, line);
}

static void make_contexts(struct quic_world *w) {
    quic_pair_contexts(w->chain, w->ca, &w->server_tls, &w->client_tls);
    if (w->suites)
        check(wolfSSL_CTX_set_cipher_list(tls_context_native(w->client_tls), w->suites) == 1);
    w->server_config.tls = w->server_tls;
    w->client_config.tls = w->client_tls;
}

void world_init(struct quic_world *w) {
    memset(w, 0, sizeof(*w));
    turn_init(&w->turn);
    turn_begin(&w->turn, 1000 * SECOND_NS, 1800000000);
    w->log = (struct log){.level = LOG_DEBUG, .write = write_log, .context = w};
    w->plan = (struct quic_echo_plan){.streams = 1, .bytes = 1000};
    w->ca = ca_crt;
    w->chain = local_crt;
    w->host = "localhost";
    quic_config_default(&w->client_config);
    w->client_config.turn = &w->turn;
    w->client_config.log = &w->log;
    w->client_config.context = w;
    w->server_config = w->client_config;
    w->client_config.accept = accept_client;
    w->server_config.accept = accept_server;
    memset(w->server_config.secret, 7, sizeof(w->server_config.secret));
}

struct datagram_engine *world_client(struct quic_world *w) {
    struct addr a = net_sim_addr(NET_SIM_A), b = net_sim_addr(NET_SIM_B);
    struct datagram_engine *e = w->version
                                    ? client_new(&w->client_config, &a, &b, w->host, w->version)
                                    : quic_client_new(&w->client_config, &a, &b, w->host);
    check(e);
    return e;
}

struct datagram_engine *world_server(struct quic_world *w) {
    struct datagram_engine *e = quic_server_new(&w->server_config);
    check(e);
    return e;
}

void world_start(struct quic_world *w, uint64_t seed) {
    make_contexts(w);
    w->server = world_server(w);
    w->client = world_client(w);
    w->net = net_sim_new(&w->turn, w->client, w->server, seed);
}

static bool carried_out(void *context) {
    const struct quic_world *w = context;
    const struct quic_echo_count *c = &w->client_count;
    return c->closed == w->plan.streams || c->apps == 0;
}

bool world_run(struct quic_world *w, uint64_t max_ns) {
    if (net_sim_run(w->net, max_ns, carried_out, w) &&
        w->client_count.complete == w->plan.streams && w->client_count.damaged == 0)
        return true;
    (void)fprintf(stderr, "complete: %u of %u; client: %s\n%s", w->client_count.complete,
                  w->plan.streams, quic_client_error(w->client), w->logged);
    return false;
}

void world_close(struct quic_world *w) {
    struct quic_conn *c = quic_client_conn(w->client);
    check(c);
    quic_close(c, NO_ERROR, "done");
}

void world_fini(struct quic_world *w) {
    net_sim_free(w->net);
    turn_run(&w->turn, SIZE_MAX);
    check(w->client_count.apps == 0 && w->server_count.apps == 0);
    turn_fini(&w->turn);
    tls_context_free(w->client_tls);
    tls_context_free(w->server_tls);
}
