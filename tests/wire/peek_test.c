/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "sys/file.h"
#include "tls/peek.h"
#include "tls_pair.h"

/* A peek engine in front of a TLS engine with a real TLS client, or in front of an echo that is
 * given the bytes as they are, as a tunnel is. */

enum goes_on { TO_TLS, TO_ECHO, TO_NOBODY };

static struct choice {
    enum goes_on goes_on;
    int asked;
    bool is_tls;
    struct hello hello;
    uint64_t failures[ERR_KINDS];
} chosen;

static struct stream_engine *choose(void *context, struct peer *peer, const struct hello *hello) {
    struct pair *p = context;
    assert_ptr_equal(peer, &p->server_peer);
    chosen.asked++;
    chosen.is_tls = hello != NULL;
    if (hello) {
        chosen.hello = *hello;
        assert_string_equal(peer->sni ? peer->sni : "", hello->sni);
    }
    if (chosen.goes_on == TO_NOBODY)
        return NULL;
    return chosen.goes_on == TO_TLS ? pair_server(p) : echo_new(&p->turn, p->echo_holds, &p->echo);
}

static struct stream_engine *front(struct pair *p) {
    struct peek_config config = {.turn = &p->turn,
                                 .peer = &p->server_peer,
                                 .choose = choose,
                                 .context = p,
                                 .handshake_timeout_ns = 5 * SECOND_NS,
                                 .failures = chosen.failures};
    return peek_engine_new(&config);
}

static int set_up(void **state) {
    int err = pair_set_up(state);
    struct pair *p = *state;
    chosen = (struct choice){0};
    p->front = front;
    return err;
}

/* The test is the client. */
static void begin_raw(struct pair *p, enum goes_on goes_on) {
    chosen.goes_on = goes_on;
    pair_contexts(p);
    p->server = front(p);
    assert_non_null(p->server);
    p->join = join_new(&p->turn, NULL, p->server, p->seed);
}

static bool server_ended(void *context) {
    struct pair *p = context;
    return join_ended(p->join, JOIN_B);
}

static void run_raw(struct pair *p) {
    assert_true(join_run(p->join, 60 * SECOND_NS, server_ended, p));
}

/* A recorded hello, and some bytes that the client sends at once behind it. */
static void hello_and_more(const char *name, size_t more, struct buf *to) {
    char path[200];
    (void)snprintf(path, sizeof(path), "tests/fuzz/corpus/hello/%s", name);
    assert_int_equal(file_read(path, 1 << 20, to), 0);
    for (size_t i = 0; i < more; i++)
        buf_char(to, (char)(i * 7));
}

/* ---- on to TLS ---- */

static void any_split_of_the_bytes(void **state) {
    struct pair *p = *state;
    pair_contexts(p);
    for (uint64_t seed = 0; seed < 40; seed++) {
        chosen.asked = 0;
        pair_talk_cut(p, seed);
        assert_int_equal(chosen.asked, 1);
    }
}

static void what_our_own_client_says(void **state) {
    struct pair *p = *state;
    p->host = "second.test";
    p->client_config.alpn = "h2,http/1.1";
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_string_equal(chosen.hello.sni, "second.test");
    assert_int_equal(chosen.hello.alpn_n, 12);
    assert_memory_equal(chosen.hello.alpn, "\2h2\10http/1.1", 12);
    assert_true(chosen.hello.tls13);
    assert_string_equal(p->server_peer.server, "second");
}

static void a_client_of_tls12(void **state) {
    struct pair *p = *state;
    p->client_config.suites = "ECDHE-ECDSA-AES128-GCM-SHA256";
    p->client_config.tls12 = true;
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_false(chosen.hello.tls13);
}

/* Lets the talker go, too: it stays by itself. */
static void run_to_the_end(struct pair *p) {
    p->talker.stay = false;
    p->talker.half_close = true;
    pair_run(p);
    assert_true(p->talker.end_of_input);
}

static void draining_before_the_hello(void **state) {
    struct pair *p = *state;
    p->talker.stay = true;
    p->talker.bytes = 0;
    pair_begin(p);
    p->server->ops->drain(p->server);
    run_to_the_end(p);
    assert_int_equal(chosen.asked, 1); /* who has begun is served */
}

