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
#include <wolfssl/options.h>

#include <wolfssl/quic.h>
#include <wolfssl/ssl.h>

#include "quic/conn.h"
#include "quic/crypto_keys.h"
#include "quic_echo.h"
#include "quic_traces.h"

/* Transport parameters (RFC 9000 18.2) that are as many and as large as can be, with qlogs, which
 * tell them in text (CVE-2026-40170); and those that are forbidden. */

/* In ngtcp2's library, but not in its headers. */
/* budget: ngtcp2 gives the parameters. */
int ngtcp2_crypto_derive_and_install_initial_key(ngtcp2_conn *conn, uint8_t *rx_secret,
                                                 uint8_t *tx_secret, uint8_t *initial_secret,
                                                 uint8_t *rx_key, uint8_t *rx_iv, uint8_t *rx_hp,
                                                 uint8_t *tx_key, uint8_t *tx_iv, uint8_t *tx_hp,
                                                 uint32_t version, const ngtcp2_cid *client_dcid);

enum {
    ORIGINAL_ID = 0x00,
    IDLE_TIMEOUT = 0x01,
    RESET_TOKEN = 0x02,
    UDP_PAYLOAD = 0x03,
    MAX_DATA = 0x04,
    STREAMS_BIDI = 0x08,
    STREAMS_UNI = 0x09,
    ACK_DELAY_EXPONENT = 0x0a,
    ACK_DELAY = 0x0b,
    NO_MIGRATION = 0x0c,
    PREFERRED_ADDRESS = 0x0d,
    ACTIVE_IDS = 0x0e,
    FIRST_SOURCE_ID = 0x0f,
    RETRY_SOURCE_ID = 0x10,
    VERSIONS = 0x11,
    DATAGRAM = 0x20,
    GREASED_BIT = 0x2ab2,
};

#define LARGEST ((UINT64_C(1) << 62) - 1)
#define NO_SUCH (LARGEST - 1)

/* ---- building them ---- */

static void add_varint(struct buf *b, uint64_t value) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> 8 * (7 - i));
    bytes[0] |= 0xc0;
    buf_add(b, bytes, sizeof(bytes)); /* eight bytes, though fewer would do */
}

static void add_length(struct buf *b, size_t n) {
    if (n > 0)
        add_varint(b, n);
    else
        buf_char(b, 0); /* ngtcp2 knows no other nought */
}

static void add(struct buf *b, uint64_t id, const void *p, size_t n) {
    add_varint(b, id);
    add_length(b, n);
    buf_add(b, p, n);
}

static void add_number(struct buf *b, uint64_t id, uint64_t value) {
    add_varint(b, id);
    add_varint(b, 8);
    add_varint(b, value);
}

static void add_id(struct buf *b, uint64_t id, const ngtcp2_cid *cid) {
    add(b, id, cid->data, cid->datalen);
}

static void add_bytes(struct buf *b, uint64_t id, size_t n) {
    add_varint(b, id);
    add_length(b, n);
    memset(buf_extend(b, n), 0xff, n);
}

