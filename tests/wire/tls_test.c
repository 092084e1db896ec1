/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tls_pair.h"

static void handshake_and_facts(void **state) {
    struct pair *p = *state;
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_string_equal(p->server_peer.alpn, "h2");
    assert_string_equal(p->client_peer.alpn, "h2");
    assert_int_equal(p->server_peer.version, HTTP_2);
    assert_string_equal(p->server_peer.sni, "localhost");
    assert_string_equal(p->server_peer.tls_version, "TLSv1.3");
    assert_string_equal(p->server_peer.cipher, "TLS_AES_128_GCM_SHA256");
    assert_string_equal(p->server_peer.group, "X25519MLKEM768");
    assert_string_equal(p->client_peer.group, "X25519MLKEM768");
    assert_string_equal(p->server_peer.server, "first");
    assert_true(p->server_peer.secure);
    assert_false(p->server_peer.resumed);
    assert_null(p->server_peer.cert);
    assert_non_null(p->client_peer.cert);
    assert_string_equal(p->client_peer.cert->subject, "CN=local");
}

static void any_split_of_the_bytes(void **state) {
    struct pair *p = *state;
    pair_contexts(p);
    for (uint64_t seed = 0; seed < 40; seed++)
        pair_talk_cut(p, seed);
}

static void much_both_ways_with_back_pressure(void **state) {
    struct pair *p = *state;
    p->talker.bytes = 3000000;
    p->talker.half_close = true;
    pair_begin(p);
    join_room(p->join, 50000);
    pair_run(p);
    pair_assert_talked(p);
    assert_true(p->talker.end_of_input);
    /* Full records: five bytes of header, one of type, sixteen of tag for 16 KiB. */
    assert_true(join_bytes(p->join, JOIN_A) < 3000000 + 3000000 / 400);
}

static bool nothing(void *context) {
    (void)context;
    return false;
}

static void a_client_that_does_not_read(void **state) {
    struct pair *p = *state;
    p->talker.bytes = 1000000;
    p->talker.paused = true;
    pair_begin(p);
    assert_false(join_run(p->join, 20 * SECOND_NS, nothing, p));
    assert_in_range(p->talker.sent, 1, 400000);
    assert_int_equal(p->talker.received, 0);
    p->talker.paused = false;
    pair_run(p);
    pair_assert_talked(p);
}

static void the_protocol_that_the_client_prefers(void **state) {
    struct pair *p = *state;
    p->client_config.alpn = "http/1.1,h2";
    pair_begin(p);
    pair_run(p);
    assert_string_equal(p->server_peer.alpn, "http/1.1");
    assert_int_equal(p->client_peer.version, HTTP_1_1);
}

static void no_alpn_is_http1(void **state) {
    struct pair *p = *state;
    p->client_config.alpn = NULL;
    pair_begin(p);
    pair_run(p);
    assert_string_equal(p->server_peer.alpn, "");
    assert_int_equal(p->server_peer.version, HTTP_1_1);
}

static void no_protocol_in_common(void **state) {
    struct pair *p = *state;
    p->client_config.alpn = "h3,spdy/3";
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.server, "no application protocol in common (ALPN)");
    assert_string_equal(told.client, "the server speaks no application protocol in common (ALPN) "
                                     "(alert no_application_protocol)");
}

/* ---- half a handshake ---- */

/* RFC 8446: a ClientHello that names a ticket of nobody, and offers 0-RTT with it. */
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
static const char hello_with_early_data[] =
    "\x16\x03\x01\x00\xad\x01\x00\x00\xa9\x03\x03" ZEROS ZEROS /* random */
    "\x00\x00\x02\x13\x01\x01\x00\x00\x7e"
    "\x00\x2b\x00\x03\x02\x03\x04"                             /* TLS 1.3 */
    "\x00\x0a\x00\x04\x00\x02\x00\x1d"                         /* x25519 */
    "\x00\x0d\x00\x04\x00\x02\x04\x03"                         /* ECDSA */
    "\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20\x09" ZEROS ZEROS /* key share */
    "\x2d\x00\x02\x01\x01"
    "\x00\x2a\x00\x00" /* early data */
    "\x00\x29\x00\x2f\x00\x0a\x00\x04tick\0\0\0\0\x00\x21\x20" ZEROS ZEROS;

static void not_done_before_the_client_is(void **state) {
    struct pair *p = *state;
    pair_contexts(p);
    p->server = pair_server(p);
    struct span room = p->server->ops->room(p->server);
    size_t n = sizeof(hello_with_early_data) - 1;
    assert_true(room.n >= n);
    memcpy(room.p, hello_with_early_data, n);
    assert_int_equal(p->server->ops->filled(p->server, n), 0);
    (void)turn_run(&p->turn, SIZE_MAX);
    assert_int_equal(p->server->ops->status(p->server), ENGINE_OPEN);
    assert_null(p->server_peer.tls_version);
    turn_begin(&p->turn, p->turn.now_ns + 6 * SECOND_NS, 0);
    (void)turn_run(&p->turn, SIZE_MAX);
    assert_int_not_equal(p->server->ops->status(p->server), ENGINE_OPEN);
    p->server->ops->free(p->server, 0);
    (void)turn_run(&p->turn, SIZE_MAX);
}

