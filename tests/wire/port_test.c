/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "loopback.h"
#include "net/port.h"
#include "sys/datagram.h"
#include "sys/sock.h"

/* A port that sends back what it gets, and one that sends and counts, on loopback. */

struct mirror {
    struct datagram_engine base;
    struct grave grave;
    struct turn *turn;
    struct datagram out; /* the next to send; n 0: none */
    uint8_t memory[65535];
    bool echo;
    size_t segments_allowed;
    uint64_t bytes, datagrams; /* received; a segment counts as one */
    struct datagram last;
    uint8_t seen[65535]; /* the bytes of last */
    uint32_t ids[256];   /* how often each first byte came */
    int live;
};

static struct mirror *mirror_of(const struct datagram_engine *e) {
    return container_of(e, struct mirror, base);
}

static void mirror_take(struct datagram_engine *base, struct datagram *d) {
    struct mirror *m = mirror_of(base);
    size_t segment = d->segment ? d->segment : d->n;
    m->bytes += d->n;
    m->datagrams += (d->n + segment - 1) / segment;
    m->ids[d->data[0]]++;
    m->last = *d;
    memcpy(m->seen, d->data, d->n);
    if (!m->echo)
        return;
    m->out = *d;
    memcpy(m->memory, d->data, d->n);
    datagram_engine_wake(base);
}

static bool mirror_pull(struct datagram_engine *base, struct datagram *d, size_t max_segments) {
    struct mirror *m = mirror_of(base);
    m->segments_allowed = max_segments;
    if (m->out.n == 0)
        return false;
    assert_true(m->out.n <= d->cap);
    memcpy(d->data, m->memory, m->out.n);
    d->n = m->out.n;
    d->segment = m->out.segment;
    d->local = m->out.local;
    d->remote = m->out.remote;
    d->ecn = m->out.ecn;
    d->ifindex = m->out.ifindex;
    m->out.n = 0;
    return true;
}

static void mirror_drain(struct datagram_engine *base) {
    mirror_of(base)->echo = false;
}

static bool mirror_idle(const struct datagram_engine *base) {
    return mirror_of(base)->out.n == 0;
}

static void mirror_free(struct datagram_engine *base) {
    mirror_of(base)->live--;
}

static const struct datagram_engine_ops mirror_ops = {
    .take = mirror_take,
    .pull = mirror_pull,
    .drain = mirror_drain,
    .idle = mirror_idle,
    .free = mirror_free,
};

struct fixture {
    struct turn turn;
    struct loop *loop;
    struct mirror server, client;
    struct port *server_port, *client_port;
    struct task task;
    uint32_t task_events;
};

static void on_task(struct task *task, uint32_t events) {
    container_of(task, struct fixture, task)->task_events |= events;
}

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){0};
    turn_init(&f.turn);
    f.loop = loop_new(&f.turn);
    assert_non_null(f.loop);
    task_init(&f.task, &f.turn, on_task);
    f.server.base.ops = f.client.base.ops = &mirror_ops;
    f.server.echo = true;
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    port_free(f->server_port);
    port_free(f->client_port);
    loop_lap(f->loop, 0);
    assert_int_equal(f->server.live, 0);
    assert_int_equal(f->client.live, 0);
    task_fini(&f->task);
    loop_free(f->loop);
    turn_fini(&f->turn);
    return 0;
}

#define WAIT(f, condition) LOOPBACK_WAIT((f)->loop, condition)

static void start(struct port *p, struct mirror *m) {
    m->live++;
    port_start(p, &m->base);
}

static void open_both(struct fixture *f, const char *server, const char *client) {
    struct port_config config = {.loop = f->loop};
    assert_int_equal(addr_parse(str_of(server), &config.addr), 0);
    assert_int_equal(port_open(&config, &f->server_port), 0);
    struct addr to = *port_addr(f->server_port);
    assert_int_equal(addr_parse(str_of(client), &config.addr), 0);
    uint16_t port = addr_port(&to);
    assert_int_equal(addr_from_ip(STR("127.0.0.1"), port, &to), 0);
    if (config.addr.sa.sa_family == AF_INET6)
        assert_int_equal(addr_from_ip(STR("::1"), port, &to), 0);
    config.connect_to = &to;
    config.refused = &f->task;
    assert_int_equal(port_open(&config, &f->client_port), 0);
    start(f->server_port, &f->server);
    start(f->client_port, &f->client);
}

static void send_one(struct fixture *f, size_t n, size_t segment, uint8_t ecn) {
    struct mirror *m = &f->client;
    for (size_t i = 0; i < n; i++)
        m->memory[i] = (uint8_t)(i * 7);
    m->out = (struct datagram){.n = n, .segment = segment, .ecn = ecn};
    m->out.remote = *port_addr(f->server_port);
    datagram_engine_wake(&m->base);
}

static void there_and_back(struct fixture *f, const char *local) {
    char text[ADDR_TEXT];
    send_one(f, 1200, 0, 2);
    WAIT(f, f->client.datagrams == 1);
    assert_int_equal(f->client.bytes, 1200);
    assert_int_equal(f->server.last.ecn, 2);
    assert_int_equal(f->client.last.ecn, 2);
    assert_string_equal(addr_ip_text(&f->server.last.local, text), local);
    assert_int_equal(addr_port(&f->server.last.local), addr_port(port_addr(f->server_port)));
    assert_true(addr_eq(&f->server.last.remote, port_addr(f->client_port)));
    assert_memory_equal(f->client.seen, f->client.memory, 1200);
    assert_true(f->server.last.ifindex > 0);
}

