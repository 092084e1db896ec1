/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/table.h"

static const uint8_t key[TABLE_KEY] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The vectors of the SipHash paper: input 00 01 02 … of n bytes. */
static void hashes_as_the_paper_says(void **state) {
    (void)state;
    struct table t;
    uint8_t input[15];
    table_init(&t, key);
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (uint8_t)i;
    assert_true(table_siphash(t.key, input, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(table_siphash(t.key, input, 15) == UINT64_C(0xa129ca6149be45e5));
    table_fini(&t);
}

enum { KEYS = 500 };

struct entry {
    uint16_t name;
    bool in;
};

static void check_all(struct table *t, struct entry *entries) {
    size_t n = 0, seen = 0;
    for (size_t i = 0; i < KEYS; i++) {
        void *found = table_get(t, &entries[i].name, sizeof(entries[i].name));
        assert_ptr_equal(found, entries[i].in ? &entries[i] : NULL);
        n += entries[i].in;
    }
    struct entry *e;
    for (size_t at = 0; (e = table_next(t, &at)); seen++)
        assert_true(e->in);
    assert_int_equal(seen, n);
    assert_int_equal(table_n(t), n);
}

static void behaves_like_a_set(void **state) {
    (void)state;
    static struct entry entries[KEYS];
    struct table t;
    unsigned seed = 1;
    table_init(&t, key);
    for (uint16_t i = 0; i < KEYS; i++)
        entries[i] = (struct entry){i, false};
    check_all(&t, entries);
    for (int step = 0; step < 50000; step++) {
        struct entry *e = &entries[rand_r(&seed) % KEYS];
        if (rand_r(&seed) % 2) {
            assert_int_equal(table_put(&t, &e->name, sizeof(e->name), e), e->in ? ERR_EXISTS : 0);
            e->in = true;
        } else {
            assert_ptr_equal(table_remove(&t, &e->name, sizeof(e->name)), e->in ? e : NULL);
            e->in = false;
        }
        if (step % 1000 == 0)
            check_all(&t, entries);
    }
    check_all(&t, entries);
    assert_true(t.cap <= 1024);
    table_fini(&t);
}

static void stays_small_when_entries_come_and_go(void **state) {
    (void)state;
    struct table t;
    table_init(&t, key);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(table_put(&t, &i, sizeof(i), &i), 0);
        assert_ptr_equal(table_remove(&t, &i, sizeof(i)), &i);
    }
    assert_int_equal(table_n(&t), 0);
    assert_true(t.cap <= 32);
    table_fini(&t);
}

static void survives_removal_while_walking(void **state) {
    (void)state;
    static uint32_t values[100];
    struct table t;
    table_init(&t, key);
    for (uint32_t i = 0; i < 100; i++) {
        values[i] = i;
        assert_int_equal(table_put(&t, &values[i], 4, &values[i]), 0);
    }
    uint32_t *value, seen = 0;
    for (size_t at = 0; (value = table_next(&t, &at)); seen++)
        assert_ptr_equal(table_remove(&t, value, 4), value);
    assert_int_equal(seen, 100);
    assert_int_equal(table_n(&t), 0);
    table_fini(&t);
}

static void tells_keys_of_other_lengths_apart(void **state) {
    (void)state;
    struct table t;
    int a, b, c;
    table_init(&t, key);
    assert_null(table_get(&t, "x", 1));
    assert_null(table_remove(&t, "x", 1));
    assert_int_equal(table_put(&t, "abc", 3, &a), 0);
    assert_int_equal(table_put(&t, "abc", 2, &b), 0);
    assert_int_equal(table_put(&t, "", 0, &c), 0);
    assert_ptr_equal(table_get(&t, "abc", 3), &a);
    assert_ptr_equal(table_get(&t, "ab", 2), &b);
    assert_ptr_equal(table_get(&t, "", 0), &c);
    table_fini(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_the_paper_says),
        cmocka_unit_test(behaves_like_a_set),
        cmocka_unit_test(stays_small_when_entries_come_and_go),
        cmocka_unit_test(survives_removal_while_walking),
        cmocka_unit_test(tells_keys_of_other_lengths_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
