/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h3_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

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

static bool is_open(void *context) {
    return ((struct raw *)context)->hand.opened;
}

void raw_run(struct raw *w, uint64_t max_ns) {
    if (!w->hand.freed)
        quic_wake(w->hand.conn);
    (void)net_sim_run(w->quic.net, max_ns, NULL, NULL);
}

struct raw *raw_with(uint32_t streams, uint32_t window_bytes) {
    struct raw *w = calloc(1, sizeof(*w));
    check(w);
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
    w->quic.server_config.conn_window_bytes = 64 * 1024; /* who loses credit soon lacks it */
    w->quic.client_config.stream_window_bytes = window_bytes;
    w->quic.client_config.accept = accept_client;
    w->quic.server_config.accept = accept_server;
    quic_pair_join(&w->quic, 1);
    liar_start(w->quic.client);
    check(net_sim_run(w->quic.net, 5 * SECOND_NS, is_open, w));
    return w;
}

struct raw *raw_new(void) {
    return raw_with(100, 256 * 1024);
}

void raw_free(struct raw *w) {
    quic_pair_end(&w->quic);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    check(w->env.n_exchanges == 0);
    check(w->site.live == 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    quic_pair_fini(&w->quic);
    hand_fini(&w->hand);
    free(w);
}

bool raw_gone(struct raw *w) {
    return quic_server_conns(w->quic.server) == 0 || w->hand.freed;
}

bool raw_closed_with(struct raw *w, const char *code) {
    char expected[80];
    int n = snprintf(expected, sizeof(expected),
                     "the peer closed the connection (application code %s", code);
    const char *told = quic_client_error(w->quic.client);
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
                  quic_client_error(w->quic.client));
    return false;
}
