/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "echo.h"
#include "http/reason.h"
#include "loopback.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/port.h"
#include "sys/sock.h"

/* Real sockets on loopback: an echo behind a listener, talkers that dial it. */

struct fixture {
    struct turn turn;
    struct loop *loop;
    struct listener *listener;
    struct listener_config config;
    struct echo_seen echo;
    bool refuse;
    struct list clients;
    int ended, log_lines;
    struct task task; /* of dials */
    uint32_t task_events;
    struct log log;
    struct resolver *resolver;
};

static void on_task(struct task *task, uint32_t events) {
    container_of(task, struct fixture, task)->task_events |= events;
}

static void on_log(struct log *log, enum log_level level, const char *line, size_t n) {
    struct fixture *f = log->context;
    (void)level;
    assert_true(n > 0 && line[0]);
    f->log_lines++;
}

static int set_up(void **state) {
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){.log = {.level = LOG_WARN, .write = on_log, .context = f}};
    turn_init(&f->turn);
    f->loop = loop_new(&f->turn);
    assert_non_null(f->loop);
    f->resolver = resolver_new(f->loop, &f->log);
    assert_non_null(f->resolver);
    list_init(&f->clients);
    task_init(&f->task, &f->turn, on_task);
    f->config = (struct listener_config){.loop = f->loop, .log = &f->log, .context = f};
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &f->config.addr), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    listener_free(f->listener);
    while (!list_empty(&f->clients))
        net_stream_close(net_stream_of(f->clients.next), 0);
    loop_lap(f->loop, 0);
    assert_int_equal(f->echo.live, 0);
    resolver_free(f->resolver);
    task_fini(&f->task);
    loop_lap(f->loop, 0);
    loop_free(f->loop);
    turn_fini(&f->turn);
    return 0;
}

#define WAIT(f, condition) LOOPBACK_WAIT((f)->loop, condition)

static struct stream_engine *on_accept(void *context, struct peer *peer) {
    struct fixture *f = context;
    assert_true(peer->remote.n > 0);
    return f->refuse ? NULL : echo_new(&f->turn, 100000, &f->echo);
}

static void open_listener(struct fixture *f) {
    f->config.accept = on_accept;
    assert_int_equal(listener_open(&f->config, &f->listener), 0);
}

static void on_ended(void *context, struct net_stream *stream) {
    struct fixture *f = context;
    assert_non_null(net_stream_peer(stream));
    f->ended++;
}

static struct dial *dial(struct fixture *f, const char *host, uint16_t port) {
    struct dial_config config = {.loop = f->loop,
                                 .resolver = f->resolver,
                                 .task = &f->task,
                                 .host = str_of(host),
                                 .port = port,
                                 .timeout_ns = 5 * SECOND_NS};
    f->task_events = 0;
    struct dial *d = dial_start(&config);
    assert_non_null(d);
    WAIT(f, f->task_events & DIAL_DONE);
    return d;
}

static int connect_to(struct fixture *f) {
    struct dial *d = dial(f, "127.0.0.1", addr_port(listener_addr(f->listener)));
    int fd = dial_take_fd(d);
    assert_true(fd >= 0);
    dial_free(d);
    return fd;
}

static struct stream_engine *talk(struct fixture *f, int fd, struct talker *t) {
    struct net_stream_config config = {.loop = f->loop,
                                       .fd = fd,
                                       .hear_out = true,
                                       .log = &f->log,
                                       .owner = &f->clients,
                                       .ended = on_ended,
                                       .context = f};
    struct net_stream *s = net_stream_new(&config);
    struct stream_engine *e = talker_new(&f->turn, t);
    assert_non_null(s);
    assert_int_equal(net_stream_start(s, e), 0);
    return e;
}

static void talks_both_ways(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 5000000};
    open_listener(f);
    talk(f, connect_to(f), &t);
    WAIT(f, f->ended == 1 && listener_streams(f->listener) == 0);
    assert_false(t.wrong);
    assert_int_equal(t.received, t.bytes);
    assert_int_equal(t.live, 0);
    assert_true(f->echo.end_of_input);
}

