/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/names.h"

static bool match(const char *pattern, const char *host) {
    return names_match_dns(str_of(pattern), str_of(host));
}

static void plain_names(void **state) {
    (void)state;
    assert_true(match("a.test", "a.test"));
    assert_true(match("A.Test", "a.tEST"));
    assert_true(match("a.test", "a.test."));
    assert_true(match("localhost", "localhost"));
    assert_true(match("under_score.test", "under_score.test"));
    assert_false(match("a.test", "b.test"));
    assert_false(match("a.test", "a.test.b"));
    assert_false(match("a.test", "aa.test"));
    assert_false(match("", "a"));
    assert_false(match("", ""));
    assert_false(match("a.test", ""));
}

/* RFC 9525 6.3: the whole left-most label, and one label only. */
static void wildcards(void **state) {
    (void)state;
    assert_true(match("*.a.test", "b.a.test"));
    assert_true(match("*.a.test", "xn--b.a.test"));
    assert_false(match("*.a.test", "a.test"));
    assert_false(match("*.a.test", ".a.test"));
    assert_false(match("*.a.test", "c.b.a.test"));
    assert_false(match("*.test", "a.test"));
    assert_false(match("*.", "a."));
    assert_false(match("*", "a"));
    assert_false(match("b*.a.test", "bb.a.test"));
    assert_false(match("a.*.test", "a.b.test"));
    assert_false(match("*.*.test", "a.b.test"));
}

static void bytes_that_are_no_name(void **state) {
    (void)state;
    assert_false(names_match_dns(STR("a.test\0.evil"), STR("a.test")));
    char names[50];
    assert_false(names_match(STR("\x30\x03rub"), "a.test", names, sizeof(names)));
    assert_string_equal(names, "");
}

static void attributes(void **state) {
    char to[40] = "";
    (void)state;
    names_add_attribute("CN", STR("x y"), to, sizeof(to));
    names_add_attribute("O", STR("a,CN=b\n"), to, sizeof(to));
    assert_string_equal(to, "CN=x y,O=a\\,CN\\=b\\0a");
    names_add_attribute("OU", STR("01234567890123456789"), to, sizeof(to)); /* no room */
    names_add_attribute("C", STR("DE"), to, sizeof(to));
    names_add_attribute("ST", (struct str){0}, to, sizeof(to));
    assert_string_equal(to, "CN=x y,O=a\\,CN\\=b\\0a,C=DE,ST=");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(bytes_that_are_no_name),
        cmocka_unit_test(attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