/* ---- forged records ---- */

struct forger {
    int from;
    uint64_t bytes_left; /* until it flips one bit */
    bool done;
};

static void forge(void *context, int from, uint8_t *p, size_t n) {
    struct forger *f = context;
    if (from != f->from || f->done)
        return;
    if (f->bytes_left >= n) {
        f->bytes_left -= n;
        return;
    }
    p[f->bytes_left] ^= 1;
    f->done = true;
}

static bool server_failed(void *context) {
    struct pair *p = context;
    return join_error(p->join, JOIN_B) != 0;
}

/* The last byte of a record is of the tag, whatever the AEAD. */
static void forged_tag(struct pair *p, const char *cipher) {
    p->talker = (struct talker){.bytes = 100, .stay = true};
    p->echo = (struct echo_seen){0};
    pair_begin(p);
    join_whole(p->join);
    assert_true(join_run(p->join, SECOND_NS, pair_all_came_back, p));
    assert_string_equal(p->server_peer.cipher, cipher);
    uint64_t before = join_bytes(p->join, JOIN_A);
    struct forger f = {.from = JOIN_A, .bytes_left = 5 + 100 + 1 + 16 - 1};
    join_tap(p->join, forge, &f);
    p->talker.bytes = 200;
    assert_true(join_run(p->join, SECOND_NS, server_failed, p));
    assert_int_equal(join_bytes(p->join, JOIN_A) - before, 5 + 100 + 1 + 16);
    assert_true(f.done);
    assert_int_equal(p->echo.received, 100);
    pair_end(p);
}

static void forged_tags_are_refused(void **state) {
    static const char *const suites[][2] = {
        {"TLS13-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"},
        {"TLS13-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"},
        {"TLS13-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256"}};
    struct pair *p = *state;
    for (size_t i = 0; i < 3; i++) {
        p->client_config.suites = suites[i][0];
        pair_contexts(p);
        forged_tag(p, suites[i][1]);
        tls_context_free(p->client_context);
        p->client_context = NULL;
    }
}

static void a_bit_flipped_anywhere(void **state) {
    struct pair *p = *state;
    pair_contexts(p);
    for (uint64_t at = 0; at < 3000; at += 37) {
        struct forger f = {.from = (int)(at % 2), .bytes_left = at};
        p->seed = at + 1;
        p->talker = (struct talker){.bytes = 2000};
        p->echo = (struct echo_seen){0};
        pair_begin(p);
        join_tap(p->join, forge, &f);
        pair_run(p);
        assert_false(p->talker.wrong);
        pair_end(p);
    }
}

/* ---- ends ---- */

static void fin_without_close_notify(void **state) {
    struct pair *p = *state;
    p->talker.stay = true;
    pair_begin(p);
    assert_true(join_run(p->join, SECOND_NS, pair_all_came_back, p));
    join_cut(p->join, JOIN_A);
    pair_run(p);
    assert_false(p->talker.end_of_input); /* could be an attacker's */
    assert_true(p->echo.end_of_input);
}

static void cut_without_close_notify(void **state) {
    struct pair *p = *state;
    p->talker.stay = true;
    pair_begin(p);
    assert_true(join_run(p->join, SECOND_NS, pair_all_came_back, p));
    p->echo.cut = true;
    pair_run(p);
    assert_true(join_was_reset(p->join, JOIN_B));
    assert_false(p->talker.end_of_input);
}

static void a_server_takes_fin_for_the_end(void **state) {
    struct pair *p = *state;
    p->talker.stay = true;
    pair_begin(p);
    assert_true(join_run(p->join, SECOND_NS, pair_all_came_back, p));
    join_cut(p->join, JOIN_B);
    p->talker.stay = false;
    p->talker.half_close = true;
    pair_run(p);
    assert_true(p->echo.end_of_input);
    assert_true(p->talker.end_of_input); /* as the server said close_notify */
}

static void draining(void **state) {
    struct pair *p = *state;
    p->talker.stay = true;
    pair_begin(p);
    assert_true(join_run(p->join, SECOND_NS, pair_all_came_back, p));
    p->server->ops->drain(p->server);
    p->talker.stay = false;
    p->talker.half_close = true;
    pair_run(p);
    assert_true(p->talker.end_of_input);
}

static void an_application_that_refuses(void **state) {
    struct pair *p = *state;
    p->refuse_inner = true;
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.server, "the connection was not taken");
}

/* ---- one side is the test's ---- */

static struct join *with_raw_client(struct pair *p) {
    pair_contexts(p);
    p->server = pair_server(p);
    p->join = join_new(&p->turn, NULL, p->server, 7);
    return p->join;
}

static bool server_ended(void *context) {
    struct pair *p = context;
    return join_ended(p->join, JOIN_B);
}

