/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "handler/tunnel.h"
#include "loopback.h"
#include "net/listener.h"
#include "tls/peek.h"
#include "tls_pair.h"

/* Real sockets on loopback: a listener whose connections are tunnels, and behind it a listener
 * with echoes, or a socket in the test's own hands. */

enum { MAX_URLS = 3 };

struct fixture {
    struct pair *pair; /* its turn is the loop's; contexts where TLS is wanted */
    struct loop *loop;
    struct resolver *resolver;
    struct chunk_pool chunks;
    struct http_env http;
    struct log log;
    char said[1000]; /* the last line of the log */
    struct listener *front, *back;
    bool back_speaks_tls, peeks;
    struct echo_seen echo;
    struct uri uris[MAX_URLS];
    struct upstream_config upstream_config;
    struct upstream *upstream;
    uint64_t idle_timeout_ns;
    struct list clients;
    int ended;
};

static void on_log(struct log *log, enum log_level level, const char *line, size_t n) {
    struct fixture *f = log->context;
    (void)level;
    (void)snprintf(f->said, sizeof(f->said), "%.*s", (int)n, line);
}

static int set_up(void **state) {
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){.log = {.level = LOG_INFO, .write = on_log, .context = f},
                          .idle_timeout_ns = 3600 * SECOND_NS};
    if (pair_set_up((void **)&f->pair))
        return -1;
    f->loop = loop_new(&f->pair->turn);
    f->resolver = resolver_new(f->loop, &f->log);
    assert_true(f->loop && f->resolver);
    chunk_pool_init(&f->chunks, 4);
    http_env_init(&f->http, &f->pair->turn, &f->chunks);
    f->upstream_config = (struct upstream_config){.name = STR("behind"),
                                                  .uris = f->uris,
                                                  .max_connections = 1,
                                                  .connect_timeout_ns = 5 * SECOND_NS};
    list_init(&f->clients);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    listener_free(f->front);
    listener_free(f->back);
    while (!list_empty(&f->clients))
        net_stream_close(net_stream_of(f->clients.next), 0);
    loop_lap(f->loop, 0);
    upstream_free(f->upstream);
    assert_int_equal(f->echo.live, 0);
    resolver_free(f->resolver);
    loop_lap(f->loop, 0);
    chunk_pool_fini(&f->chunks);
    loop_free(f->loop);
    return pair_tear_down((void **)&f->pair);
}

#define WAIT(f, condition) LOOPBACK_WAIT((f)->loop, condition)

/* ---- what stands in front and behind ---- */

static struct stream_engine *tunnel(struct fixture *f, struct peer *peer) {
    struct tunnel_config config = {.loop = f->loop,
                                   .log = &f->log,
                                   .upstream = f->upstream,
                                   .peer = peer,
                                   .idle_timeout_ns = f->idle_timeout_ns};
    return tunnel_new(&config);
}

static struct stream_engine *choose(void *context, struct peer *peer, const struct hello *hello) {
    struct fixture *f = context;
    assert_string_equal(hello->sni, "localhost");
    return tunnel(f, peer);
}

static struct stream_engine *accept_front(void *context, struct peer *peer) {
    struct fixture *f = context;
    struct peek_config config = {.turn = loop_turn(f->loop),
                                 .peer = peer,
                                 .choose = choose,
                                 .context = f,
                                 .handshake_timeout_ns = 5 * SECOND_NS};
    return f->peeks ? peek_engine_new(&config) : tunnel(f, peer);
}

static struct stream_engine *accept_back(void *context, struct peer *peer) {
    struct fixture *f = context;
    (void)peer;
    return f->back_speaks_tls ? pair_server(f->pair)
                              : echo_new(loop_turn(f->loop), 100000, &f->echo);
}

static struct listener *open_listener(struct fixture *f, const char *addr,
                                      struct stream_engine *(*accept)(void *, struct peer *)) {
    struct listener_config config = {
        .loop = f->loop, .log = &f->log, .accept = accept, .context = f};
    struct listener *l;
    assert_int_equal(addr_parse(str_of(addr), &config.addr), 0);
    assert_int_equal(listener_open(&config, &l), 0);
    return l;
}

static void add_url(struct fixture *f, uint16_t port) {
    f->uris[f->upstream_config.n_uris++] = (struct uri){
        .scheme = STR("tcp"), .host = STR("127.0.0.1"), .port = port, .authority = STR("here")};
}

static void open_front(struct fixture *f) {
    struct upstream_env env = {f->loop, f->resolver, &f->http, &f->log};
    f->upstream = upstream_new(&env, &f->upstream_config);
    assert_non_null(f->upstream);
    f->front = open_listener(f, "127.0.0.1:0", accept_front);
}

