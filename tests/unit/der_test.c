/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/err.h"
#include "pki/der.h"

static int set_up(void **state) {
    struct buf *b = malloc(sizeof(*b));

    buf_init(b);
    *state = b;
    return 0;
}

static int tear_down(void **state) {
    buf_fini(*state);
    free(*state);
    return 0;
}

static void assert_bytes(struct buf *b, struct str bytes) {
    assert_int_equal(b->n, bytes.n);
    assert_memory_equal(b->p, bytes.p, bytes.n);
    buf_reset(b);
}

static void writes_items(void **state) {
    size_t outer = der_begin(*state, DER_SEQUENCE);

    der_add(*state, DER_OID, OID_CN);
    der_add_bits(*state, STR("\xaa"));
    der_end(*state, outer);
    assert_bytes(*state, STR("\x30\x09\x06\x03\x55\x04\x03\x03\x02\x00\xaa"));
}

static void writes_numbers(void **state) {
    der_add_number(*state, STR("\x00\x00\x05"));
    assert_bytes(*state, STR("\x02\x01\x05"));
    der_add_number(*state, STR("\x80"));
    assert_bytes(*state, STR("\x02\x02\x00\x80"));
    der_add_number(*state, STR("\x00"));
    assert_bytes(*state, STR("\x02\x01\x00"));
}

static void writes_long_items(void **state) {
    static const char many[70000];
    static const size_t sizes[] = {0, 127, 128, 255, 256, 65535, 65536, 70000};
    struct buf *b = *state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct der_item item;
        struct str rest;

        buf_reset(b);
        der_add(b, DER_OCTET_STRING, (struct str){many, sizes[i]});
        rest = buf_view(b);
        assert_int_equal(der_next(&rest, &item), 0);
        assert_int_equal(item.content.n, sizes[i]);
        assert_int_equal(item.whole.n, b->n);
        assert_int_equal(rest.n, 0);
    }
}

static void assert_time(struct buf *b, int64_t time_s, struct str bytes) {
    struct str rest;
    int64_t again;

    der_add_time(b, time_s);
    rest = buf_view(b);
    assert_int_equal(der_expect_time(&rest, &again), 0);
    assert_int_equal(again, time_s);
    assert_bytes(b, bytes);
}

static void writes_times(void **state) {
    assert_time(*state, 0,
                STR("\x17\x0d"
                    "700101000000Z"));
    assert_time(*state, 784111777,
                STR("\x17\x0d"
                    "941106084937Z"));
    assert_time(*state, 2524607999,
                STR("\x17\x0d"
                    "491231235959Z"));
    assert_time(*state, 2524608000,
                STR("\x18\x0f"
                    "20500101000000Z"));
}

static void assert_broken(struct str der) {
    struct der_item item;
    struct str rest = der;

    assert_int_equal(der_next(&rest, &item), ERR_INVALID);
    assert_int_equal(rest.n, der.n);
}

static void refuses_broken_items(void **state) {
    (void)state;
    assert_broken(STR(""));
    assert_broken(STR("\x30"));
    assert_broken(STR("\x30\x01"));
    assert_broken(STR("\x30\x80\x00\x00"));             /* indefinite */
    assert_broken(STR("\x04\x81\x01\x00"));             /* not the shortest form */
    assert_broken(STR("\x04\x82\x00\x80"));             /* neither */
    assert_broken(STR("\x04\x84\xff\xff\xff\xff\x00")); /* more than there is */
    assert_broken(STR("\x04\x85\x00\x00\x00\x00\x01"));
    assert_broken(STR("\x1f\x01\x00")); /* a tag of more than one byte */
}

static void refuses_broken_times(void **state) {
    static const char *const texts[] = {
        "\x17\x0d"
        "701301000000Z",
        "\x17\x0d"
        "700100000000Z",
        "\x17\x0d"
        "700101240000Z",
        "\x17\x0d"
        "70010100000xZ",
        "\x17\x0d"
        "700101000000+",
        "\x17\x0b"
        "7001010000Z",
        "\x04\x0d"
        "700101000000Z",
        "\x18\x0d"
        "700101000000Z",
    };
    int64_t time_s;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct str rest = str_of(texts[i]);

        assert_int_equal(der_expect_time(&rest, &time_s), ERR_INVALID);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(writes_items), TEST(writes_numbers),       TEST(writes_long_items),
        TEST(writes_times), TEST(refuses_broken_items), TEST(refuses_broken_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
