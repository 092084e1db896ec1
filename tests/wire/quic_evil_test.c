/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quic_echo.h"
#include "quic_liar.h"

/* What a client with the right keys can say. The server closes with the code that RFC 9000 names,
 * or bears it. */

static void evil_init(struct quic_world *w) {
    world_init(w);
    w->plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    w->client_config.stream_window_bytes = 64 * 1024; /* the echo has more to say */
    world_start(w, 1);
    liar_start(w->client);
}

static void evil_open(struct quic_world *w) {
    evil_init(w);
    (void)net_sim_run(w->net, 300 * MS_NS, NULL, NULL);
    assert_int_equal(w->server_count.apps, 1);
}

static bool server_is_free(void *context) {
    const struct quic_world *w = context;
    return w->server_count.apps == 0 && w->client_count.apps == 0;
}

/* The server closes, and with this code. */
static void expect_end(struct quic_world *w, const char *code) {
    char expected[80];
    bool ended = net_sim_run(w->net, 5 * SECOND_NS, server_is_free, w);
    (void)snprintf(expected, sizeof(expected), "code %s)", code);
    const char *told = quic_client_error(w->client);
    if (!ended || !strstr(told, expected))
        print_error("expected %s, but: %s\n%s", expected, told, w->logged);
    assert_true(ended && strstr(told, expected) && !strstr(told, "application"));
}

static void says_and_gets(const uint8_t *frames, size_t n, const char *code) {
    struct quic_world w;
    evil_open(&w);
    liar_says(LIAR_SHORT, frames, n);
    expect_end(&w, code);
    assert_true(liar_said());
    world_fini(&w);
}

#define SAYS_AND_GETS(bytes, code) says_and_gets((const uint8_t *)"" bytes, sizeof(bytes) - 1, code)

static void refuses_wrong_frames(void **state) {
    (void)state;
    SAYS_AND_GETS("\x3f", "0x7");                                 /* no such frame */
    SAYS_AND_GETS("\x40\x52", "0x7");                             /* the same, in two bytes */
    SAYS_AND_GETS("\x1e", "0xa");                                 /* HANDSHAKE_DONE */
    SAYS_AND_GETS("\x07\x01t", "0xa");                            /* NEW_TOKEN */
    SAYS_AND_GETS("\x19\x40\x63", "0xa");                         /* retires an id never given */
    SAYS_AND_GETS("\x08\x4f\xfc", "0x4");                         /* a stream above the limit */
    SAYS_AND_GETS("\x0a\x03\x01x", "0x5");                        /* on our own stream */
    SAYS_AND_GETS("\x0e\x04\x8f\xff\xff\xff\x01x", "0x3");        /* beyond its credit */
    SAYS_AND_GETS("\x04\x00\x00\x00", "0x6");                     /* ends before what was sent */
    SAYS_AND_GETS("\x11\x03\x10", "0x5");                         /* credit for a stream not open */
    SAYS_AND_GETS("\x12\xff\xff\xff\xff\xff\xff\xff\xff", "0x7"); /* MAX_STREAMS over 2^60 */
    SAYS_AND_GETS("\x18\x00\x00\x04"
                  "abcd0123456789abcdef",
                  "0xa"); /* its first id once more */
}

/* ACK of packets that were never sent (CVE-2025-4820). */
static void refuses_optimistic_acks(void **state) {
    (void)state;
    SAYS_AND_GETS("\x02\x80\x0f\x42\x40\x00\x00\x00", "0xa");
    SAYS_AND_GETS("\x03\xbf\xff\xff\xff\x00\x00\x00\x01\x01\x01", "0xa");
}

static const struct early {
    const char *frames;
    size_t n;
    const char *code;
} earlies[] = {
    {"\x3f", 1, "0x7"},                             /* no such frame */
    {"\x08\x00x", 3, "0xa"},                        /* STREAM */
    {"\x1e", 1, "0xa"},                             /* HANDSHAKE_DONE */
    {"\x1d\x00\x00", 3, "0xa"},                     /* CONNECTION_CLOSE of an application */
    {"\x02\x80\x0f\x42\x40\x00\x00\x00", 8, "0xa"}, /* ACK of what was not sent */
    {"\x06\x80\x10\x00\x00\x01x", 7, "0xd"},        /* CRYPTO behind too large a gap */
};

/* Before the handshake is done. What may be said then is another table than in 1-RTT (RFC 9000
 * 12.4), and read by another function of ngtcp2. */
