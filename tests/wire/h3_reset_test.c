/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "h3_raw.h"

/* Streams that end before their time, by the client, by the server and by neither. */

enum { CANCELLED = 0x10c };

/* A GET as QUIC frames: STREAM with FIN, then RESET_STREAM and STOP_SENDING. */
static size_t put_request(struct raw *w, struct buf *to, int64_t id, const char *path) {
    struct hand_stream s = {0};
    buf_init(&s.out);
    hand_get(&w->hand, &s, path);
    size_t n = s.out.n;
    buf_char(to, 0x0b);
    hand_varint(to, (uint64_t)id);
    hand_varint(to, n);
    buf_add(to, s.out.p, n);
    buf_fini(&s.out);
    return n;
}

static void put_reset(struct buf *to, int64_t id, size_t sent) {
    buf_char(to, 0x04);
    hand_varint(to, (uint64_t)id);
    hand_varint(to, CANCELLED);
    hand_varint(to, sent);
    buf_char(to, 0x05);
    hand_varint(to, (uint64_t)id);
    hand_varint(to, CANCELLED);
}

/* CVE-2023-44487: the request and its reset in one packet, or in two at the same time. What the
 * server answers is not heard, so the first hundred streams are all there are. */
static void test_rapid_reset(void **state) {
    (void)state;
    for (int apart = 0; apart < 2; apart++) {
        struct raw *w = raw_new();
        struct buf packet;
        buf_init(&packet);
        w->limits.resets = 50;
        hand_control(&w->hand);
        raw_run(w, SECOND_NS);
        liar_alone(w->quic.net);
        for (int64_t id = 0; id < 400; id += 4) {
            buf_reset(&packet);
            size_t n = put_request(w, &packet, id, "/never");
            if (apart) {
                liar_sends(w->quic.net, packet.p, packet.n);
                buf_reset(&packet);
            }
            put_reset(&packet, id, n);
            liar_sends(w->quic.net, packet.p, packet.n);
            assert_int_equal(w->site.live, 0);
        }
        net_sim_tap(w->quic.net, NULL, NULL);
        for (int i = 0; i < 64; i++)
            liar_sends(w->quic.net, "\x01", 1); /* now and then it says once more why it closed */
        raw_run(w, SECOND_NS);
        assert_true(raw_closed_with(w, "0x107"));
        assert_int_equal(w->site.started, apart ? 51 : 0);
        buf_fini(&packet);
        raw_free(w);
    }
}

static const char *const paths[] = {"/hello",  "/bytes/100000", "/hints", "/early",
                                    "/refuse", "/never",        "/echo"};

enum { PATHS = sizeof(paths) / sizeof(paths[0]) };

static void ask_again(struct raw *w) {
    struct hand_stream *s = hand_open(&w->hand, false);
    hand_get(&w->hand, s, "/hello");
    s->fin = true;
    raw_run(w, SECOND_NS);
    assert_true(raw_answered(w, s, 200));
    assert_int_equal(w->site.live, 0);
}

/* CVE-2026-23918: in the packet of the request, of a connection that goes on. */
static void test_reset_in_the_same_packet(void **state) {
    (void)state;
    for (int i = 0; i < PATHS; i++) {
        struct raw *w = raw_new();
        struct buf packet;
        buf_init(&packet);
        hand_control(&w->hand);
        raw_run(w, SECOND_NS);
        struct hand_stream *s = hand_open(&w->hand, false);
        size_t n = put_request(w, &packet, s->id, paths[i]);
        put_reset(&packet, s->id, n);
        liar_says(LIAR_SHORT, packet.p, packet.n);
        hand_frame(hand_open(&w->hand, false), 0x21, packet.p, packet.n); /* what it replaces */
        raw_run(w, SECOND_NS);
        assert_true(liar_said());
        assert_true(s->was_reset);
        assert_int_equal(w->site.live, 0);
        ask_again(w);
        buf_fini(&packet);
        raw_free(w);
    }
}

static bool after_steps(void *context) {
    int *left = context;
    return (*left)-- <= 0;
}

/* steps: events on the wire between the request and its reset, which is RESET_STREAM for what is
 * not yet complete, STOP_SENDING for the answer, or both. Whether the answer was complete. */