static void plain_http(void **state) {
    struct pair *p = *state;
    struct join *j = with_raw_client(p);
    join_whole(j);
    const char *request = "GET /a?b=c HTTP/1.1\r\nHost: localhost:8443\r\n\r\n";
    join_write(j, JOIN_A, request, strlen(request));
    assert_true(join_run(j, SECOND_NS, server_ended, p));
    struct buf *answer = join_read(j, JOIN_A);
    assert_memory_equal(answer->p, "HTTP/1.1 400 Bad Request\r\n", 26);
    assert_non_null(strstr((char *)answer->p, "https://localhost:8443/a?b=c\n"));
}

static void plain_http_in_pieces_and_with_bad_host(void **state) {
    struct pair *p = *state;
    struct join *j = with_raw_client(p);
    const char *request = "POST / HTTP/1.1\r\nHost: a\"b<script>\r\n\r\n";
    join_write(j, JOIN_A, request, strlen(request));
    assert_true(join_run(j, SECOND_NS, server_ended, p));
    struct buf *answer = join_read(j, JOIN_A);
    assert_memory_equal(answer->p, "HTTP/1.1 400 Bad Request\r\n", 26);
    assert_null(strstr((char *)answer->p, "script"));
}

static void rubbish(void **state) {
    struct pair *p = *state;
    pair_contexts(p);
    for (uint64_t seed = 1; seed < 60; seed++) {
        uint8_t bytes[300];
        struct join *j = with_raw_client(p);
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)(seed * 2654435761u * (i + 1) >> 13);
        static const uint8_t header[] = {22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3};
        memcpy(bytes, header, seed % 12 < sizeof(header) ? seed % 12 : 0);
        join_write(j, JOIN_A, bytes, sizeof(bytes));
        assert_true(join_run(j, 20 * SECOND_NS, server_ended, p));
        pair_end(p);
    }
}

static void a_handshake_that_never_ends(void **state) {
    struct pair *p = *state;
    struct join *j = with_raw_client(p);
    uint64_t begin_ns = p->turn.now_ns;
    assert_true(join_run(j, 20 * SECOND_NS, server_ended, p));
    assert_int_equal(p->turn.now_ns - begin_ns, 5 * SECOND_NS);
}

static void gone_during_the_handshake(void **state) {
    struct pair *p = *state;
    struct join *j = with_raw_client(p);
    join_write(j, JOIN_A, "\x16\x03\x01", 3);
    join_finish(j, JOIN_A);
    assert_true(join_run(j, SECOND_NS, server_ended, p));
}

/* ---- key log ---- */

static void on_keylog(struct tls_keylog *keylog, const char *line, size_t n) {
    struct pair *p = container_of(keylog, struct pair, keylog_to);
    size_t at = strlen(p->keylog);
    assert_null(memchr(line, '\n', n));
    (void)snprintf(p->keylog + at, sizeof(p->keylog) - at, "%.*s\n", (int)n, line);
}

static void keylog_lines(void **state) {
    static const char *const labels[] = {"CLIENT_HANDSHAKE_TRAFFIC_SECRET ",
                                         "SERVER_HANDSHAKE_TRAFFIC_SECRET ",
                                         "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "};
    struct pair *p = *state;
    p->keylog_to.line = on_keylog;
    p->server_config.keylog = &p->keylog_to;
    p->host = "second.test";
    pair_begin(p);
    pair_run(p);
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        assert_non_null(strstr(p->keylog, labels[i]));
}

static void tls12(void **state) {
    struct pair *p = *state;
    p->client_config.suites = "ECDHE-ECDSA-AES128-GCM-SHA256";
    p->client_config.tls12 = true;
    p->keylog_to.line = on_keylog;
    p->client_config.keylog = &p->keylog_to;
    p->talker.bytes = 100000;
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_string_equal(p->server_peer.tls_version, "TLSv1.2");
    assert_string_equal(p->server_peer.cipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    assert_string_equal(p->server_peer.group, "X25519");
    assert_non_null(strstr(p->keylog, "CLIENT_RANDOM "));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_set_up, pair_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(handshake_and_facts),
        TEST(any_split_of_the_bytes),
        TEST(much_both_ways_with_back_pressure),
        TEST(a_client_that_does_not_read),
        TEST(the_protocol_that_the_client_prefers),
        TEST(no_alpn_is_http1),
        TEST(no_protocol_in_common),
        TEST(not_done_before_the_client_is),
        TEST(forged_tags_are_refused),
        TEST(a_bit_flipped_anywhere),
        TEST(fin_without_close_notify),
        TEST(cut_without_close_notify),
        TEST(a_server_takes_fin_for_the_end),
        TEST(draining),
        TEST(an_application_that_refuses),
        TEST(plain_http),
        TEST(plain_http_in_pieces_and_with_bad_host),
        TEST(rubbish),
        TEST(a_handshake_that_never_ends),
        TEST(gone_during_the_handshake),
        TEST(keylog_lines),
        TEST(tls12),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
