/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <time.h>

#include "base/date.h"

static void prints_the_example_of_the_rfc(void **state) {
    (void)state;
    char to[DATE_TEXT];
    assert_string_equal(date_imf(784111777, to), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_string_equal(date_clf(784111777, to), "06/Nov/1994:08:49:37 +0000");
    assert_string_equal(date_rfc3339(784111777, to), "1994-11-06T08:49:37Z");
    assert_string_equal(date_imf(0, to), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_string_equal(date_rfc3339(UINT64_MAX, to), "9999-12-31T23:59:59Z");
    assert_string_equal(date_rfc3339(951782400, to), "2000-02-29T00:00:00Z");
}

/* Every day from 1970 to 2400 and a few odd hours, against gmtime. */
static void agrees_with_libc(void **state) {
    (void)state;
    char to[DATE_TEXT], wanted[DATE_TEXT];
    for (uint64_t day = 0; day < 430 * 366; day++) {
        time_t at = (time_t)(day * 86400 + day * 7919 % 86400);
        struct tm tm;
        gmtime_r(&at, &tm);
        strftime(wanted, sizeof(wanted), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_string_equal(date_imf((uint64_t)at, to), wanted);
        assert_int_equal(date_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), day);
    }
}

static void goes_before_1970(void **state) {
    (void)state;
    for (int64_t days = -800000; days < 0; days += 13) {
        int year, month, day;
        date_from_days(days, &year, &month, &day);
        assert_in_range(month, 1, 12);
        assert_in_range(day, 1, 31);
        assert_int_equal(date_days(year, month, day), days);
    }
    assert_int_equal(date_days(1969, 12, 31), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_the_example_of_the_rfc),
        cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(goes_before_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