/* What everybody must send, and all that a number can be. */
static void add_largest(struct buf *b, const ngtcp2_cid *scid) {
    static const uint64_t numbers[][2] = {
        {IDLE_TIMEOUT, LARGEST},
        {UDP_PAYLOAD, LARGEST},
        {MAX_DATA, LARGEST},
        {MAX_DATA + 1, LARGEST},
        {MAX_DATA + 2, LARGEST},
        {MAX_DATA + 3, LARGEST},
        {STREAMS_BIDI, UINT64_C(1) << 60},
        {STREAMS_UNI, UINT64_C(1) << 60},
        {ACK_DELAY_EXPONENT, 20},
        {ACK_DELAY, (1 << 14) - 1},
        {ACTIVE_IDS, 4}, /* as our client, which need not know that it lies */
        {DATAGRAM, LARGEST},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        add_number(b, numbers[i][0], numbers[i][1]);
    add_bytes(b, NO_MIGRATION, 0);
    add_bytes(b, GREASED_BIT, 0);
    add_id(b, FIRST_SOURCE_ID, scid);
}

/* Version 1, chosen and last of many that nobody speaks. */
static void add_versions(struct buf *b, unsigned n) {
    static const uint8_t one[4] = {0, 0, 0, 1}, other[4] = {0x0a, 0x0a, 0x0a, 0x0a};
    add_varint(b, VERSIONS);
    add_varint(b, 4 * (n + 2));
    buf_add(b, one, 4);
    for (unsigned i = 0; i < n; i++)
        buf_add(b, other, 4);
    buf_add(b, one, 4);
}

static void add_preferred_address(struct buf *b) {
    uint8_t bytes[4 + 2 + 16 + 2 + 1 + 20 + 16];
    memset(bytes, 0xff, sizeof(bytes));
    bytes[24] = 20;
    add(b, PREFERRED_ADDRESS, bytes, sizeof(bytes));
}

/* ---- a client that sends them ---- */

/* ngtcp2's callbacks have a context, but it is our connection. */
static struct {
    void (*add)(struct buf *b, const ngtcp2_cid *scid);
    size_t n; /* for add */
} lie;

static int client_initial(ngtcp2_conn *q, void *user) {
    struct quic_conn *c = user;
    struct buf b;
    ngtcp2_cid scid;
    assert_int_equal(ngtcp2_conn_get_scid2(q, NULL), 1);
    (void)ngtcp2_conn_get_scid2(q, &scid);
    buf_init(&b);
    lie.add(&b, &scid);
    int rv = ngtcp2_crypto_derive_and_install_initial_key(q, NULL, NULL, NULL, NULL, NULL, NULL,
                                                          NULL, NULL, NULL, NGTCP2_PROTO_VER_V1,
                                                          ngtcp2_conn_get_dcid2(q));
    if (rv == 0)
        rv = wolfSSL_set_quic_transport_params(c->tls, b.p, b.n) == WOLFSSL_SUCCESS ? 0 : -1;
    if (rv == 0)
        rv = ngtcp2_crypto_read_write_crypto_data(q, NGTCP2_ENCRYPTION_LEVEL_INITIAL, NULL, 0);
    buf_fini(&b);
    return rv == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

struct lying {
    struct quic_world w;
    struct traces traces;
    ngtcp2_callbacks callbacks;
};

static void lying_init(struct lying *l) {
    world_init(&l->w);
    traces_init(&l->traces);
    l->w.server_config.qlog = &l->traces.keeper;
    world_start(&l->w, 1);
    l->callbacks = conn_callbacks;
    l->callbacks.client_initial = client_initial;
    hub_of(l->w.client)->callbacks = &l->callbacks;
    /* The first connection was made with the honest ones. */
    assert_int_equal(conn_start_client(quic_client_conn(l->w.client), NGTCP2_PROTO_VER_V1), 0);
}

static void lying_fini(struct lying *l) {
    world_fini(&l->w);
    traces_fini(&l->traces);
}

static unsigned told(const struct lying *l, const char *text) {
    assert_int_equal(l->traces.n, 1);
    return trace_count(&l->traces.v[0], "server", "transport:parameters_set", text);
}

static void largest(struct buf *b, const ngtcp2_cid *scid) {
    add_largest(b, scid);
}

static void takes_the_largest_numbers(void **state) {
    (void)state;
    struct lying l;
    lie.add = largest;
    lying_init(&l);
    assert_true(world_run(&l.w, 5 * SECOND_NS));
    assert_int_equal(told(&l, "\"owner\":\"remote\""), 1);
    assert_int_equal(told(&l, "\"initial_max_data\":4611686018427387903"), 1);
    assert_int_equal(told(&l, "\"initial_max_streams_bidi\":1152921504606846976"), 1);
    lying_fini(&l);
}

static void with_unknown_ones(struct buf *b, const ngtcp2_cid *scid) {
    add_largest(b, scid);
    for (size_t i = 0; i < 100; i++)
        add_bytes(b, 27 + 31 * i, 0);
    add_bytes(b, NO_SUCH, lie.n);
}

static void with_versions(struct buf *b, const ngtcp2_cid *scid) {
    add_largest(b, scid);
    add_versions(b, (unsigned)lie.n);
}

/* Either is fine, but nothing else: they are taken, or the connection ends with a word. */
static bool is_over(void *context) {
    const struct quic_world *w = context;
    return w->client_count.closed == 1 || w->client_count.apps == 0;
}

static void ends_well(size_t n, bool taken) {
    struct lying l;
    lie.n = n;
    lying_init(&l);
    assert_true(net_sim_run(l.w.net, 30 * SECOND_NS, is_over, &l.w));
    if (taken != (l.w.client_count.complete == 1))
        print_error("%zu bytes: \"%s\"\n%s", n, quic_client_error(l.w.client), l.w.logged);
    assert_int_equal(l.w.client_count.complete, taken);
    assert_int_equal(l.w.client_count.damaged, 0);
    if (taken)
        assert_int_equal(told(&l, "\"owner\":\"remote\""), 1);
    lying_fini(&l);
}

static void bears_long_ones(void **state) {
    (void)state;
    lie.add = with_unknown_ones;
    for (size_t n = 100; n <= 6400; n *= 4)
        ends_well(n, true);
    ends_well(60000, false);
}

static void bears_many_versions(void **state) {
    (void)state;
    lie.add = with_versions;
    for (size_t n = 1; n <= 1000; n *= 10)
        ends_well(n, true);
    ends_well(15000, false);
}

/* ---- those that are forbidden ---- */

static uint64_t forbidden;

static void one_forbidden(struct buf *b, const ngtcp2_cid *scid) {
    add_largest(b, scid);
    if (forbidden == PREFERRED_ADDRESS)
        add_preferred_address(b);
    else if (forbidden == RESET_TOKEN)
        add_bytes(b, RESET_TOKEN, 16);
    else
        add_id(b, forbidden, scid);
}

static void too_large(struct buf *b, const ngtcp2_cid *scid) {
    add_id(b, FIRST_SOURCE_ID, scid);
    add_number(b, forbidden, lie.n);
}

static void wrong_id(struct buf *b, const ngtcp2_cid *scid) {
    ngtcp2_cid other = *scid;
    other.data[0] ^= 1;
    add_id(b, FIRST_SOURCE_ID, &other);
}

static void no_id(struct buf *b, const ngtcp2_cid *scid) {
    (void)scid;
    add_number(b, MAX_DATA, 1000);
}

static void longest_id(struct buf *b, const ngtcp2_cid *scid) {
    (void)scid;
    add_bytes(b, FIRST_SOURCE_ID, 21);
}

static void cut_short(struct buf *b, const ngtcp2_cid *scid) {
    add_id(b, FIRST_SOURCE_ID, scid);
    add_varint(b, NO_SUCH);
    add_varint(b, LARGEST);
}

static void torn_versions(struct buf *b, const ngtcp2_cid *scid) {
    add_id(b, FIRST_SOURCE_ID, scid);
    add_bytes(b, VERSIONS, 7);
}

static void twice(struct buf *b, const ngtcp2_cid *scid) {
    add_largest(b, scid);
    add_number(b, forbidden, 5000);
}

static void refused(const char *what, void (*add_them)(struct buf *b, const ngtcp2_cid *scid)) {
    struct lying l;
    lie.add = add_them;
    lying_init(&l);
    assert_true(net_sim_run(l.w.net, 5 * SECOND_NS, is_over, &l.w));
    const char *error = quic_client_error(l.w.client);
    if (strcmp(error, "the peer closed the connection (transport code 0x8)") != 0)
        fail_msg("%s, 0x%llx: %s", what, (unsigned long long)forbidden, error);
    lying_fini(&l);
}

static void refuses_what_servers_send(void **state) {
    (void)state;
    static const uint64_t ids[] = {ORIGINAL_ID, RESET_TOKEN, PREFERRED_ADDRESS, RETRY_SOURCE_ID};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        forbidden = ids[i];
        refused("a server's", one_forbidden);
    }
}

static void refuses_wrong_values(void **state) {
    (void)state;
    static const uint64_t values[][2] = {
        {UDP_PAYLOAD, 1199},  {STREAMS_BIDI, (UINT64_C(1) << 60) + 1},
        {ACK_DELAY, 1 << 14}, {STREAMS_UNI, LARGEST},
        {ACTIVE_IDS, 1},      {ACK_DELAY_EXPONENT, 21},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        forbidden = values[i][0];
        lie.n = values[i][1];
        refused("a wrong value", too_large);
    }
    forbidden = 0;
    refused("a wrong id", wrong_id);
    refused("no id", no_id);
    refused("an id that is too long", longest_id);
    refused("one without its end", cut_short);
    refused("a torn list of versions", torn_versions);
}

/* RFC 9000 7.4 */
static void refuses_doubles(void **state) {
    (void)state;
    static const uint64_t ids[] = {IDLE_TIMEOUT, MAX_DATA, DATAGRAM};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        forbidden = ids[i];
        refused("twice", twice);
    }
}

