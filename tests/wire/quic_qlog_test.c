/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quic/conn.h"
#include "quic_echo.h"
#include "quic_initial.h"
#include "quic_traces.h"

/* The qlog of each connection, whatever its end. */

struct traced {
    struct quic_world w;
    struct traces client, server;
};

static void traced_init(struct traced *t) {
    world_init(&t->w);
    traces_init(&t->client);
    traces_init(&t->server);
    t->w.client_config.qlog = &t->client.keeper;
    t->w.server_config.qlog = &t->server.keeper;
}

static void traced_fini(struct traced *t) {
    world_fini(&t->w);
    traces_fini(&t->client);
    traces_fini(&t->server);
}

static void run_for(struct quic_world *w, uint64_t ms) {
    (void)net_sim_run(w->net, ms * MS_NS, NULL, NULL);
}

static unsigned of_server(const struct traced *t, const char *name, const char *text) {
    return trace_count(&t->server.v[0], "server", name, text);
}

static unsigned of_client(const struct traced *t, const char *name, const char *text) {
    return trace_count(&t->client.v[0], "client", name, text);
}

static void tells_a_connection_from_both_sides(void **state) {
    (void)state;
    struct traced t;
    traced_init(&t);
    world_start(&t.w, 1);
    assert_true(world_run(&t.w, SECOND_NS));
    world_close(&t.w);
    run_for(&t.w, 1000);
    assert_true(t.client.n == 1 && t.server.n == 1);
    assert_string_equal(t.client.v[0].id, t.server.v[0].id);
    assert_true(strlen(t.client.v[0].id) == 2 * (size_t)HUB_ID_BYTES);
    assert_true(t.client.v[0].over && t.client.v[0].kept);
    assert_true(t.server.v[0].over && t.server.v[0].kept);
    assert_int_equal(of_server(&t, "transport:parameters_set", ""), 2);
    assert_int_equal(of_client(&t, "transport:parameters_set", ""), 2);
    assert_true(of_server(&t, "transport:packet_sent", "\"stream\"") > 0);
    assert_true(of_server(&t, "recovery:metrics_updated", "") > 0);
    assert_int_equal(of_client(&t, "transport:packet_sent", "connection_close"), 1);
    assert_int_equal(of_server(&t, "transport:packet_received", "connection_close"), 1);
    traced_fini(&t);
}

static void goes_on_when_the_client_moves(void **state) {
    (void)state;
    struct traced t;
    struct addr other;
    traced_init(&t);
    t.w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(&t.w, 1);
    run_for(&t.w, 80);
    assert_int_equal(addr_parse(STR("10.0.0.77:5555"), &other), 0);
    net_sim_also(t.w.net, &other);
    assert_int_equal(conn_migrate(quic_client_conn(t.w.client), &other), 0);
    assert_true(world_run(&t.w, 20 * SECOND_NS));
    assert_int_equal(t.server.n, 1);
    assert_true(of_server(&t, "transport:packet_received", "path_challenge") > 0);
    assert_true(of_server(&t, "transport:packet_sent", "path_response") > 0);
    traced_fini(&t);
}

static void tells_losses(void **state) {
    (void)state;
    struct traced t;
    traced_init(&t);
    t.w.plan = (struct quic_echo_plan){.streams = 4, .bytes = 100000};
    world_start(&t.w, 3);
    net_sim_rules(t.w.net)->loss = 100;
    assert_true(world_run(&t.w, 60 * SECOND_NS));
    assert_true(of_server(&t, "recovery:packet_lost", "") > 0);
    traced_fini(&t);
}

static void ends_with_a_client_that_vanishes(void **state) {
    (void)state;
    struct traced t;
    traced_init(&t);
    t.w.server_config.idle_timeout_ns = 3 * SECOND_NS;
    t.w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(&t.w, 1);
    run_for(&t.w, 80);
    net_sim_replace(t.w.net, NET_SIM_A, NULL);
    assert_true(t.client.v[0].over && t.client.v[0].kept);
    assert_false(t.server.v[0].over);
    run_for(&t.w, 20000);
    assert_true(t.server.v[0].over && t.server.v[0].kept);
    assert_true(of_server(&t, "transport:packet_sent", "\"stream\"") > 0);
    traced_fini(&t);
}

static void ends_when_the_server_is_freed(void **state) {
    (void)state;
    struct traced t;
    traced_init(&t);
    t.w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(&t.w, 1);
    run_for(&t.w, 80);
    net_sim_replace(t.w.net, NET_SIM_B, NULL);
    assert_true(t.server.v[0].over && t.server.v[0].kept);
    traced_fini(&t);
}

static void bears_the_first_id_through_retry(void **state) {
    (void)state;
    struct traced t;
    traced_init(&t);
    t.w.server_config.retry = QUIC_RETRY_ALWAYS;
    world_start(&t.w, 1);
    assert_true(world_run(&t.w, SECOND_NS));
    assert_true(t.server.n == 1 && t.client.n == 1);
    assert_string_equal(t.client.v[0].id, t.server.v[0].id);
    assert_true(of_client(&t, "transport:packet_received", "retry_token") == 1);
    traced_fini(&t);
}

static void tells_each_try_of_a_version(void **state) {
    (void)state;
    struct traced t;
    traced_init(&t);
    t.w.version = 0x5a6a7a8a; /* reserved: no server speaks it */
    world_start(&t.w, 1);
    assert_true(world_run(&t.w, SECOND_NS));
    assert_true(t.client.n == 2 && t.server.n == 1);
    assert_true(t.client.v[0].over && t.client.v[0].kept);
    assert_string_equal(t.client.v[1].id, t.server.v[0].id);
    assert_true(of_client(&t, "transport:packet_received", "supported_versions") == 1);
    traced_fini(&t);
}

/* It looks like a first packet, but no key opens it. */
static void keeps_none_of_noise(void **state) {
    (void)state;
    struct traced t;
    struct addr a = net_sim_addr(NET_SIM_A);
    uint8_t packet[QUIC_INITIAL_BYTES];
    traced_init(&t);
    world_start(&t.w, 1);
    quic_initial_seal(packet, (const uint8_t *)"8 bytes!", 0, (const uint8_t *)"\1", 1);
    packet[QUIC_INITIAL_BYTES - 1] ^= 1;
    net_sim_inject(t.w.net, NET_SIM_B, &a, packet, sizeof(packet));
    run_for(&t.w, 100);
    const struct trace *noise = &t.server.v[0], *other = &t.server.v[1];
    if (strcmp(noise->id, "3820627974657321") != 0)
        noise = &t.server.v[1], other = &t.server.v[0];
    assert_int_equal(t.server.n, 2);
    assert_string_equal(noise->id, "3820627974657321");
    assert_true(noise->over && !noise->kept);
    assert_string_equal(other->id, t.client.v[0].id);
    traced_fini(&t);
}

static void may_be_refused(void **state) {
    (void)state;
    struct traced t;
    traced_init(&t);
    t.server.refuse = t.client.refuse = true;
    world_start(&t.w, 1);
    assert_true(world_run(&t.w, SECOND_NS));
    traced_fini(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_connection_from_both_sides),
        cmocka_unit_test(goes_on_when_the_client_moves),
        cmocka_unit_test(tells_losses),
        cmocka_unit_test(ends_with_a_client_that_vanishes),
        cmocka_unit_test(ends_when_the_server_is_freed),
        cmocka_unit_test(bears_the_first_id_through_retry),
        cmocka_unit_test(tells_each_try_of_a_version),
        cmocka_unit_test(keeps_none_of_noise),
        cmocka_unit_test(may_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
