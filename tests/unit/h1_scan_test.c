/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/h1/scan.h"

static struct h1_scan scan(const char *text, size_t n, size_t *ret_taken) {
    struct h1_scan s;
    h1_scan_init(&s);
    *ret_taken = h1_scan_take(&s, (const uint8_t *)text, n);
    return s;
}

static void test_ends_behind_the_empty_line(void **state) {
    (void)state;
    static const char text[] = "\r\nGET / HTTP/1.1\r\nA: b\r\nC:\r\n\r\nbody";
    size_t taken;
    struct h1_scan s = scan(text, sizeof(text) - 1, &taken);
    assert_int_equal(s.state, H1_SCAN_DONE);
    assert_int_equal(taken, sizeof(text) - 1 - 4);
}

static void test_any_split(void **state) {
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nA: b\r\n\r\nbody";
    for (size_t at = 0; at < sizeof(text); at++) {
        struct h1_scan s;
        h1_scan_init(&s);
        size_t taken = h1_scan_take(&s, (const uint8_t *)text, at);
        taken += h1_scan_take(&s, (const uint8_t *)text + at, sizeof(text) - 1 - at);
        assert_int_equal(s.state, H1_SCAN_DONE);
        assert_int_equal(taken, sizeof(text) - 1 - 4);
    }
}

static void test_every_byte_in_a_name_and_a_value(void **state) {
    (void)state;
    static const char tokens[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; c++) {
        char name[] = "GET / HTTP/1.1\r\nA_: b\r\n\r\n",
             value[] = "GET / HTTP/1.1\r\nA: _c\r\n\r\n";
        name[17] = value[19] = (char)c;
        size_t taken;
        bool token = c != 0 && strchr(tokens, c);
        bool text = c == '\t' || (c >= ' ' && c != 0x7f);
        struct h1_scan s = scan(name, sizeof(name) - 1, &taken);
        assert_int_equal(s.state == H1_SCAN_DONE, token || c == ':');
        s = scan(value, sizeof(value) - 1, &taken);
        assert_int_equal(s.state == H1_SCAN_DONE, text);
    }
}

static void test_what_is_bad_is_told(void **state) {
    (void)state;
    static const char *const texts[] = {
        "\r\r",     "\n",       " G",          "\r\n\r\n\r\n\r\n\r\n",
        "G\n",      "G\rx",     "G\r\n B: c",  "G\r\n:",
        "G\r\nA ",  "G\r\nA\r", "G\r\nA: b\n", "G\r\nA: b\r\r",
        "G\r\n\rx",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t taken;
        struct h1_scan s = scan(texts[i], strlen(texts[i]), &taken);
        assert_int_equal(s.state, H1_SCAN_BAD);
        assert_non_null(s.problem);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_behind_the_empty_line),
        cmocka_unit_test(test_any_split),
        cmocka_unit_test(test_every_byte_in_a_name_and_a_value),
        cmocka_unit_test(test_what_is_bad_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