static void draining_behind_it(void **state) {
    struct pair *p = *state;
    p->talker.stay = true;
    pair_begin(p);
    assert_true(join_run(p->join, 60 * SECOND_NS, pair_all_came_back, p));
    p->server->ops->drain(p->server);
    run_to_the_end(p);
}

static bool nothing(void *context) {
    (void)context;
    return false;
}

static void its_clock_stops_with_the_hello(void **state) {
    struct pair *p = *state;
    p->talker.stay = true;
    pair_begin(p);
    assert_false(join_run(p->join, 50 * SECOND_NS, nothing, p));
    assert_int_equal(p->talker.received, p->talker.bytes);
    assert_false(server_ended(p));
    assert_int_equal(chosen.failures[-ERR_TIMEOUT], 0);
}

static void an_inner_engine_that_refuses(void **state) {
    /* The hello is fine, but TLS does not like what it offers, and says so while it is fed. */
    struct pair *p = *state;
    p->client_config.alpn = "spdy/3";
    p->talker.stay = true;
    for (p->seed = 0; p->seed < 5; p->seed++) {
        pair_begin(p);
        join_keep(p->join);
        pair_run(p);
        assert_non_null(strstr(tls_engine_problem(p->client), "alert no_application_protocol"));
        pair_end(p);
    }
}

static void plain_http(void **state) {
    struct pair *p = *state;
    begin_raw(p, TO_TLS);
    join_write(p->join, JOIN_A, "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", 33);
    join_whole(p->join);
    run_raw(p);
    assert_false(chosen.is_tls);
    buf_char(join_read(p->join, JOIN_A), '\0');
    assert_non_null(strstr((char *)join_read(p->join, JOIN_A)->p, "400 Bad Request"));
    assert_non_null(strstr((char *)join_read(p->join, JOIN_A)->p, "https://a.test/x"));
}

/* ---- on as it is ---- */

static void early_bytes_go_on_with_it(void **state) {
    struct pair *p = *state;
    static const size_t holds[] = {1, 100, 5000, 100000};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct buf sent = {0};
        p->seed = seed;
        p->echo = (struct echo_seen){0};
        p->echo_holds = holds[seed % 4];
        begin_raw(p, TO_ECHO);
        hello_and_more(seed % 2 ? "chromium" : "fragmented", seed * 400, &sent);
        join_write(p->join, JOIN_A, sent.p, sent.n);
        join_finish(p->join, JOIN_A);
        run_raw(p);
        assert_int_equal(join_read(p->join, JOIN_A)->n, sent.n);
        assert_memory_equal(join_read(p->join, JOIN_A)->p, sent.p, sent.n);
        assert_true(p->echo.end_of_input);
        buf_fini(&sent);
        pair_end(p);
    }
}

static void input_ends_while_bytes_are_kept(void **state) {
    /* The one who goes on has no room yet: it hears of the end behind the bytes. */
    struct pair *p = *state;
    struct buf sent = {0};
    p->echo.deaf = true;
    begin_raw(p, TO_ECHO);
    hello_and_more("openssl", 100, &sent);
    join_write(p->join, JOIN_A, sent.p, sent.n);
    join_finish(p->join, JOIN_A);
    join_run(p->join, SECOND_NS, NULL, NULL);
    assert_int_equal(p->echo.live, 1);
    assert_false(p->echo.end_of_input);
    p->echo.deaf = false;
    run_raw(p);
    assert_int_equal(p->echo.received, sent.n);
    assert_true(p->echo.end_of_input);
    buf_fini(&sent);
}

/* ---- ends ---- */

static void assert_alert(struct pair *p, uint8_t description) {
    const uint8_t alert[] = {21, 3, 3, 0, 2, 2, description};
    assert_int_equal(join_read(p->join, JOIN_A)->n, sizeof(alert));
    assert_memory_equal(join_read(p->join, JOIN_A)->p, alert, sizeof(alert));
}

