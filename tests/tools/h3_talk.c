/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "proto/h3/h3.h"
#include "quic/conn.h"
#include "sys/datagram.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "tls/context.h"

/* h3_talk PORT HOST: one HTTP/3 connection after another to 127.0.0.1, by words on standard input,
 * a line each; every answer is a line too. It keeps the newest session ticket, and can change its
 * address while it talks. Certificates are not checked. It ends with its input.
 *
 *   open             a new connection, with the ticket if there is one:
 *                    "open full", "open resumed" or "failed WHY"
 *   get FILE PATH    head and body go to FILE; at its end, in any order with others:
 *                    "end FILE STATUS BYTES" or "cut FILE WHY"
 *   limit BYTES      as much of each body is read, until another limit says more: "ok"
 *   rebind ADDR      from now on from another port of ADDR, as if a router had lost its memory;
 *                    QUIC is not told: "ok ADDR:PORT"
 *   move ADDR        the same, but QUIC is told and migrates: "ok ADDR:PORT"
 *   state            "usable", "going" (GOAWAY came) or "gone WHY"
 *   close            says goodbye: "closed"
 */

enum { SOCKETS = 2 };

/* How often a handshake is looked at; it has no other way to say that it failed. */
static const uint64_t look_ns = 20 * MS_NS;

struct talk;

struct outlet {
    struct talk *talk;
    struct loop_watch watch;
    int fd;
    unsigned features;
    struct addr named; /* what the engine calls it: a silent change leaves that as it was */
    struct addr bound;
};

struct fetch {
    struct end end;
    struct talk *talk;
    struct list link;
    struct exchange *x;
    char *name, *path;
    int fd, status;
    uint64_t received;
};

struct talk {
    struct loop *loop;
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct log log;
    struct tls_context *tls;
    struct tls_tickets *tickets;
    const char *host;
    char authority[300];
    struct addr to;
    struct loop_watch words;
    char line[16384];
    size_t line_n;

    struct outlet outlets[SOCKETS]; /* the last one is the present one */
    struct datagram_engine *engine;
    struct task driver, owner;
    struct http_client *client; /* NULL: gone */
    const struct peer *peer;
    bool opening;
    uint64_t limit;
    struct list fetches;
};

static void fail(const char *what, int err) {
    fprintf(stderr, "h3_talk: %s: %s\n", what, err_text(err));
    exit(1);
}

static void tell(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log, (void)level;
    fprintf(stderr, "h3_talk: %.*s\n", (int)n, line);
}

/* ---- sockets ---- */

static struct outlet *present(struct talk *t) {
    return &t->outlets[SOCKETS - 1];
}

static void on_datagrams(struct loop_watch *watch, int events) {
    static uint8_t room[DATAGRAM_BYTES];
    struct outlet *o = container_of(watch, struct outlet, watch);
    struct talk *t = o->talk;
    (void)events;
    for (int n = 1; n > 0;) {
        struct datagram d = {.data = room, .cap = sizeof(room)};
        n = datagram_receive(o->fd, &o->named, &d, 1);
        if (n > 0 && t->engine)
            t->engine->ops->take(t->engine, &d);
    }
}

static int outlet_open(struct talk *t, const char *ip, struct outlet *o) {
    struct sock_bind wanted = {.type = SOCK_DGRAM};
    int err = addr_from_ip(str_of(ip), 0, &wanted.addr);
    *o = (struct outlet){.talk = t, .fd = -1};
    if (err == 0)
        err = sock_bind(&wanted, &o->fd);
    if (err != 0)
        return err;
    sock_names(o->fd, &o->bound, NULL);
    o->named = o->bound;
    o->features = datagram_set_up(o->fd, AF_INET);
    return 0;
}

/* Where it lies now is where it stays: the loop keeps its address. */
static void outlet_listen(struct outlet *o) {
    if (loop_watch_init(&o->watch, o->talk->loop, o->fd, on_datagrams) != 0)
        fail("cannot listen", ERR_NO_MEMORY);
    loop_watch_set(&o->watch, LOOP_READ);
}

