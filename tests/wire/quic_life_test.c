/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs.h"
#include "quic/conn.h"
#include "quic_echo.h"

/* How QUIC connections begin, move and end. */

static void run_for(struct quic_world *w, uint64_t ms) {
    (void)net_sim_run(w->net, ms * MS_NS, NULL, NULL);
}

static bool says(const char *text, const char *what) {
    if (strstr(text, what))
        return true;
    print_error("\"%s\" is not in \"%s\"\n", what, text);
    return false;
}

static bool client_is_gone(void *context) {
    const struct quic_world *w = context;
    return w->client_count.apps == 0;
}

/* The connection ends for the client, and that is in what it tells. */
static bool client_hears(struct quic_world *w, const char *why) {
    return net_sim_run(w->net, 5 * SECOND_NS, client_is_gone, w) &&
           says(quic_client_error(w->client), why);
}

/* A conversation that takes some seconds. */
static void start_slowly(struct quic_world *w) {
    world_init(w);
    w->plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(w, 1);
}

/* ---- beginning ---- */

/* Counts packets by what their first byte says: long headers of version 1. */
struct seen {
    unsigned initial, retry, negotiation, with_token, v2;
};

static bool look(void *context, int from, uint8_t *p, size_t size) {
    struct seen *s = context;
    static const uint8_t v1[4] = {0, 0, 0, 1}, v2[4] = {0x6b, 0x33, 0x43, 0xcf}, none[4] = {0};
    if (size < 7 || !(p[0] & 0x80))
        return true;
    s->negotiation += memcmp(p + 1, none, 4) == 0;
    s->v2 += memcmp(p + 1, v2, 4) == 0;
    if (memcmp(p + 1, v1, 4) != 0)
        return true;
    s->retry += (p[0] & 0x30) == 0x30;
    bool initial = (p[0] & 0x30) == 0;
    s->initial += initial;
    size_t token_at = 6 + p[5] + 1u;
    token_at += token_at - 1 < size ? p[token_at - 1] : 0u;
    s->with_token += initial && from == NET_SIM_A && token_at < size && p[token_at] != 0;
    return true;
}

static void asks_for_the_address_with_retry(void **state) {
    (void)state;
    struct quic_world w;
    struct seen seen = {0};
    world_init(&w);
    w.server_config.retry = QUIC_RETRY_ALWAYS;
    world_start(&w, 1);
    net_sim_tap(w.net, look, &seen);
    assert_true(world_run(&w, SECOND_NS));
    /* A ClientHello takes two packets, and nobody remembers the first. */
    assert_true(seen.retry >= 1 && seen.retry <= 2);
    assert_true(seen.with_token >= 1);
    world_fini(&w);
}

/* With a loss, so that a Retry or what follows is lost too. */
static void survives_loss_with_retry(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct quic_world w;
        world_init(&w);
        w.server_config.retry = QUIC_RETRY_ALWAYS;
        world_start(&w, seed);
        net_sim_rules(w.net)->loss = 250;
        net_sim_rules(w.net)->duplicate = 200;
        assert_true(world_run(&w, 60 * SECOND_NS));
        world_fini(&w);
    }
}

static void negotiates_the_version(void **state) {
    (void)state;
    struct quic_world w;
    struct seen seen = {0};
    world_init(&w);
    w.version = 0x5a6a7a8a; /* reserved: no server speaks it */
    world_start(&w, 1);
    net_sim_tap(w.net, look, &seen);
    assert_true(world_run(&w, SECOND_NS));
    assert_true(seen.negotiation >= 1);
    world_fini(&w);
}

static void speaks_version_2(void **state) {
    (void)state;
    struct quic_world w;
    struct seen seen = {0};
    struct quic_stats stats;
    world_init(&w);
    w.version = NGTCP2_PROTO_VER_V2;
    w.server_config.retry = QUIC_RETRY_ALWAYS;
    world_start(&w, 1);
    net_sim_tap(w.net, look, &seen);
    assert_true(world_run(&w, SECOND_NS));
    assert_true(seen.initial == 0 && seen.v2 > 2 && seen.negotiation == 0);
    const struct peer *peer = quic_peer(w.server_conn);
    peer->quic_stats(peer, &stats);
    assert_true(stats.version == NGTCP2_PROTO_VER_V2);
    world_fini(&w);
}

