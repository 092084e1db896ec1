/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "net/dial.h"
#include "sys/sock.h"

/* Names through c-ares, asked of a DNS server that is this test. */

enum answer { ADDRESSES, NO_SUCH_NAME, SILENCE };

struct fixture {
    struct turn turn;
    struct loop *loop;
    struct resolver *resolver;
    struct task task;
    uint32_t task_events;
    struct loop_watch server;
    int listener, questions;
    uint16_t port;
    enum answer answer;
};

/* RFC 1035 4: the question comes back, with one address in the answer where there is one. */
static void on_question(struct loop_watch *watch, int events) {
    struct fixture *f = container_of(watch, struct fixture, server);
    uint8_t m[600] = {0};
    struct addr from;
    from.n = sizeof(from.un);
    (void)events;
    ssize_t got = recvfrom(watch->fd, m, 512, 0, &from.sa, &from.n);
    if (got < 12)
        return;
    f->questions++;
    if (f->answer == SILENCE)
        return;
    size_t n = 12;
    while (m[n])
        n += m[n] + 1u;
    bool is_a = m[n + 2] == 1;
    n += 5;
    m[2] = 0x81;
    m[3] = f->answer == NO_SUCH_NAME ? 0x83 : 0x80;
    m[7] = is_a && f->answer == ADDRESSES;
    m[11] = 0; /* no EDNS in the answer */
    static const uint8_t a[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};
    if (m[7]) {
        memcpy(m + n, a, sizeof(a));
        n += sizeof(a);
    }
    (void)!sendto(watch->fd, m, n, 0, &from.sa, from.n);
}

static void on_task(struct task *task, uint32_t events) {
    container_of(task, struct fixture, task)->task_events |= events;
}

static int set_up(void **state) {
    static struct fixture f;
    char servers[64];
    struct sock_bind dns = {.type = SOCK_DGRAM}, tcp = {.type = SOCK_STREAM};
    struct addr addr;
    int fd;
    f = (struct fixture){0};
    turn_init(&f.turn);
    f.loop = loop_new(&f.turn);
    task_init(&f.task, &f.turn, on_task);
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &dns.addr), 0);
    tcp.addr = dns.addr;
    assert_int_equal(sock_bind(&dns, &fd), 0);
    sock_names(fd, &addr, NULL);
    assert_int_equal(loop_watch_init(&f.server, f.loop, fd, on_question), 0);
    loop_watch_set(&f.server, LOOP_READ);
    f.resolver = resolver_new(f.loop, NULL);
    (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", addr_port(&addr));
    assert_int_equal(resolver_set_servers(f.resolver, servers), 0);
    assert_int_equal(sock_bind(&tcp, &f.listener), 0);
    sock_names(f.listener, &addr, NULL);
    f.port = addr_port(&addr);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    resolver_free(f->resolver);
    close(f->server.fd);
    loop_watch_fini(&f->server);
    close(f->listener);
    task_fini(&f->task);
    loop_lap(f->loop, 0);
    loop_free(f->loop);
    turn_fini(&f->turn);
    return 0;
}

static struct dial *ask(struct fixture *f, uint64_t timeout_ns) {
    struct dial_config config = {.loop = f->loop,
                                 .resolver = f->resolver,
                                 .task = &f->task,
                                 .host = STR("app.internal.example."),
                                 .port = f->port,
                                 .timeout_ns = timeout_ns};
    struct dial *d = dial_start(&config);
    uint64_t until_ns = f->turn.now_ns + 10 * SECOND_NS;
    while (!(f->task_events & DIAL_DONE) && f->turn.now_ns < until_ns)
        loop_lap(f->loop, SECOND_NS / 10);
    assert_true(f->task_events & DIAL_DONE);
    return d;
}

static void connects(void **state) {
    struct fixture *f = *state;
    struct dial *d = ask(f, 5 * SECOND_NS);
    char text[ADDR_TEXT];
    int n, fd = dial_take_fd(d);
    assert_true(fd >= 0);
    close(fd);
    const struct addr *addrs = dial_addrs(d, &n);
    assert_int_equal(n, 1);
    assert_string_equal(addr_ip_text(&addrs[0], text), "127.0.0.1");
    assert_int_equal(addr_port(&addrs[0]), f->port);
    assert_true(f->questions > 0);
    dial_free(d);
}

static void no_such_name(void **state) {
    struct fixture *f = *state;
    f->answer = NO_SUCH_NAME;
    struct dial *d = ask(f, 5 * SECOND_NS);
    assert_int_equal(dial_take_fd(d), ERR_NOT_FOUND);
    assert_string_equal(dial_problem(d), "the name does not exist (app.internal.example.)");
    dial_free(d);
}

static void silence(void **state) {
    struct fixture *f = *state;
    f->answer = SILENCE;
    struct dial *d = ask(f, SECOND_NS / 10);
    assert_int_equal(dial_take_fd(d), ERR_TIMEOUT);
    assert_string_equal(dial_problem(d), "it took too long (app.internal.example.)");
    dial_free(d); /* the question goes on without anybody who waits */
}

static void resolver_goes_first(void **state) {
    struct fixture *f = *state;
    struct dial_config config = {.loop = f->loop,
                                 .resolver = f->resolver,
                                 .task = &f->task,
                                 .host = STR("app.example."),
                                 .timeout_ns = SECOND_NS};
    f->answer = SILENCE;
    struct dial *d = dial_start(&config);
    loop_lap(f->loop, 1000000);
    resolver_free(f->resolver);
    f->resolver = NULL;
    loop_lap(f->loop, 0);
    assert_true(f->task_events & DIAL_DONE);
    assert_true(dial_take_fd(d) < 0);
    dial_free(d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(connects),
        TEST(no_such_name),
        TEST(silence),
        TEST(resolver_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
