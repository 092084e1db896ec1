/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/census.h"
#include "base/err.h"
#include "fallible.h"
#include "gateway/issuer.h"
#include "gateway/qlog.h"
#include "net/listener.h"
#include "net/port.h"
#include "proto/h1/h1.h"
#include "proto/h3/h3.h"
#include "quic/quic.h"
#include "sys/changes.h"
#include "sys/file.h"
#include "tls/context.h"
#include "unit/folder.h"
#include "wire/certs.h"
#include "wire/net_sim.h"
#include "wire/quic_pair.h"

/* The end of memory in what stands around connections: listeners and who is counted there, ports,
 * what QUIC answers without a connection, watched files, leaves made at the handshake. */

/* ---- a listener with a census ---- */

enum { CLIENTS = 3, LAPS = 2000, SCRATCH = 4096 };

static const uint8_t hash_key[TABLE_KEY] = {1};

struct place {
    struct turn turn;
    struct loop *loop;
    struct chunk_pool chunks;
    struct http_env http;
    uint8_t scratch[SCRATCH];
};

static void place_begin(struct place *p) {
    fallible_pause(true);
    *p = (struct place){0};
    turn_init(&p->turn);
    p->loop = loop_new(&p->turn);
    assert_non_null(p->loop);
    chunk_pool_init(&p->chunks, 1);
    http_env_init(&p->http, &p->turn, &p->chunks);
    p->http.scratch = p->scratch;
    p->http.scratch_bytes = SCRATCH;
    fallible_pause(false);
}

static void place_end(struct place *p) {
    loop_lap(p->loop, 0);
    assert_int_equal(p->http.n_exchanges, 0);
    chunk_pool_fini(&p->chunks);
    loop_free(p->loop);
    turn_fini(&p->turn);
}

static struct stream_engine *accept_one(void *context, struct peer *peer) {
    struct place *p = context;
    peer->version = HTTP_1_1;
    return h1_server_new(&p->http, peer);
}

/* They come, are let in or not, and go. */
static void visit(struct place *p, struct listener *l) {
    const struct addr *to = listener_addr(l);
    int fds[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], &to->sa, to->n), 0);
    }
    for (int i = 0; i < 5; i++)
        loop_lap(p->loop, 0);
    assert_in_range(listener_streams(l), 0, CLIENTS - 1);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    for (int i = 0; i < LAPS && listener_streams(l) > 0; i++)
        loop_lap(p->loop, MS_NS);
    assert_int_equal(listener_streams(l), 0);
}

static void listen_and_count(void *context, bool well) {
    struct place *p = context;
    struct census census;
    struct listener *l = NULL;

    place_begin(p);
    census_init(&census, CLIENTS - 1, hash_key);
    struct listener_config config = {
        .loop = p->loop, .census = &census, .accept = accept_one, .context = p};
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &config.addr), 0);
    int err = listener_open(&config, &l);
    assert_true(!err || (!well && err == ERR_NO_MEMORY));
    if (!err)
        visit(p, l);
    listener_free(l);
    census_fini(&census); /* checks that nobody is counted any more */
    place_end(p);
}

static void listeners(void **state) {
    static struct place place;
    (void)state;
    fallible_sweep(&(struct fallible_sweep){"listener", listen_and_count, &place, 8, 0, false, 0});
}

/* ---- a port, and the QUIC replies ---- */

struct quic_place {
    struct turn turn;
    struct tls_context *server_tls, *client_tls;
    struct quic_config server_config, client_config;
    struct datagram_engine *server;
    struct chunk_pool chunks; /* of the clients that knock */
    struct http_env http;
    struct task owner;
};

static void ignore(struct task *task, uint32_t events) {
    (void)task;
    (void)events;
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct quic_place *q = context;
    struct http_client *client = h3_client_new(&q->http, conn, peer, &q->owner);
    return client ? h3_client_app(client) : NULL;
}

static struct quic_app *nobody(void *context, struct quic_conn *conn, const struct peer *peer) {
    (void)context;
    (void)conn;
    (void)peer;
    return NULL;
}

