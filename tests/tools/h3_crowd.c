/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/port.h"
#include "proto/h3/h3.h"
#include "tls/context.h"
#include "wire/visit.h"

/* h3_crowd PORT COUNT [half]: as many HTTP/3 connections to 127.0.0.1, made by our own engines.
 * Says "open" when all are; a line on standard input ("GET", "POST") then makes each of them one
 * more request, of which nothing is read, and with POST as much is sent as is let. With "half" only
 * the first flights are sent, and nothing is ever heard. Runs until it is killed. */

enum { AT_ONCE = 32 }; /* handshakes */

struct crowd;

struct member {
    struct crowd *crowd;
    struct task task;
    struct http_env env;
    struct http_client *client;
    const struct peer *peer;
    struct port *port;
    bool open;
};

struct crowd {
    struct loop *loop;
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct log log;
    struct tls_context *tls;
    struct addr to;
    struct loop_watch words;
    int n, n_started, n_open;
    struct member *members;
};

static void fail(const char *what, int err) {
    fprintf(stderr, "h3_crowd: %s: %s\n", what, err_text(err));
    exit(1);
}

static void tell(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log, (void)level;
    fprintf(stderr, "%.*s\n", (int)n, line);
}

static struct quic_app *make_app(void *context, struct quic_conn *conn, const struct peer *peer) {
    struct member *m = context;
    m->peer = peer;
    m->client = h3_client_new(&m->env, conn, peer, &m->task);
    if (!m->client)
        return NULL;
    visit_env(&m->env, m->client);
    return h3_client_app(m->client);
}

static void start(struct crowd *c);

static void member_run(struct task *task, uint32_t events) {
    struct member *m = container_of(task, struct member, task);
    if (events & CLIENT_GONE)
        fprintf(stderr, "h3_crowd: a connection ended\n");
    if (m->open || !m->client || !client_can_open(m->client))
        return;
    m->open = true;
    if (++m->crowd->n_open == m->crowd->n) {
        puts("open");
        fflush(stdout);
    }
    start(m->crowd);
}

static void member_init(struct crowd *c, struct member *m, struct quic_config *ret_config) {
    struct quic_config *q = ret_config;
    m->crowd = c;
    task_init(&m->task, &c->turn, member_run);
    http_env_init(&m->env, &c->turn, &c->chunks);
    m->env.limits = &c->limits;
    m->env.log = &c->log;
    quic_config_default(q);
    q->turn = &c->turn;
    q->log = &c->log;
    q->tls = c->tls;
    q->accept = make_app;
    q->context = m;
    q->idle_timeout_ns = 600 * SECOND_NS;
}

static void member_start(struct crowd *c, struct member *m) {
    struct port_config config = {.loop = c->loop, .log = &c->log, .connect_to = &c->to};
    struct quic_config q;
    member_init(c, m, &q);
    addr_from_ip(STR("0.0.0.0"), 0, &config.addr);
    int err = port_open(&config, &m->port);
    if (err != 0)
        fail("no socket", err);
    struct datagram_engine *engine = quic_client_new(&q, port_addr(m->port), &c->to, "localhost");
    if (!engine)
        fail("no connection", ERR_NO_MEMORY);
    port_start(m->port, engine);
}

/* The next one, as another has got through. */
static void start(struct crowd *c) {
    if (c->n_started < c->n)
        member_start(c, &c->members[c->n_started++]);
}

/* The first flight only. */
static void member_half(struct crowd *c, struct member *m, int fd) {
    static uint8_t data[65536];
    struct datagram d = {.data = data, .cap = sizeof(data)};
    struct quic_config q;
    struct addr from;
    member_init(c, m, &q);
    addr_from_ip(STR("127.0.0.1"), 0, &from);
    struct datagram_engine *engine = quic_client_new(&q, &from, &c->to, "localhost");
    if (!engine)
        fail("no connection", ERR_NO_MEMORY);
    while (engine->ops->pull(engine, &d, 1))
        (void)sendto(fd, d.data, d.n, 0, &c->to.sa, c->to.n);
}

static void half_open(struct crowd *c) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int i = 0; fd >= 0 && i < c->n; i++) {
        member_half(c, &c->members[i], fd);
        usleep(1000); /* the gateway's socket holds so many at most */
    }
    puts("open");
    fflush(stdout);
    pause();
}

static void on_word(struct loop_watch *watch, int events) {
    struct crowd *c = container_of(watch, struct crowd, words);
    char word[16] = "";
    (void)events;
    ssize_t n = read(0, word, sizeof(word) - 1);
    if (n <= 0)
        exit(0);
    bool post = strncmp(word, "POST", 4) == 0;
    for (int i = 0; i < c->n; i++) {
        struct member *m = &c->members[i];
        struct visit *v = calloc(1, sizeof(*v));
        if (!v)
            fail("no request", ERR_NO_MEMORY);
        v->path = "/";
        v->method = post ? "POST" : "GET";
        v->body_bytes = post ? UINT64_C(1) << 30 : 0;
        v->paused = true;
        visit_start(v, &m->env, m->peer);
    }
}

static void crowd_init(struct crowd *c, const char *port, int n) {
    struct tls_client_config config = {.transport = TLS_QUIC, .alpn = "h3", .insecure = true};
    char problem[256] = "";
    struct rlimit files = {65536, 65536};
    (void)setrlimit(RLIMIT_NOFILE, &files);
    turn_init(&c->turn);
    chunk_pool_init(&c->chunks, 64);
    http_limits_default(&c->limits);
    c->log = (struct log){.level = LOG_ERROR, .write = tell};
    c->loop = loop_new(&c->turn);
    c->n = n;
    c->members = calloc((size_t)n, sizeof(*c->members));
    addr_from_ip(STR("127.0.0.1"), (uint16_t)atoi(port), &c->to);
    int err = tls_client_context_new(&config, &c->tls, problem, sizeof(problem));
    if (err != 0)
        fail(problem, err);
    if (!c->loop || !c->members || loop_watch_init(&c->words, c->loop, 0, on_word) != 0)
        fail("cannot start", ERR_NO_MEMORY);
    loop_watch_set(&c->words, LOOP_READ);
}

int main(int argc, char **argv) {
    struct crowd c = {0};
    int n = argc >= 3 ? atoi(argv[2]) : 0;
    bool half = argc == 4 && strcmp(argv[3], "half") == 0;
    if (n <= 0) {
        fprintf(stderr, "usage: h3_crowd PORT COUNT [half]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it has no end of its own */
    crowd_init(&c, argv[1], n);
    turn_begin(&c.turn, SECOND_NS, 1);
    if (half)
        half_open(&c);
    for (int i = 0; i < AT_ONCE; i++)
        start(&c);
    loop_run(c.loop);
    return 0;
}
