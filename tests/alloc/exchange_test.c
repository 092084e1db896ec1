/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fallible.h"
#include "handler/echo/echo.h"
#include "proto/h1/h1.h"
#include "proto/h2/h2.h"
#include "proto/h3/h3.h"
#include "tls/engine.h"
#include "wire/certs.h"
#include "wire/join.h"
#include "wire/net_sim.h"
#include "wire/quic_pair.h"

/* The end of memory while requests go through the built-in httpbin, over each version: every
 * request ends with a whole answer or with a reset, and nothing is left alive. */

enum { ASKERS = 2, SCRATCH = 16384 };

struct asker {
    struct end end;
    const char *method, *path, *body;
    uint64_t received, sum; /* of the body's bytes */
    bool started, over, complete;
    int status;
};

struct world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env client_env, server_env;
    struct peer client_peer, server_peer, tls_peer;
    struct http_client *client; /* NULL: not yet, or gone */
    struct task owner;          /* of the client */
    struct stream_engine *(*server_new)(struct http_env *env, const struct peer *peer);
    struct asker askers[ASKERS];
    char long_path[4096]; /* of the second; "": it has another */
    int right_status;
    uint64_t right_sum;
    struct tls_context *client_tls, *server_tls; /* NULL: in the clear */
    uint8_t scratch[4][SCRATCH];
};

/* ---- the front ---- */

static void asker_run(struct task *task, uint32_t events) {
    struct asker *a = (struct asker *)end_of(task);
    struct exchange *x = a->end.x;
    char sink[512];
    size_t n;

    if (!x)
        return;
    if (events & END_RESET) {
        a->over = true;
        exchange_leave(&a->end);
        return;
    }
    while (exchange_take_informational(x)) {
    }
    if (exchange_take_head(x))
        a->status = x->response.status;
    while (x->head_taken && (n = body_read(&x->response.body, sink, sizeof(sink))) > 0) {
        a->received += n;
        for (size_t i = 0; i < n; i++)
            a->sum = a->sum * 31 + (uint8_t)sink[i];
    }
    if (!x->head_taken || !body_at_end(&x->response.body))
        return;
    a->over = a->complete = true;
    exchange_take_trailers(x);
    exchange_leave(&a->end);
}

static void ask(struct world *w, struct asker *a) {
    if (a->started)
        return;
    a->started = true;
    struct exchange *x = exchange_new(&w->client_env, &a->end, &w->client_peer);
    if (!x) {
        a->over = true;
        return;
    }
    x->request.method = str_of(a->method);
    x->request.scheme = STR("https");
    x->request.authority = STR("localhost");
    x->request.path = str_of(a->path);
    if (fields_add(&x->request.fields, STR("content-type"), STR("text/plain")) ||
        body_write(&x->request.body, a->body, strlen(a->body)) < 0 ||
        w->client->ops->open(w->client, x, false)) {
        a->over = true;
        exchange_reset(&a->end, REASON_NO_MEMORY);
        return;
    }
    body_finish(&x->request.body);
}

static bool all_over(void *context) {
    const struct world *w = context;
    for (int i = 0; i < ASKERS; i++)
        if (!w->askers[i].over)
            return false;
    return true;
}

/* ---- the world ---- */

static void owner_run(struct task *task, uint32_t events) {
    if (events & CLIENT_GONE)
        container_of(task, struct world, owner)->client = NULL;
}

static void env_init(struct world *w, struct http_env *env, uint8_t *scratch) {
    http_env_init(env, &w->turn, &w->chunks);
    env->limits = &w->limits;
    env->scratch = scratch;
    env->scratch_bytes = SCRATCH;
}

static void world_begin(struct world *w) {
    turn_init(&w->turn);
    turn_begin(&w->turn, 1000 * SECOND_NS, 1800000000);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    env_init(w, &w->client_env, w->scratch[0]);
    env_init(w, &w->server_env, w->scratch[1]);
    w->server_env.route = echo_open;
    w->askers[0] = (struct asker){.method = "POST", .path = "/anything/x?a=1&a=2", .body = "text"};
    w->askers[1] = (struct asker){.method = "GET", .path = "/stream/2", .body = ""};
    if (w->long_path[0])
        w->askers[1].path = w->long_path;
    for (int i = 0; i < ASKERS; i++)
        end_init(&w->askers[i].end, &w->turn, asker_run);
    w->client = NULL;
    task_init(&w->owner, &w->turn, owner_run);
}

