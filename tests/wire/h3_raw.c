/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h3_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "certs.h"

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct raw *w = context;
    return h3_server_new(&w->env, conn, peer);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct raw *w = context;
    (void)peer;
    return hand_init(&w->hand, conn);
}

static void make_config(struct raw *w, struct quic_config *c, struct tls_context *tls) {
    quic_config_default(c);
    c->turn = &w->turn;
    c->tls = tls;
    c->context = w;
    memset(c->secret, 7, sizeof(c->secret));
}

static void make_contexts(struct raw *w) {
    char problem[256] = "";
    struct tls_server shown = {.cert_pem = str_of(local_crt), .key_pem = str_of(local_key)};
    struct tls_server_config server = {
        .transport = TLS_QUIC, .alpn = "h3", .servers = &shown, .n_servers = 1};
    struct tls_client_config client = {
        .transport = TLS_QUIC, .alpn = "h3", .ca_pem = str_of(ca_crt)};
    check(tls_server_context_new(&server, &w->server_tls, problem, sizeof(problem)) == 0);
    check(tls_client_context_new(&client, &w->client_tls, problem, sizeof(problem)) == 0);
}

static bool is_open(void *context) {
    return ((struct raw *)context)->hand.opened;
}

void raw_run(struct raw *w, uint64_t max_ns) {
    if (!w->hand.freed)
        quic_wake(w->hand.conn);
    (void)net_sim_run(w->net, max_ns, NULL, NULL);
}

struct raw *raw_with(uint32_t streams, uint32_t window_bytes) {
    struct raw *w = calloc(1, sizeof(*w));
    struct addr a = net_sim_addr(NET_SIM_A), b = net_sim_addr(NET_SIM_B);
    check(w);
    turn_init(&w->turn);
    turn_begin(&w->turn, 1000 * SECOND_NS, 1800000000);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    http_env_init(&w->env, &w->turn, &w->chunks);
    w->env.limits = &w->limits;
    w->limits.streams = streams;
    site_env(&w->env, &w->site);
    make_contexts(w);
    make_config(w, &w->client_config, w->client_tls);
    make_config(w, &w->server_config, w->server_tls);
    w->server_config.streams = streams;
    w->client_config.stream_window_bytes = window_bytes;
    w->client_config.accept = accept_client;
    w->server_config.accept = accept_server;
    w->server = quic_server_new(&w->server_config);
    w->client = quic_client_new(&w->client_config, &a, &b, "localhost");
    liar_start(w->client);
    w->net = net_sim_new(&w->turn, w->client, w->server, 1);
    check(net_sim_run(w->net, 5 * SECOND_NS, is_open, w));
    return w;
}

struct raw *raw_new(void) {
    return raw_with(100, 256 * 1024);
}

void raw_free(struct raw *w) {
    net_sim_free(w->net);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    check(w->env.n_exchanges == 0);
    check(w->site.live == 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    tls_context_free(w->client_tls);
    tls_context_free(w->server_tls);
    hand_fini(&w->hand);
    free(w);
}

bool raw_gone(struct raw *w) {
    return quic_server_conns(w->server) == 0 || w->hand.freed;
}

bool raw_closed_with(struct raw *w, const char *code) {
    char expected[80];
    int n = snprintf(expected, sizeof(expected),
                     "the peer closed the connection (application code %s", code);
    const char *told = quic_client_error(w->client);
    if (strncmp(told, expected, (size_t)n) == 0 && (told[n] == ')' || told[n] == ':'))
        return true;
    (void)fprintf(stderr, "expected code %s, but: %s\n", code, told);
    return false;
}

bool raw_answered(struct raw *w, const struct hand_stream *s, int status) {
    if (!raw_gone(w) && s->in_fin && !s->was_reset && hand_status(s) == status)
        return true;
    (void)fprintf(stderr, "expected status %d, but: %d%s%s %s\n", status, hand_status(s),
                  s->in_fin ? "" : ", no end", s->was_reset ? ", reset" : "",
                  quic_client_error(w->client));
    return false;
}
