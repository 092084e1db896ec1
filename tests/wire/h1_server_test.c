/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "h1_talk.h"
#include "proto/h1/h1.h"

/* Bytes written by hand against the HTTP/1.1 server: what clients say, word by word. */

enum { SEEDS = 5 };

#define HEAD "POST /hello HTTP/1.1\r\nHost: a\r\n"

static void test_a_plain_request(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct talk *t = talk_new(seed);
        const char *answer = say(t, "GET /hello HTTP/1.1\r\nHost: Test.Example\r\n\r\n");
        assert_true(begins(answer, "HTTP/1.1 200 OK\r\n"));
        assert_true(has(answer, "content-length: 5\r\n"));
        assert_false(has(answer, "connection:"));
        assert_string_equal(t->site.host, "test.example");
        assert_false(join_finished(t->join, JOIN_A));
        talk_free(t);
    }
}

static void test_pipelining(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct talk *t = talk_new(seed);
        const char *answer = say(t, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n"
                                    "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
                                    "\x03\x86\x09"
                                    "POST /count HTTP/1.1\r\nHost: a\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n"
                                    "2;x=\"y\"\r\n\x03\x86\r\n0\r\n\r\n"
                                    "\r\nGET /empty HTTP/1.1\r\nHost: b\r\n\r\n");
        assert_int_equal(t->site.started, 4);
        assert_true(begins(answer, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n"));
        assert_true(has(answer, "x-count: 3\r\n"));
        assert_true(has(answer, "x-count: 2\r\n"));
        assert_string_equal(t->site.host, "b");
        talk_free(t);
    }
}

static void test_a_pipeline_behind_a_slow_answer_is_bounded(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    static const char get[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    say(t, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 4000; i++)
        join_write(t->join, JOIN_A, get, sizeof(get) - 1);
    join_run(t->join, SECOND_NS, NULL, NULL);
    assert_int_equal(t->server->ops->room(t->server).n, 0);
    assert_int_equal(t->site.started, 1);
    talk_free(t);
}

static void test_chunks_up_with_trailers(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct talk *t = talk_new(seed);
        const char *answer = say(t, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                                    "Transfer-Encoding: Chunked\r\nTE: trailers\r\n\r\n"
                                    "5\r\nhello\r\n0006;a;b=c\r\n world\r\n0\r\n"
                                    "X-Sum:  11 \r\nContent-Type: evil/one\r\nX-Empty:\r\n\r\n");
        assert_true(has(answer, "transfer-encoding: chunked\r\n"));
        assert_true(has(answer, "0\r\nx-sum: 11\r\nx-empty: \r\n\r\n"));
        assert_true(has(routed_fields(t), "te: trailers\n"));
        assert_false(has(answer, "evil"));
        talk_free(t);
    }
}

static void test_http_1_0(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    const char *answer =
        say(t, "GET /chunks/3 HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n");
    assert_true(begins(answer, "HTTP/1.1 200 OK\r\n"));
    assert_false(has(answer, "transfer-encoding"));
    talk_free(t);

    t = talk_new(1);
    answer = say(t, "GET /bytes/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(has(answer, "connection: keep-alive\r\n"));
    answer = say(t, "GET /hints HTTP/1.0\r\n\r\n");
    assert_true(begins(answer, "HTTP/1.1 200 OK\r\n")); /* no 103 for HTTP/1.0 */
    assert_true(has(answer, "connection: close\r\n"));
    assert_true(join_finished(t->join, JOIN_A));
    talk_free(t);
}

static void test_a_body_cut_for_http_1_0_ends_with_a_reset(void **state) {
    (void)state;
    struct talk *t = talk_new(0);
    assert_true(begins(say(t, "GET /cut/40000?open HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK\r\n"));
    assert_true(join_was_reset(t->join, JOIN_B));
    talk_free(t);

    t = talk_new(0); /* elsewhere the missing end tells */
    say(t, "GET /cut/40000?open HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(join_ended(t->join, JOIN_B));
    assert_false(join_was_reset(t->join, JOIN_B));
    talk_free(t);
}

static void test_connection_close(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct talk *t = talk_new(seed);
        const char *answer = say(t, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"
                                    "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_true(has(answer, "connection: close\r\n"));
        assert_true(join_finished(t->join, JOIN_A));
        assert_int_equal(t->site.started, 1);
        wait_seconds(t, 3);
        assert_true(join_ended(t->join, JOIN_B));
        talk_free(t);
    }
}

static void test_hop_by_hop_fields_stay_here(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    say(t, "GET /hello HTTP/1.1\r\nHost: a\r\nX-Gone: 1\r\nConnection: x-gone, host, cookie2\r\n"
           "Keep-Alive: 5\r\nUpgrade: websocket\r\nProxy-Connection: x\r\nTE: gzip\r\n"
           "X-Stays: \t two words \t\r\nCookie2: b\r\n\r\n");
    assert_string_equal(routed_fields(t), "x-stays: two words\n");
    assert_string_equal(t->site.host, "a");
    talk_free(t);
}

static void test_request_targets(void **state) {
    (void)state;
    static const struct {
        const char *line, *host, *path;
    } rows[] = {
        {"GET http://Other.Example:81/hello?q", "Other.example:81", "/hello?q"},
        {"GET http://a", "a", "/"},
        {"GET http://a?q=/1", "a", "/?q=/1"},
        {"OPTIONS *", "a", "*"},
        {"OPTIONS http://a", "a", "*"},
        {"OPTIONS http://a?q", "a", "/?q"},
        {"PURGE /x%20y?a=b&c=%2F", "a", "/x%20y?a=b&c=%2F"}, /* a method unknown to llhttp */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct talk *t = talk_new(i);
        char text[256];
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].line, rows[i].host);
        assert_true(begins(say(t, text), "HTTP/1.1 200 "));
        assert_string_equal(t->path, rows[i].path);
        talk_free(t);
    }
}

static void test_size_limits(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    t->limits.head_bytes = 1000;
    t->limits.fields = 5;
    t->limits.request_body_bytes = 10;
    char text[2100] = "GET /";
    memset(text + 5, 'x', 1500);
    assert_true(begins(say(t, text), "HTTP/1.1 414 "));
    talk_free(t);

    static const struct {
        int status;
        const char *request;
    } rows[] = {
        {431, "GET / HTTP/1.1\r\nHost: a\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n\r\n"},
        {413, HEAD "Content-Length: 11\r\n\r\n"},
        {413, "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
              "b\r\nhello world\r\n"},
    };
    for (size_t i = 0; i < 3; i++) {
        t = talk_new(1);
        t->limits.fields = 5;
        t->limits.request_body_bytes = 10;
        char line[32];
        snprintf(line, sizeof(line), "HTTP/1.1 %d ", rows[i].status);
        assert_true(begins(say(t, rows[i].request), line));
        talk_free(t);
    }
    t = talk_new(1);
    t->limits.head_bytes = 200;
    memset(text, 'x', sizeof(text));
    say(t, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    assert_true(begins(say_n(t, text, 1000), "HTTP/1.1 431 "));
    talk_free(t);
}

static void test_expect_continue(void **state) {
    (void)state;
    static const char post[] = "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                               "Expect: 100-continue\r\n\r\n";
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct talk *t = talk_new(seed);
        assert_string_equal(say(t, post), "HTTP/1.1 100 Continue\r\n\r\n");
        assert_true(begins(say(t, "\x03\x86"), "HTTP/1.1 200 OK\r\n"));
        assert_false(has(routed_fields(t), "expect"));
        talk_free(t);
    }
    /* who reads nothing sends no 100, and nobody knows whether the body comes: close */
    struct talk *t = talk_new(1);
    const char *answer = say(t, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                "Expect: 100-continue\r\n\r\n");
    assert_true(begins(answer, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(answer, "connection: close\r\n"));
    assert_true(join_finished(t->join, JOIN_A));
    talk_free(t);
    /* HTTP/1.0 knows no 100 */
    t = talk_new(1);
    answer = say(t, "POST /count HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n"
                    "Expect: 100-continue\r\n\r\n");
    assert_string_equal(answer, "");
    talk_free(t);
}

static void test_an_unread_body_is_drained_or_the_connection_closed(void **state) {
    (void)state;
    char piece[1024];
    memset(piece, 'x', sizeof(piece));
    struct talk *t = talk_new(1);
    const char *answer =
        say(t, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 102400\r\n\r\n");
    assert_false(has(answer, "connection: close"));
    for (int i = 0; i < 100; i++)
        say_n(t, piece, sizeof(piece));
    assert_true(begins(say(t, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 204"));
    talk_free(t);

    t = talk_new(1); /* chunked: how much there is shows only while it comes */
    say(t, "POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800000\r\n");
    for (int i = 0; i < 300; i++)
        say_n(t, piece, sizeof(piece));
    assert_true(join_finished(t->join, JOIN_A));
    talk_free(t);
}

static void test_a_request_that_stops_half_way(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    say(t, "POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    assert_int_equal(t->site.live, 1);
    join_finish(t->join, JOIN_A);
    assert_true(begins(wait_seconds(t, 1), "HTTP/1.1 400 "));
    assert_int_equal(t->site.last_reset, REASON_CLIENT_GONE);
    assert_true(join_ended(t->join, JOIN_B));
    talk_free(t);
}

static void test_a_half_closed_client_gets_its_answer(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct talk *t = talk_new(seed);
        static const char get[] = "GET /bytes/5000 HTTP/1.1\r\nHost: a\r\n\r\n";
        join_write(t->join, JOIN_A, get, sizeof(get) - 1);
        join_finish(t->join, JOIN_A);
        assert_true(begins(wait_seconds(t, 1), "HTTP/1.1 200 OK\r\n"));
        assert_true(join_ended(t->join, JOIN_B));
        talk_free(t);
    }
}

static void test_a_client_that_leaves(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct talk *t = talk_new(seed); /* right behind its request: maybe it only waits */
        say(t, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
        join_finish(t->join, JOIN_A);
        say(t, "");
        assert_int_equal(t->site.live, 1);
        wait_seconds(t, 2);
        assert_int_equal(t->site.live, 0);
        assert_int_equal(t->site.last_reset, REASON_CLIENT_GONE);
        assert_true(join_ended(t->join, JOIN_B));
        talk_free(t);

        t = talk_new(seed); /* later: at once */
        say(t, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
        wait_seconds(t, 5);
        join_finish(t->join, JOIN_A);
        say(t, "");
        assert_int_equal(t->site.live, 0);
        assert_int_equal(t->site.last_reset, REASON_CLIENT_GONE);
        talk_free(t);
    }
}

static void test_timeouts(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    t->limits.idle_timeout_ns = 5 * SECOND_NS;
    assert_string_equal(wait_seconds(t, 6), ""); /* idle: closed without a word */
    assert_true(join_ended(t->join, JOIN_B));
    talk_free(t);

    t = talk_new(1);
    t->limits.header_timeout_ns = 5 * SECOND_NS;
    say(t, "GET / HT");
    wait_seconds(t, 3);
    say(t, "T"); /* a byte now and then does not help */
    assert_true(begins(wait_seconds(t, 3), "HTTP/1.1 408 "));
    wait_seconds(t, 3);
    assert_true(join_ended(t->join, JOIN_B));
    talk_free(t);

    t = talk_new(1);
    t->limits.body_timeout_ns = 5 * SECOND_NS;
    say(t, "POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    wait_seconds(t, 3);
    assert_string_equal(say(t, "w"), "");
    wait_seconds(t, 3);
    assert_int_equal(t->site.live, 1);
    assert_true(begins(wait_seconds(t, 3), "HTTP/1.1 408 "));
    assert_int_equal(t->site.last_reset, REASON_CLIENT_TIMEOUT);
    talk_free(t);

    t = talk_new(1); /* nobody waits for the client: no timeout */
    t->limits.body_timeout_ns = t->limits.idle_timeout_ns = 5 * SECOND_NS;
    say(t, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_seconds(t, 100);
    assert_int_equal(t->site.live, 1);
    talk_free(t);
}

/* A body of which nothing was taken for a long while: its client is late only when that much time
 * has gone by since there is room again, whether it had sent more by then or not. */
static void test_a_body_that_we_did_not_take_is_not_late(void **state) {
    (void)state;
    static const struct {
        const char *framing;
        size_t n; /* of 16384 that there is room for */
    } rows[] = {{"Content-Length: 200000\r\n\r\n", 16384},
                {"Transfer-Encoding: chunked\r\n\r\n8000\r\n", 16384},
                {"Transfer-Encoding: chunked\r\n\r\n8000\r\n", 16385}};
    static const char zeros[20000];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct talk *t = talk_new(i);
        t->limits.body_timeout_ns = 5 * SECOND_NS;
        t->limits.body_buffer_bytes = 16384;
        t->site.paused = true;
        say(t, "POST /count HTTP/1.1\r\nHost: a\r\n");
        say(t, rows[i].framing);
        say_n(t, zeros, rows[i].n);
        wait_seconds(t, 100);
        assert_int_equal(t->site.live, 1);

        struct exchange *x = list_first(&t->env.exchanges, struct exchange, link);
        t->site.paused = false;
        task_wake(&x->back->task, END_DATA);
        assert_string_equal(wait_seconds(t, 4), "");
        assert_int_equal(t->site.received, rows[i].n);
        assert_true(begins(wait_seconds(t, 2), "HTTP/1.1 408 "));
        talk_free(t);
    }
}

static void test_a_client_that_takes_nothing(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    t->limits.write_timeout_ns = 5 * SECOND_NS;
    /* pulled by nobody: no join */
    struct stream_engine *e = h1_server_new(&t->env, &t->peer);
    static const char get[] = "GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n";
    struct span room = e->ops->room(e);
    memcpy(room.p, get, sizeof(get) - 1);
    assert_int_equal(e->ops->filled(e, sizeof(get) - 1), 0);
    while (turn_run(&t->turn, 100)) {
    }
    assert_int_equal(e->ops->status(e), ENGINE_OPEN);
    wait_seconds(t, 6);
    assert_int_equal(e->ops->status(e), ENGINE_DONE);
    assert_int_equal(t->site.last_reset, REASON_CLIENT_STALLED);
    e->ops->free(e, 0);
    talk_free(t);
}

static void test_drain_and_request_limit(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    t->limits.requests = 2;
    assert_false(has(say(t, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), "connection: close"));
    assert_true(has(say(t, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), "connection: close"));
    assert_true(join_finished(t->join, JOIN_A));
    talk_free(t);

    t = talk_new(1);
    say(t, "GET /hel");
    t->server->ops->drain(t->server);
    assert_true(has(say(t, "lo HTTP/1.1\r\nHost: a\r\n\r\n"), "connection: close"));
    talk_free(t);

    t = talk_new(1);
    say(t, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    t->server->ops->drain(t->server);
    say(t, "");
    assert_true(join_ended(t->join, JOIN_B));
    talk_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_request),
        cmocka_unit_test(test_pipelining),
        cmocka_unit_test(test_a_pipeline_behind_a_slow_answer_is_bounded),
        cmocka_unit_test(test_chunks_up_with_trailers),
        cmocka_unit_test(test_http_1_0),
        cmocka_unit_test(test_a_body_cut_for_http_1_0_ends_with_a_reset),
        cmocka_unit_test(test_connection_close),
        cmocka_unit_test(test_hop_by_hop_fields_stay_here),
        cmocka_unit_test(test_request_targets),
        cmocka_unit_test(test_size_limits),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_an_unread_body_is_drained_or_the_connection_closed),
        cmocka_unit_test(test_a_request_that_stops_half_way),
        cmocka_unit_test(test_a_half_closed_client_gets_its_answer),
        cmocka_unit_test(test_a_client_that_leaves),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_a_body_that_we_did_not_take_is_not_late),
        cmocka_unit_test(test_a_client_that_takes_nothing),
        cmocka_unit_test(test_drain_and_request_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