static void outlet_close(struct outlet *o) {
    if (!o->talk || o->fd < 0)
        return;
    loop_watch_fini(&o->watch);
    close(o->fd);
    o->fd = -1;
}

static struct outlet *outlet_named(struct talk *t, const struct addr *local) {
    struct outlet *before = &t->outlets[0];
    return before->talk && before->fd >= 0 && addr_eq(&before->named, local) ? before : present(t);
}

static void flush(struct talk *t) {
    static uint8_t room[DATAGRAM_SEND];
    for (;;) {
        struct datagram d = {.data = room, .cap = sizeof(room)};
        if (!t->engine || !t->engine->ops->pull(t->engine, &d, 1))
            return;
        struct outlet *o = outlet_named(t, &d.local);
        d.local = o->bound;
        (void)datagram_send(o->fd, &d, false, &o->features); /* what is lost is sent again */
    }
}

static void driver_run(struct task *task, uint32_t events) {
    (void)events;
    flush(container_of(task, struct talk, driver));
}

static void change_address(struct talk *t, const char *ip, bool told) {
    struct outlet made, *now = present(t);
    struct quic_conn *conn = t->engine ? quic_client_conn(t->engine) : NULL;
    char text[ADDR_TEXT];
    int err = conn ? outlet_open(t, ip, &made) : ERR_CLOSED;
    if (err != 0) {
        printf("failed %s\n", err_text(err));
        return;
    }
    if (told) {
        outlet_close(&t->outlets[0]);
        loop_watch_fini(&now->watch);
        t->outlets[0] = *now;
        outlet_listen(&t->outlets[0]);
    } else {
        made.named = now->named;
        outlet_close(now);
    }
    *now = made;
    outlet_listen(now);
    int rv = told ? conn_migrate(conn, &now->named) : 0;
    flush(t);
    if (rv == 0)
        printf("ok %s\n", addr_text(&now->bound, text));
    else
        printf("failed %s\n", ngtcp2_strerror(rv));
}

/* ---- the connection ---- */

static struct quic_app *make_app(void *context, struct quic_conn *conn, const struct peer *peer) {
    struct talk *t = context;
    t->peer = peer;
    t->client = h3_client_new(&t->env, conn, peer, &t->owner);
    return t->client ? h3_client_app(t->client) : NULL;
}

static void keep_ticket(struct talk *t) {
    struct quic_conn *conn = t->engine ? quic_client_conn(t->engine) : NULL;
    if (conn && conn->tls && quic_client_handshake_done(t->engine))
        tls_session_keep_ticket(conn->tls, t->tickets);
}

static void settle(struct talk *t) {
    while (turn_run(&t->turn, SIZE_MAX))
        ;
}

static void hang_up(struct talk *t) {
    if (!t->engine)
        return;
    keep_ticket(t);
    t->engine->ops->drain(t->engine);
    settle(t);
    flush(t);
    t->engine->driver = NULL;
    t->engine->ops->free(t->engine);
    t->engine = NULL;
    t->client = NULL;
    settle(t);
    for (int i = 0; i < SOCKETS; i++)
        outlet_close(&t->outlets[i]);
}

static void dial(struct talk *t) {
    struct quic_config q;
    hang_up(t);
    int err = outlet_open(t, "127.0.0.1", present(t));
    if (err != 0)
        fail("no socket", err);
    outlet_listen(present(t));
    quic_config_default(&q);
    q.turn = &t->turn;
    q.log = &t->log;
    q.tls = t->tls;
    q.accept = make_app;
    q.context = t;
    q.idle_timeout_ns = 600 * SECOND_NS;
    t->engine = quic_client_new(&q, &present(t)->named, &t->to, t->host);
    if (!t->engine)
        fail("no connection", ERR_NO_MEMORY);
    t->engine->driver = &t->driver;
    tls_session_resume(quic_client_conn(t->engine)->tls, t->tickets);
    t->opening = true;
    task_wake(&t->driver, ENGINE_OUTPUT);
    task_at(&t->owner, t->turn.now_ns + look_ns);
}

