/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs.h"
#include "quic/conn.h"
#include "quic_echo.h"
#include "quic_initial.h"
#include "quic_liar.h"

/* Packets that nobody honest sends. */

static void run_for(struct quic_world *w, uint64_t ms) {
    (void)net_sim_run(w->net, ms * MS_NS, NULL, NULL);
}

static bool is_long(const uint8_t *p) {
    return p[0] & 0x80;
}

/* ---- forged tags ---- */

struct forger {
    int from;
    bool on;
    unsigned n;
};

/* The tag is the end of a packet; the last packet is the datagram's end. */
static bool flip_tag_bit(void *context, int from, uint8_t *p, size_t size) {
    struct forger *f = context;
    if (!f->on || from != f->from || is_long(p))
        return true;
    p[size - 1 - f->n % 16] ^= (uint8_t)(1u << f->n % 8);
    f->n++;
    return true;
}

static void refuses_flipped_tags(const char *suite, const char *cipher, int from) {
    struct quic_world w;
    struct quic_stats before, after;
    struct forger f = {.from = from};
    world_init(&w);
    w.suites = suite;
    w.plan = (struct quic_echo_plan){.streams = 1, .bytes = 500000, .slow = true};
    world_start(&w, 1);
    net_sim_tap(w.net, flip_tag_bit, &f);
    run_for(&w, 300);
    assert_string_equal(quic_peer(w.server_conn)->cipher, cipher);
    struct quic_conn *at = from == NET_SIM_A ? w.server_conn : quic_client_conn(w.client);
    const struct quic_echo_count *count = from == NET_SIM_A ? &w.server_count : &w.client_count;
    run_for(&w, 20); /* what is under way arrives */
    f.on = true;
    run_for(&w, 20);
    uint64_t received = count->received;
    quic_peer(at)->quic_stats(quic_peer(at), &before);
    f.n = 0;
    run_for(&w, 2000);
    quic_peer(at)->quic_stats(quic_peer(at), &after);
    assert_true(f.n > 3);
    assert_true(count->received == received);
    assert_true(after.packets_received == before.packets_received);
    f.on = false;
    assert_true(world_run(&w, 60 * SECOND_NS));
    world_fini(&w);
}