static void ipv4(void **state) {
    open_both(*state, "0.0.0.0:0", "0.0.0.0:0");
    there_and_back(*state, "127.0.0.1");
}

static void ipv6(void **state) {
    open_both(*state, "[::]:0", "[::]:0");
    there_and_back(*state, "::1");
}

static void segments(void **state) {
    struct fixture *f = *state;
    open_both(f, "127.0.0.1:0", "0.0.0.0:0");
    send_one(f, 30 * 1300 + 17, 1300, 0);
    WAIT(f, f->server.datagrams == 31);
    assert_int_equal(f->server.bytes, 30 * 1300 + 17);
    if (strstr(port_features(f->client_port), "gso"))
        assert_int_equal(f->client.segments_allowed, 64);
}

static void segments_without_gso(void **state) {
    struct fixture *f = *state;
    unsigned none = 0;
    uint8_t bytes[3000] = {1};
    open_both(f, "127.0.0.1:0", "0.0.0.0:0");
    struct datagram d = {.data = bytes, .n = sizeof(bytes), .segment = 1300};
    d.remote = *port_addr(f->server_port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    f->server.echo = false;
    assert_int_equal(datagram_send(fd, &d, false, &none), 0);
    WAIT(f, f->server.datagrams == 3);
    d.n = d.segment = 70000;
    close(fd);
}

static void too_large_is_dropped(void **state) {
    struct fixture *f = *state;
    uint8_t *bytes = calloc(1, 70000);
    unsigned features = 15;
    struct datagram d = {.data = bytes, .n = 70000};
    open_both(f, "127.0.0.1:0", "0.0.0.0:0");
    d.remote = *port_addr(f->server_port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(datagram_send(fd, &d, false, &features), ERR_LIMIT);
    close(fd);
    free(bytes);
}

static void nobody_there(void **state) {
    struct fixture *f = *state;
    open_both(f, "127.0.0.1:0", "0.0.0.0:0");
    port_free(f->server_port);
    f->server_port = NULL;
    loop_lap(f->loop, 0);
    for (int i = 0; i < 20 && !f->task_events; i++) {
        f->client.out = (struct datagram){.n = 100};
        datagram_engine_wake(&f->client.base);
        loop_lap(f->loop, SECOND_NS / 100);
    }
    assert_int_equal(f->task_events, PORT_REFUSED);
}

static void in_use(void **state) {
    struct fixture *f = *state;
    struct port *second;
    open_both(f, "127.0.0.1:0", "0.0.0.0:0");
    struct port_config config = {.loop = f->loop, .addr = *port_addr(f->server_port)};
    assert_int_equal(port_open(&config, &second), ERR_EXISTS);
    struct sock_bind shared = {.addr = config.addr, .type = SOCK_DGRAM, .reuse_port = true};
    int fd;
    assert_int_equal(sock_bind(&shared, &fd), ERR_EXISTS);
}

/* Two workers: the id's first byte is at 6 in a long header, at 1 in a short one. */
static void steering(void **state) {
    struct fixture *f = *state;
    struct port_config config = {.loop = f->loop};
    struct sock_bind shared = {.type = SOCK_DGRAM, .reuse_port = true};
    static struct mirror second;
    second = (struct mirror){.base.ops = &mirror_ops};
    struct port *second_port;
    int bound;
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &shared.addr), 0);
    assert_int_equal(sock_bind(&shared, &bound), 0);
    assert_int_equal(sock_steer_quic(bound, 2), 0); /* for the others of the port too */
    assert_int_equal(port_adopt(&config, bound, &f->server_port), 0);
    shared.addr = *port_addr(f->server_port);
    shared.sibling = true;
    assert_int_equal(sock_bind(&shared, &bound), 0);
    assert_int_equal(port_adopt(&config, bound, &second_port), 0);
    f->server.echo = false;
    start(f->server_port, &f->server);
    start(second_port, &second);
    struct addr to = shared.addr;
    for (int i = 0; i < 40; i++) {
        uint8_t bytes[20] = {i % 2 ? 0xc0 : 0x40};
        bytes[i % 2 ? 6 : 1] = (uint8_t)(i / 2);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* each from a port of its own */
        assert_int_equal(sendto(fd, bytes, sizeof(bytes), 0, &to.sa, to.n), sizeof(bytes));
        close(fd);
        uint64_t wanted = (uint64_t)i + 1;
        WAIT(f, f->server.datagrams + second.datagrams == wanted);
        struct mirror *hit = i / 2 % 2 ? &second : &f->server;
        assert_int_equal(hit->seen[i % 2 ? 6 : 1], i / 2);
    }
    assert_int_equal(f->server.datagrams, 20);
    port_free(second_port);
    loop_lap(f->loop, 0);
    assert_int_equal(second.live, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ipv4),
        TEST(ipv6),
        TEST(segments),
        TEST(segments_without_gso),
        TEST(too_large_is_dropped),
        TEST(nobody_there),
        TEST(in_use),
        TEST(steering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
