/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <limits.h>
#include <string.h>

#include "base/err.h"

/* Every code has a text and a word of its own; what is none has one too, and nothing is read
 * beside the tables. */
static void each_code_is_told_apart(void **state) {
    (void)state;
    for (int a = 0; a > -ERR_KINDS; a--) {
        assert_string_not_equal(err_text(a), "unknown error");
        assert_string_not_equal(err_word(a), "unknown");
        assert_null(strchr(err_word(a), ' ')); /* it becomes a label's value */
        for (int b = a - 1; b > -ERR_KINDS; b--) {
            assert_string_not_equal(err_text(a), err_text(b));
            assert_string_not_equal(err_word(a), err_word(b));
        }
    }
}

static void what_is_no_code(void **state) {
    const int wrong[] = {1, -ERR_KINDS, INT_MAX, INT_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_string_equal(err_text(wrong[i]), "unknown error");
        assert_string_equal(err_word(wrong[i]), "unknown");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_is_told_apart),
        cmocka_unit_test(what_is_no_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
