/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "pki/cert.h"
#include "pki/pem.h"
#include "pki_fixtures.h"

static int read_fixture(void **state) {
    struct cert *chain;
    size_t n;

    if (cert_chain_read(STR(FIXTURE_CERT), &chain, &n) || n != 1)
        return -1;
    *state = chain;
    return 0;
}

static int free_fixture(void **state) {
    cert_chain_free(*state, 1);
    return 0;
}

static void assert_text(struct buf *b, const char *text) {
    assert_false(b->failed);
    assert_string_equal(b->p, text);
    buf_fini(b);
    buf_init(b);
}

static void reads_the_facts(void **state) {
    const struct cert *cert = *state;
    struct buf b;

    buf_init(&b);
    cert_subject_text(cert, &b);
    assert_text(&b, "O=Some Org, OU=Unit, CN=some.host");
    cert_issuer_text(cert, &b);
    assert_text(&b, "O=Some Org, OU=Unit, CN=some.host");
    assert_true(cert->is_ca);
    assert_false(cert->for_servers);
    assert_int_equal(cert->not_before_s, 1795446785);
    assert_int_equal(cert->not_after_s, 4949046785);
    assert_int_equal(cert->ski.n, 20);
    assert_true(str_eq(cert->ski, cert->aki));
    assert_int_equal(cert->serial.n, 20);
    buf_fini(&b);
}

static void makes_the_fingerprints(void **state) {
    struct buf b;

    buf_init(&b);
    cert_fingerprint(*state, &b);
    assert_text(&b, "D8:6C:B6:3C:F5:B2:36:D7:53:71:E3:BE:4F:99:FE:E2:97:B5:5C:E9:CC:45:70:24:71:E2:"
                    "6C:15:1C:66:D7:98");
    assert_int_equal(cert_spki_hash(*state, &b), 0);
    assert_text(&b, "uo8BSWnmfKwuwIzbT8hzs5o3M3STZO/73lW8l9XZHR8=");
    buf_fini(&b);
}

static void lists_the_names(void **state) {
    struct str rest = cert_names(*state);
    struct cert_name name;
    struct buf b;

    buf_init(&b);
    while (cert_next_name(&rest, &name)) {
        buf_format(&b, "%d:", (int)name.kind);
        cert_name_text(&name, &b);
        buf_char(&b, ' ');
    }
    assert_text(&b, "0:some.host 0:*.wild.test 1:10.0.0.1 1:fe80::1 2:spiffe://a/b 3:a@b.c ");
    buf_fini(&b);
}

static void covers_its_names_only(void **state) {
    const struct cert *cert = *state;

    assert_true(cert_covers(cert, STR("some.host")));
    assert_true(cert_covers(cert, STR("SOME.Host.")));
    assert_true(cert_covers(cert, STR("a.wild.test")));
    assert_true(cert_covers(cert, STR("*.wild.test")));
    assert_true(cert_covers(cert, STR("10.0.0.1")));
    assert_true(cert_covers(cert, STR("[fe80::1]")));
    assert_true(cert_covers(cert, STR("fe80:0:0::1")));
    assert_false(cert_covers(cert, STR("wild.test")));
    assert_false(cert_covers(cert, STR(".wild.test")));
    assert_false(cert_covers(cert, STR("a.b.wild.test")));
    assert_false(cert_covers(cert, STR("*.host")));
    assert_false(cert_covers(cert, STR("10.0.0.2")));
    assert_false(cert_covers(cert, STR("b.c")));
    assert_false(cert_covers(cert, STR("")));
    assert_false(cert_covers(cert, STR(".")));
}

static void knows_its_issuer(void **state) {
    struct key *own, *other;

    assert_int_equal(key_load(STR(FIXTURE_EC_SEC1), &own), 0);
    assert_int_equal(key_make(KEY_EC, 256, &other), 0);
    assert_true(cert_issued_by(*state, *state, own));
    assert_false(cert_issued_by(*state, *state, other));
    key_free(own);
    assert_int_equal(key_load(STR(FIXTURE_RSA_PKCS8), &own), 0);
    assert_false(cert_issued_by(*state, *state, own));
    key_free(own);
    key_free(other);
}

static void fits_its_key(void **state) {
    const struct cert *cert = *state;
    struct key *key;

    assert_int_equal(key_load(STR(FIXTURE_EC_SEC1), &key), 0);
    assert_true(key_fits(key, cert->spki));
    key_free(key);
    assert_int_equal(key_load(STR(FIXTURE_P384_SEC1), &key), 0);
    assert_false(key_fits(key, cert->spki));
    key_free(key);
}

static void reads_chains(void **state) {
    struct cert *chain;
    size_t n;

    (void)state;
    assert_int_equal(
        cert_chain_read(STR("x\n" FIXTURE_CERT FIXTURE_EC_SEC1 FIXTURE_CERT), &chain, &n), 0);
    assert_int_equal(n, 2);
    cert_chain_free(chain, n);
    assert_int_equal(cert_chain_read(STR(FIXTURE_EC_SEC1), &chain, &n), ERR_NOT_FOUND);
    assert_int_equal(cert_chain_read(STR(FIXTURE_CERT "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                                      "-----END CERTIFICATE-----\n"),
                                     &chain, &n),
                     ERR_INVALID);
}

static void survives_cut_certificates(void **state) {
    const struct cert *cert = *state;
    struct cert again;

    for (size_t n = 0; n < cert->der.n; n++)
        assert_int_equal(cert_read((struct str){(char *)cert->der.p, n}, &again), ERR_INVALID);
}

/* Most of these are still certificates; none may read outside, under ASan. */
static void survives_changed_bytes(void **state) {
    const struct cert *cert = *state;
    struct cert again;
    struct buf copy, text;

    buf_init(&copy);
    buf_init(&text);
    buf_str(&copy, buf_view(&cert->der));
    for (size_t i = 0; i < copy.n; i++) {
        uint8_t kept = copy.p[i];

        copy.p[i] ^= 0x80;
        if (!cert_read(buf_view(&copy), &again)) {
            buf_reset(&text);
            cert_subject_text(&again, &text);
            cert_covers(&again, STR("a.wild.test"));
            cert_fini(&again);
        }
        copy.p[i] = kept;
    }
    buf_fini(&copy);
    buf_fini(&text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, read_fixture, free_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_the_facts),          TEST(makes_the_fingerprints),
        TEST(lists_the_names),          TEST(covers_its_names_only),
        TEST(knows_its_issuer),         TEST(fits_its_key),
        cmocka_unit_test(reads_chains), TEST(survives_cut_certificates),
        TEST(survives_changed_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