static void refuses_flipped_tags_of_all_aeads(void **state) {
    (void)state;
    static const char *const suites[][2] = {
        {"TLS13-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"},
        {"TLS13-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"},
        {"TLS13-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    };
    for (size_t i = 0; i < 3; i++) {
        refuses_flipped_tags(suites[i][0], suites[i][1], NET_SIM_A);
        refuses_flipped_tags(suites[i][0], suites[i][1], NET_SIM_B);
    }
}

/* ---- cut and random datagrams ---- */

enum { KEPT = 64, LONGEST = 1500 };

struct recorder {
    unsigned n;
    size_t sizes[KEPT];
    uint8_t data[KEPT][LONGEST];
};

static bool record(void *context, int from, uint8_t *p, size_t size) {
    struct recorder *r = context;
    if (from != NET_SIM_A || r->n == KEPT || size > LONGEST)
        return true;
    memcpy(r->data[r->n], p, size);
    r->sizes[r->n++] = size;
    return true;
}

static void survives_cut_datagrams(void **state) {
    (void)state;
    static struct recorder r;
    struct quic_world w;
    struct addr a = net_sim_addr(NET_SIM_A);
    world_init(&w);
    w.plan = (struct quic_echo_plan){.streams = 3, .bytes = 3000};
    world_start(&w, 1);
    net_sim_tap(w.net, record, &r);
    run_for(&w, 12); /* in the midst of the handshake */
    net_sim_tap(w.net, NULL, NULL);
    for (unsigned i = 0; i < r.n; i++)
        for (size_t n = 0; n < r.sizes[i]; n += n < 100 ? 1 : 37)
            net_sim_inject(w.net, NET_SIM_B, &a, r.data[i], n);
    assert_true(r.n >= 2 && world_run(&w, 20 * SECOND_NS));
    world_fini(&w);
}

static uint32_t dice(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* Random bytes, made to look right at the beginning more or less often. */
static size_t make_noise(uint64_t *seed, uint8_t *p) {
    static const uint32_t versions[] = {0, 1, 0x6b3343cf, 0x1a2a3a4a, 0xff00001d};
    size_t n = dice(seed) % 4 == 0 ? dice(seed) % 60 : 1200 + dice(seed) % 253;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)dice(seed);
    if (n < 8 || dice(seed) % 8 == 0)
        return n;
    uint32_t version = versions[dice(seed) % 5];
    p[0] |= 0x40;
    for (int i = 0; i < 4; i++)
        p[1 + i] = (uint8_t)(version >> (24 - 8 * i));
    if (dice(seed) % 4)
        p[5] = (uint8_t)(dice(seed) % 24);
    size_t scid_at = 6 + p[5];
    if (scid_at < n && dice(seed) % 4)
        p[scid_at] = (uint8_t)(dice(seed) % 24);
    return n;
}

/* One datagram at a time, pulling what is answered: never over three times as much. */
static void answers_noise_shortly(void **state) {
    (void)state;
    struct quic_world w;
    static uint8_t in[2000], out[65536];
    uint64_t seed = 42;
    world_init(&w);
    world_start(&w, 1);
    struct addr stranger;
    assert_int_equal(addr_parse(STR("192.0.2.1:99"), &stranger), 0);
    for (int i = 0; i < 20000; i++) {
        struct datagram d = {.data = in, .cap = sizeof(in), .remote = stranger};
        d.local = net_sim_addr(NET_SIM_B);
        d.n = make_noise(&seed, in);
        size_t limit = 3 * d.n, sum = 0;
        turn_begin(&w.turn, w.turn.now_ns + MS_NS, w.turn.wall_s);
        w.server->ops->take(w.server, &d);
        (void)turn_run(&w.turn, SIZE_MAX);
        d = (struct datagram){.data = out, .cap = sizeof(out)};
        for (; w.server->ops->pull(w.server, &d, 1); sum += d.n)
            ;
        assert_true(sum <= limit);
    }
    assert_true(quic_server_conns(w.server) < 300);
    net_sim_replace(w.net, NET_SIM_A, w.client = world_client(&w));
    assert_true(world_run(&w, 20 * SECOND_NS));
    world_fini(&w);
}

/* ---- version negotiation on the wire (RFC 8999) ---- */

static void answers_unknown_versions(void **state) {
    (void)state;
    struct quic_world w;
    static uint8_t in[1400], out[65536];
    world_init(&w);
    world_start(&w, 1);
    for (unsigned dcid = 0; dcid < 256; dcid += 51) {
        for (unsigned scid = 0; scid < 256; scid += 51) {
            struct datagram d = {.data = in, .n = 1200, .cap = sizeof(in)};
            d.remote = net_sim_addr(NET_SIM_A);
            d.local = net_sim_addr(NET_SIM_B);
            for (size_t i = 0; i < sizeof(in); i++)
                in[i] = (uint8_t)i;
            memcpy(in, "\xc0\xfa\xce\xb0\x0c", 5);
            in[5] = (uint8_t)dcid;
            in[6 + dcid] = (uint8_t)scid;
            w.server->ops->take(w.server, &d);
            d = (struct datagram){.data = out, .cap = sizeof(out)};
            assert_true(w.server->ops->pull(w.server, &d, 1));
            assert_int_equal(d.n, 7 + dcid + scid + 3 * 4);
            assert_memory_equal(out + 1, "\0\0\0\0", 4);
            assert_int_equal(out[5], scid);
            assert_memory_equal(out + 6, in + 7 + dcid, scid);
            assert_int_equal(out[6 + scid], dcid);
            assert_memory_equal(out + 7 + scid, in + 6, dcid);
            d = (struct datagram){.data = in, .n = 1199, .cap = sizeof(in)};
            w.server->ops->take(w.server, &d);
            d = (struct datagram){.data = out, .cap = sizeof(out)};
            assert_false(w.server->ops->pull(w.server, &d, 1));
        }
    }
    world_fini(&w);
}

/* ---- Initials that are sealed rightly and say nonsense ---- */

static void initial_says(const char *frames, size_t n, const char *log) {
    struct quic_world w;
    uint8_t packet[QUIC_INITIAL_BYTES];
    static uint8_t out[65536];
    struct datagram d = {.data = packet, .n = sizeof(packet), .cap = sizeof(packet)};
    d.remote = net_sim_addr(NET_SIM_A);
    d.local = net_sim_addr(NET_SIM_B);
    world_init(&w);
    world_start(&w, 1);
    quic_initial_seal(packet, (const uint8_t *)"ABCDEFGH", 0, (const uint8_t *)frames, n);
    w.server->ops->take(w.server, &d);
    (void)turn_run(&w.turn, SIZE_MAX);
    d = (struct datagram){.data = out, .cap = sizeof(out)};
    assert_int_equal(w.server->ops->pull(w.server, &d, 1), log != NULL);
    if (log && !strstr(w.logged, log))
        print_error("%s", w.logged);
    /* What is no ClientHello makes no connection: silence is the answer. */
    assert_true(!log || ((out[0] & 0xf0) == 0xc0 && d.n < 300 && strstr(w.logged, log)));
    assert_int_equal(quic_server_conns(w.server), 0);
    world_fini(&w);
}

#define INITIAL_SAYS(bytes, log) initial_says(bytes, sizeof(bytes) - 1, log)

static void refuses_wrong_initials(void **state) {
    (void)state;
    INITIAL_SAYS("\x3f", NULL);
    INITIAL_SAYS("\x01", NULL);
    INITIAL_SAYS("\x06\x00\x04zzzz", "handshake failed");
    INITIAL_SAYS("\x06\x00\x04\x01\x00\x00\x00", "handshake failed");
    INITIAL_SAYS("\x08\x00x", NULL);                 /* STREAM */
    INITIAL_SAYS("\x02\x05\x00\x00\x00", NULL);      /* ACK of what was not sent */
    INITIAL_SAYS("\x06\xbf\xff\xff\x00\x01x", NULL); /* from the midst of nowhere */
}

/* The n-th Initial of a connection that is half open: single bytes of a ClientHello, with gaps. */
static void send_crumbs(struct quic_world *w, uint8_t pn, unsigned *at) {
    static uint8_t packet[QUIC_INITIAL_BYTES], frames[1100];
    size_t n = 0;
    for (; n + 7 <= sizeof(frames); n += 7) {
        memcpy(frames + n, "\x06\x80\0\0\0\x01x", 7);
        frames[n + 3] = (uint8_t)(*at >> 8);
        frames[n + 4] = (uint8_t)*at;
        *at += pn == 0 ? 0 : 2;
    }
    struct datagram d = {.data = packet, .n = sizeof(packet), .cap = sizeof(packet)};
    d.remote = net_sim_addr(NET_SIM_A);
    d.local = net_sim_addr(NET_SIM_B);
    quic_initial_seal(packet, (const uint8_t *)"ABCDEFGH", pn, frames, n);
    w->server->ops->take(w->server, &d);
    (void)turn_run(&w->turn, SIZE_MAX);
}

/* A handshake holds 36 KiB, and the notes of as many gaps as are borne (vendor/recipes/ngtcp2.sh);
 * then it is over. Who lies about addresses can have max-handshakes of these. */
static void bounds_crumbs_in_initials(void **state) {
    (void)state;
    struct quic_world w;
    unsigned at = 0, pn = 0;
    world_init(&w);
    world_start(&w, 1);
    size_t before = liar_allocated(), peak = before;
    send_crumbs(&w, 0, &at); /* the first byte, over and over */
    assert_int_equal(quic_server_conns(w.server), 1);
    for (at = 3; ++pn < 100 && quic_server_conns(w.server) == 1;) {
        send_crumbs(&w, (uint8_t)pn, &at);
        peak = liar_allocated() > peak ? liar_allocated() : peak;
    }
    assert_true(peak - before < 64 * 1024);
    assert_true(strstr(w.logged, "handshake failed"));
    (void)net_sim_run(w.net, SECOND_NS, NULL, NULL);
    assert_int_equal(w.server_count.apps, 1); /* of the honest client */
    world_fini(&w);
}

/* ---- resets ---- */

static void resets_are_short_and_few(void **state) {
    (void)state;
    struct quic_world w;
    static uint8_t in[200], out[65536];
    unsigned n = 0;
    world_init(&w);
    w.server_config.workers = 2;
    world_start(&w, 1);
    for (unsigned i = 0; i < 1000; i++) {
        struct datagram d = {.data = in, .n = i % sizeof(in), .cap = sizeof(in)};
        memset(in, (int)i, sizeof(in));
        in[0] = 0x55;
        in[1] = 2; /* names worker 0: us */
        size_t size = d.n;
        d.remote = net_sim_addr(NET_SIM_A);
        w.server->ops->take(w.server, &d);
        in[1] = 3; /* another's */
        d.n = 100;
        w.server->ops->take(w.server, &d);
        d = (struct datagram){.data = out, .cap = sizeof(out)};
        for (; w.server->ops->pull(w.server, &d, 1); n++) {
            assert_true(d.n < size && d.n >= 21);
            assert_true((out[0] & 0xc0) == 0x40);
        }
    }
    assert_true(n > 50 && n <= 100);
    world_fini(&w);
}

/* ---- floods ---- */

/* The client falls silent after its first flight: as if its address had been a lie. */
static bool only_first_flight(void *context, int from, uint8_t *p, size_t size) {
    uint64_t *passed = context;
    (void)p;
    if (from != NET_SIM_A)
        return true;
    if (*passed >= 2400)
        return false;
    *passed += size;
    return true;
}

/* A chain of 5 KiB is more than may be sent: the bound is reached, and kept. */
static void amplifies_at_most_three_times(void **state) {
    (void)state;
    struct quic_world w;
    uint64_t passed = 0;
    char chain[16384] = "";
    (void)snprintf(chain, sizeof(chain), "%s", local_crt);
    for (int i = 0; i < 12; i++)
        (void)snprintf(chain + strlen(chain), sizeof(chain) - strlen(chain), "%s", ca_crt);
    world_init(&w);
    w.chain = chain;
    world_start(&w, 1);
    net_sim_tap(w.net, only_first_flight, &passed);
    run_for(&w, 9000);
    assert_int_equal(quic_server_conns(w.server), 1);
    run_for(&w, 3000);
    assert_int_equal(quic_server_conns(w.server), 0);
    uint64_t sent = net_sim_count(w.net, NET_SIM_B).bytes;
    assert_true(2 * sent > 5 * passed);
    assert_true(sent <= 3 * passed);
    world_fini(&w);
}

/* The first flight of a new client, as if from port. */
static void knock(struct quic_world *w, uint16_t port) {
    static uint8_t buffer[65536];
    struct datagram_engine *client = world_client(w);
    struct datagram d = {.data = buffer, .cap = sizeof(buffer)};
    while (client->ops->pull(client, &d, 1)) {
        d.remote = net_sim_addr(NET_SIM_A);
        addr_set_port(&d.remote, port);
        d.local = net_sim_addr(NET_SIM_B);
        w->server->ops->take(w->server, &d);
    }
    client->ops->free(client);
    (void)turn_run(&w->turn, SIZE_MAX);
}

static void demands_tokens_when_flooded(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    struct quota handshakes, conns;
    quota_init(&handshakes, "max-handshakes", 20);
    quota_init(&conns, "max-connections", 0);
    w.server_config.handshakes = &handshakes;
    w.server_config.conns = &conns;
    world_start(&w, 1);
    net_sim_replace(w.net, NET_SIM_A, w.client = NULL);
    for (uint16_t i = 0; i < 200; i++)
        knock(&w, (uint16_t)(1000 + i));
    assert_int_equal(quic_server_conns(w.server), 20);
    net_sim_replace(w.net, NET_SIM_A, w.client = world_client(&w));
    assert_true(world_run(&w, 5 * SECOND_NS));
    assert_int_equal(quic_server_conns(w.server), 21);
    run_for(&w, 12000);
    assert_int_equal(quic_server_conns(w.server), 1);
    assert_int_equal(handshakes.n, 0);
    assert_int_equal(conns.n, 1);
    world_fini(&w);
    quota_fini(&handshakes);
    quota_fini(&conns);
}

/* Without Retry, or with addresses that are true, this is the bound. */
static void refuses_when_flooded(void **state) {
    (void)state;
    struct quic_world w;
    struct quota handshakes;
    world_init(&w);
    quota_init(&handshakes, "max-handshakes", 5);
    w.server_config.handshakes = &handshakes;
    w.server_config.retry = QUIC_RETRY_OFF;
    world_start(&w, 1);
    net_sim_replace(w.net, NET_SIM_A, w.client = NULL);
    for (uint16_t i = 0; i < 50; i++)
        knock(&w, (uint16_t)(1000 + i));
    assert_int_equal(quic_server_handshakes(w.server), 20);
    assert_int_equal(handshakes.n, 20);
    assert_true(strstr(w.logged, "20 handshakes are half open, four times max-handshakes"));
    run_for(&w, 12000);
    assert_int_equal(quic_server_conns(w.server), 0);
    world_fini(&w);
    quota_fini(&handshakes);
}

static void keeps_to_the_connection_limit(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    struct quota conns;
    quota_init(&conns, "max-connections", 5);
    w.server_config.conns = &conns;
    world_start(&w, 1);
    for (uint16_t i = 0; i < 50; i++)
        knock(&w, (uint16_t)(1000 + i));
    assert_int_equal(quic_server_conns(w.server), 5);
    assert_int_equal(conns.n, 5);
    assert_true(strstr(w.logged, "as max-connections allows, 5"));
    run_for(&w, 12000);
    assert_int_equal(quic_server_conns(w.server), 0);
    world_fini(&w);
    quota_fini(&conns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_flipped_tags_of_all_aeads),
        cmocka_unit_test(survives_cut_datagrams),
        cmocka_unit_test(answers_noise_shortly),
        cmocka_unit_test(answers_unknown_versions),
        cmocka_unit_test(refuses_wrong_initials),
        cmocka_unit_test(bounds_crumbs_in_initials),
        cmocka_unit_test(resets_are_short_and_few),
        cmocka_unit_test(amplifies_at_most_three_times),
        cmocka_unit_test(demands_tokens_when_flooded),
        cmocka_unit_test(refuses_when_flooded),
        cmocka_unit_test(keeps_to_the_connection_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
