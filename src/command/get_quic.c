/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "command/get_parts.h"
#include "proto/h3/h3.h"
#include "quic/quic.h"

/* After so long without a handshake the next address is tried too (RFC 8305 5). */
static const uint64_t next_ns = 250 * MS_NS;

static struct quic_app *make_app(void *context, struct quic_conn *conn, const struct peer *peer) {
    struct get_try *t = context;

    t->peer = peer;
    t->client = h3_client_new(&t->getter->http, conn, peer, &t->getter->task);
    return t->client ? h3_client_app(t->client) : NULL;
}

static int open_port(struct getter *g, struct get_try *t, const struct addr *to) {
    struct port_config config = {
        .loop = g->loop, .log = &g->log, .connect_to = to, .refused = &g->task};
    bool ip6 = to->sa.sa_family == AF_INET6;

    addr_from_ip(ip6 ? STR("::") : STR("0.0.0.0"), 0, &config.addr);
    return port_open(&config, &t->port);
}

static int start(struct getter *g, const struct addr *to) {
    struct get_try *t = &g->tries[g->n_tries];
    struct quic_config q;
    int err;

    *t = (struct get_try){.getter = g, .begin_ns = g->turn.now_ns};
    err = open_port(g, t, to);
    if (err)
        return err;
    g->n_tries++;
    quic_config_default(&q);
    q.turn = &g->turn;
    q.log = &g->log;
    q.tls = g->tls;
    q.accept = make_app;
    q.context = t;
    q.qlog = qlog_keeper(&g->qlog);
    q.handshake_timeout_ns = g->options->connect_timeout_ns;
    t->quic = quic_client_new(&q, port_addr(t->port), to, g->uri.host.p);
    if (!t->quic)
        return ERR_NO_MEMORY;
    port_start(t->port, t->quic);
    return 0;
}

static const char *problem_of(const struct get_try *t) {
    return t->quic ? quic_client_error(t->quic) : "";
}

/* An address that cannot be reached at all makes way for the next one. */
static void start_next(struct getter *g) {
    int n, err = 0;
    const struct addr *addrs = dial_addrs(g->dial, &n);

    n = n < GET_TRIES ? n : GET_TRIES;
    while (g->next_addr < n) {
        err = start(g, &addrs[g->next_addr++]);
        if (!err || err == ERR_NO_MEMORY)
            break;
    }
    if (err)
        get_fail(g, "cannot reach " STR_FMT " over UDP: %s", STR_ARG(g->uri.authority),
                 err_text(err));
}

void get_quic_start(struct getter *g) {
    int n;

    dial_addrs(g->dial, &n);
    g->over_udp = true;
    if (n == 0) {
        get_fail(g, "cannot reach " STR_FMT ": %s", STR_ARG(g->uri.authority),
                 dial_problem(g->dial));
        return;
    }
    if (get_tls(g, TLS_QUIC))
        return;
    g->connected_ns = g->turn.now_ns;
    start_next(g);
    if (task_at(&g->task, g->turn.now_ns))
        get_fail(g, "out of memory");
}

void get_quic_refused(struct getter *g) {
    struct get_try *t = g->n_tries ? &g->tries[g->n_tries - 1] : NULL;

    if (!t || g->client || t->refused_ns)
        return;
    t->begin_ns = 0; /* as if it had its time */
    t->refused_ns = g->turn.now_ns;
}

/* Why it is over; "": it is not. Anybody can send that nobody listens, so the true server, if
 * there is one, gets a second to answer all the same. */
static const char *over(const struct getter *g, const struct get_try *t) {
    const char *problem = problem_of(t);

    if (problem[0] || !t->refused_ns || g->turn.now_ns - t->refused_ns < SECOND_NS)
        return problem;
    return "nobody listens there on UDP (connection refused)";
}

void get_quic_look(struct getter *g) {
    int n, failed = 0;

    dial_addrs(g->dial, &n);
    for (int i = 0; i < g->n_tries; i++) {
        struct get_try *t = &g->tries[i];
        if (over(g, t)[0]) {
            failed++;
        } else if (!g->client && t->client && client_can_open(t->client)) {
            g->client = t->client;
            g->peer = t->peer;
        }
    }
    if (g->client)
        return;
    bool more = g->next_addr < n && g->n_tries < GET_TRIES;
    if (more &&
        (failed == g->n_tries || g->turn.now_ns - g->tries[g->n_tries - 1].begin_ns >= next_ns))
        start_next(g);
    else if (failed == g->n_tries)
        get_fail(g, STR_FMT ": %s", STR_ARG(g->uri.authority), over(g, &g->tries[failed - 1]));
}

/* With a word to the server, which else waits for us until its idle timeout. */
void get_quic_close(struct getter *g) {
    for (int i = 0; i < g->n_tries; i++)
        port_drain(g->tries[i].port);
    while (turn_run(&g->turn, SIZE_MAX))
        ;
    for (int i = 0; i < g->n_tries; i++)
        port_free(g->tries[i].port);
    g->n_tries = 0;
    g->next_addr = 0;
}
