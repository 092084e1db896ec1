/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fallible.h"
#include "http/reply.h"
#include "proto/h1/h1.h"
#include "proto/h2/h2.h"
#include "proto/h3/h3.h"
#include "quic/conn.h"
#include "wire/certs.h"
#include "wire/join.h"
#include "wire/quic_pair.h"
#include "wire/scene.h"

/* The end of memory in conversations between our client and our server, over each version:
 * whatever fails, each visit ends; what looks whole is whole; nothing is left alive; and over QUIC
 * the same server serves the next client. */

enum { ASKS = 3, BULK = 70000, QUIC_STEP = 7 };

/* What is asked, and what comes when all goes well. */
struct ask {
    struct visit visit;
    int status; /* 0: it is reset, or cancelled */
    uint64_t received;
    const char *trailer;
};

struct world;

struct script {
    const char *name;
    struct ask asks[ASKS];
    void (*prepare)(struct scene *s);
    void (*act)(struct world *w); /* once the first has its head, or is over */
    void (*set)(struct quic_config *server);
    bool not_h1, only_h3; /* as others have no such thing */
    unsigned loss;        /* of 1,000 datagrams */
    bool ends;            /* the server ends the connection, by and by */
};

struct world {
    struct scene scene;
    enum http_version version;
    const struct script *script;
    struct tls_context *server_tls, *client_tls;
    struct stream_engine *stream_server;
    struct join *join; /* NULL: HTTP/3 */
    struct datagram_engine *server, *client;
    struct net_sim *net;
    bool drains;
};

/* ---- the two ends ---- */

static void refuse(struct exchange *x) {
    reply(x, 503, STR("text/plain"), STR(""));
}

static void owner_run(struct task *task, uint32_t events) {
    struct scene *s = container_of(task, struct scene, owner);
    if (!(events & CLIENT_GONE))
        return;
    s->client = NULL;
    s->client_env.route = refuse;
}

static void adopt(struct scene *s, struct http_client *client) {
    s->client = client;
    if (client)
        visit_env(&s->client_env, client);
}

static struct stream_engine *client_stream(struct world *w) {
    struct scene *s = &w->scene;
    adopt(s, (w->version == HTTP_2 ? h2_client_new : h1_client_new)(&s->client_env, &s->client_peer,
                                                                    &s->owner));
    return s->client ? s->client->engine : NULL;
}

static bool connect_streams(struct world *w) {
    struct scene *s = &w->scene;
    struct stream_engine *a = client_stream(w);
    struct stream_engine *b =
        (w->version == HTTP_2 ? h2_server_new : h1_server_new)(&s->server_env, &s->server_peer);
    w->stream_server = b;
    if (!a || !b) {
        struct stream_engine *one = a ? a : b;
        if (one)
            one->ops->free(one, 0);
        return false;
    }
    fallible_pause(true);
    w->join = join_new(&s->turn, a, b, 0);
    fallible_pause(false);
    return true;
}

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    return h3_server_new(&w->scene.server_env, conn, peer);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct world *w = context;
    struct scene *s = &w->scene;
    adopt(s, h3_client_new(&s->client_env, conn, peer, &s->owner));
    return s->client ? h3_client_app(s->client) : NULL;
}

static struct datagram_engine *client_datagrams(struct world *w) {
    struct addr here = net_sim_addr(NET_SIM_A), there = net_sim_addr(NET_SIM_B);
    struct quic_config config;

    quic_config_default(&config);
    config.turn = &w->scene.turn;
    config.tls = w->client_tls;
    config.context = w;
    config.accept = accept_client;
    return quic_client_new(&config, &here, &there, "localhost");
}

static bool connect_datagrams(struct world *w) {
    struct quic_config config;

    quic_config_default(&config);
    config.turn = &w->scene.turn;
    config.tls = w->server_tls;
    config.context = w;
    config.accept = accept_server;
    config.streams = w->scene.limits.streams;
    if (w->script->set)
        w->script->set(&config);
    w->server = quic_server_new(&config);
    w->client = w->server ? client_datagrams(w) : NULL;
    if (!w->client && w->server)
        w->server->ops->free(w->server);
    if (!w->client)
        return false;
    fallible_pause(true);
    w->net = net_sim_new(&w->scene.turn, w->client, w->server, 1);
    net_sim_rules(w->net)->loss = w->script->loss;
    fallible_pause(false);
    return true;
}