static void open_both(struct fixture *f) {
    f->back = open_listener(f, "127.0.0.1:0", accept_back);
    add_url(f, addr_port(listener_addr(f->back)));
    open_front(f);
}

/* ---- sockets in the test's hands ---- */

static int listen_here(uint16_t *ret_port, int backlog) {
    struct addr a;
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &a), 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, &a.sa, a.n), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, &a.sa, &a.n), 0);
    *ret_port = addr_port(&a);
    return fd;
}

static int connect_here(uint16_t port) {
    struct addr a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(addr_from_ip(STR("127.0.0.1"), port, &a), 0);
    assert_int_equal(connect(fd, &a.sa, a.n), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static int connect_front(struct fixture *f) {
    return connect_here(addr_port(listener_addr(f->front)));
}

static bool readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* Has its peer's FIN come, behind bytes that nobody has read? */
static bool hangs_up(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1;
}

struct ends {
    int client, upstream;
};

/* A tunnel between two sockets of the test. */
static struct ends join_ends(struct fixture *f) {
    struct ends e;
    uint16_t port;
    int listening = listen_here(&port, 5);
    add_url(f, port);
    open_front(f);
    e.client = connect_front(f);
    WAIT(f, readable(listening));
    e.upstream = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
    assert_true(e.upstream >= 0);
    close(listening);
    return e;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

#define HEAR(f, fd, text) \
    do { \
        char got_[100] = ""; \
        WAIT(f, readable(fd)); \
        assert_int_equal(recv(fd, got_, sizeof(got_) - 1, 0), strlen(text)); \
        assert_string_equal(got_, text); \
    } while (0)

#define HEAR_END(f, fd) HEAR(f, fd, "")

#define HEAR_RESET(f, fd) \
    do { \
        char byte_; \
        WAIT(f, readable(fd)); \
        assert_int_equal(recv(fd, &byte_, 1, 0), -1); \
        assert_int_equal(errno, ECONNRESET); \
    } while (0)

static void reset_now(int fd) {
    struct linger hard = {1, 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd);
}

static void on_ended(void *context, struct net_stream *stream) {
    struct fixture *f = context;
    (void)stream;
    f->ended++;
}

static void talk(struct fixture *f, struct stream_engine *engine) {
    struct net_stream_config config = {.loop = f->loop,
                                       .fd = connect_front(f),
                                       .owner = &f->clients,
                                       .ended = on_ended,
                                       .context = f};
    struct net_stream *s = net_stream_new(&config);
    assert_non_null(s);
    assert_int_equal(net_stream_start(s, engine), 0);
}

static bool all_ended(struct fixture *f, int clients) {
    return f->ended == clients && listener_streams(f->front) == 0 &&
           (!f->back || listener_streams(f->back) == 0);
}

/* ---- bytes ---- */

static void talks_both_ways(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 5000000};
    open_both(f);
    talk(f, talker_new(loop_turn(f->loop), &t));
    WAIT(f, all_ended(f, 1));
    assert_false(t.wrong);
    assert_int_equal(t.received, t.bytes);
    assert_int_equal(f->echo.received, t.bytes);
}

static void many_at_once(void **state) {
    enum { N = 60 };
    static struct talker talkers[N];
    struct fixture *f = *state;
    open_both(f); /* max_connections = 1 is for requests */
    memset(talkers, 0, sizeof(talkers));
    for (int i = 0; i < N; i++) {
        talkers[i].bytes = 3000 * (uint64_t)i;
        talkers[i].half_close = true;
        talk(f, talker_new(loop_turn(f->loop), &talkers[i]));
    }
    WAIT(f, all_ended(f, N));
    for (int i = 0; i < N; i++)
        assert_int_equal(talkers[i].received, talkers[i].bytes);
}

static void over_a_unix_socket(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 1000000, .half_close = true};
    char folder[] = "/tmp/h3gw-tunnel-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "unix:%s/socket", folder);
    f->back = open_listener(f, path, accept_back);
    f->uris[f->upstream_config.n_uris++] =
        (struct uri){.scheme = STR("unix"), .path = str_of(path + 5)};
    open_front(f);
    talk(f, talker_new(loop_turn(f->loop), &t));
    WAIT(f, all_ended(f, 1));
    assert_int_equal(t.received, t.bytes);
    unlink(path + 5);
    rmdir(folder);
}

static void tls_goes_through_unseen(void **state) {
    struct fixture *f = *state;
    struct pair *p = f->pair;
    f->peeks = f->back_speaks_tls = true;
    p->talker.bytes = 1000000;
    pair_contexts(p);
    open_both(f);
    struct tls_engine_config config = {.turn = &p->turn,
                                       .context = p->client_context,
                                       .peer = &p->client_peer,
                                       .inner = pair_make_talker,
                                       .inner_context = p,
                                       .host = "localhost"};
    talk(f, tls_engine_new(&config));
    WAIT(f, all_ended(f, 1));
    pair_assert_talked(p);
    assert_string_equal(p->client_peer.cert->subject, "CN=local");
    assert_string_equal(p->client_peer.alpn, "h2");
}

/* Longer than the write timeouts: who does not read may be paused. */
static void who_is_too_fast_waits(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 30000000, .paused = true};
    uint64_t write_timeout_ns = SECOND_NS / 50;
    f->upstream_config.write_timeout_ns = write_timeout_ns;
    open_both(f);
    listener_write_timeout(f->front, write_timeout_ns);
    struct stream_engine *engine = talker_new(loop_turn(f->loop), &t);
    talk(f, engine);
    uint64_t sent = 0;
    for (int same = 0; same < 5; same++) {
        if (t.sent != sent)
            same = 0;
        sent = t.sent;
        loop_lap(f->loop, SECOND_NS / 50);
    }
    assert_true(t.sent > 0 && t.sent < t.bytes);
    t.paused = false;
    talker_resume(engine);
    WAIT(f, all_ended(f, 1));
    assert_false(t.wrong);
    assert_int_equal(t.received, t.bytes);
}