/* ---- with the longest ids, past the network: ours are shorter ---- */

static void tells_the_longest_ids(void **state) {
    (void)state;
    struct lying l;
    uint8_t token[64] = {0};
    struct datagram d = {.local = net_sim_addr(NET_SIM_B), .remote = net_sim_addr(NET_SIM_A)};
    ngtcp2_pkt_hd hd = {.version = NGTCP2_PROTO_VER_V1, .token = token, .tokenlen = sizeof(token)};
    struct conn_first first = {.hd = &hd, .token_type = NGTCP2_TOKEN_TYPE_RETRY, .d = &d};
    struct quic_conn *c;
    struct buf b;
    lie.add = largest;
    lying_init(&l);
    hd.dcid.datalen = hd.scid.datalen = first.original_dcid.datalen = NGTCP2_MAX_CIDLEN;
    memset(hd.dcid.data, 0xfe, NGTCP2_MAX_CIDLEN);
    memset(hd.scid.data, 0xff, NGTCP2_MAX_CIDLEN);
    assert_int_equal(conn_new_server(hub_of(l.w.server), &first, &c), 0);
    buf_init(&b);
    add_largest(&b, &hd.scid);
    add_versions(&b, 1000);
    add_number(&b, ACTIVE_IDS, LARGEST);
    assert_int_equal(ngtcp2_conn_decode_and_set_remote_transport_params(c->q, b.p, b.n), 0);
    buf_fini(&b);
    assert_int_equal(told(&l, "ffffffffffffffffffffffffffffffffffffffff"), 1);
    lying_fini(&l);
}