static bool run(struct world *w, uint64_t ns, bool (*done)(void *)) {
    return w->net ? net_sim_run(w->net, ns, done, w) : join_run(w->join, ns, done, w);
}

/* ---- what is said ---- */

static bool ready_or_gone(void *context) {
    const struct world *w = context;
    return !w->scene.client || client_can_open(w->scene.client);
}

static bool all_over(void *context) {
    return scene_all_over(context);
}

static bool first_answered(void *context) {
    const struct world *w = context;
    return w->scene.visits[0].status || w->scene.visits[0].over;
}

static void start(struct world *w, int i) {
    struct scene *s = &w->scene;
    s->visits[i] = w->script->asks[i].visit;
    if (s->visits[i].path)
        (void)scene_start(s, i, s->visits[i].path);
}

static void talk(struct world *w) {
    for (int i = 0; i < ASKS; i++) {
        (void)run(w, 20 * SECOND_NS, ready_or_gone);
        if (!w->scene.client || !client_can_open(w->scene.client))
            break;
        start(w, i);
        if (w->version == HTTP_1_1)
            assert_true(run(w, 300 * SECOND_NS, w->script->act ? first_answered : all_over));
    }
    if (w->script->act && w->scene.visits[0].path) {
        assert_true(run(w, 300 * SECOND_NS, first_answered));
        w->script->act(w);
    }
    assert_true(run(w, 300 * SECOND_NS, all_over) || scene_all_over(w));
}

static bool has_ended(void *context) {
    const struct world *w = context;
    return w->net ? quic_server_conns(w->server) == 0 : join_ended(w->join, JOIN_B);
}

/* Another client comes when memory is there again. */
static void serve_on(struct world *w) {
    if (!w->net || w->drains)
        return;
    net_sim_replace(w->net, NET_SIM_A, NULL);
    (void)turn_run(&w->scene.turn, SIZE_MAX);
    w->scene.client_env.route = NULL;
    net_sim_replace(w->net, NET_SIM_A, client_datagrams(w));
    assert_true(run(w, 20 * SECOND_NS, ready_or_gone) && w->scene.client);
    w->scene.visits[0] = (struct visit){0};
    struct visit *v = scene_start(&w->scene, 0, "/empty");
    assert_true(run(w, 20 * SECOND_NS, all_over));
    assert_int_equal(v->status, 204);
}

/* ---- is it right? ---- */

static void judge(const struct world *w, int i, bool well) {
    const struct visit *v = &w->scene.visits[i];
    const struct ask *wanted = &w->script->asks[i];
    if (well && wanted->visit.path) {
        assert_int_equal(v->complete, wanted->status != 0);
        if (wanted->status)
            assert_int_equal(v->status, wanted->status);
    }
    if (!v->complete)
        return;
    assert_true(v->status == wanted->status || v->status >= 400);
    if (v->status != wanted->status || v->status >= 400)
        return;
    assert_false(v->wrong);
    assert_int_equal(v->received, wanted->received);
    assert_string_equal(v->trailer, wanted->trailer ? wanted->trailer : "");
}

static void converse(void *context, bool well) {
    struct world *w = context;
    fallible_pause(true);
    *w = (struct world){.version = w->version,
                        .script = w->script,
                        .server_tls = w->server_tls,
                        .client_tls = w->client_tls};
    scene_init(&w->scene, w->version);
    task_fini(&w->scene.owner);
    task_init(&w->scene.owner, &w->scene.turn, owner_run);
    if (w->script->prepare)
        w->script->prepare(&w->scene);
    fallible_pause(false);
    bool connected = w->version == HTTP_3 ? connect_datagrams(w) : connect_streams(w);
    assert_true(connected || !well);
    if (connected)
        talk(w);
    if (connected && w->script->ends)
        assert_true(run(w, 300 * SECOND_NS, has_ended));
    for (int i = 0; i < ASKS; i++)
        judge(w, i, well);
    fallible_pause(true);
    if (connected)
        serve_on(w);
    if (w->net)
        net_sim_free(w->net);
    if (w->join)
        join_free(w->join);
    fallible_pause(false);
    scene_fini(&w->scene);
}

