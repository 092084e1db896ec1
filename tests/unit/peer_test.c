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

/* The names of a connection are its own, and the last one counts. */
static void keeps_the_name(void **state) {
    struct peer peer = {0};
    char name[] = "a.test";

    (void)state;
    assert_int_equal(peer_set_sni(&peer, name), 0);
    name[0] = 'b';
    assert_string_equal(peer.sni, "a.test");
    assert_int_equal(peer_set_sni(&peer, name), 0);
    assert_string_equal(peer.sni, "b.test");
    assert_int_equal(peer_set_sni(&peer, ""), 0);
    assert_null(peer.sni);
    assert_int_equal(peer_set_sni(&peer, name), 0);
    peer_fini(&peer);
    peer_fini(&peer);
    assert_null(peer.sni);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions),
        cmocka_unit_test(no_version_yet),
        cmocka_unit_test(keeps_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