static void draws_ids_that_name_the_worker(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.server_config.workers = 7;
    w.server_config.worker = 5;
    world_start(&w, 1);
    assert_true(world_run(&w, SECOND_NS));
    size_t n = 0;
    list_each(&w.server_conn->ids, at, next) {
        const struct conn_id *id = list_entry(at, struct conn_id, link);
        const ngtcp2_cid *first = ngtcp2_conn_get_client_initial_dcid2(w.server_conn->q);
        if (!ngtcp2_cid_eq(&id->cid, first)) {
            assert_int_equal(id->cid.data[0] % 7, 5);
            assert_true(id->cid.datalen >= 8 && id->cid.datalen <= 18);
            n++;
        }
    }
    assert_true(n >= 2);
    world_fini(&w);
}

/* ---- going on ---- */

static void updates_keys(void **state) {
    (void)state;
    struct quic_world w;
    start_slowly(&w);
    run_for(&w, 200); /* not before three probe timeouts went by (RFC 9001 6.5) */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(conn_update_key(i % 2 ? w.server_conn : quic_client_conn(w.client)), 0);
        run_for(&w, 500);
        assert_true(w.client_count.complete == 0);
    }
    assert_true(world_run(&w, 20 * SECOND_NS));
    world_fini(&w);
}

/* Who hears nothing for a while keeps its keys, but not what AES makes of them. */
static void rests_and_goes_on(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(&w, 1);
    run_for(&w, 200);
    struct quic_conn *client = quic_client_conn(w.client);
    struct crypto_ring *ring = &w.server_conn->crypto.ring;
    assert_false(client->rests || w.server_conn->rests);
    net_sim_rules(w.net)->loss = 1000;
    run_for(&w, 2000);
    assert_true(client->rests && w.server_conn->rests);
    assert_int_equal(w.client_count.complete, 0);
    net_sim_rules(w.net)->loss = 0;
    assert_true(world_run(&w, 20 * SECOND_NS));
    assert_int_equal(crypto_ring_rest(ring),
                     4); /* a key for packets and one for headers each way */
    run_for(&w, 3000);
    assert_false(list_empty(&ring->keys));
    assert_true(w.server_conn->rests);
    assert_int_equal(crypto_ring_rest(ring), 0);
    w.server->ops->drain(w.server);
    assert_true(net_sim_run(w.net, SECOND_NS, client_is_gone, &w));
    assert_true(says(quic_client_error(w.client), "application code 0x100"));
    world_fini(&w);
}

static void follows_a_nat_rebinding(void **state) {
    (void)state;
    struct quic_world w;
    struct addr outside;
    start_slowly(&w);
    run_for(&w, 80);
    assert_int_equal(addr_parse(STR("10.9.9.9:7777"), &outside), 0);
    net_sim_nat(w.net, &outside);
    assert_true(world_run(&w, 20 * SECOND_NS));
    assert_true(addr_eq(&quic_peer(w.server_conn)->remote, &outside));
    world_fini(&w);
}

static void migrates(void **state) {
    (void)state;
    struct quic_world w;
    struct addr other;
    start_slowly(&w);
    run_for(&w, 80);
    assert_int_equal(addr_parse(STR("10.0.0.77:5555"), &other), 0);
    net_sim_also(w.net, &other);
    assert_int_equal(conn_migrate(quic_client_conn(w.client), &other), 0);
    assert_true(world_run(&w, 20 * SECOND_NS));
    assert_true(addr_eq(&quic_peer(w.server_conn)->remote, &other));
    world_fini(&w);
}

struct sight {
    struct quic_world *w;
    struct addr addr;
};

static bool server_sees(void *context) {
    const struct sight *s = context;
    return s->w->server_count.apps == 1 && addr_eq(&quic_peer(s->w->server_conn)->remote, &s->addr);
}