static void owner_run(struct task *task, uint32_t events) {
    struct talk *t = container_of(task, struct talk, owner);
    struct quic_conn *conn = t->engine ? quic_client_conn(t->engine) : NULL;
    if ((events & CLIENT_GONE) && (!conn || !conn_lives(conn)))
        t->client = NULL;
    if (!t->opening)
        return;
    const char *why = quic_client_error(t->engine);
    bool open = t->client && client_can_open(t->client);
    t->opening = !open && !why[0];
    if (t->opening)
        task_at(&t->owner, t->turn.now_ns + look_ns);
    else if (open)
        printf("open %s\n", t->peer->resumed ? "resumed" : "full");
    else
        printf("failed %s\n", why);
}

static void tell_state(struct talk *t) {
    struct quic_conn *conn = t->engine ? quic_client_conn(t->engine) : NULL;
    bool lives = conn && conn_lives(conn);
    if (lives)
        puts(t->client && t->client->usable ? "usable" : "going");
    else
        printf("gone %s\n", t->engine ? quic_client_error(t->engine) : "");
}

/* ---- requests ---- */

static void fetch_over(struct fetch *f, const char *why) {
    if (why)
        printf("cut %s %s\n", f->name, why);
    else
        printf("end %s %d %llu\n", f->name, f->status, (unsigned long long)f->received);
    keep_ticket(f->talk);
    close(f->fd);
    list_remove(&f->link);
    list_init(&f->link);
}

static void fetch_write(struct fetch *f, const void *p, size_t n) {
    if (write(f->fd, p, n) != (ssize_t)n)
        fail(f->name, ERR_SYSTEM);
}

static void fetch_head(struct fetch *f, const struct message *m) {
    char line[4096];
    int n = snprintf(line, sizeof(line), "HTTP/3 %d\r\n", m->status);
    f->status = m->status;
    fetch_write(f, line, (size_t)n);
    for (size_t i = 0; i < m->fields.n; i++) {
        const struct field *field = &m->fields.v[i];
        n = snprintf(line, sizeof(line), STR_FMT ": " STR_FMT "\r\n", STR_ARG(field->name),
                     STR_ARG(field->value));
        fetch_write(f, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
    }
    fetch_write(f, "\r\n", 2);
}

static void fetch_body(struct fetch *f) {
    struct body *b = &f->x->response.body;
    uint64_t limit = f->talk->limit;
    char piece[16384];
    for (;;) {
        size_t want = sizeof(piece);
        if (limit && limit - f->received < want)
            want = limit > f->received ? (size_t)(limit - f->received) : 0;
        size_t n = want ? body_read(b, piece, want) : 0;
        if (n == 0)
            return;
        fetch_write(f, piece, n);
        f->received += n;
    }
}

static void fetch_run(struct task *task, uint32_t events) {
    struct fetch *f = container_of(end_of(task), struct fetch, end);
    if (!f->end.x)
        return;
    while (exchange_take_informational(f->x))
        ;
    struct message *m = exchange_take_head(f->x);
    if (m)
        fetch_head(f, m);
    if (f->status)
        fetch_body(f);
    if (f->status && body_at_end(&f->x->response.body)) {
        exchange_leave(&f->end);
        fetch_over(f, NULL);
    } else if (events & END_RESET) {
        const char *why = reason_text(f->x->reason);
        exchange_leave(&f->end);
        fetch_over(f, why);
    }
}

/* Strings of the request live as long as the program. */
static void fetch_fill_in(struct fetch *f, struct message *m) {
    m->method = STR("GET");
    m->scheme = STR("https");
    m->authority = str_of(f->talk->authority);
    m->path = str_of(f->path);
    body_finish(&m->body);
}

static void fetch_start(struct talk *t, const char *name, const char *path) {
    struct fetch *f = calloc(1, sizeof(*f));
    if (!f || !(f->name = strdup(name)) || !(f->path = strdup(path)))
        fail(name, ERR_NO_MEMORY);
    f->talk = t;
    list_append(&t->fetches, &f->link);
    f->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f->fd < 0)
        fail(name, ERR_SYSTEM);
    if (!t->client || !client_can_open(t->client)) {
        fetch_over(f, "the connection takes no request");
        return;
    }
    end_init(&f->end, &t->turn, fetch_run);
    f->x = exchange_new(&t->env, &f->end, t->peer);
    if (!f->x)
        fail(name, ERR_NO_MEMORY);
    fetch_fill_in(f, &f->x->request);
    exchange_start(f->x);
    task_wake(&f->end.task, END_WANT);
}