/* ---- the scripts ---- */

static void small_limits(struct scene *s) {
    s->limits.request_body_bytes = 10000;
    s->limits.head_bytes = 4096;
}

static void few_requests(struct scene *s) {
    s->limits.requests = 2;
}

static void few_resets(struct scene *s) {
    s->limits.resets = 1;
}

static void drain(struct world *w) {
    w->drains = true;
    if (w->server)
        w->server->ops->drain(w->server);
    else if (!join_ended(w->join, JOIN_B))
        w->stream_server->ops->drain(w->stream_server);
}

static void always_retry(struct quic_config *server) {
    server->retry = QUIC_RETRY_ALWAYS;
}

/* Another port, behind the client's back or by its own will. */
static void be_rebound(struct world *w) {
    struct addr outside = net_sim_addr(NET_SIM_A);
    outside.in.sin_port = htons(50001);
    net_sim_nat(w->net, &outside);
}

static void migrate(struct world *w) {
    struct addr other = net_sim_addr(NET_SIM_A);
    struct quic_conn *conn = quic_client_conn(w->client);
    other.in.sin_port = htons(50002);
    net_sim_also(w->net, &other);
    if (conn && conn_lives(conn))
        (void)conn_migrate(conn, &other);
}

static void update_key(struct world *w) {
    struct quic_conn *conn = quic_client_conn(w->client);
    if (conn && conn_lives(conn))
        (void)conn_update_key(conn);
}

static void leave(struct world *w) {
    struct visit *v = &w->scene.visits[0];
    if (!v->over)
        visit_cancel(v);
}

#define WORDS "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
static const char long_field[] = WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS
    WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS
        WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS
            WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS WORDS;