static void a_malformed_hello(void **state) {
    struct pair *p = *state;
    struct buf sent = {0};
    begin_raw(p, TO_TLS);
    hello_and_more("nul-in-name", 0, &sent);
    join_write(p->join, JOIN_A, sent.p, sent.n);
    run_raw(p);
    assert_alert(p, 50); /* decode_error */
    assert_int_equal(chosen.asked, 0);
    assert_int_equal(chosen.failures[-ERR_PROTOCOL], 1);
    buf_fini(&sent);
}

static void a_name_that_nobody_has(void **state) {
    struct pair *p = *state;
    struct buf sent = {0};
    begin_raw(p, TO_NOBODY);
    hello_and_more("refused-name", 50, &sent);
    join_write(p->join, JOIN_A, sent.p, sent.n);
    run_raw(p);
    assert_alert(p, 112); /* unrecognized_name */
    assert_int_equal(chosen.failures[-ERR_REFUSED], 1);
    buf_fini(&sent);
}

static void no_tls_and_nobody_to_explain_it(void **state) {
    struct pair *p = *state;
    begin_raw(p, TO_NOBODY);
    join_whole(p->join);
    join_write(p->join, JOIN_A, "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n", 32);
    run_raw(p);
    buf_char(join_read(p->join, JOIN_A), '\0');
    assert_non_null(strstr((char *)join_read(p->join, JOIN_A)->p, "https://b.test/"));
    pair_end(p);
    begin_raw(p, TO_NOBODY);
    join_write(p->join, JOIN_A, "\x80\x2e\1\3\1", 5);
    run_raw(p);
    assert_int_equal(join_read(p->join, JOIN_A)->n, 0);
    assert_int_equal(chosen.failures[-ERR_TLS], 2);
}

static void too_slow(void **state) {
    struct pair *p = *state;
    static const size_t parts[] = {0, 1, 200};
    for (int i = 0; i < 3; i++) {
        struct buf sent = {0};
        begin_raw(p, TO_TLS);
        hello_and_more("openssl", 0, &sent);
        join_write(p->join, JOIN_A, sent.p, parts[i]);
        uint64_t begin_ns = p->turn.now_ns;
        run_raw(p);
        assert_int_equal(p->turn.now_ns - begin_ns, 5 * SECOND_NS);
        assert_int_equal(join_read(p->join, JOIN_A)->n, 0);
        assert_int_equal(chosen.failures[-ERR_TIMEOUT], i + 1);
        buf_fini(&sent);
        pair_end(p);
    }
    assert_int_equal(chosen.asked, 0);
}

static void end_of_input_in_the_hello(void **state) {
    struct pair *p = *state;
    static const size_t parts[] = {0, 5, 342};
    for (int i = 0; i < 3; i++) {
        struct buf sent = {0};
        begin_raw(p, TO_TLS);
        hello_and_more("openssl", 0, &sent);
        join_write(p->join, JOIN_A, sent.p, parts[i]);
        join_finish(p->join, JOIN_A);
        run_raw(p);
        assert_int_equal(chosen.failures[-ERR_CLOSED], i + 1);
        buf_fini(&sent);
        pair_end(p);
    }
    assert_int_equal(chosen.asked, 0);
}

static void freed_while_it_looks(void **state) {
    struct pair *p = *state;
    begin_raw(p, TO_TLS);
    join_write(p->join, JOIN_A, "\x16\3\1", 3);
    join_run(p->join, SECOND_NS, NULL, NULL);
    pair_end(p);
    assert_int_equal(chosen.failures[-ERR_CLOSED], 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, pair_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(any_split_of_the_bytes),
        TEST(what_our_own_client_says),
        TEST(a_client_of_tls12),
        TEST(draining_before_the_hello),
        TEST(draining_behind_it),
        TEST(its_clock_stops_with_the_hello),
        TEST(an_inner_engine_that_refuses),
        TEST(plain_http),
        TEST(early_bytes_go_on_with_it),
        TEST(input_ends_while_bytes_are_kept),
        TEST(a_malformed_hello),
        TEST(a_name_that_nobody_has),
        TEST(no_tls_and_nobody_to_explain_it),
        TEST(too_slow),
        TEST(end_of_input_in_the_hello),
        TEST(freed_while_it_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
