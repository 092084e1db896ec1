/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

static void grows(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_int_equal(buf_view(&b).n, 0);
    for (int i = 0; i < 10000; i++)
        buf_char(&b, (char)('a' + i % 26));
    assert_int_equal(b.n, 10000);
    assert_false(b.failed);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    assert_int_equal(b.p[10000], 0);
    buf_fini(&b);
    buf_fini(&b);
}

static void extends(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_str(&b, STR("a"));
    memcpy(buf_extend(&b, 300), (char[300]){"bc"}, 300);
    assert_int_equal(b.n, 301);
    assert_string_equal((char *)b.p, "abc");
    assert_int_equal(b.p[301], 0);
    buf_fini(&b);
}

static void formats(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_u64(&b, 0);
    buf_char(&b, ' ');
    buf_u64(&b, UINT64_MAX);
    buf_str(&b, STR(" x"));
    buf_str(&b, str_of(NULL));
    buf_format(&b, "%s=%d", "y", -5);
    assert_string_equal((char *)b.p, "0 18446744073709551615 xy=-5");
    buf_reset(&b);
    buf_format(&b, "%0300d", 1);
    assert_int_equal(b.n, 300);
    buf_fini(&b);
}

static void drops(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_drop(&b, 5);
    buf_str(&b, STR("abcdef"));
    buf_drop(&b, 0);
    buf_drop(&b, 2);
    assert_string_equal((char *)b.p, "cdef");
    buf_drop(&b, 100);
    assert_int_equal(b.n, 0);
    assert_string_equal((char *)b.p, "");
    buf_fini(&b);
}

static void stays_failed(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_str(&b, STR("abc"));
    assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_NO_MEMORY);
    assert_int_equal(buf_reserve(&b, SIZE_MAX / 2), ERR_NO_MEMORY);
    buf_str(&b, STR("def"));
    buf_format(&b, "x");
    assert_true(b.failed);
    assert_string_equal((char *)b.p, "abc");
    buf_reset(&b);
    buf_str(&b, STR("d"));
    assert_false(b.failed);
    assert_string_equal((char *)b.p, "d");
    buf_fini(&b);
}

static void keeps_a_nul_behind(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_int_equal(buf_reserve(&b, 255), 0);
    size_t cap = b.cap;
    for (size_t i = 0; i < cap - 1; i++)
        buf_char(&b, 'x');
    assert_int_equal(b.cap, cap);
    buf_char(&b, 'y');
    assert_true(b.cap > cap);
    assert_int_equal(b.p[b.n], 0);
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),        cmocka_unit_test(extends),
        cmocka_unit_test(formats),      cmocka_unit_test(drops),
        cmocka_unit_test(stays_failed), cmocka_unit_test(keeps_a_nul_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