static void half_close_still_gets_the_answer(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 300000, .half_close = true};
    open_listener(f);
    talk(f, connect_to(f), &t);
    WAIT(f, f->ended == 1 && listener_streams(f->listener) == 0);
    assert_int_equal(t.received, t.bytes);
    assert_true(t.end_of_input);
}

static void many_at_once(void **state) {
    enum { N = 100 };
    static struct talker talkers[N];
    struct fixture *f = *state;
    open_listener(f);
    memset(talkers, 0, sizeof(talkers));
    for (int i = 0; i < N; i++) {
        talkers[i].bytes = 1000 * (uint64_t)i;
        talkers[i].half_close = true;
        talk(f, connect_to(f), &talkers[i]);
    }
    WAIT(f, f->ended == N && listener_streams(f->listener) == 0);
    for (int i = 0; i < N; i++)
        assert_int_equal(talkers[i].received, talkers[i].bytes);
}

static void client_that_does_not_read(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 50000000, .paused = true};
    f->config.write_timeout_ns = SECOND_NS / 5;
    open_listener(f);
    struct stream_engine *e = talk(f, connect_to(f), &t);
    WAIT(f, f->echo.freed_reason == REASON_CLIENT_STALLED);
    talker_resume(e);
    WAIT(f, f->ended == 1);
    assert_true(t.sent < t.bytes);
}

static void the_last_answer_comes_through(void **state) {
    /* The server closes while the client goes on sending: no reset may eat the answer. */
    struct fixture *f = *state;
    char got[1000];
    size_t n = 0;
    open_listener(f);
    int fd = connect_to(f);
    WAIT(f, listener_streams(f->listener) == 1);
    assert_int_equal(send(fd, "hello", 5, 0), 5);
    WAIT(f, f->echo.received == 5);
    listener_drain(f->listener);
    for (int i = 0; i < 20; i++) {
        (void)!send(fd, "more and more", 13, MSG_NOSIGNAL);
        loop_lap(f->loop, 1000000);
        ssize_t more = recv(fd, got + n, sizeof(got) - n, MSG_DONTWAIT);
        assert_true(more >= 0 || errno == EAGAIN);
        if (more > 0)
            n += (size_t)more;
    }
    assert_memory_equal(got, "hello", 5);
    close(fd);
    WAIT(f, listener_streams(f->listener) == 0);
}

static void peer_resets(void **state) {
    struct fixture *f = *state;
    struct linger hard = {1, 0};
    open_listener(f);
    int fd = connect_to(f);
    WAIT(f, listener_streams(f->listener) == 1);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd);
    WAIT(f, listener_streams(f->listener) == 0);
    assert_false(f->echo.end_of_input);
}

/* ---- what a peer said before it reset ---- */

enum { LAST_WORDS = 60000 };

static int peer_of(int fd) {
    struct addr addr;
    int listening = socket(AF_INET, SOCK_STREAM, 0), peer;
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &addr), 0);
    assert_int_equal(bind(listening, &addr.sa, addr.n), 0);
    assert_int_equal(listen(listening, 1), 0);
    sock_names(listening, &addr, NULL);
    assert_int_equal(connect(fd, &addr.sa, addr.n), 0);
    peer = accept(listening, NULL, NULL);
    assert_true(peer >= 0);
    close(listening);
    return peer;
}

static void await_empty(struct fixture *f, int fd) {
    int left = 1;
    WAIT(f, ioctl(fd, SIOCOUTQ, &left) == 0 && left == 0);
}

/* With unread bytes of ours a close is a reset, of which the kernel drops nothing that came. */
static struct stream_engine *say_last_words(struct fixture *f, struct talker *t, bool fin) {
    static const char words[LAST_WORDS];
    int fd = socket(AF_INET, SOCK_STREAM, 0), peer = peer_of(fd);
    struct stream_engine *e = talk(f, fd, t);
    WAIT(f, t->sent > 0);
    assert_int_equal(send(peer, words, sizeof(words), 0), sizeof(words));
    if (fin)
        assert_int_equal(shutdown(peer, SHUT_WR), 0);
    await_empty(f, peer);
    close(peer);
    return e;
}