/* ---- ends ---- */

static void the_client_has_said_all(void **state) {
    struct fixture *f = *state;
    struct ends e = join_ends(f);
    say(e.client, "ask");
    shutdown(e.client, SHUT_WR);
    HEAR(f, e.upstream, "ask");
    HEAR_END(f, e.upstream);
    say(e.upstream, "answer");
    HEAR(f, e.client, "answer");
    say(e.upstream, "and more");
    HEAR(f, e.client, "and more");
    close(e.upstream);
    HEAR_END(f, e.client);
    WAIT(f, listener_streams(f->front) == 0);
    close(e.client);
}

static void the_upstream_has_said_all(void **state) {
    struct fixture *f = *state;
    struct ends e = join_ends(f);
    say(e.upstream, "first");
    shutdown(e.upstream, SHUT_WR);
    HEAR(f, e.client, "first");
    HEAR_END(f, e.client);
    say(e.client, "still here");
    HEAR(f, e.upstream, "still here");
    close(e.client);
    HEAR_END(f, e.upstream);
    WAIT(f, listener_streams(f->front) == 0);
    close(e.upstream);
}

static void an_answer_survives_the_goodbye(void **state) {
    /* The upstream closes for good behind its answer: what the client still says resets that
     * connection, and must not reset this one. */
    enum { ANSWER = 30000 };
    static char answer[ANSWER], got[ANSWER + 1];
    struct fixture *f = *state;
    struct ends e = join_ends(f);
    assert_int_equal(send(e.upstream, answer, ANSWER, 0), ANSWER);
    close(e.upstream);
    WAIT(f, hangs_up(e.client));
    say(e.client, "good");
    loop_lap(f->loop, SECOND_NS / 50);
    say(e.client, "bye");
    WAIT(f, listener_streams(f->front) == 0);
    assert_int_equal(recv(e.client, got, ANSWER, MSG_WAITALL), ANSWER);
    HEAR_END(f, e.client);
    close(e.client);
}

static void the_client_resets(void **state) {
    struct fixture *f = *state;
    struct ends e = join_ends(f);
    say(e.client, "half of");
    HEAR(f, e.upstream, "half of");
    reset_now(e.client);
    HEAR_RESET(f, e.upstream);
    WAIT(f, listener_streams(f->front) == 0);
    close(e.upstream);
}

static void the_upstream_resets(void **state) {
    struct fixture *f = *state;
    struct ends e = join_ends(f);
    say(e.upstream, "half of");
    HEAR(f, e.client, "half of");
    reset_now(e.upstream);
    HEAR_RESET(f, e.client);
    WAIT(f, listener_streams(f->front) == 0);
    close(e.client);
}

static void nobody_says_anything(void **state) {
    struct fixture *f = *state;
    f->idle_timeout_ns = SECOND_NS / 5;
    struct ends e = join_ends(f);
    HEAR_RESET(f, e.client);
    HEAR_RESET(f, e.upstream);
    WAIT(f, listener_streams(f->front) == 0);
    assert_non_null(strstr(f->said, "its tunnel to tcp://here was idle for too long"));
    close(e.client);
    close(e.upstream);
}