static void quic_begin(struct quic_place *q) {
    *q = (struct quic_place){0};
    turn_init(&q->turn);
    turn_begin(&q->turn, 1000 * SECOND_NS, 1800000000);
    quic_pair_contexts(local_crt, ca_crt, &q->server_tls, &q->client_tls);
    quic_config_default(&q->server_config);
    q->server_config.turn = &q->turn;
    q->server_config.accept = nobody;
    q->client_config = q->server_config;
    q->client_config.accept = accept_client;
    q->client_config.context = q;
    chunk_pool_init(&q->chunks, 1);
    http_env_init(&q->http, &q->turn, &q->chunks);
    task_init(&q->owner, &q->turn, ignore);
    q->server_config.tls = q->server_tls;
    q->client_config.tls = q->client_tls;
}

static void quic_end(struct quic_place *q) {
    if (q->server)
        q->server->ops->free(q->server);
    task_fini(&q->owner);
    (void)turn_run(&q->turn, SIZE_MAX);
    chunk_pool_fini(&q->chunks);
    turn_fini(&q->turn);
    tls_context_free(q->server_tls);
    tls_context_free(q->client_tls);
}

static bool pulls(struct datagram_engine *e, uint8_t *out, size_t cap) {
    struct datagram d = {.data = out, .cap = cap};
    return e->ops->pull(e, &d, 1) && d.n > 0;
}

/* Shown to the server as if it came from a client: is it answered at once? */
static bool is_answered(struct quic_place *q, uint8_t *in, size_t n) {
    static uint8_t out[65536];
    struct datagram d = {.data = in, .n = n, .cap = n};
    bool any = false;

    d.remote = net_sim_addr(NET_SIM_A);
    d.local = net_sim_addr(NET_SIM_B);
    q->server->ops->take(q->server, &d);
    while (pulls(q->server, out, sizeof(out)))
        any = true;
    return any;
}

/* The first flight of an honest client, which gets a Retry, or a refusal, and no connection. */
static bool is_first_answered(struct quic_place *q) {
    static uint8_t in[65536];
    struct addr here = net_sim_addr(NET_SIM_A), there = net_sim_addr(NET_SIM_B);

    fallible_pause(true);
    struct datagram_engine *client = quic_client_new(&q->client_config, &here, &there, "localhost");
    struct datagram d = {.data = in, .cap = sizeof(in)};
    assert_non_null(client);
    assert_true(client->ops->pull(client, &d, 1));
    fallible_pause(false);
    bool any = is_answered(q, in, d.n);
    client->ops->free(client);
    assert_int_equal(quic_server_conns(q->server), 0);
    return any;
}

static void reply(void *context, bool well) {
    static uint8_t in[1200];
    struct quic_place *q = context;

    memset(in, 0x55, sizeof(in));
    assert_true(is_answered(q, in, 100) || !well); /* a stateless reset */
    memcpy(in, "\xc0\xfa\xce\xb0\x0c", 5);
    in[5] = in[14] = 8;
    assert_true(is_answered(q, in, sizeof(in)) || !well); /* versions */
    assert_true(is_first_answered(q) || !well);
    (void)turn_run(&q->turn, SIZE_MAX);
    turn_begin(&q->turn, q->turn.now_ns + SECOND_NS, 0); /* there are so many resets a second */
}

static void sweep_replies(const char *name, enum quic_retry retry, bool drains) {
    static struct quic_place q;

    quic_begin(&q);
    q.server_config.retry = retry;
    q.server = quic_server_new(&q.server_config);
    assert_non_null(q.server);
    if (drains)
        q.server->ops->drain(q.server);
    fallible_sweep(&(struct fallible_sweep){name, reply, &q, 3, 0, false, 0});
    quic_end(&q);
}

static void replies(void **state) {
    (void)state;
    sweep_replies("Retry", QUIC_RETRY_ALWAYS, false);
    sweep_replies("refusal", QUIC_RETRY_AUTO, true);
}

static void open_port(void *context, bool well) {
    struct quic_place *q = context;
    struct place p;
    struct port *port = NULL;

    place_begin(&p);
    struct port_config config = {.loop = p.loop};
    struct quic_config quic = q->server_config;
    quic.turn = &p.turn;
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &config.addr), 0);
    int err = port_open(&config, &port);
    struct datagram_engine *e = err ? NULL : quic_server_new(&quic);
    assert_true(e || !well);
    if (e) {
        port_start(port, e);
        loop_lap(p.loop, 0);
        port_drain(port);
        loop_lap(p.loop, 0);
        assert_true(port_idle(port));
    }
    port_free(port);
    place_end(&p);
}

