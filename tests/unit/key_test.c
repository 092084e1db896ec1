/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "pki_fixtures.h"

static const struct str message = {"what is signed", 14};

static void assert_signs(struct key *key) {
    struct buf signature;

    buf_init(&signature);
    assert_int_equal(key_sign(key, message, &signature), 0);
    assert_true(key_verify(key, message, buf_view(&signature)));
    assert_false(key_verify(key, STR("something else"), buf_view(&signature)));
    signature.p[signature.n - 1] ^= 1;
    assert_false(key_verify(key, message, buf_view(&signature)));
    buf_fini(&signature);
}

/* Out as PEM and in again: the same key. */
static void assert_round_trip(struct key *key) {
    struct key *again;
    struct buf pem, spki;

    buf_init(&pem);
    buf_init(&spki);
    assert_int_equal(key_pem(key, &pem), 0);
    assert_int_equal(key_load(buf_view(&pem), &again), 0);
    assert_int_equal(key_spki(again, &spki), 0);
    assert_true(key_fits(key, buf_view(&spki)));
    assert_string_equal(key_text(key), key_text(again));
    assert_int_equal(key_kind(key), key_kind(again));
    pem_wipe(&pem);
    buf_fini(&spki);
    key_free(again);
}

static void assert_makes(enum key_kind kind, unsigned bits, const char *text) {
    struct key *key;

    assert_int_equal(key_make(kind, bits, &key), 0);
    assert_string_equal(key_text(key), text);
    assert_round_trip(key);
    assert_signs(key);
    key_free(key);
}

static void makes_keys(void **state) {
    (void)state;
    assert_makes(KEY_EC, 0, "P-256");
    assert_makes(KEY_EC, 384, "P-384");
    assert_makes(KEY_ED25519, 0, "Ed25519");
    assert_makes(KEY_RSA, 0, "RSA 2048");
}

static void refuses_odd_sizes(void **state) {
    struct key *key;

    (void)state;
    assert_int_equal(key_make(KEY_RSA, 1024, &key), ERR_INVALID);
    assert_int_equal(key_make(KEY_EC, 192, &key), ERR_INVALID);
}

static struct key *load(const char *pem) {
    struct key *key;

    assert_int_equal(key_load(str_of(pem), &key), 0);
    return key;
}

static void assert_same(const char *a, const char *b, const char *text) {
    struct key *left = load(a), *right = load(b);
    struct buf spki;

    buf_init(&spki);
    assert_int_equal(key_spki(right, &spki), 0);
    assert_true(key_fits(left, buf_view(&spki)));
    assert_string_equal(key_text(left), text);
    assert_signs(left);
    buf_fini(&spki);
    key_free(left);
    key_free(right);
}

static void loads_every_form(void **state) {
    (void)state;
    assert_same(FIXTURE_EC_SEC1, FIXTURE_EC_PKCS8, "P-256");
    assert_same(FIXTURE_RSA_PKCS1, FIXTURE_RSA_PKCS8, "RSA 2048");
    assert_same(FIXTURE_ED25519_PKCS8, FIXTURE_ED25519_PKCS8, "Ed25519");
    assert_same(FIXTURE_P384_SEC1, FIXTURE_P384_SEC1, "P-384");
}

static void skips_what_is_no_key(void **state) {
    (void)state;
    assert_same("# a comment\n" FIXTURE_CERT FIXTURE_EC_SEC1,
                "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                "-----END EC PARAMETERS-----\n" FIXTURE_EC_SEC1,
                "P-256");
}

static void tells_why_it_is_no_key(void **state) {
    struct key *key;

    (void)state;
    assert_int_equal(key_load(STR(""), &key), ERR_NOT_FOUND);
    assert_int_equal(key_load(STR(FIXTURE_CERT), &key), ERR_NOT_FOUND);
    assert_int_equal(key_load(STR(FIXTURE_ENCRYPTED), &key), ERR_UNSUPPORTED);
    assert_int_equal(
        key_load(STR("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n"
                     "-----END RSA PRIVATE KEY-----\n"),
                 &key),
        ERR_UNSUPPORTED);
    assert_int_equal(
        key_load(STR("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), &key),
        ERR_INVALID);
}

/* Every prefix of a key is no key, and nothing outside of it is read. */
static void survives_cut_keys(void **state) {
    struct buf der, pem;
    struct pem_block block;
    struct str text = STR(FIXTURE_EC_PKCS8);
    struct key *key;

    (void)state;
    buf_init(&der);
    buf_init(&pem);
    assert_true(pem_next(&text, &block));
    assert_int_equal(pem_decode(&block, &der), 0);
    for (size_t n = 0; n < der.n; n++) {
        buf_reset(&pem);
        pem_add(&pem, "PRIVATE KEY", (struct str){(char *)der.p, n});
        assert_int_not_equal(key_load(buf_view(&pem), &key), 0);
    }
    buf_fini(&der);
    buf_fini(&pem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_keys),
        cmocka_unit_test(refuses_odd_sizes),
        cmocka_unit_test(loads_every_form),
        cmocka_unit_test(skips_what_is_no_key),
        cmocka_unit_test(tells_why_it_is_no_key),
        cmocka_unit_test(survives_cut_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