static void settle(struct world *w) {
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
}

static void world_end(struct world *w, bool well) {
    for (int i = 0; i < ASKERS; i++) {
        struct asker *a = &w->askers[i];
        if (well)
            assert_true(a->complete && a->status == 200 && a->received > 0);
        if (a->end.x)
            exchange_reset(&a->end, REASON_CLIENT_CANCEL);
        task_fini(&a->end.task);
    }
    task_fini(&w->owner);
    settle(w);
    assert_int_equal(w->client_env.n_exchanges, 0);
    assert_int_equal(w->server_env.n_exchanges, 0);
    peer_fini(&w->client_peer);
    peer_fini(&w->server_peer);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
}

/* ---- HTTP/1.1 and HTTP/2, with TLS around them or without ---- */

static struct stream_engine *client_engine(void *context, struct peer *peer) {
    struct world *w = context;
    bool h2 = w->server_new == h2_server_new;
    w->client = (h2 ? h2_client_new : h1_client_new)(&w->client_env, peer, &w->owner);
    return w->client ? w->client->engine : NULL;
}

static struct stream_engine *server_engine(void *context, struct peer *peer) {
    struct world *w = context;
    return w->server_new(&w->server_env, peer);
}

static struct stream_engine *around(struct world *w, bool client) {
    struct peer *peer = client ? &w->client_peer : &w->server_peer;
    struct tls_engine_config config = {.turn = &w->turn,
                                       .context = client ? w->client_tls : w->server_tls,
                                       .host = client ? "localhost" : NULL,
                                       .peer = peer,
                                       .inner = client ? client_engine : server_engine,
                                       .inner_context = w,
                                       .handshake_timeout_ns = 10 * SECOND_NS,
                                       .scratch = {w->scratch[client ? 2 : 3], SCRATCH}};
    if (config.context)
        return tls_engine_new(&config);
    return config.inner(w, peer);
}

static bool has_client(void *context) {
    struct world *w = context;
    return w->client && client_can_open(w->client);
}

static void talk(struct world *w, struct join *join) {
    for (int i = 0; i < ASKERS; i++) {
        (void)join_run(join, 20 * SECOND_NS, has_client, w);
        if (join_ended(join, JOIN_A) || !has_client(w))
            return;
        ask(w, &w->askers[i]);
        if (w->server_new == h1_server_new)
            while (!w->askers[i].over && !join_ended(join, JOIN_A) &&
                   join_run(join, SECOND_NS, all_over, w)) {
            }
    }
    (void)join_run(join, 300 * SECOND_NS, all_over, w);
}

static void streams(void *context, bool well) {
    struct world *w = context;
    world_begin(w);
    struct stream_engine *a = around(w, true), *b = around(w, false);
    if (a && b) {
        fallible_pause(true);
        struct join *join = join_new(&w->turn, a, b, 0);
        fallible_pause(false);
        join_keep(join); /* the client is looked at when it has ended */
        talk(w, join);
        join_free(join);
    } else {
        struct stream_engine *one = a ? a : b;
        if (one)
            one->ops->free(one, 0);
    }
    world_end(w, well);
}

static void sweep_streams(const char *name, bool h2, bool tls) {
    struct world *w = calloc(1, sizeof(*w));
    char problem[200];
    struct tls_server shown = {.cert_pem = str_of(local_crt), .key_pem = str_of(local_key)};
    struct tls_server_config server = {
        .alpn = h2 ? "h2" : "http/1.1", .servers = &shown, .n_servers = 1};
    struct tls_client_config client = {.alpn = server.alpn, .ca_pem = str_of(ca_crt)};

    assert_non_null(w);
    w->server_new = h2 ? h2_server_new : h1_server_new;
    if (tls) {
        assert_int_equal(tls_server_context_new(&server, &w->server_tls, problem, sizeof(problem)),
                         0);
        assert_int_equal(tls_client_context_new(&client, &w->client_tls, problem, sizeof(problem)),
                         0);
    }
    fallible_sweep(&(struct fallible_sweep){name, streams, w, 10, 0, false, 0});
    tls_context_free(w->server_tls);
    tls_context_free(w->client_tls);
    free(w);
}