static void ports(void **state) {
    static struct quic_place q;
    (void)state;
    quic_begin(&q);
    fallible_sweep(&(struct fallible_sweep){"port", open_port, &q, 4, 0, false, 0});
    quic_end(&q);
}

/* ---- watched files ---- */

struct watching {
    struct folder *folder;
    struct task task;
    bool seen;
};

static void on_change(struct task *task, uint32_t events) {
    struct watching *w = container_of(task, struct watching, task);
    w->seen = events & CHANGES_SEEN;
}

/* What could be added is noticed. */
static void watch_files(void *context, bool well) {
    struct watching *w = context;
    struct place p;
    char path[128];

    place_begin(&p);
    w->seen = false;
    task_init(&w->task, &p.turn, on_change);
    snprintf(path, sizeof(path), "%s", path_in(w->folder, "watched"));
    struct changes *c = changes_new(p.loop, &w->task);
    int err = c ? changes_add(c, path, changes_now()) : ERR_NO_MEMORY;
    assert_true(!err || (!well && err == ERR_NO_MEMORY));
    fallible_pause(true);
    assert_int_equal(file_write(path, STR("x"), 0600, FILE_OVERWRITE), 0);
    fallible_pause(false);
    for (int i = 0; i < LAPS && !err && !w->seen; i++)
        loop_lap(p.loop, MS_NS);
    assert_true(err || w->seen);
    changes_free(c);
    task_fini(&w->task);
    place_end(&p);
}

static void changes(void **state) {
    static struct watching watching;
    watching.folder = *state;
    assert_int_equal(file_write(path_in(*state, "watched"), STR(""), 0600, FILE_NEW), 0);
    fallible_sweep(&(struct fallible_sweep){"watch", watch_files, &watching, 3, 0, false, 0});
}

/* ---- traces of QUIC connections ---- */

static void trace(void *context, bool well) {
    static uint64_t id;
    struct folder *folder = context;
    struct turn turn;
    struct qlog q;

    turn_init(&turn);
    qlog_init(&q, &turn, NULL);
    assert_int_equal(qlog_open(&q, str_of(folder->path)), 0);
    id++;
    struct quic_trace *t = q.keeper.begin(&q.keeper, (const uint8_t *)&id, sizeof(id));
    assert_true(t || !well);
    for (int i = 0; t && i < 3; i++) {
        q.keeper.write(t, "{}\n", 3);
        (void)turn_run(&turn, SIZE_MAX);
    }
    if (t)
        q.keeper.end(t, true);
    qlog_fini(&q);
    turn_fini(&turn);
}

static void traces(void **state) {
    fallible_sweep(&(struct fallible_sweep){"qlog", trace, *state, 2, 0, false, 0});
}

/* ---- leaves made at the handshake ---- */

static struct identity identity;

static void issue(void *context, bool well) {
    struct config_server *server = context;
    struct issuer issuer;
    struct tls_pair pair;

    assert_int_equal(issuer_init(&issuer, server, &identity, NULL), 0);
    for (int i = 0; i < 3; i++) {
        int err = issuer_issue(&issuer, i == 1 ? "b.localhost" : "a.localhost", &pair);
        assert_true(!err || !well);
        if (!err)
            assert_true(str_starts(pair.cert_pem, STR("-----BEGIN CERTIFICATE-----")) &&
                        str_starts(pair.key_pem, STR("-----BEGIN ")));
    }
    issuer_fini(&issuer);
}

static void issuers(void **state) {
    static struct config_server server = {.any_host = true};
    struct folder *folder = *state;
    struct ca_wish wish = {folder->path, "me@here", time(NULL)};
    struct buf message;

    buf_init(&message);
    assert_int_equal(ca_open(&wish, &identity.ca, &message), 0);
    identity.automatic = true;
    fallible_sweep(&(struct fallible_sweep){"issuer", issue, &server, 10, 2, false, 0});
    identity_fini(&identity);
    buf_fini(&message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners), cmocka_unit_test(replies), cmocka_unit_test(ports),
        FOLDER_TEST(changes),        FOLDER_TEST(traces),       FOLDER_TEST(issuers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