static void a_drain_lets_it_go_on(void **state) {
    struct fixture *f = *state;
    struct ends e = join_ends(f);
    listener_drain(f->front);
    loop_lap(f->loop, 0);
    say(e.client, "ask");
    HEAR(f, e.upstream, "ask");
    say(e.upstream, "answer");
    HEAR(f, e.client, "answer");
    assert_int_equal(listener_streams(f->front), 1);
    close(e.client);
    HEAR_END(f, e.upstream);
    close(e.upstream);
    WAIT(f, listener_streams(f->front) == 0);
}

static void the_end_of_the_gateway(void **state) {
    struct fixture *f = *state;
    struct ends e = join_ends(f);
    say(e.client, "ask");
    HEAR(f, e.upstream, "ask");
    listener_free(f->front);
    f->front = NULL;
    HEAR_RESET(f, e.upstream);
    close(e.client);
    close(e.upstream);
}

/* ---- no upstream ---- */

static uint16_t closed_port(void) {
    uint16_t port;
    close(listen_here(&port, 1));
    return port;
}

static void hear_alert(struct fixture *f, int fd) {
    char got[100];
    const char alert[] = {21, 3, 3, 0, 2, 2, 80}; /* internal_error */
    WAIT(f, readable(fd));
    assert_int_equal(recv(fd, got, sizeof(got), 0), sizeof(alert));
    assert_memory_equal(got, alert, sizeof(alert));
    HEAR_END(f, fd);
}

static void connection_refused(void **state) {
    struct fixture *f = *state;
    add_url(f, closed_port());
    add_url(f, closed_port());
    open_front(f);
    int fd = connect_front(f);
    say(fd, "a hello");
    hear_alert(f, fd);
    assert_non_null(strstr(f->said, "upstream tcp://here: connection refused (127.0.0.1:"));
    close(fd);
    WAIT(f, listener_streams(f->front) == 0);
    assert_int_equal(upstream_numbers(f->upstream, 0).failures, 1);
    assert_int_equal(upstream_numbers(f->upstream, 1).failures, 1);
}

static void another_origin_is_there(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 100000};
    add_url(f, closed_port());
    open_both(f);
    talk(f, talker_new(loop_turn(f->loop), &t));
    WAIT(f, all_ended(f, 1));
    assert_int_equal(t.received, t.bytes);
    assert_int_equal(upstream_numbers(f->upstream, 0).failures, 1);
    assert_int_equal(upstream_numbers(f->upstream, 1).connects, 1);
}

/* A listener whose queue is full: further connects get no answer. */
struct deaf {
    int fd, queued[2];
    uint16_t port;
};

static struct deaf open_deaf(struct fixture *f) {
    struct deaf d;
    d.fd = listen_here(&d.port, 0);
    struct addr a;
    assert_int_equal(addr_from_ip(STR("127.0.0.1"), d.port, &a), 0);
    for (int i = 0; i < 2; i++) {
        d.queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(d.queued[i], &a.sa, a.n);
    }
    add_url(f, d.port);
    return d;
}

static void close_deaf(const struct deaf *d) {
    close(d->fd);
    close(d->queued[0]);
    close(d->queued[1]);
}

static void connect_takes_too_long(void **state) {
    struct fixture *f = *state;
    struct deaf d = open_deaf(f);
    f->upstream_config.connect_timeout_ns = SECOND_NS / 5;
    open_front(f);
    int fd = connect_front(f);
    hear_alert(f, fd);
    assert_non_null(strstr(f->said, "it took too long"));
    close(fd);
    close_deaf(&d);
    WAIT(f, listener_streams(f->front) == 0);
}

static void the_client_does_not_wait(void **state) {
    struct fixture *f = *state;
    struct deaf d = open_deaf(f);
    open_front(f);
    int fd = connect_front(f);
    say(fd, "a hello");
    WAIT(f, listener_streams(f->front) == 1);
    reset_now(fd);
    WAIT(f, listener_streams(f->front) == 0);
    close_deaf(&d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(talks_both_ways),           TEST(many_at_once),
        TEST(over_a_unix_socket),        TEST(tls_goes_through_unseen),
        TEST(who_is_too_fast_waits),     TEST(the_client_has_said_all),
        TEST(the_upstream_has_said_all), TEST(an_answer_survives_the_goodbye),
        TEST(the_client_resets),         TEST(the_upstream_resets),
        TEST(nobody_says_anything),      TEST(a_drain_lets_it_go_on),
        TEST(the_end_of_the_gateway),    TEST(connection_refused),
        TEST(another_origin_is_there),   TEST(connect_takes_too_long),
        TEST(the_client_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