static void h1(void **state) {
    (void)state;
    sweep_streams("HTTP/1.1", false, false);
}

/* An answer is the right one, or says that memory ended: what was asked for is never taken for
 * what was not. */
static void long_query(void *context, bool well) {
    struct world *w = context;
    const struct asker *a = &w->askers[1];

    streams(w, false);
    if (well) {
        w->right_status = a->status;
        w->right_sum = a->sum;
    }
    if (well || (a->complete && a->status != 503)) {
        assert_int_equal(a->status, w->right_status);
        assert_int_equal(a->sum, w->right_sum);
    }
}

/* A piece that is too long for the exchange's first memory. */
static void long_queries(void **state) {
    static const struct {
        const char *begin, *piece, *end;
        int status;
    } rows[] = {
        {"/bytes/40?seed=", "1", "", 200}, {"/drip?duration=0&numbytes=", "0", "5", 200},
        {"/get?a=", "b", "", 200},         {"/headers?", "a", "=1&show_env", 200},
        {"/status/", "%20", "418", 418},
    };
    struct world *w = calloc(1, sizeof(*w));
    (void)state;

    assert_non_null(w);
    w->server_new = h1_server_new;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = (size_t)snprintf(w->long_path, sizeof(w->long_path), "%s", rows[i].begin);
        for (size_t piece = 0; piece < 1200; piece++)
            n += (size_t)snprintf(w->long_path + n, sizeof(w->long_path) - n, "%s", rows[i].piece);
        snprintf(w->long_path + n, sizeof(w->long_path) - n, "%s", rows[i].end);
        fallible_sweep(&(struct fallible_sweep){rows[i].begin, long_query, w, 5, 0, true, 0});
        assert_int_equal(w->right_status, rows[i].status);
    }
    free(w);
}

static void h2(void **state) {
    (void)state;
    sweep_streams("HTTP/2", true, false);
}

static void h2_over_tls(void **state) {
    (void)state;
    sweep_streams("HTTP/2 over TLS", true, true);
}

/* ---- HTTP/3 ---- */

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    return h3_server_new(&w->server_env, conn, peer);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    w->client = h3_client_new(&w->client_env, conn, peer, &w->owner);
    return w->client ? h3_client_app(w->client) : NULL;
}

static bool ready_or_gone(void *context) {
    struct world *w = context;
    return !w->client || client_can_open(w->client);
}

static void datagrams_talk(struct world *w, struct net_sim *net) {
    (void)net_sim_run(net, 20 * SECOND_NS, ready_or_gone, w);
    for (int i = 0; i < ASKERS && w->client; i++)
        ask(w, &w->askers[i]);
    (void)net_sim_run(net, 300 * SECOND_NS, all_over, w);
}

static void datagrams(void *context, bool well) {
    struct world *w = context;
    struct addr here = net_sim_addr(NET_SIM_A), there = net_sim_addr(NET_SIM_B);
    struct quic_config client, server;

    world_begin(w);
    w->client_peer.version = HTTP_3;
    quic_config_default(&client);
    client.turn = &w->turn;
    client.context = w;
    server = client;
    client.tls = w->client_tls;
    server.tls = w->server_tls;
    client.accept = accept_client;
    server.accept = accept_server;
    struct datagram_engine *b = quic_server_new(&server);
    struct datagram_engine *a = quic_client_new(&client, &here, &there, "localhost");
    if (a && b) {
        struct net_sim *net = net_sim_new(&w->turn, a, b, 1);
        datagrams_talk(w, net);
        net_sim_free(net);
    } else {
        struct datagram_engine *one = a ? a : b;
        if (one)
            one->ops->free(one);
    }
    world_end(w, well);
}

static void h3(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    (void)state;

    assert_non_null(w);
    quic_pair_contexts(local_crt, ca_crt, &w->server_tls, &w->client_tls);
    fallible_sweep(&(struct fallible_sweep){"HTTP/3", datagrams, w, 10, 0, false, 0});
    tls_context_free(w->server_tls);
    tls_context_free(w->client_tls);
    free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h1),          cmocka_unit_test(long_queries), cmocka_unit_test(h2),
        cmocka_unit_test(h2_over_tls), cmocka_unit_test(h3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
