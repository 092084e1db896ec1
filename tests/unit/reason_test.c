/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>

#include "http/message.h"
#include "http/reason.h"

/* What follows from a row must be sayable: a status that exists (or 0), a code of the
 * version's own registry. */
static void each_row_is_sound(void **state) {
    (void)state;
    for (int i = 0; i < N_REASONS; i++) {
        enum reason r = (enum reason)i;
        int status = reason_status(r);
        assert_true(reason_text(r)[0] != '\0' && reason_name(r)[0] != '\0');
        assert_true(status == 0 || status == 499 || status_text(status)[0] != '\0');
        assert_true(reason_h2(r) <= 0xd);                            /* RFC 9113 7 */
        assert_true(reason_h3(r) >= 0x100 && reason_h3(r) <= 0x110); /* RFC 9114 8.1 */
        assert_int_equal(reason_h2(r) == 0, reason_h3(r) == 0x100);
    }
}

/* Only what the upstream surely, or most likely, did not act upon may be sent again. */
static void retryable(void **state) {
    (void)state;
    assert_true(reason_retryable(REASON_UPSTREAM_CONNECT));
    assert_true(reason_retryable(REASON_REFUSED));
    assert_true(reason_retryable(REASON_UPSTREAM_CLOSED));
    assert_false(reason_retryable(REASON_UPSTREAM_CUT));
    assert_false(reason_retryable(REASON_UPSTREAM_RESET));
    assert_false(reason_retryable(REASON_UPSTREAM_TIMEOUT));
    assert_false(reason_retryable(REASON_UPSTREAM_BODY_TIMEOUT));
    assert_false(reason_retryable(REASON_CLIENT_CANCEL));
}

static void what_a_reset_means(void **state) {
    (void)state;
    assert_int_equal(reason_from_h2(0x8, false), REASON_CLIENT_CANCEL);
    assert_int_equal(reason_from_h2(0xdead, false), REASON_CLIENT_CANCEL);
    assert_int_equal(reason_from_h2(0x7, true), REASON_REFUSED);
    assert_int_equal(reason_from_h2(0x0, true), REASON_UPSTREAM_DONE);
    assert_int_equal(reason_from_h2(0x2, true), REASON_UPSTREAM_RESET);
    assert_int_equal(reason_from_h3(0x10c, false), REASON_CLIENT_CANCEL);
    assert_int_equal(reason_from_h3(0x10b, true), REASON_REFUSED);
    assert_int_equal(reason_from_h3(0x100, true), REASON_UPSTREAM_DONE);
    assert_int_equal(reason_from_h3(UINT64_MAX, true), REASON_UPSTREAM_RESET);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_sound),
        cmocka_unit_test(retryable),
        cmocka_unit_test(what_a_reset_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