static void last_words_are_heard_as_there_is_room(void **state) {
    struct fixture *f = *state;
    for (int fin = 0; fin < 2; fin++) {
        struct talker t = {.bytes = 100000000, .paused = true};
        struct stream_engine *e = say_last_words(f, &t, fin);
        for (int i = 0; i < 5; i++)
            loop_lap(f->loop, 1000000);
        assert_int_equal(f->ended, fin);
        talker_resume(e);
        WAIT(f, f->ended == fin + 1);
        assert_int_equal(t.received, LAST_WORDS);
        assert_int_equal(t.end_of_input, fin);
    }
}

/* Nothing is left to be written, so the reset is found by looking. */
static void last_words_wait_for_room(void **state) {
    struct fixture *f = *state;
    struct talker t = {.bytes = 100, .paused = true, .stay = true};
    struct stream_engine *e = say_last_words(f, &t, false);
    uint64_t until_ns = f->turn.now_ns + 3 * SECOND_NS / 2;
    while (f->turn.now_ns < until_ns)
        loop_lap(f->loop, SECOND_NS / 10);
    assert_int_equal(f->ended, 0);
    talker_resume(e);
    WAIT(f, f->ended == 1);
    assert_int_equal(t.received, LAST_WORDS);
    assert_false(t.end_of_input);
}

static void peer_resets_while_nobody_reads(void **state) {
    struct fixture *f = *state;
    struct linger hard = {1, 0};
    open_listener(f);
    f->echo.deaf = true;
    int fd = connect_to(f);
    WAIT(f, listener_streams(f->listener) == 1);
    assert_int_equal(send(fd, "hello", 5, 0), 5);
    loop_lap(f->loop, SECOND_NS / 10);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd);
    WAIT(f, listener_streams(f->listener) == 0);
    assert_int_equal(f->echo.received, 0);
}

