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

/* What no honest client says against the HTTP/1.1 server. The bytes arrive cut anywhere. */

#define HEAD "POST /hello HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* Every one of these has been used to smuggle a request past some proxy. */
static const struct {
    int status;
    const char *request;
} refused[] = {
    {400, HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
    {400, HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {400, HEAD "Content-Length: 5, 5\r\n\r\nhello"},
    {400, HEAD "Content-Length: +5\r\n\r\nhello"},
    {400, HEAD "Content-Length: -5\r\n\r\nhello"},
    {400, HEAD "Content-Length: 0x5\r\n\r\nhello"},
    {400, HEAD "Content-Length: 5 5\r\n\r\nhello"},
    {400, HEAD "Content-Length:\r\n\r\n"},
    {400, HEAD "Content-Length: 99999999999999999999\r\n\r\n"},
    {400, HEAD "Transfer-Encoding: identity\r\n\r\n"},
    {400, HEAD "Transfer-Encoding: chunked, identity\r\n\r\n"},
    {400, HEAD "Transfer-Encoding: xchunked\r\n\r\n"},
    {400, HEAD "Transfer-Encoding: chunked;q=1\r\n\r\n"},
    {501, HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD "Transfer-Encoding:\x0b"
               "chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD "X: y\r\n\tz\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, HEAD "X: y\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, HEAD "X: y\rTransfer-Encoding: chunked\r\n\r\n"},
    {400, HEAD "X: y\r\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\nHost: a\n\n"},
    {400, "GET /hello HTTP/1.1\rHost: a\r\n\r\n"},
    {400, HEAD ": empty\r\n\r\n"},
    {400, HEAD "no colon\r\n\r\n"},
    {400, HEAD "nocolon\r\n\r\n"},
    {400, HEAD "a(b): c\r\n\r\n"},
    {400, HEAD "X: \x01\r\n\r\n"},
    {400, HEAD "X: \x7f\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\r\nHost:\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\r\nHost: user@a\r\n\r\n"},
    {400, "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, "GET http://a/hello HTTP/1.1\r\nHost: b\r\n\r\n"},
    {400, "GET http://u@a/hello HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {421, "GET https://a/hello HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET ftp://a/hello HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /hello#x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /he llo HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /hello  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /hello HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {400, "GET\t/hello\tHTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /he\tllo HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, " GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GE(T /hello HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /hello\r\nHost: a\r\n\r\n"},
    {400, "GET /hello HTTP/x.1\r\nHost: a\r\n\r\n"},
    {400, "GET /hello http/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET /hello RTSP/1.0\r\nHost: a\r\n\r\n"},
    {400, "PLAY /hello RTSP/1.0\r\nHost: a\r\n\r\n"},
    {400, "SOURCE /hello ICE/1.0\r\nHost: a\r\n\r\n"},
    {505, "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {501, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"},
    {417, HEAD "Expect: the unexpected\r\n\r\n"},
    {400, "\x16\x03\x01\x02"}, /* a TLS ClientHello */
};

static void test_refused_before_an_exchange(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct talk *t = talk_new(seed);
            char line[32];
            const char *answer = say(t, refused[i].request);
            snprintf(line, sizeof(line), "HTTP/1.1 %d ", refused[i].status);
            if (!begins(answer, line))
                print_error("%s\ngave\n%s\n", refused[i].request, answer);
            assert_true(begins(answer, line));
            assert_true(has(answer, "connection: close\r\n"));
            assert_true(has(answer, "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
            assert_true(join_finished(t->join, JOIN_A));
            assert_int_equal(t->site.started, 0);
            talk_free(t);
        }
    }
}

static void test_nul_bytes_are_refused(void **state) {
    (void)state;
    static const char in_value[] = HEAD "X: a\0b\r\n\r\n", in_name[] = HEAD "X\0: b\r\n\r\n",
                      in_path[] = "GET /hel\0lo HTTP/1.1\r\nHost: a\r\n\r\n";
    struct talk *t = talk_new(1);
    assert_true(begins(say_n(t, in_value, sizeof(in_value) - 1), "HTTP/1.1 400 "));
    talk_free(t);
    t = talk_new(1);
    assert_true(begins(say_n(t, in_name, sizeof(in_name) - 1), "HTTP/1.1 400 "));
    talk_free(t);
    t = talk_new(1);
    assert_true(begins(say_n(t, in_path, sizeof(in_path) - 1), "HTTP/1.1 400 "));
    talk_free(t);
}

/* The head is fine; the chunks are not. The site has heard of the request by then. */
static void test_bad_chunks(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloxx0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;a=\r\nhello\r\n0\r\n\r\n",
        "5;;a\r\nhello\r\n",
        "5;a=b c\r\nhello\r\n",
        "5;a\nhello\r\n",
        "5;a=\"b\r\nhello\r\n",
        "fffffffffffffffff\r\nx",
        "ffffffffffffffff\r\nx",
        "5\r\r\nhello\r\n",
        "\r\n5\r\nhello\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\r\n z\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "0\r\nX: y\r\n\n",
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nX: \x01\r\n\r\n",
        "g\r\n",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct talk *t = talk_new(seed);
            char text[256];
            snprintf(text, sizeof(text),
                     "POST /never HTTP/1.1\r\nHost: a\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n%s",
                     bodies[i]);
            const char *answer = say(t, text);
            if (!begins(answer, "HTTP/1.1 400 "))
                print_error("%s\ngave\n%s\n", text, answer);
            assert_true(begins(answer, "HTTP/1.1 400 "));
            assert_int_equal(t->site.live, 0);
            if (t->site.started)
                assert_int_equal(t->site.last_reset, REASON_CLIENT_PROTOCOL);
            talk_free(t);
        }
    }
}

static void test_a_bad_chunk_cuts_a_begun_response(void **state) {
    (void)state;
    struct talk *t = talk_new(0);
    const char *answer = say(t, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    assert_true(has(answer, "5\r\nhello\r\n"));
    answer = say(t, "xyz\r\n");
    assert_string_equal(answer, ""); /* no last chunk */
    assert_true(join_ended(t->join, JOIN_B));
    talk_free(t);
}

static void test_chunk_overhead_is_bounded(void **state) {
    (void)state;
    struct talk *t = talk_new(1);
    say(t, CHUNKED "1;");
    char many[4096];
    memset(many, 'a', sizeof(many));
    for (int i = 0; i < 40 && !join_finished(t->join, JOIN_A); i++)
        say_n(t, many, sizeof(many));
    assert_true(join_finished(t->join, JOIN_A));
    talk_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_before_an_exchange),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_bad_chunks),
        cmocka_unit_test(test_a_bad_chunk_cuts_a_begun_response),
        cmocka_unit_test(test_chunk_overhead_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
