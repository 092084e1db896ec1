/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "http/validate.h"

static void knows_tokens(void **state) {
    (void)state;
    assert_true(valid_token(STR("M-SEARCH")) && valid_token(STR("!#$%&'*+-.^_`|~09azAZ")));
    const char *const wrong[] = {"", "a b", "a:", "(", "a/b", "\xc3\xa9", "a\t", "\"", "a@b", "{}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(valid_token(str_of(wrong[i])));
    assert_false(valid_token(STR("a\0")));
    assert_true(valid_field_name(STR("X-Y")));
    assert_false(valid_field_name(STR(":path")));
}

static void knows_values(void **state) {
    (void)state;
    assert_true(valid_field_value(STR("")) && valid_field_value(STR("a\tb \xc3\xa9")));
    assert_false(valid_field_value(STR("a\rb")) || valid_field_value(STR("a\n")) ||
                 valid_field_value(STR("\0")) || valid_field_value(STR("\x7f")) ||
                 valid_field_value(STR("\x01")));
    static const char bad[] = {0, 1, '\n', '\r', 0x1f, 0x7f};
    for (size_t at = 0; at < 24; at++) {
        char value[] = "a value\tof 24 bytes \xff\x80 z";
        value[at] = bad[at % sizeof(bad)];
        assert_false(valid_field_value((struct str){value, 24}));
        value[at] = at % 2 ? ' ' : '~';
        assert_true(valid_field_value((struct str){value, 24}));
    }
}

static void knows_authorities(void **state) {
    (void)state;
    const char *const right[] = {"a",           "a.b-c_d:80", "[::1]", "[::1]:443",
                                 "127.0.0.1:1", "x%20y",      "a:"};
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        if (!valid_authority(str_of(right[i])))
            fail_msg("refused: %s", right[i]);
    const char *const wrong[] = {"",     "u@a",    "a b",     "a/b",     "a:b", "[x]",
                                 "[::1", "[::1]x", "a%2",     "a%zz",    "::1", "a#",
                                 "a?b",  "a\\b",   "a:80:80", "a:70000", ":80"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (valid_authority(str_of(wrong[i])))
            fail_msg("taken: %s", wrong[i]);
}

static void knows_paths_and_schemes(void **state) {
    (void)state;
    assert_true(valid_path(STR("/")) && valid_path(STR("/a?b=c//d%")) && valid_path(STR("*")));
    assert_false(valid_path(STR("")) || valid_path(STR("a")) || valid_path(STR("/a b")) ||
                 valid_path(STR("/#")) || valid_path(STR("/\x7f")) || valid_path(STR("/\0")) ||
                 valid_path(STR("/\xc3\xa9")) || valid_path(STR("/?\xff")) ||
                 valid_path(STR("**")) || valid_path(STR("http://a/")));
    assert_true(valid_scheme(STR("https")) && valid_scheme(STR("a+b-c.1")));
    assert_false(valid_scheme(STR("")) || valid_scheme(STR("1a")) || valid_scheme(STR("a:")));
}

static void knows_fields_by_kind(void **state) {
    (void)state;
    assert_true(field_is_hop_by_hop(STR("connection")) && field_is_hop_by_hop(STR("upgrade")));
    assert_false(field_is_hop_by_hop(STR("te")) || field_is_hop_by_hop(STR("trailer")));
    const char *const not_in_trailers[] = {
        "content-length", "transfer-encoding", "host",     ":status",
        "authorization",  "set-cookie",        "if-match", ""};
    for (size_t i = 0; i < sizeof(not_in_trailers) / sizeof(not_in_trailers[0]); i++)
        assert_true(field_forbidden_in_trailers(str_of(not_in_trailers[i])));
    const char *const in_trailers[] = {"grpc-status", "grpc-message", "digest", "server-timing",
                                       "x-checksum",  "x-forward",    "vial",   "x-b"};
    for (size_t i = 0; i < sizeof(in_trailers) / sizeof(in_trailers[0]); i++)
        assert_false(field_forbidden_in_trailers(str_of(in_trailers[i])));
    const char *const of_one_connection[] = {"connection", "keep-alive", "proxy-connection",
                                             "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < sizeof(of_one_connection) / sizeof(of_one_connection[0]); i++)
        assert_true(field_forbidden_in_trailers(str_of(of_one_connection[i])));
}

/* What an app that joins trailers and head would believe of who asks it. */
static void knows_what_a_gateway_says(void **state) {
    (void)state;
    const char *const names[] = {
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-proto-version",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-client-cert",
        "x-forwarded-whatever-comes",
        "x-h3gw-attempt-count",
        "x-h3gw-upstream-service-time",
        "x-envoy-external-address",
        "x-b3-traceid",
        "b3",
        "traceparent",
        "tracestate",
        "x-request-id",
        "forwarded",
        "via",
        "early-data",
        "server",
        "alt-svc",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!field_is_gateways(str_of(names[i])) || !field_forbidden_in_trailers(str_of(names[i])))
            fail_msg("would pass in trailers: %s", names[i]);
}

static void reads_lengths(void **state) {
    (void)state;
    int64_t length = -7;
    assert_int_equal(content_length_parse(STR("9223372036854775807"), &length), 0);
    assert_true(length == INT64_MAX);
    const char *const wrong[] = {"", "9223372036854775808", "5, 5", "+5", "-5", " 5", "5 ", "0x5"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(content_length_parse(str_of(wrong[i]), &length), ERR_INVALID);
    assert_true(length == INT64_MAX);
}

static struct message request(const char *method, const char *scheme, const char *authority,
                              const char *path, const char *protocol) {
    return (struct message){.method = str_of(method),
                            .scheme = str_of(scheme),
                            .authority = str_of(authority),
                            .path = str_of(path),
                            .protocol = str_of(protocol)};
}

static void takes_good_requests(void **state) {
    (void)state;
    const struct message good[] = {
        request("GET", "https", "a.b:1", "/x?y", ""),
        request("OPTIONS", "https", "a", "*", ""),
        request("CONNECT", "", "a:443", "", ""),
        request("CONNECT", "https", "a", "/chat", "websocket"),
        request("GET", "http", "a", "/chat", "websocket"), /* Upgrade of HTTP/1.1 */
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(request_problem(&good[i], true));
    struct message old = request("GET", "http", "", "/", "");
    assert_null(request_problem(&old, false));
    assert_non_null(request_problem(&old, true));
}

static void refuses_bad_requests(void **state) {
    (void)state;
    const struct message bad[] = {
        request("G T", "https", "a", "/", ""),
        request("", "https", "a", "/", ""),
        request("GET", "", "a", "/", ""),
        request("GET", "https", "u@a", "/", ""),
        request("GET", "https", "a", "", ""),
        request("GET", "https", "a", "*", ""),
        request("GET", "https", "a", "/a b", ""),
        request("CONNECT", "", "a", "", ""),
        request("CONNECT", "", "a:443", "/", ""),
        request("CONNECT", "", "", "", ""),
        request("CONNECT", "https", "a", "", "websocket"),
        request("CONNECT", "https", "a", "/", "web socket"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!request_problem(&bad[i], true))
            fail_msg("taken: number %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_tokens),         cmocka_unit_test(knows_values),
        cmocka_unit_test(knows_authorities),    cmocka_unit_test(knows_paths_and_schemes),
        cmocka_unit_test(knows_fields_by_kind), cmocka_unit_test(knows_what_a_gateway_says),
        cmocka_unit_test(reads_lengths),        cmocka_unit_test(takes_good_requests),
        cmocka_unit_test(refuses_bad_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