static void is_seen_at(struct quic_world *w, const char *text, bool told) {
    struct sight s = {.w = w};
    assert_int_equal(addr_parse(str_of(text), &s.addr), 0);
    if (told)
        net_sim_also(w->net, &s.addr);
    else
        net_sim_nat(w->net, &s.addr);
    if (told)
        assert_int_equal(conn_migrate(quic_client_conn(w->client), &s.addr), 0);
    assert_true(net_sim_run(w->net, 5 * SECOND_NS, server_sees, &s));
}

/* The path before the rebinding is still looked after then (RFC 9000 9.3.3). The server gives its
 * id back when the client migrates, and the client makes another, as its limit allows. */
static void migrates_right_after_a_rebinding(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(&w, 1);
    run_for(&w, 80);
    is_seen_at(&w, "10.9.9.9:7777", false);
    is_seen_at(&w, "10.0.0.77:5555", true);
    assert_true(world_run(&w, 20 * SECOND_NS));
    run_for(&w, 500);
    assert_int_equal(quic_server_conns(w.server), 1);
    world_fini(&w);
}

/* ---- ending ---- */

static void forgets_an_idle_connection(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.server_config.idle_timeout_ns = 3 * SECOND_NS;
    world_start(&w, 1);
    assert_true(world_run(&w, SECOND_NS));
    assert_int_equal(quic_server_conns(w.server), 1);
    run_for(&w, 5000);
    assert_int_equal(quic_server_conns(w.server), 0);
    assert_int_equal(w.client_count.apps + w.server_count.apps, 0);
    assert_true(says(quic_client_error(w.client), "idle"));
    world_fini(&w);
}

static void gives_up_a_silent_server(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.client_config.handshake_timeout_ns = 5 * SECOND_NS;
    world_start(&w, 1);
    net_sim_rules(w.net)->loss = 1000;
    assert_true(net_sim_run(w.net, 6 * SECOND_NS, client_is_gone, &w));
    assert_string_equal(quic_client_error(w.client),
                        "no answer from 10.0.0.2:443 over UDP within 5.0 s");
    assert_true(w.client->ops->idle(w.client));
    world_fini(&w);
}

/* The server says it once more to stragglers, and frees the application at once. */
static void closes_with_code_and_text(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    world_start(&w, 1);
    assert_true(world_run(&w, SECOND_NS));
    quic_close(w.server_conn, 0x107, "too \x01 loud");
    run_for(&w, 1);
    assert_int_equal(w.server_count.apps, 0);
    assert_int_equal(quic_server_conns(w.server), 0);
    run_for(&w, 2000);
    assert_int_equal(w.client_count.apps, 0);
    assert_string_equal(quic_client_error(w.client), "the peer closed the connection "
                                                     "(application code 0x107: too \\x01 loud)");
    world_fini(&w);
}

static void says_farewell_again_but_seldom(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.plan.bytes = 1 << 20;
    world_start(&w, 1);
    run_for(&w, 100);
    net_sim_rules(w.net)->delay_ns = 20 * MS_NS;
    quic_close(w.server_conn, 0x100, "");
    run_for(&w, 1);
    struct net_sim_count before = net_sim_count(w.net, NET_SIM_B);
    struct addr a = net_sim_addr(NET_SIM_A);
    struct hub *h = hub_of(w.server);
    struct quic_conn *c = list_first(&h->conns, struct quic_conn, link);
    uint8_t packet[60] = {0x40};
    assert_non_null(c);
    memcpy(packet + 1, list_first(&c->ids, struct conn_id, link)->cid.data, HUB_ID_BYTES);
    for (int i = 0; i < 64; i++) {
        net_sim_inject(w.net, NET_SIM_B, &a, packet, sizeof(packet));
        (void)net_sim_run(w.net, 1000, NULL, NULL);
    }
    struct net_sim_count after = net_sim_count(w.net, NET_SIM_B);
    assert_true(after.datagrams - before.datagrams >= 2);
    assert_true(after.datagrams - before.datagrams <= 10);
    run_for(&w, 3000);
    assert_true(list_empty(&h->conns) && table_n(&h->ids) == 0);
    world_fini(&w);
}

