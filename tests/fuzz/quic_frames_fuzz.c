/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_world.h"
#include "proto/h3/h3.h"
#include "quic/conn.h"
#include "quic/counters.h"
#include "wire/h3_hand.h"
#include "wire/quic_liar.h"
#include "wire/quic_pair.h"

/* A client that has shaken hands and then says anything, to QUIC and HTTP/3. The handshake is real
 * and takes nearly all of the time, so that an input should be worth one.
 *
 * Input: records of a kind byte, a length (two bytes) and the bytes. Kind % 4: 0 frames of a
 * packet, as they are; 1 what comes next on the stream that bits 2 to 4 say, in a frame that is
 * right, bit 6: its end; 2 no bytes, the length % 3 says what: the server drains, the stream is
 * reset, or is to stop; 3 no bytes, time goes on by so many ms as the length says. Bit 5: from
 * another address, with the answer to the latest PATH_CHALLENGE. Bit 7: the packet acks all that
 * the server has sent. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAYLOAD_BYTES = 1300, STREAMS = 8, ERROR_CODE = 0x10c, PATH_BYTES = 8 };
enum frame_type {
    ACK = 0x02,
    RESET_STREAM = 0x04,
    STOP_SENDING = 0x05,
    STREAM = 0x0e, /* with offset and length */
    STREAM_FIN = 0x0f,
    PATH_CHALLENGE = 0x1a,
    PATH_RESPONSE = 0x1b,
};

struct talk {
    struct fuzz_world w;
    struct quic_pair quic;
    struct hand hand;
    struct log log;
    struct quic_counters counters;
    uint32_t offsets[STREAMS];
    uint8_t packet[PAYLOAD_BYTES];
    size_t n;
};

static struct quic_app *accept_server(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct talk *t = context;
    return h3_server_new(&t->w.env, conn, peer);
}

static struct quic_app *accept_client(void *context, struct quic_conn *conn,
                                      const struct peer *peer) {
    struct talk *t = context;
    (void)peer;
    return hand_init(&t->hand, conn);
}

static bool is_open(void *context) {
    return ((struct talk *)context)->hand.opened;
}

/* ---- what the server has sent ---- */

/* 1-RTT packets in a row, as ngtcp2 leaves numbers out to catch those who ack what they did not
 * get. Its encrypt has no context. */
static struct {
    bool any;
    uint32_t mask; /* of number and nonce */
    uint32_t first, last;
    uint8_t challenge[PATH_BYTES];
} seen;