static const struct script scripts[] = {
    {.name = "bodies down",
     .asks = {{{.path = "/bytes/70000"}, 200, BULK, NULL},
              {{.path = "/chunks/70000"}, 200, BULK, NULL},
              {{.method = "HEAD", .path = "/hello"}, 200, 0, NULL}}},
    {.name = "bodies up",
     .asks = {{{.path = "/echo", .body_bytes = BULK, .trailers = true, .no_length = true},
               200,
               BULK,
               "from the client"},
              {{.path = "/count", .body_bytes = BULK}, 200, 0, NULL},
              {{.path = "/empty"}, 204, 0, NULL}}},
    {.name = "trailers and informational heads",
     .asks = {{{.path = "/only-trailers"}, 200, 0, "from the server"},
              {{.path = "/hints"}, 200, 5, NULL},
              {{.path = "/count", .expect = true, .trailers = true, .no_length = true},
               200,
               0,
               "from the client"}}},
    {.name = "a length and trailers, cookies",
     .asks = {{{.path = "/trailers", .field_name = "cookie", .field_value = "a=1; b=2"},
               200,
               5,
               "from the server"},
              {{.path = "/hello", .field_name = "x-y", .field_value = WORDS}, 200, 5, NULL}},
     .not_h1 = true},
    {.name = "resets of the server",
     .asks = {{{.path = "/cut/5000"}, 0, 0, NULL},
              {{.path = "/refuse"}, 503, 0, NULL},
              {{.path = "/cut/5000?open"}, 0, 0, NULL}},
     .not_h1 = true},
    {.name = "a reset of the client",
     .asks = {{{.path = "/bytes/900000", .paused = true}, 0, 0, NULL},
              {{.path = "/hello"}, 200, 5, NULL}},
     .act = leave,
     .not_h1 = true},
    {.name = "a client that leaves",
     .asks = {{{.path = "/bytes/900000", .paused = true}, 0, 0, NULL}},
     .act = leave},
    {.name = "bodies that nobody wants",
     .asks = {{{.path = "/early", .body_bytes = 300000}, 200, 5, NULL}}},
    {.name = "too large",
     .prepare = small_limits,
     .asks =
         {{{.path = "/count", .body_bytes = 20000}, 413, 0, NULL},
          {{.path = "/count", .body_bytes = 20000, .no_length = true}, 413, 0, NULL},
          {{.path = "/hello", .field_name = "x-long", .field_value = long_field}, 431, 0, NULL}},
     .not_h1 = true},
    {.name = "a drain",
     .asks = {{{.path = "/bytes/70000"}, 200, BULK, NULL},
              {{.path = "/echo", .body_bytes = BULK}, 200, BULK, NULL}},
     .act = drain,
     .not_h1 = true,
     .ends = true},
    {.name = "too many resets",
     .prepare = few_resets,
     .asks = {{{.path = "/cut/5000"}, 0, 0, NULL},
              {{.path = "/cut/5000"}, 0, 0, NULL},
              {{.path = "/cut/5000"}, 0, 0, NULL}},
     .not_h1 = true,
     .ends = true},
    {.name = "Retry",
     .set = always_retry,
     .asks = {{{.path = "/bytes/70000"}, 200, BULK, NULL}},
     .only_h3 = true},
    {.name = "loss",
     .loss = 100,
     .asks = {{{.path = "/bytes/70000"}, 200, BULK, NULL},
              {{.path = "/echo", .body_bytes = BULK}, 200, BULK, NULL}},
     .only_h3 = true},
    {.name = "another port by NAT",
     .act = be_rebound,
     .asks = {{{.path = "/bytes/70000"}, 200, BULK, NULL},
              {{.path = "/echo", .body_bytes = BULK}, 200, BULK, NULL}},
     .only_h3 = true},
    {.name = "migration",
     .act = migrate,
     .asks = {{{.path = "/bytes/70000"}, 200, BULK, NULL},
              {{.path = "/echo", .body_bytes = BULK}, 200, BULK, NULL}},
     .only_h3 = true},
    {.name = "key update",
     .act = update_key,
     .asks = {{{.path = "/bytes/70000"}, 200, BULK, NULL},
              {{.path = "/echo", .body_bytes = BULK}, 200, BULK, NULL}},
     .only_h3 = true},
    {.name = "idle", .asks = {{{.path = "/hello"}, 200, 5, NULL}}, .ends = true},
    {.name = "as many requests as allowed",
     .prepare = few_requests,
     .asks = {{{.path = "/hello"}, 200, 5, NULL}, {{.path = "/hello"}, 200, 5, NULL}},
     .ends = true},
};

enum { SCRIPTS = sizeof(scripts) / sizeof(scripts[0]) };

static bool says(enum http_version version, const struct script *script) {
    if (version == HTTP_1_1 && script->not_h1)
        return false;
    return version == HTTP_3 || !script->only_h3;
}

static void sweep_all(enum http_version version, const char *text) {
    struct world *w = calloc(1, sizeof(*w));
    char name[100];

    assert_non_null(w);
    w->version = version;
    if (version == HTTP_3)
        quic_pair_contexts(local_crt, ca_crt, &w->server_tls, &w->client_tls);
    for (size_t i = 0; i < SCRIPTS; i++) {
        if (!says(version, &scripts[i]))
            continue;
        w->script = &scripts[i];
        snprintf(name, sizeof(name), "%s: %s", text, scripts[i].name);
        unsigned step = version == HTTP_3 ? QUIC_STEP : 1;
        fallible_sweep(&(struct fallible_sweep){name, converse, w, 8, step, i + 1 < SCRIPTS,
                                                1 + (unsigned)i % step});
    }
    tls_context_free(w->server_tls);
    tls_context_free(w->client_tls);
    free(w);
}

static void h1(void **state) {
    (void)state;
    sweep_all(HTTP_1_1, "h1");
}

static void h2(void **state) {
    (void)state;
    sweep_all(HTTP_2, "h2");
}

static void h3(void **state) {
    (void)state;
    sweep_all(HTTP_3, "h3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h1),
        cmocka_unit_test(h2),
        cmocka_unit_test(h3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