/* ---- a server that sends them: `h3gw get` keeps qlogs too ---- */

/* budget: ngtcp2 gives the parameters. */
static int recv_client_initial(ngtcp2_conn *q, const ngtcp2_cid *dcid, void *user) {
    ngtcp2_transport_params p = *ngtcp2_conn_get_local_transport_params2(q);
    p.initial_max_data = p.initial_max_stream_data_uni = LARGEST;
    p.initial_max_stream_data_bidi_local = p.initial_max_stream_data_bidi_remote = LARGEST;
    p.initial_max_streams_bidi = p.initial_max_streams_uni = UINT64_C(1) << 60;
    p.max_udp_payload_size = p.max_datagram_frame_size = LARGEST;
    p.ack_delay_exponent = 20;
    p.disable_active_migration = 1;
    p.preferred_addr_present = 1;
    memset(&p.preferred_addr, 0xff, sizeof(p.preferred_addr));
    p.preferred_addr.cid.datalen = NGTCP2_MAX_CIDLEN;
    p.preferred_addr.ipv4_present = p.preferred_addr.ipv6_present = 1;
    p.preferred_addr.ipv4.sin_family = NGTCP2_AF_INET;
    p.preferred_addr.ipv6.sin6_family = NGTCP2_AF_INET6;
    assert_int_equal(ngtcp2_conn_set_local_transport_params(q, &p), 0);
    return ngtcp2_crypto_recv_client_initial_cb(q, dcid, user);
}

static void both_sides_tell_a_servers(void **state) {
    (void)state;
    struct quic_world w;
    struct traces client, server;
    ngtcp2_callbacks callbacks = conn_callbacks;
    world_init(&w);
    traces_init(&client);
    traces_init(&server);
    w.client_config.qlog = &client.keeper;
    w.server_config.qlog = &server.keeper;
    world_start(&w, 1);
    callbacks.recv_client_initial = recv_client_initial;
    hub_of(w.server)->callbacks = &callbacks;
    assert_true(world_run(&w, SECOND_NS));
    assert_int_equal(
        trace_count(&client.v[0], "client", "transport:parameters_set", "\"port_v6\":65535"), 1);
    assert_int_equal(
        trace_count(&server.v[0], "server", "transport:parameters_set", "\"port_v6\":65535"), 1);
    world_fini(&w);
    traces_fini(&client);
    traces_fini(&server);
}

/* Fewer than ngtcp2 counts, which is for a reason of its own. */
static void tells_how_many_ids(void **state) {
    (void)state;
    struct quic_world w;
    world_init(&w);
    world_start(&w, 1);
    assert_true(world_run(&w, SECOND_NS));
    ngtcp2_conn *q = quic_client_conn(w.client)->q;
    assert_int_equal(ngtcp2_conn_get_remote_transport_params2(q)->active_connection_id_limit, 4);
    world_fini(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_largest_numbers), cmocka_unit_test(bears_long_ones),
        cmocka_unit_test(bears_many_versions),       cmocka_unit_test(refuses_what_servers_send),
        cmocka_unit_test(refuses_wrong_values),      cmocka_unit_test(refuses_doubles),
        cmocka_unit_test(tells_the_longest_ids),     cmocka_unit_test(both_sides_tell_a_servers),
        cmocka_unit_test(tells_how_many_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