static uint32_t number(const uint8_t *p, size_t n) {
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static int see(uint8_t *to, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *ctx,
               const uint8_t *plain, size_t n, const uint8_t *nonce, size_t nonce_n,
               const uint8_t *aad, size_t aad_n) {
    bool is_short = !(aad[0] & 0x80);
    size_t pn_n = (aad[0] & 3) + 1u;
    uint32_t tail = number(nonce + nonce_n - 4, 4);
    if (is_short && !seen.any) /* nothing was acked yet: the number stands there in full */
        seen.mask = tail ^ number(aad + aad_n - pn_n, pn_n);
    if (is_short && (!seen.any || (tail ^ seen.mask) != seen.last + 1))
        seen.first = tail ^ seen.mask;
    if (is_short)
        seen.last = tail ^ seen.mask;
    seen.any |= is_short;
    if (is_short && n > PATH_BYTES && plain[0] == PATH_CHALLENGE)
        memcpy(seen.challenge, plain + 1, PATH_BYTES);
    return ngtcp2_crypto_encrypt_cb(to, aead, ctx, plain, n, nonce, nonce_n, aad, aad_n);
}

/* ---- the client ---- */

static void put(struct talk *t, const void *p, size_t n) {
    n = n < PAYLOAD_BYTES - t->n ? n : PAYLOAD_BYTES - t->n;
    memcpy(t->packet + t->n, p, n);
    t->n += n;
}

static void put_byte(struct talk *t, unsigned v) {
    put(t, (uint8_t[]){(uint8_t)v}, 1);
}

static void put_varint(struct talk *t, uint32_t v) {
    put(t,
        (uint8_t[]){(uint8_t)(0x80 | v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v},
        4);
}

static void put_ack(struct talk *t) {
    put_byte(t, ACK);
    put_varint(t, seen.last);
    put_varint(t, 0); /* delay */
    put_varint(t, 0); /* more ranges */
    put_varint(t, seen.last - seen.first);
}

static unsigned stream_of(uint8_t kind) {
    return kind >> 2 & (STREAMS - 1);
}

/* Four request streams, and four that are unidirectional. */
static uint32_t id_of(unsigned i) {
    return i < 4 ? i * 4 : (i - 4) * 4 + 2;
}

static void put_stream(struct talk *t, uint8_t kind, const uint8_t *p, size_t n) {
    unsigned i = stream_of(kind);
    n = n < PAYLOAD_BYTES - 100 ? n : PAYLOAD_BYTES - 100;
    put_byte(t, kind & 0x40 ? STREAM_FIN : STREAM);
    put_varint(t, id_of(i));
    put_varint(t, t->offsets[i]);
    put_varint(t, (uint32_t)n);
    put(t, p, n);
    t->offsets[i] += (uint32_t)n;
}

static void put_end(struct talk *t, uint8_t kind, bool reset) {
    unsigned i = stream_of(kind);
    put_byte(t, reset ? RESET_STREAM : STOP_SENDING);
    put_varint(t, id_of(i));
    put_varint(t, ERROR_CODE);
    if (reset)
        put_varint(t, t->offsets[i]);
}

static void say(struct talk *t, bool elsewhere) {
    struct addr from = net_sim_addr(NET_SIM_A);
    if (elsewhere) {
        put_byte(t, PATH_RESPONSE);
        put(t, seen.challenge, PATH_BYTES);
        check(addr_parse(STR("10.0.0.9:999"), &from) == 0);
    }
    if (t->n > 0 && !t->hand.freed) /* with the client go its keys */
        liar_sends_from(t->quic.net, &from, t->packet, t->n);
}

/* p NULL: n says what. */
static void record(struct talk *t, uint8_t kind, const uint8_t *p, size_t n) {
    t->n = 0;
    if ((kind & 0x80) && seen.any)
        put_ack(t);
    if (p && kind % 4 == 0)
        put(t, p, n);
    else if (p)
        put_stream(t, kind, p, n);
    else if (n % 3 == 0)
        t->quic.server->ops->drain(t->quic.server);
    else
        put_end(t, kind, n % 3 == 1);
    say(t, kind & 0x20);
}

static void run(struct talk *t, const uint8_t *data, size_t size) {
    while (size >= 3) {
        uint8_t kind = data[0];
        size_t n = (size_t)data[1] << 8 | data[2];
        data += 3;
        size -= 3;
        if (kind % 4 == 3)
            (void)net_sim_run(t->quic.net, n * MS_NS, NULL, NULL);
        if (kind % 4 == 2)
            record(t, kind, NULL, n);
        if (kind % 4 >= 2)
            continue;
        n = n < size ? n : size;
        record(t, kind, data, n);
        data += n;
        size -= n;
    }
}

/* ---- the world ---- */

/* Lines are made and thrown away. */
static void write_log(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log, (void)level, (void)line, (void)n;
}

/* The contexts are made once. */
static struct talk *talk_new(void) {
    static struct quic_pair made;
    struct talk *t = calloc(1, sizeof(*t));
    check(t);
    fuzz_world_init(&t->w);
    turn_begin(&t->w.turn, 1000 * SECOND_NS, 1800000000);
    if (!made.server_tls)
        quic_pair_init(&made, NULL, NULL);
    t->quic = made;
    t->quic.turn = t->quic.client_config.turn = t->quic.server_config.turn = &t->w.turn;
    t->quic.client_config.context = t->quic.server_config.context = t;
    t->log = (struct log){.level = LOG_DEBUG, .write = write_log};
    t->quic.server_config.log = &t->log;
    t->quic.server_config.counters = &t->counters;
    t->quic.client_config.accept = accept_client;
    t->quic.server_config.accept = accept_server;
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static ngtcp2_callbacks seeing;
    struct talk *t = talk_new();
    memset(&seen, 0, sizeof(seen));
    seeing = conn_callbacks;
    seeing.encrypt = see;
    quic_pair_join(&t->quic, 1);
    hub_of(t->quic.server)->callbacks = &seeing;
    liar_start(t->quic.client);
    check(net_sim_run(t->quic.net, 5 * SECOND_NS, is_open, t));
    (void)net_sim_run(t->quic.net, 100 * MS_NS, NULL, NULL);
    liar_alone(t->quic.net);
    run(t, data, size);
    quic_pair_end(&t->quic);
    fuzz_turn(&t->w);
    fuzz_world_fini(&t->w);
    hand_fini(&t->hand);
    free(t);
    return 0;
}
