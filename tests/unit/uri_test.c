/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "http/uri.h"

static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, NULL, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct uri parsed(const char *text) {
    struct uri uri;
    const char *problem = NULL;
    if (uri_parse(&arena, str_of(text), &uri, &problem) != 0)
        fail_msg("%s: %s", text, problem);
    return uri;
}

#define IS(s, text) assert_true(str_eq(s, STR(text)))

static void parses(void **state) {
    (void)state;
    struct uri u = parsed("http://127.0.0.1:3000");
    IS(u.scheme, "http");
    IS(u.host, "127.0.0.1");
    IS(u.path, "/");
    IS(u.authority, "127.0.0.1:3000");
    assert_int_equal(u.port, 3000);
    assert_true(u.port_given);
    u = parsed("HTTPS://WWW.Example.ORG/a/B?q=1/2");
    IS(u.scheme, "https");
    IS(u.host, "www.example.org");
    IS(u.path, "/a/B?q=1/2");
    IS(u.authority, "www.example.org");
    assert_int_equal(u.port, 443);
    assert_false(u.port_given);
    u = parsed("https://a:443?x");
    IS(u.authority, "a");
    IS(u.path, "/?x");
    u = parsed("h2c://[::1]:80/");
    IS(u.host, "::1");
    IS(u.authority, "[::1]");
    u = parsed("http://[2001:DB8::1]:8080/");
    IS(u.host, "2001:db8::1");
    IS(u.authority, "[2001:db8::1]:8080");
    u = parsed("https://a.test/caf\xc3\xa9%41?\xff");
    IS(u.path, "/caf%C3%A9%41?%FF");
    u = parsed("https://a.test?\xc3\xa9");
    IS(u.path, "/?%C3%A9");
    u = parsed("tcp://A.test:5432");
    IS(u.scheme, "tcp");
    IS(u.authority, "a.test:5432");
    assert_int_equal(u.port, 5432);
    u = parsed("unix:/run/app.sock");
    IS(u.scheme, "unix");
    IS(u.path, "/run/app.sock");
    assert_int_equal(u.port, 0);
}

static void refuses(void **state) {
    (void)state;
    const char *const wrong[] = {"",
                                 "example.org",
                                 "ftp://a",
                                 "tcp://a",
                                 "http:/a",
                                 "http://",
                                 "http:///x",
                                 "http://a:0",
                                 "http://a:65536",
                                 "http://a:8x",
                                 "http://u:p@a/",
                                 "http://a/#",
                                 "http://a#b",
                                 "http://[::1",
                                 "http://[a b]/",
                                 "http://a b/",
                                 "unix:",
                                 "unix:relative",
                                 "http://a/b c",
                                 "http://::1/",
                                 "http://[1.2.3.4]/",
                                 "http://a%zz/"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct uri uri;
        const char *problem = NULL;
        if (uri_parse(&arena, str_of(wrong[i]), &uri, &problem) != ERR_INVALID)
            fail_msg("taken: %s", wrong[i]);
        assert_non_null(problem);
    }
}

static void splits_authorities(void **state) {
    (void)state;
    struct str host;
    uint16_t port = 1;
    assert_int_equal(authority_split(STR("a.b"), &host, &port), 0);
    IS(host, "a.b");
    assert_int_equal(port, 0);
    assert_int_equal(authority_split(STR("a:8443"), &host, &port), 0);
    assert_int_equal(port, 8443);
    assert_int_equal(authority_split(STR("[::1]"), &host, &port), 0);
    IS(host, "::1");
    assert_int_equal(port, 0);
    assert_int_equal(authority_split(STR("[::1]:1"), &host, &port), 0);
    assert_int_equal(port, 1);
    assert_int_equal(authority_split(STR("a:"), &host, &port), 0);
    assert_int_equal(port, 0);
    const char *const wrong[] = {"",    ":80", "[]",      "[::1", "[::1]80",
                                 "::1", "a:b", "a:99999", "a:0"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (authority_split(str_of(wrong[i]), &host, &port) != ERR_INVALID)
            fail_msg("taken: %s", wrong[i]);
}

static void decodes(void **state) {
    (void)state;
    IS(uri_decode(&arena, STR("a%20b%2Fc%c3%A9"), false), "a b/c\xc3\xa9");
    IS(uri_decode(&arena, STR("a+b"), false), "a+b");
    IS(uri_decode(&arena, STR("a+b%2B"), true), "a b+");
    IS(uri_decode(&arena, STR("%"), false), "%");
    IS(uri_decode(&arena, STR("%4"), false), "%4");
    IS(uri_decode(&arena, STR("%4g%%41"), false), "%4g%A");
    IS(uri_decode(&arena, STR("%00"), false), "\0");
    assert_non_null(uri_decode(&arena, STR(""), false).p);
}

static void walks_queries(void **state) {
    (void)state;
    struct str rest = STR("a=1&&b&=x&c=2=3&"), name, value;
    assert_true(query_next(&rest, &name, &value));
    IS(name, "a");
    IS(value, "1");
    assert_true(query_next(&rest, &name, &value));
    IS(name, "b");
    IS(value, "");
    assert_true(query_next(&rest, &name, &value));
    IS(name, "");
    IS(value, "x");
    assert_true(query_next(&rest, &name, &value));
    IS(name, "c");
    IS(value, "2=3");
    assert_false(query_next(&rest, &name, &value));
    assert_int_equal(query_get(&arena, STR("x=1&a%62c=d+e%21&abc=2"), STR("abc"), &value), 0);
    IS(value, "d e!");
    assert_int_equal(query_get(&arena, STR("x=1"), STR("y"), &value), ERR_NOT_FOUND);
    IS(value, "d e!");
    assert_int_equal(query_get(&arena, STR("y"), STR("y"), &value), 0);
    IS(value, "");
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ARENA(parses),  WITH_ARENA(refuses),       WITH_ARENA(splits_authorities),
        WITH_ARENA(decodes), WITH_ARENA(walks_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
