/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/err.h"

static void expect_text(const char *given, const char *text, const char *ip, uint16_t port) {
    struct addr a;
    char to[ADDR_TEXT];
    assert_int_equal(addr_parse(str_of(given), &a), 0);
    assert_string_equal(addr_text(&a, to), text);
    assert_string_equal(addr_ip_text(&a, to), ip);
    assert_int_equal(addr_port(&a), port);
}

static void parses_and_prints(void **state) {
    (void)state;
    expect_text("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", 80);
    expect_text("[::1]:8443", "[::1]:8443", "::1", 8443);
    expect_text(":8443", "[::]:8443", "::", 8443);
    expect_text("0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0);
    expect_text("[::ffff:10.1.2.3]:65535", "10.1.2.3:65535", "10.1.2.3", 65535);
    expect_text("unix:/run/x.sock", "unix:/run/x.sock", "unix:/run/x.sock", 0);
    expect_text("[2001:0db8::0001]:1", "[2001:db8::1]:1", "2001:db8::1", 1);
}

static void refuses(void **state) {
    (void)state;
    const char *const wrong[] = {"",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:-1",
                                 "localhost:80",
                                 "::1:80",
                                 "[::1]",
                                 "[::1:80",
                                 "[127.0.0.1]:80",
                                 "unix:",
                                 "127.0.0.1:80 ",
                                 "1.2.3.4.5:80",
                                 "127.1:80",
                                 "[::1]x:80",
                                 ":",
                                 "127.0.0.1:000080"};
    struct addr a = {.n = 77};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (addr_parse(str_of(wrong[i]), &a) != ERR_INVALID)
            fail_msg("taken: %s", wrong[i]);
    char path[200] = "unix:/";
    memset(path + 6, 'x', 110);
    assert_int_equal(addr_parse(str_of(path), &a), ERR_INVALID);
    assert_int_equal(a.n, 77);
}

static void takes_the_longest_unix_path(void **state) {
    (void)state;
    char path[200] = "unix:/", to[ADDR_TEXT];
    memset(path + 6, 'x', 106);
    struct addr a;
    assert_int_equal(addr_parse(str_of(path), &a), 0);
    assert_string_equal(addr_text(&a, to), path);
}

static void reads_ip(void **state) {
    (void)state;
    struct addr a;
    char to[ADDR_TEXT];
    assert_int_equal(addr_from_ip(STR("::1"), 5, &a), 0);
    assert_string_equal(addr_text(&a, to), "[::1]:5");
    assert_int_equal(addr_from_ip(STR("[::1]"), 5, &a), 0);
    assert_int_equal(addr_from_ip(STR("1.2.3.4"), 5, &a), 0);
    assert_int_equal(a.sa.sa_family, AF_INET);
    assert_int_equal(addr_from_ip(STR("example.org"), 5, &a), ERR_INVALID);
    assert_int_equal(addr_from_ip(STR(""), 5, &a), ERR_INVALID);
    assert_int_equal(addr_from_ip(STR("1.2.3.4\0x"), 5, &a), ERR_INVALID);
}

static struct addr parsed(const char *text) {
    struct addr a;
    assert_int_equal(addr_parse(str_of(text), &a), 0);
    return a;
}

static void compares(void **state) {
    (void)state;
    struct addr a = parsed("127.0.0.1:80"), b = parsed("127.0.0.1:81"), c = parsed("[::1]:80");
    assert_true(addr_eq(&a, &a) && addr_eq(&c, &c));
    assert_false(addr_eq(&a, &b));
    assert_false(addr_eq(&a, &c));
    addr_set_port(&b, 80);
    assert_true(addr_eq(&a, &b));
    addr_set_port(&c, 1);
    assert_int_equal(addr_port(&c), 1);
    struct addr u = parsed("unix:/a"), v = parsed("unix:/b");
    assert_true(addr_eq(&u, &u));
    assert_false(addr_eq(&u, &v));
    addr_set_port(&u, 80);
    assert_int_equal(addr_port(&u), 0);
}

static void knows_special_ones(void **state) {
    (void)state;
    struct addr a = parsed("127.9.0.1:1"), b = parsed("[::1]:1"),
                c = parsed("[::ffff:127.0.0.1]:1"), d = parsed("10.0.0.1:1"),
                any4 = parsed("0.0.0.0:1"), any6 = parsed(":1");
    assert_true(addr_is_loopback(&a) && addr_is_loopback(&b) && addr_is_loopback(&c));
    assert_false(addr_is_loopback(&d) || addr_is_loopback(&any4) || addr_is_loopback(&any6));
    assert_true(addr_is_any(&any4) && addr_is_any(&any6));
    assert_false(addr_is_any(&a) || addr_is_any(&b));
    struct addr none = {0};
    char to[ADDR_TEXT];
    assert_string_equal(addr_text(&none, to), ":0");
    assert_false(addr_eq(&none, &none));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_prints),
        cmocka_unit_test(refuses),
        cmocka_unit_test(takes_the_longest_unix_path),
        cmocka_unit_test(reads_ip),
        cmocka_unit_test(compares),
        cmocka_unit_test(knows_special_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
