/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>

#include "base/peer.h"

/* x-forwarded-proto-version and /h3gw say the one, access logs the other. */
static void versions(void **state) {
    (void)state;
    assert_string_equal(http_version_short(HTTP_1_0), "h1");
    assert_string_equal(http_version_short(HTTP_1_1), "h1");
    assert_string_equal(http_version_short(HTTP_2), "h2");
    assert_string_equal(http_version_short(HTTP_3), "h3");
    assert_string_equal(http_version_text(HTTP_1_0), "HTTP/1.0");
    assert_string_equal(http_version_text(HTTP_1_1), "HTTP/1.1");
    assert_string_equal(http_version_text(HTTP_2), "HTTP/2.0");
    assert_string_equal(http_version_text(HTTP_3), "HTTP/3.0");
}

/* A connection whose handshake has not chosen yet. */
static void no_version_yet(void **state) {
    struct peer peer = {0};

    (void)state;
    assert_string_equal(http_version_short(peer.version), "-");
    assert_string_equal(http_version_text(peer.version), "-");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions),
        cmocka_unit_test(no_version_yet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