static void a_cut_is_a_reset(void **state) {
    struct fixture *f = *state;
    char got[10];
    open_listener(f);
    f->echo.cut = true;
    int fd = connect_to(f);
    WAIT(f, listener_streams(f->listener) == 0);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void refusing_engine(void **state) {
    struct fixture *f = *state;
    char byte;
    f->refuse = true;
    open_listener(f);
    int fd = connect_to(f);
    for (int i = 0; i < 5; i++)
        loop_lap(f->loop, 1000000);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
    close(fd);
    assert_int_equal(listener_streams(f->listener), 0);
}

static void at_most_so_many(void **state) {
    struct fixture *f = *state;
    struct quota quota;
    quota_init(&quota, "max-connections", 2);
    f->config.quota = &quota;
    open_listener(f);
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = connect_to(f);
    for (int i = 0; i < 5; i++)
        loop_lap(f->loop, 1000000);
    assert_int_equal(listener_streams(f->listener), 2);
    assert_int_equal(f->log_lines, 1);
    close(fds[0]);
    close(fds[1]);
    WAIT(f, listener_streams(f->listener) == 1);
    assert_true(f->echo.end_of_input);
    close(fds[2]);
    WAIT(f, listener_streams(f->listener) == 0);
    quota_fini(&quota);
}

/* Nobody calls: it looks again by itself. */
static void room_that_others_made(void **state) {
    struct fixture *f = *state;
    struct quota quota;
    quota_init(&quota, "max-connections", 1);
    assert_true(quota_enter(&quota));
    f->config.quota = &quota;
    open_listener(f);
    int fd = connect_to(f);
    WAIT(f, f->log_lines == 1);
    assert_int_equal(listener_streams(f->listener), 0);
    quota_leave(&quota);
    WAIT(f, listener_streams(f->listener) == 1);
    assert_false(quota_enter(&quota));
    close(fd);
    WAIT(f, listener_streams(f->listener) == 0);
    quota_fini(&quota);
}

/* What never became a connection counts no more. */
static void refused_ones_leave_the_quota(void **state) {
    struct fixture *f = *state;
    struct quota quota;
    quota_init(&quota, "max-connections", 1);
    f->config.quota = &quota;
    f->refuse = true;
    open_listener(f);
    for (int i = 0; i < 3; i++) {
        char byte;
        int fd = connect_to(f);
        WAIT(f, recv(fd, &byte, 1, MSG_DONTWAIT) == 0);
        close(fd);
    }
    WAIT(f, listener_streams(f->listener) == 0);
    quota_fini(&quota);
}

static void out_of_descriptors(void **state) {
    struct fixture *f = *state;
    struct rlimit old, few;
    open_listener(f);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = dup(fd);
    close(next);
    few = old;
    few.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    (void)connect(fd, &listener_addr(f->listener)->sa, listener_addr(f->listener)->n);
    WAIT(f, f->log_lines == 1);
    uint64_t before = f->turn.now_ns;
    while (f->turn.now_ns - before < SECOND_NS / 2)
        loop_lap(f->loop, SECOND_NS);
    assert_int_equal(f->log_lines, 1);
    assert_int_equal(listener_streams(f->listener), 0);
    while (turn_next_ns(&f->turn) == UINT64_MAX)
        loop_lap(f->loop, SECOND_NS); /* until it rests anew */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_true(turn_next_ns(&f->turn) - f->turn.now_ns <= SECOND_NS);
    WAIT(f, listener_streams(f->listener) == 1);
    close(fd);
}

static void port_in_use(void **state) {
    struct fixture *f = *state;
    struct listener *second;
    open_listener(f);
    struct listener_config config = f->config;
    config.addr = *listener_addr(f->listener);
    assert_int_equal(listener_open(&config, &second), ERR_EXISTS);
    struct sock_bind shared = {.addr = config.addr, .type = SOCK_STREAM, .reuse_port = true};
    int fd;
    assert_int_equal(sock_bind(&shared, &fd), ERR_EXISTS);
    assert_int_equal(addr_parse(STR("192.0.2.1:80"), &config.addr), 0);
    assert_int_equal(listener_open(&config, &second), ERR_SYSTEM);
    assert_int_equal(errno, EADDRNOTAVAIL);
}

static void workers_share_a_port_strangers_do_not(void **state) {
    struct fixture *f = *state;
    struct sock_bind shared = {.addr = f->config.addr, .type = SOCK_STREAM, .reuse_port = true};
    struct listener *second;
    int fd;
    f->config.accept = on_accept;
    assert_int_equal(sock_bind(&shared, &fd), 0);
    assert_int_equal(listener_adopt(&f->config, fd, &f->listener), 0);
    listener_start(f->listener);
    shared.addr = *listener_addr(f->listener);
    assert_int_equal(sock_bind(&shared, &fd), ERR_EXISTS);
    shared.sibling = true;
    assert_int_equal(sock_bind(&shared, &fd), 0);
    assert_int_equal(listener_adopt(&f->config, fd, &second), 0);
    listener_start(second);
    assert_true(addr_eq(listener_addr(second), listener_addr(f->listener)));
    listener_free(second);
}

static void unix_sockets(void **state) {
    struct fixture *f = *state;
    char folder[] = "/tmp/h3gw-net-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "unix:%s/socket", folder);
    assert_int_equal(addr_parse(str_of(path), &f->config.addr), 0);
    open_listener(f);
    struct dial_config config = {.loop = f->loop,
                                 .resolver = f->resolver,
                                 .task = &f->task,
                                 .unix_path = str_of(path + 5),
                                 .timeout_ns = SECOND_NS};
    struct dial *d = dial_start(&config);
    WAIT(f, f->task_events & DIAL_DONE);
    int fd = dial_take_fd(d);
    assert_true(fd >= 0);
    dial_free(d);
    struct talker t = {.bytes = 1000000};
    talk(f, fd, &t);
    WAIT(f, f->ended == 1);
    assert_int_equal(t.received, t.bytes);
    unlink(path + 5);
    d = dial_start(&config);
    f->task_events = 0;
    WAIT(f, f->task_events & DIAL_DONE);
    assert_int_equal(dial_take_fd(d), ERR_REFUSED);
    assert_memory_equal(dial_problem(d), "there is no such socket (unix:", 30);
    dial_free(d);
    rmdir(folder);
}

/* ---- dial ---- */

static void localhost_without_asking(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"localhost", "LocalHost.", "app.localhost"};
    open_listener(f); /* 127.0.0.1 only: ::1 refuses, the next is tried at once */
    for (int i = 0; i < 3; i++) {
        struct dial *d = dial(f, names[i], addr_port(listener_addr(f->listener)));
        int n, fd = dial_take_fd(d);
        assert_true(fd >= 0);
        close(fd);
        const struct addr *addrs = dial_addrs(d, &n);
        assert_int_equal(n, 2);
        assert_int_equal(addrs[0].sa.sa_family, AF_INET6);
        assert_string_equal(dial_problem(d), "");
        dial_free(d);
        WAIT(f, f->echo.end_of_input && listener_streams(f->listener) == 0);
        f->echo.end_of_input = false;
    }
}

