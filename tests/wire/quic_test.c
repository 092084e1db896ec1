/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "quic_echo.h"

/* QUIC between a client engine and a server engine, over networks good and bad. */

static void finish(struct quic_world *w) {
    world_close(w);
    (void)net_sim_run(w->net, 2 * SECOND_NS, NULL, NULL);
    assert_int_equal(quic_server_conns(w->server), 0);
    assert_true(w->server->ops->idle(w->server));
    assert_true(w->client->ops->idle(w->client));
    assert_string_equal(quic_client_error(w->client), "");
    world_fini(w);
}

static void shakes_hands_and_echoes(void **state) {
    (void)state;
    struct quic_world w;
    struct quic_stats stats;
    world_init(&w);
    world_start(&w, 1);
    assert_true(world_run(&w, SECOND_NS));
    assert_true(quic_client_handshake_done(w.client));
    const struct peer *peer = quic_peer(w.server_conn);
    assert_string_equal(peer->alpn, "h3");
    assert_string_equal(peer->sni, "localhost");
    assert_string_equal(peer->group, "X25519MLKEM768");
    peer->quic_stats(peer, &stats);
    assert_int_equal(stats.version, 1);
    assert_true(stats.smoothed_rtt_ns > 9 * MS_NS && stats.smoothed_rtt_ns < 20 * MS_NS);
    assert_true(stats.packets_lost == 0 && stats.connection_id_n >= 8);
    finish(&w);
}

static void runs_many_streams(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 350, .bytes = 3000};
    w.server_config.streams = 100;
    world_start(&w, 2);
    assert_true(world_run(&w, 20 * SECOND_NS));
    assert_int_equal(w.server_count.opened, 350);
    finish(&w);
}

/* What is there together goes together, though the streams do not end where packets do. */
static void sends_answers_in_one_burst(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 8, .bytes = 700};
    world_start(&w, 2);
    assert_true(world_run(&w, SECOND_NS));
    assert_true(net_sim_count(w.net, NET_SIM_B).longest >= 8 * 700 / 1200 + 1);
    finish(&w);
}

static bool has_three(void *context) {
    return ((const struct quic_world *)context)->client_count.complete == 3;
}

/* A stream ends for the client with the answer, not when an ACK comes behind it. */
static void acknowledges_with_the_answer(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan.streams = 3;
    w.server_config.streams = 1; /* one after another */
    world_start(&w, 2);
    assert_true(net_sim_run(w.net, SECOND_NS, has_three, &w));
    assert_int_equal(w.client_count.closed, 3);
    assert_true(world_run(&w, SECOND_NS));
    finish(&w);
}

static void moves_a_mebibyte_each_way(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20};
    world_start(&w, 3);
    assert_true(world_run(&w, 20 * SECOND_NS));
    finish(&w);
}

static void waits_for_a_slow_consumer(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 3, .bytes = 400000, .slow = true};
    w.client_config.stream_window_bytes = w.server_config.stream_window_bytes = 20000;
    w.client_config.conn_window_bytes = w.server_config.conn_window_bytes = 30000;
    world_start(&w, 4);
    assert_true(world_run(&w, 60 * SECOND_NS));
    finish(&w);
}

static void survives_a_bad_network(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct quic_world w;
        world_init(&w);
        w.plan = (struct quic_echo_plan){.streams = 20, .bytes = 30000};
        world_start(&w, seed);
        *net_sim_rules(w.net) = (struct net_sim_rules){
            .delay_ns = 15 * MS_NS, .loss = 100, .reorder = 100, .duplicate = 20, .corrupt = 10};
        assert_true(world_run(&w, 120 * SECOND_NS));
        world_fini(&w);
    }
}

/* What carries a path MTU probe, and whatever else is longer, is lost on this link. */
static void lives_with_a_small_mtu(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 2, .bytes = 300000};
    world_start(&w, 5);
    net_sim_rules(w.net)->mtu = 1232;
    assert_true(world_run(&w, 20 * SECOND_NS));
    finish(&w);
}

static bool note_longest(void *context, int from, uint8_t *p, size_t size) {
    size_t *longest = context;
    (void)from;
    (void)p;
    *longest = size > *longest ? size : *longest;
    return true;
}

static void finds_the_path_mtu(void **state) {
    (void)state;
    struct quic_world w;
    size_t longest = 0;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 2, .bytes = 300000};
    world_start(&w, 6);
    net_sim_tap(w.net, note_longest, &longest);
    assert_true(world_run(&w, 20 * SECOND_NS));
    assert_true(longest > 1400);
    finish(&w);
}

static void keeps_to_the_payload_limit(void **state) {
    (void)state;
    struct quic_world w;
    size_t longest = 0;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 2, .bytes = 100000};
    w.client_config.max_udp_payload = w.server_config.max_udp_payload = 1200;
    world_start(&w, 7);
    net_sim_rules(w.net)->max_segments = 1;
    net_sim_tap(w.net, note_longest, &longest);
    assert_true(world_run(&w, 20 * SECOND_NS));
    assert_int_equal(longest, 1200);
    finish(&w);
}

static void runs_each_congestion_control(void **state) {
    (void)state;
    for (enum quic_cc cc = QUIC_CUBIC; cc <= QUIC_BBR; cc++) {
        struct quic_world w;
        world_init(&w);
        w.plan = (struct quic_echo_plan){.streams = 2, .bytes = 200000};
        w.client_config.cc = w.server_config.cc = cc;
        world_start(&w, 8);
        net_sim_rules(w.net)->loss = 20;
        assert_true(world_run(&w, 60 * SECOND_NS));
        world_fini(&w);
    }
}

static bool all_closed(void *context) {
    const struct quic_world *w = context;
    return w->client_count.closed == w->plan.streams && w->server_count.closed == w->plan.streams;
}

static void resets_streams_half_way(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 150, .bytes = 60000, .reset_code = 0x10c};
    world_start(&w, 9);
    assert_true(net_sim_run(w.net, 30 * SECOND_NS, all_closed, &w));
    assert_true(w.server_count.reset > 0);
    w.client_count.opened = w.plan.streams = 0; /* the connection is as good as new */
    finish(&w);
}

/* As the two bits of the IP header would arrive: the peers find that ECN works. */
static void carries_ecn(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 200000};
    world_start(&w, 10);
    assert_true(world_run(&w, 20 * SECOND_NS));
    assert_true(net_sim_count(w.net, NET_SIM_A).ecn * 2 >
                net_sim_count(w.net, NET_SIM_A).datagrams);
    assert_true(net_sim_count(w.net, NET_SIM_B).ecn * 2 >
                net_sim_count(w.net, NET_SIM_B).datagrams);
    finish(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_with_a_small_mtu),
        cmocka_unit_test(finds_the_path_mtu),
        cmocka_unit_test(keeps_to_the_payload_limit),
        cmocka_unit_test(runs_each_congestion_control),
        cmocka_unit_test(resets_streams_half_way),
        cmocka_unit_test(carries_ecn),
        cmocka_unit_test(shakes_hands_and_echoes),
        cmocka_unit_test(runs_many_streams),
        cmocka_unit_test(sends_answers_in_one_burst),
        cmocka_unit_test(acknowledges_with_the_answer),
        cmocka_unit_test(moves_a_mebibyte_each_way),
        cmocka_unit_test(waits_for_a_slow_consumer),
        cmocka_unit_test(survives_a_bad_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
