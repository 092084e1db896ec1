/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

static void compares(void **state) {
    (void)state;
    assert_true(str_eq(STR(""), str_of(NULL)));
    assert_true(str_eq(STR("ab"), str_of("ab")));
    assert_false(str_eq(STR("ab"), STR("aB")));
    assert_true(str_ieq(STR("Content-Length"), STR("content-LENGTH")));
    assert_false(str_ieq(STR("[x"), STR("{x"))); /* 0x20 apart, and no letters */
    assert_false(str_ieq(STR("ab"), STR("abc")));
    assert_true(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR("")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_istarts(STR("HTTPS://x"), STR("https://")));
    assert_true(str_ends(STR("abc"), STR("bc")) && str_ends(STR("abc"), STR("abc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_true(str_ends(STR(""), STR("")));
}

static void trims(void **state) {
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    assert_true(str_eq(str_trim(STR(" \t ")), STR("")));
    assert_true(str_eq(str_trim(STR("")), STR("")));
    assert_true(str_eq(str_trim(STR("\r\na")), STR("\r\na")));
}

static void cuts(void **state) {
    (void)state;
    struct str rest = STR("a,,b"), part;
    assert_true(str_cut(&rest, ',', &part) && str_eq(part, STR("a")));
    assert_true(str_cut(&rest, ',', &part) && str_eq(part, STR("")));
    assert_true(str_cut(&rest, ',', &part) && str_eq(part, STR("b")));
    part = STR("kept");
    assert_false(str_cut(&rest, ',', &part));
    assert_true(str_eq(part, STR("kept")));
    rest = STR("a,");
    assert_true(str_cut(&rest, ',', &part) && str_eq(part, STR("a")));
    assert_false(str_cut(&rest, ',', &part)); /* nothing behind the last separator */
    assert_int_equal(str_find(STR("abc"), 'c'), 2);
    assert_int_equal(str_find(STR("abc"), 'd'), -1);
    assert_int_equal(str_find(str_of(NULL), 'd'), -1);
}

static void reads_numbers(void **state) {
    (void)state;
    uint64_t value = 7;
    assert_int_equal(str_to_u64(STR("0"), &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(str_to_u64(STR("18446744073709551615"), &value), 0);
    assert_true(value == UINT64_MAX);
    value = 7;
    const char *const wrong[] = {"",
                                 "-1",
                                 "+1",
                                 " 1",
                                 "1 ",
                                 "0x1",
                                 "1.0",
                                 "18446744073709551616",
                                 "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(str_to_u64(str_of(wrong[i]), &value), ERR_INVALID);
    assert_int_equal(value, 7);
}

static void writes_numbers(void **state) {
    (void)state;
    char to[STR_U64];
    assert_int_equal(str_u64(0, to), 1);
    assert_memory_equal(to, "0", 1);
    assert_int_equal(str_u64(8443, to), 4);
    assert_memory_equal(to, "8443", 4);
    assert_int_equal(str_u64(UINT64_MAX, to), STR_U64);
    assert_memory_equal(to, "18446744073709551615", STR_U64);
}

static void measures_distance(void **state) {
    (void)state;
    assert_int_equal(str_distance(STR("serve"), STR("serve")), 0);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
    assert_int_equal(str_distance(STR("lsiten"), STR("listen")), 2);
    char a[200], b[200];
    memset(a, 'a', sizeof(a));
    memset(b, 'b', sizeof(b));
    assert_int_equal(str_distance((struct str){a, sizeof(a)}, (struct str){b, sizeof(b)}), 64);
}

static void escapes(void **state) {
    (void)state;
    char to[32];
    assert_int_equal(str_escape(STR("a\"\\\n\xff z"), to, sizeof(to)), 19);
    assert_string_equal(to, "a\\x22\\x5c\\x0a\\xff z");
    assert_int_equal(str_escape(STR("abc\n"), to, 7), 3); /* an escape is never cut in two */
    assert_string_equal(to, "abc");
    assert_int_equal(str_escape(STR("abc"), to, 3), 2);
    assert_string_equal(to, "ab");
    assert_int_equal(str_escape(STR("abc"), to, 1), 0);
    assert_string_equal(to, "");
    assert_int_equal(str_escape(STR("abc"), NULL, 0), 0);
}

/* Whatever is skipped is printable, and long printable text is skipped as a whole. */
static void skips_printable_bytes(void **state) {
    (void)state;
    char text[24];
    for (size_t n = 0; n <= sizeof(text); n++) {
        memset(text, 'a', sizeof(text));
        assert_int_equal(str_skip_printable((struct str){text, n}), n < 8 ? 0 : n);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                bool plain = c >= 0x20 && c != 0x7f;
                text[at] = (char)c;
                size_t skipped = str_skip_printable((struct str){text, n});
                assert_true(plain ? skipped == (n < 8 ? 0 : n) : skipped <= at);
            }
            text[at] = 'a';
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skips_printable_bytes),
        cmocka_unit_test(compares),
        cmocka_unit_test(trims),
        cmocka_unit_test(cuts),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(measures_distance),
        cmocka_unit_test(escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