static void says_early(struct quic_world *w, enum liar_when when, const struct early *early) {
    evil_init(w);
    (void)net_sim_run(w->net, MS_NS, NULL, NULL); /* the ClientHello is under way */
    liar_says(when, early->frames, early->n);
    assert_int_equal(quic_server_conns(w->server), 0);
}

static void refuses_wrong_frames_in_handshakes(void **state) {
    (void)state;
    struct quic_world w;
    for (size_t i = 0; i < sizeof(earlies) / sizeof(earlies[0]); i++) {
        says_early(&w, LIAR_HANDSHAKE, &earlies[i]);
        expect_end(&w, earlies[i].code);
        assert_true(liar_said());
        assert_int_equal(w.server_count.opened, 0);
        world_fini(&w);
    }
}

/* Anybody who sees the first packet can make Initials. So a wrong one ends nothing, once there is
 * a connection: it is as if it had not come (RFC 9000 5.2). Of what ends a handshake by TLS
 * itself quic_forge_test tells. */
static void ignores_wrong_frames_in_initials(void **state) {
    (void)state;
    struct quic_world w;
    for (size_t i = 0; i < sizeof(earlies) / sizeof(earlies[0]); i++) {
        says_early(&w, LIAR_INITIAL, &earlies[i]);
        w.plan.slow = false;
        assert_true(world_run(&w, 20 * SECOND_NS));
        assert_true(liar_said());
        world_fini(&w);
    }
}

/* A gap, and more behind it than anybody keeps. */
static void bounds_crypto_frames(void **state) {
    (void)state;
    SAYS_AND_GETS("\x06\x80\x10\x00\x00\x01x", "0xd");
}

/* ---- floods ---- */

enum { ROOM = 1100 };

/* What the i-th packet says, at most ROOM bytes; how many they are. */
typedef size_t fill_function(uint8_t *to, unsigned i);

static size_t varint(uint8_t *to, uint64_t v) {
    for (int k = 0; k < 4; k++)
        to[k] = (uint8_t)(v >> (24 - 8 * k));
    to[0] |= 0x80;
    return 4;
}

static size_t pings(uint8_t *to, unsigned i) {
    (void)i;
    memset(to, 0x01, ROOM);
    return ROOM;
}

static size_t challenges(uint8_t *to, unsigned i) {
    size_t n = 0;
    for (; n + 9 <= ROOM; n += 9) {
        to[n] = 0x1a;
        memset(to + n + 1, (int)(i + n), 8);
    }
    return n;
}

/* Each new id retires all before it, which is to be told, and nobody acks that (CVE-2024-22189). */
static size_t new_ids(uint8_t *to, unsigned i) {
    size_t n = 0;
    for (uint64_t seq = 1000 + 30 * (uint64_t)i; n + 34 <= ROOM; seq++) {
        to[n++] = 0x18;
        n += varint(to + n, seq);
        n += varint(to + n, seq);
        to[n++] = 8;
        memset(to + n, 0x77, 24);
        (void)varint(to + n, seq);
        (void)varint(to + n + 8, seq);
        n += 24;
    }
    return n;
}

/* One of ours at a time; the first is in use. Another takes its place only when the peer acked
 * so many, and this one acks none: soon it retires what is not there. */
static size_t retired_ids(uint8_t *to, unsigned i) {
    to[0] = 0x19;
    return 1 + varint(to + 1, 1 + i);
}

static size_t retired_twice(uint8_t *to, unsigned i) {
    (void)i;
    memcpy(to, "\x19\x01", 2);
    return 2;
}

/* Single bytes, a gap before each, within the window that is kept. */
static size_t crypto_crumbs(uint8_t *to, unsigned i) {
    size_t n = 0;
    for (unsigned k = 0; n + 7 <= ROOM; k++) {
        to[n++] = 0x06;
        n += varint(to + n, 1 + 2 * (i * (ROOM / 7) + k) % 65534);
        to[n++] = 1;
        to[n++] = 'x';
    }
    return n;
}

/* What TLS would read, had it anything to say after the handshake (CVE-2024-1765). */
static size_t crypto_messages(uint8_t *to, unsigned i) {
    to[0] = 0x06;
    size_t n = 1 + varint(to + 1, 1000 * i);
    n += varint(to + n, 1000);
    memset(to + n, 0, 1000);
    memcpy(to + n, "\x04\x00\x03\xe4", 4); /* NewSessionTicket */
    return n + 1000;
}