static uint16_t closed_port(struct fixture *f) {
    open_listener(f);
    uint16_t port = addr_port(listener_addr(f->listener));
    listener_free(f->listener);
    f->listener = NULL;
    loop_lap(f->loop, 0);
    return port;
}

static void connection_refused(void **state) {
    struct fixture *f = *state;
    char wanted[100];
    uint16_t port = closed_port(f);
    struct dial *d = dial(f, "127.0.0.1", port);
    assert_int_equal(dial_take_fd(d), ERR_REFUSED);
    (void)snprintf(wanted, sizeof(wanted), "connection refused (127.0.0.1:%u)", port);
    assert_string_equal(dial_problem(d), wanted);
    dial_free(d);
}

static void names_that_do_not_exist(void **state) {
    struct fixture *f = *state;
    struct dial *d = dial(f, "no such name", 80);
    int err = dial_take_fd(d);
    assert_true(err < 0);
    assert_true(strlen(dial_problem(d)) > 0);
    dial_free(d);
}

static void addresses_only(void **state) {
    struct fixture *f = *state;
    struct dial_config config = {.loop = f->loop,
                                 .resolver = f->resolver,
                                 .task = &f->task,
                                 .host = STR("localhost"),
                                 .port = 8443,
                                 .timeout_ns = SECOND_NS,
                                 .datagram = true};
    struct dial *d = dial_start(&config);
    char text[ADDR_TEXT];
    int n;
    WAIT(f, f->task_events & DIAL_DONE);
    const struct addr *addrs = dial_addrs(d, &n);
    assert_int_equal(n, 2);
    assert_string_equal(addr_text(&addrs[1], text), "127.0.0.1:8443");
    dial_free(d);
}

static void freed_at_any_time(void **state) {
    struct fixture *f = *state;
    struct dial_config config = {.loop = f->loop,
                                 .resolver = f->resolver,
                                 .task = &f->task,
                                 .host = STR("somewhere.invalid"),
                                 .port = 8443,
                                 .timeout_ns = SECOND_NS};
    for (int laps = 0; laps < 4; laps++) {
        struct dial *d = dial_start(&config);
        for (int i = 0; i < laps; i++)
            loop_lap(f->loop, 1000000);
        dial_free(d);
    }
    config.host = STR("127.0.0.1");
    dial_free(dial_start(&config));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(talks_both_ways),
        TEST(half_close_still_gets_the_answer),
        TEST(many_at_once),
        TEST(client_that_does_not_read),
        TEST(the_last_answer_comes_through),
        TEST(peer_resets),
        TEST(last_words_are_heard_as_there_is_room),
        TEST(last_words_wait_for_room),
        TEST(peer_resets_while_nobody_reads),
        TEST(a_cut_is_a_reset),
        TEST(refusing_engine),
        TEST(at_most_so_many),
        TEST(room_that_others_made),
        TEST(refused_ones_leave_the_quota),
        TEST(out_of_descriptors),
        TEST(port_in_use),
        TEST(workers_share_a_port_strangers_do_not),
        TEST(unix_sockets),
        TEST(localhost_without_asking),
        TEST(connection_refused),
        TEST(names_that_do_not_exist),
        TEST(addresses_only),
        TEST(freed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
