/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include "quic/conn.h"
#include "quic_echo.h"

/* A client with the right keys and wrong frames: what it has to say is replaced just before
 * it is encrypted. The server closes with the code that RFC 9000 names, or bears it. */

/* ASan's: what is allocated in all; both ends and the network are in it. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void) {
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes() : 0;
}

/* ngtcp2's encrypt has no context. */
static struct {
    const uint8_t *frames;
    size_t n;
    unsigned times; /* still to be done */
    size_t peak;    /* of allocated() meanwhile */
} lie;

static int encrypt_lie(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                       const ngtcp2_crypto_aead_ctx *aead_ctx, const uint8_t *plain, size_t n,
                       const uint8_t *nonce, size_t noncelen, const uint8_t *aad, size_t aadlen) {
    static uint8_t changed[2000];
    if (lie.times == 0 || n < lie.n || n > sizeof(changed))
        return ngtcp2_crypto_encrypt_cb(dest, aead, aead_ctx, plain, n, nonce, noncelen, aad,
                                        aadlen);
    lie.times--;
    if (allocated() > lie.peak)
        lie.peak = allocated();
    memset(changed, 0, n); /* PADDING */
    memcpy(changed, lie.frames, lie.n);
    return ngtcp2_crypto_encrypt_cb(dest, aead, aead_ctx, changed, n, nonce, noncelen, aad, aadlen);
}

static void evil_init(struct quic_world *w, ngtcp2_callbacks *callbacks) {
    world_init(w);
    w->plan = (struct quic_echo_plan){.streams = 1, .bytes = 1 << 20, .slow = true};
    world_start(w, 1);
    *callbacks = conn_callbacks;
    callbacks->encrypt = encrypt_lie;
    /* The first connection was made with the honest ones. */
    struct datagram_engine *e = w->client;
    hub_of(e)->callbacks = callbacks;
    assert_int_equal(conn_start_client(quic_client_conn(e), NGTCP2_PROTO_VER_V1), 0);
    (void)net_sim_run(w->net, 300 * MS_NS, NULL, NULL);
    assert_int_equal(w->server_count.apps, 1);
}

static bool server_is_free(void *context) {
    const struct quic_world *w = context;
    return w->server_count.apps == 0 && w->client_count.apps == 0;
}

static void says_and_gets(const uint8_t *frames, size_t n, const char *code) {
    struct quic_world w;
    ngtcp2_callbacks callbacks;
    char expected[80];
    evil_init(&w, &callbacks);
    lie.frames = frames;
    lie.n = n;
    lie.times = 1;
    assert_true(net_sim_run(w.net, 5 * SECOND_NS, server_is_free, &w));
    (void)snprintf(expected, sizeof(expected), "the peer closed the connection (transport code %s)",
                   code);
    assert_string_equal(quic_client_error(w.client), expected);
    assert_int_equal(lie.times, 0);
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

/* A gap, and more behind it than anybody keeps. */
static void bounds_crypto_frames(void **state) {
    (void)state;
    SAYS_AND_GETS("\x06\x80\x10\x00\x00\x01x", "0xd");
}

static void bears(const uint8_t *frames, size_t n, unsigned times) {
    struct quic_world w;
    ngtcp2_callbacks callbacks;
    evil_init(&w, &callbacks);
    lie.frames = frames;
    lie.n = n;
    lie.times = times;
    lie.peak = 0;
    size_t allocated_before = allocated();
    uint64_t before = net_sim_count(w.net, NET_SIM_B).bytes;
    (void)net_sim_run(w.net, 20 * SECOND_NS, NULL, NULL);
    lie.times = 0;
    assert_true(net_sim_count(w.net, NET_SIM_B).bytes - before < 100u * 1024 * 1024);
    assert_true(lie.peak < allocated_before + 1024 * 1024);
    (void)net_sim_run(w.net, 120 * SECOND_NS, NULL, NULL);
    assert_int_equal(quic_server_conns(w.server), 0);
    world_fini(&w);
}

/* CVE-2023-49295 and its likes: as many as a packet holds, in many packets. */
static void bears_floods(void **state) {
    (void)state;
    static uint8_t challenges[1100], retires[1100], ids[1100];
    for (size_t i = 0; i + 9 <= sizeof(challenges); i += 9) {
        challenges[i] = 0x1a;
        memset(challenges + i + 1, (int)i, 8);
    }
    for (size_t i = 0; i + 2 <= sizeof(retires); i += 2) {
        retires[i] = 0x19;
        retires[i + 1] = (uint8_t)(i / 2 % 4);
    }
    for (size_t i = 0; i + 28 <= sizeof(ids); i += 28) {
        memcpy(ids + i, "\x18\x3f\x3f\x08", 4);
        ids[i + 1] = ids[i + 2] = (uint8_t)(i / 28);
        memset(ids + i + 4, (int)(i / 28), 24);
    }
    bears(challenges, sizeof(challenges), 200);
    bears(retires, sizeof(retires), 200);
    bears(ids, sizeof(ids), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_frames),
        cmocka_unit_test(refuses_optimistic_acks),
        cmocka_unit_test(bounds_crypto_frames),
        cmocka_unit_test(bears_floods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