/* The same on one stream after the other, as many of them on each as are borne. */
static size_t crumbs(uint8_t *to, unsigned i, unsigned on_each) {
    size_t n = 0;
    for (unsigned k = i * (ROOM / 11); n + 11 <= ROOM; k++) {
        to[n++] = 0x0e;
        n += varint(to + n, 4 * (1 + k / on_each));
        n += varint(to + n, 1 + 2 * (k % on_each));
        to[n++] = 1;
        to[n++] = 'x';
    }
    return n;
}

static size_t stream_crumbs(uint8_t *to, unsigned i) {
    return crumbs(to, i, 130000);
}

static size_t crumbs_on_all_streams(uint8_t *to, unsigned i) {
    return crumbs(to, i, 180);
}

static size_t blocked(uint8_t *to, unsigned i) {
    size_t n = 0;
    (void)i;
    for (; n + 7 <= ROOM; n += 7)
        memcpy(to + n, "\x14\x05\x15\x00\x05\x16\x05", 7);
    return n;
}

/* What the echo wants to send is let go byte by byte. */
static size_t dribble(uint8_t *to, unsigned i) {
    to[0] = 0x11;
    to[1] = 0;
    return 2 + varint(to + 2, 200 * 1000 + i);
}

static size_t stale_credit(uint8_t *to, unsigned i) {
    (void)i;
    return dribble(to, 0);
}

enum { KIB = 1024, HEAD_BYTES = 1 + 8 + 4 + 16 };

/* All at once: no time goes by, and nothing that the server says is answered. code: of its close;
 * NULL: it bears them all. It may hold so much more, and says never more than it hears. */
static void flood(fill_function *fill, unsigned packets, const char *code, size_t limit) {
    struct quic_world w;
    uint8_t frames[ROOM];
    evil_open(&w);
    liar_alone(w.net);
    (void)net_sim_run(w.net, 0, NULL, NULL);
    size_t before = liar_allocated(), peak = before;
    struct net_sim_count heard = net_sim_count(w.net, NET_SIM_B);
    uint64_t said = 0;
    unsigned i = 0;
    for (; i < packets && w.server_count.apps == 1; i++) {
        size_t n = fill(frames, i);
        liar_sends(w.net, frames, n);
        said += HEAD_BYTES + n;
        peak = liar_allocated() > peak ? liar_allocated() : peak;
    }
    if (peak - before > limit)
        print_error("%zu bytes, and not %zu\n", peak - before, limit);
    assert_true(peak - before <= limit);
    struct net_sim_count after = net_sim_count(w.net, NET_SIM_B);
    assert_true(after.datagrams - heard.datagrams <= i && after.bytes - heard.bytes <= said);
    assert_int_equal(w.server_count.apps, code ? 0 : 1);
    net_sim_tap(w.net, NULL, NULL);
    liar_sends(w.net, "\x01", 1); /* if it is closed, it says so once more */
    if (code)
        expect_end(&w, code);
    world_fini(&w);
}

/* CVE-2023-49295, -6193, CVE-2024-1410, -1765 and their likes. */
static void bears_floods(void **state) {
    (void)state;
    flood(pings, 5000, NULL, 64 * KIB);
    flood(challenges, 5000, NULL, 64 * KIB);
    flood(blocked, 5000, NULL, 64 * KIB);
    flood(dribble, 20000, NULL, 256 * KIB);
    flood(stale_credit, 20000, "0x1", 256 * KIB);
    flood(retired_twice, 20000, NULL, 64 * KIB);
    flood(retired_ids, 20000, "0xa", 64 * KIB);
    flood(new_ids, 5000, "0x9", 64 * KIB);
    flood(crypto_messages, 2000, "0x10a", 64 * KIB);
    flood(crypto_crumbs, 2000, "0x1", 32 * KIB);
    flood(stream_crumbs, 2000, "0x1", 64 * KIB);
}

/* How many gaps are borne on each stream depends on its window (vendor/recipes/ngtcp2.sh): 192
 * with the 256 KiB of these tests, of 70 bytes each; the streams themselves take 9 KiB each. */
static void bounds_crumbs_on_all_streams(void **state) {
    (void)state;
    flood(crumbs_on_all_streams, 10000, "0x4", 2304 * KIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_frames),
        cmocka_unit_test(refuses_wrong_frames_in_handshakes),
        cmocka_unit_test(ignores_wrong_frames_in_initials),
        cmocka_unit_test(refuses_optimistic_acks),
        cmocka_unit_test(bounds_crypto_frames),
        cmocka_unit_test(bears_floods),
        cmocka_unit_test(bounds_crumbs_on_all_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