static void route(struct exchange *x) {
    struct talk *t = x->env->owner;
    struct fetch *f = container_of(x->front, struct fetch, end);
    int err = t->client ? t->client->ops->open(t->client, x, false) : ERR_CLOSED;
    if (err == 0)
        return;
    exchange_leave(&f->end);
    exchange_leave(x->back);
    fetch_over(f, err_text(err));
}

static void set_limit(struct talk *t, uint64_t limit) {
    t->limit = limit;
    list_each(&t->fetches, at, next)
        task_wake(&list_entry(at, struct fetch, link)->end.task, END_DATA);
    puts("ok");
}

/* ---- words ---- */

static void obey(struct talk *t, char *line) {
    char *word = strtok(line, " "), *one = strtok(NULL, " "), *two = strtok(NULL, "");
    if (!word)
        return;
    if (strcmp(word, "open") == 0)
        dial(t);
    else if (strcmp(word, "get") == 0 && two)
        fetch_start(t, one, two);
    else if (strcmp(word, "limit") == 0 && one)
        set_limit(t, strtoull(one, NULL, 10));
    else if (strcmp(word, "rebind") == 0 && one)
        change_address(t, one, false);
    else if (strcmp(word, "move") == 0 && one)
        change_address(t, one, true);
    else if (strcmp(word, "state") == 0)
        tell_state(t);
    else if (strcmp(word, "close") == 0)
        hang_up(t), puts("closed");
    else
        fail(word, ERR_INVALID);
}

static void on_words(struct loop_watch *watch, int events) {
    struct talk *t = container_of(watch, struct talk, words);
    (void)events;
    ssize_t n = read(0, t->line + t->line_n, sizeof(t->line) - t->line_n);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0 || t->line_n + (size_t)n == sizeof(t->line))
        exit(0);
    t->line_n += (size_t)n;
    for (char *end; (end = memchr(t->line, '\n', t->line_n));) {
        size_t used = (size_t)(end - t->line) + 1;
        *end = '\0';
        obey(t, t->line);
        t->line_n -= used;
        memmove(t->line, t->line + used, t->line_n);
    }
}

static void talk_init(struct talk *t, const char *port, const char *host) {
    struct tls_client_config config = {.transport = TLS_QUIC, .alpn = "h3", .insecure = true};
    char problem[256] = "";
    turn_init(&t->turn);
    chunk_pool_init(&t->chunks, 64);
    http_limits_default(&t->limits);
    t->log = (struct log){.level = LOG_ERROR, .write = tell};
    http_env_init(&t->env, &t->turn, &t->chunks);
    t->env.limits = &t->limits;
    t->env.log = &t->log;
    t->env.route = route;
    t->env.owner = t;
    t->loop = loop_new(&t->turn);
    t->tickets = tls_tickets_new();
    t->host = host;
    snprintf(t->authority, sizeof(t->authority), "%s:%s", host, port);
    addr_from_ip(STR("127.0.0.1"), (uint16_t)atoi(port), &t->to);
    list_init(&t->fetches);
    task_init(&t->driver, &t->turn, driver_run);
    task_init(&t->owner, &t->turn, owner_run);
    int err = tls_client_context_new(&config, &t->tls, problem, sizeof(problem));
    if (err != 0)
        fail(problem, err);
    if (!t->loop || !t->tickets || loop_watch_init(&t->words, t->loop, 0, on_words) != 0)
        fail("cannot start", ERR_NO_MEMORY);
    loop_watch_set(&t->words, LOOP_READ);
}

int main(int argc, char **argv) {
    static struct talk t;
    if (argc != 3) {
        fprintf(stderr, "usage: h3_talk PORT HOST\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever started it is gone */
    setvbuf(stdout, NULL, _IOLBF, 0);
    talk_init(&t, argv[1], argv[2]);
    turn_begin(&t.turn, SECOND_NS, 1);
    loop_run(t.loop);
    return 0;
}