static void resets_what_it_forgot(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    world_start(&w, 1);
    assert_true(world_run(&w, SECOND_NS));
    net_sim_replace(w.net, NET_SIM_B, w.server = world_server(&w));
    w.plan.streams = 2;
    quic_wake(quic_client_conn(w.client));
    assert_int_equal(ngtcp2_conn_initiate_key_update(quic_client_conn(w.client)->q, w.turn.now_ns),
                     0);
    int64_t id = quic_open_bidi(quic_client_conn(w.client));
    assert_true(id > 0);
    quic_reset_stream(quic_client_conn(w.client), id, 1);
    assert_true(client_hears(&w, "stateless reset"));
    world_fini(&w);
}

static void drains(void **state) {
    (void)state;
    struct quic_world w;
    start_slowly(&w);
    run_for(&w, 100);
    w.server->ops->drain(w.server);
    run_for(&w, 50);
    assert_int_equal(w.server_count.drained, 1);
    assert_false(w.server->ops->idle(w.server));
    assert_true(world_run(&w, 20 * SECOND_NS));
    run_for(&w, 1000);
    assert_true(w.server->ops->idle(w.server));
    assert_true(says(quic_client_error(w.client), "application code 0x100"));
    /* Who comes now is turned away. */
    net_sim_replace(w.net, NET_SIM_A, w.client = world_client(&w));
    assert_true(client_hears(&w, "transport code 0x2"));
    world_fini(&w);
}

/* In the middle of it, all at once: the client hears so, and does not wait for its idle timeout. */
static void ends_at_once(void **state) {
    (void)state;
    struct quic_world w;
    start_slowly(&w);
    run_for(&w, 100);
    w.server->ops->end(w.server);
    assert_true(client_hears(&w, "application code 0x100"));
    world_fini(&w);
}

static void refuses(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.refuse = true;
    world_start(&w, 1);
    assert_true(client_hears(&w, "transport code 0x2"));
    world_fini(&w);
}

/* The client of a server whose CA it does not have: both say why. */
static void tells_who_is_not_trusted(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.ca = other_ca_crt;
    world_start(&w, 1);
    assert_true(net_sim_run(w.net, 5 * SECOND_NS, client_is_gone, &w));
    run_for(&w, 1000);
    assert_true(quic_client_error(w.client)[0]);
    assert_true(says(w.logged, "handshake failed: the peer ended it with TLS alert 4"));
    assert_true(says(w.logged, "it does not trust the certificate"));
    assert_int_equal(quic_server_conns(w.server), 0);
    world_fini(&w);
}

static void tells_of_a_wrong_name(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    w.host = "elsewhere.test";
    world_start(&w, 1);
    assert_true(client_hears(&w, "elsewhere.test"));
    world_fini(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_the_address_with_retry),
        cmocka_unit_test(survives_loss_with_retry),
        cmocka_unit_test(negotiates_the_version),
        cmocka_unit_test(speaks_version_2),
        cmocka_unit_test(draws_ids_that_name_the_worker),
        cmocka_unit_test(updates_keys),
        cmocka_unit_test(rests_and_goes_on),
        cmocka_unit_test(follows_a_nat_rebinding),
        cmocka_unit_test(migrates),
        cmocka_unit_test(migrates_right_after_a_rebinding),
        cmocka_unit_test(forgets_an_idle_connection),
        cmocka_unit_test(gives_up_a_silent_server),
        cmocka_unit_test(closes_with_code_and_text),
        cmocka_unit_test(says_farewell_again_but_seldom),
        cmocka_unit_test(resets_what_it_forgot),
        cmocka_unit_test(drains),
        cmocka_unit_test(ends_at_once),
        cmocka_unit_test(refuses),
        cmocka_unit_test(tells_who_is_not_trusted),
        cmocka_unit_test(tells_of_a_wrong_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
