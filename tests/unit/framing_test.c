/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/h2/framing.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/* One byte after the other, each at a time of its own, from *at on; how many heads there were. */
static int feed(struct framing *f, uint64_t *at, const void *p, size_t n) {
    const uint8_t *bytes = p;
    int heads = 0;
    for (size_t i = 0; i < n; i++) {
        bool head;
        assert_int_equal(framing_step(f, bytes + i, 1, (*at)++, &head), 1);
        heads += head;
    }
    return heads;
}

/* When each unit began, and that nothing is waited for behind it. */
static void test_units(void **state) {
    (void)state;
    static const uint8_t settings[9 + 6] = {0, 0, 6, 4};
    static const uint8_t headers[9 + 2] = {0, 0, 2, 1, 0, 0, 0, 0, 1};
    static const uint8_t end[9] = {0, 0, 0, 9, 4, 0, 0, 0, 1};
    static const uint8_t data[9 + 5] = {0, 0, 5, 0, 0, 0x80, 1, 2, 3};
    struct framing f;
    uint64_t at = 100;
    framing_init(&f, true, 77);
    assert_int_equal(feed(&f, &at, preface, 24), 0);
    assert_int_equal(f.since_ns, 77);
    assert_int_equal(feed(&f, &at, settings, 14), 1);
    assert_int_equal(f.since_ns, 77);
    feed(&f, &at, settings + 14, 1);
    assert_int_equal(f.since_ns, 0);

    uint64_t began = at;
    assert_int_equal(feed(&f, &at, headers, sizeof(headers)), 1);
    assert_int_equal(f.since_ns, began);
    assert_int_equal(f.block_length, 2);
    feed(&f, &at, end, 8);
    assert_int_equal(f.since_ns, began);
    feed(&f, &at, end + 8, 1);
    assert_int_equal(f.since_ns, 0);

    began = at;
    feed(&f, &at, data, 8);
    assert_int_equal(f.since_ns, began);
    feed(&f, &at, data + 8, 1);
    assert_int_equal(f.since_ns, 0);
    assert_int_equal(f.type, 0);
    assert_int_equal(f.length, 5);
    assert_int_equal(f.id, 0x010203);
    feed(&f, &at, data + 9, 5);
    assert_int_equal(f.since_ns, 0);
    assert_int_equal(f.left, 0);
}

/* At once: each step ends a head or a payload. */
static void test_steps(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0, 1, 0, 0, 0, 0, 1};
    uint8_t payload[256] = {0};
    struct framing f;
    bool head;
    framing_init(&f, false, 1);
    assert_int_equal(framing_step(&f, bytes, sizeof(bytes), 2, &head), 9);
    assert_true(head);
    assert_int_equal(framing_step(&f, payload, 256, 3, &head), 256);
    assert_false(head);
    assert_int_equal(f.since_ns, 1);
    static const uint8_t more[] = {0, 0, 7, 9, 0, 0, 0, 0, 1};
    assert_int_equal(framing_step(&f, more, sizeof(more), 4, &head), 9);
    assert_int_equal(f.block_length, 256 + 7);
    assert_int_equal(f.since_ns, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
