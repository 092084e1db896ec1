/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tls/digest.h"

static void assert_sha256(const char *text, const char *wanted) {
    uint8_t digest[32];
    char hex[65];
    digest_sha256(str_of(text), digest);
    hex_encode(digest, sizeof(digest), hex);
    assert_string_equal(hex, wanted);
}

/* FIPS 180-4, examples. */
static void sha256(void **state) {
    (void)state;
    assert_sha256("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sha256("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void assert_hmac(struct str key, const char *text, const char *wanted) {
    uint8_t digest[32];
    char hex[65];
    digest_hmac_sha256(key, str_of(text), digest);
    hex_encode(digest, sizeof(digest), hex);
    assert_string_equal(hex, wanted);
}

/* RFC 4231, test cases 1, 2 and 6. */
static void hmac_sha256(void **state) {
    char aa[131], b[20];
    (void)state;
    memset(aa, 0xaa, sizeof(aa));
    memset(b, 0x0b, sizeof(b));
    assert_hmac((struct str){b, sizeof(b)}, "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hmac(STR("Jefe"), "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_hmac((struct str){aa, sizeof(aa)},
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_hmac((struct str){0}, "",
                "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 4648 10. */
static const char *const rows[][2] = {{"", ""},
                                      {"f", "Zg=="},
                                      {"fo", "Zm8="},
                                      {"foo", "Zm9v"},
                                      {"foob", "Zm9vYg=="},
                                      {"fooba", "Zm9vYmE="},
                                      {"foobar", "Zm9vYmFy"},
                                      {"\xfb\xff\xfe", "+//+"}};

static void base64(void **state) {
    struct buf b;
    (void)state;
    buf_init(&b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_reset(&b);
        base64_encode(&b, str_of(rows[i][0]));
        assert_true(str_eq(buf_view(&b), str_of(rows[i][1])));
    }
    buf_fini(&b);
}

static void random_differs(void **state) {
    uint8_t a[32] = {0}, b[32] = {0};
    (void)state;
    assert_int_equal(random_bytes(a, sizeof(a)), 0);
    assert_int_equal(random_bytes(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(random_bytes(a, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256),
        cmocka_unit_test(hmac_sha256),
        cmocka_unit_test(base64),
        cmocka_unit_test(random_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
