/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"

static void expect_repaired(struct str s, const char *wanted) {
    struct buf b;
    buf_init(&b);
    assert_false(utf8_valid(s));
    utf8_repair(s, &b);
    assert_true(utf8_valid(buf_view(&b)));
    assert_string_equal((char *)b.p, wanted);
    buf_fini(&b);
}

#define BAD "\xef\xbf\xbd"

static void takes_what_is_valid(void **state) {
    (void)state;
    assert_true(utf8_valid(STR("")));
    assert_true(utf8_valid(STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_true(
        utf8_valid(STR("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")));
    assert_true(utf8_valid(STR("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
    struct buf b;
    buf_init(&b);
    utf8_repair(STR("\xe2\x82\xac"), &b);
    assert_string_equal((char *)b.p, "\xe2\x82\xac");
    buf_fini(&b);
}

/* The examples of Unicode 3.9, tables 3-8 to 3-11. */
static void replaces_maximal_parts(void **state) {
    (void)state;
    expect_repaired(STR("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
                    BAD BAD BAD BAD BAD BAD BAD BAD "A");
    expect_repaired(STR("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"),
                    BAD BAD BAD BAD BAD BAD BAD BAD "A");
    expect_repaired(STR("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"),
                    BAD BAD BAD BAD BAD "A" BAD BAD "B");
    expect_repaired(STR("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), BAD BAD BAD BAD "A");
    expect_repaired(STR("x\xe2\x82"), "x" BAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_valid),
        cmocka_unit_test(replaces_maximal_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
