/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certs.h"
#include "quic/conn.h"
#include "quic/counters.h"
#include "quic_echo.h"

/* What a server counts of its connections. */

struct counted {
    struct quic_world w;
    struct quic_counters counters;
};

static int set_up(void **state) {
    struct counted *c = test_calloc(1, sizeof *c);

    world_init(&c->w);
    c->w.server_config.counters = &c->counters;
    *state = c;
    return 0;
}

static int tear_down(void **state) {
    world_fini(&((struct counted *)*state)->w);
    test_free(*state);
    return 0;
}

static bool client_is_gone(void *context) {
    const struct quic_world *w = context;

    return w->client_count.apps == 0;
}

static void fails(struct counted *c) {
    world_start(&c->w, 1);
    assert_true(net_sim_run(c->w.net, 20 * SECOND_NS, client_is_gone, &c->w));
    (void)net_sim_run(c->w.net, SECOND_NS, NULL, NULL);
}

static uint64_t failures(const struct counted *c) {
    uint64_t sum = 0;

    for (size_t i = 0; i < ERR_KINDS; i++)
        sum += c->counters.failures[i];
    return sum;
}

/* The live ones are added; when they end nothing is counted twice. */
static void packets(void **state) {
    struct counted *c = *state;
    struct quic_counters live;

    world_start(&c->w, 1);
    assert_true(world_run(&c->w, 20 * SECOND_NS));
    assert_int_equal(c->counters.connections, 1);
    assert_int_equal(c->counters.packets_sent, 0);
    live = c->counters;
    quic_server_count(c->w.server, &live);
    assert_true(live.packets_sent > 3 && live.packets_received > 3);
    world_close(&c->w);
    (void)net_sim_run(c->w.net, 5 * SECOND_NS, NULL, NULL);
    assert_true(c->counters.packets_sent >= live.packets_sent);
    assert_true(c->counters.packets_sent < live.packets_sent + 10);
    assert_int_equal(c->counters.rtts, 1);
    assert_true(c->counters.rtt_ns > 0);
    live = c->counters;
    quic_server_count(c->w.server, &live);
    assert_int_equal(c->counters.packets_sent, live.packets_sent);
    assert_int_equal(failures(c), 0);
    assert_int_equal(c->counters.migrations + c->counters.retries, 0);
}

static void migrations(void **state) {
    struct counted *c = *state;
    struct addr other;

    c->w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(&c->w, 1);
    (void)net_sim_run(c->w.net, 80 * MS_NS, NULL, NULL);
    assert_int_equal(addr_parse(STR("10.0.0.77:5555"), &other), 0);
    net_sim_also(c->w.net, &other);
    assert_int_equal(conn_migrate(quic_client_conn(c->w.client), &other), 0);
    assert_true(world_run(&c->w, 20 * SECOND_NS));
    assert_int_equal(c->counters.migrations, 1);
}

static void retries(void **state) {
    struct counted *c = *state;

    c->w.server_config.retry = QUIC_RETRY_ALWAYS;
    world_start(&c->w, 1);
    assert_true(world_run(&c->w, 20 * SECOND_NS));
    assert_true(c->counters.retries >= 1);
    assert_int_equal(c->counters.connections, 1);
    assert_int_equal(failures(c), 0);
}

static void refused_by_the_client(void **state) {
    struct counted *c = *state;

    c->w.ca = other_ca_crt;
    fails(c);
    assert_int_equal(c->counters.failures[-ERR_REFUSED], 1);
    assert_int_equal(failures(c), 1);
}

static void refused_by_us(void **state) {
    struct counted *c = *state;

    c->w.refuse = true;
    fails(c);
    assert_int_equal(c->counters.failures[-ERR_LIMIT], 1);
    assert_int_equal(failures(c), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(packets), TEST(migrations), TEST(retries),
                                       TEST(refused_by_the_client), TEST(refused_by_us)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