static bool reset_after(const char *path, int steps, bool fin, bool both) {
    struct raw *w = raw_new();
    int left = steps;
    hand_control(&w->hand);
    raw_run(w, SECOND_NS);
    struct hand_stream *s = hand_open(&w->hand, false);
    hand_get(&w->hand, s, path);
    s->fin = fin;
    quic_wake(w->hand.conn);
    if (steps > 0)
        (void)net_sim_run(w->quic.net, SECOND_NS, after_steps, &left);
    bool complete = s->in_fin;
    if (!fin || both)
        quic_reset_stream(w->hand.conn, s->id, CANCELLED);
    if (fin || both)
        quic_stop_sending(w->hand.conn, s->id, CANCELLED);
    raw_run(w, SECOND_NS);
    assert_int_equal(w->site.live, 0);
    ask_again(w);
    raw_free(w);
    return complete;
}

/* The same at any moment between the request and the end of its response. */
static void test_reset_at_any_moment(void **state) {
    (void)state;
    int n_complete = 0;
    for (int i = 0; i < PATHS; i++)
        for (int steps = 0; steps < 16; steps++)
            n_complete += reset_after(paths[i], steps, steps % 2, steps % 3 == 0);
    assert_in_range(n_complete, 10, PATHS * 16 - 10);
}

/* CVE-2025-8671: the server is made to reset, here by a body that grows too large after the
 * response began. Each such request is cancelled at the handler. */
static void test_made_you_reset(void **state) {
    (void)state;
    struct raw *w = raw_new();
    w->limits.resets = 50;
    w->limits.request_body_bytes = 10;
    hand_control(&w->hand);
    for (int i = 0; i < 200 && !raw_gone(w); i++) {
        struct hand_stream *s = hand_open(&w->hand, false);
        hand_get(&w->hand, s, "/echo");
        hand_frame(s, HAND_DATA, "hello", 5);
        raw_run(w, 50 * MS_NS);
        assert_int_equal(hand_status(s), 200);
        hand_frame(s, HAND_DATA, "and more of it", 14);
        raw_run(w, 50 * MS_NS);
        assert_int_equal(w->site.live, 0);
    }
    raw_run(w, SECOND_NS);
    assert_true(raw_closed_with(w, "0x107"));
    assert_int_equal(w->site.started, 51);
    assert_int_equal(w->site.resets, 51);
    raw_free(w);
}

/* Credit byte by byte (HTTP/2's "data dribble", CVE-2019-9511): a packet of the client costs the
 * server one at most, and who takes so little is given up like one who takes nothing. */
static void test_dribble(void **state) {
    (void)state;
    struct raw *w = raw_with(100, 1);
    hand_control(&w->hand);
    raw_run(w, SECOND_NS);
    w->hand.hoards = true;
    struct hand_stream *s = hand_open(&w->hand, false);
    hand_get(&w->hand, s, "/bytes/1000000");
    s->fin = true;
    uint64_t said = net_sim_count(w->quic.net, NET_SIM_A).datagrams,
             heard = net_sim_count(w->quic.net, NET_SIM_B).datagrams,
             end_ns = w->turn.now_ns + w->limits.write_timeout_ns + 10 * SECOND_NS;
    while (!s->was_reset && w->turn.now_ns < end_ns) {
        quic_credit(w->hand.conn, s->id, 1);
        raw_run(w, 20 * MS_NS);
    }
    assert_true(s->was_reset && w->turn.now_ns < end_ns);
    assert_int_equal(s->code, CANCELLED);
    assert_true(s->in.n > 1000);
    assert_int_equal(w->site.live, 0);
    said = net_sim_count(w->quic.net, NET_SIM_A).datagrams - said;
    heard = net_sim_count(w->quic.net, NET_SIM_B).datagrams - heard;
    assert_true(heard <= said + 10);
    raw_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rapid_reset),
        cmocka_unit_test(test_reset_in_the_same_packet),
        cmocka_unit_test(test_reset_at_any_moment),
        cmocka_unit_test(test_made_you_reset),
        cmocka_unit_test(test_dribble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
