/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"

static void gives_aligned_memory(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    for (size_t n = 0; n < 3000; n += 37) {
        assert_non_null(arena_str(&a, STR("x")).p); /* leaves it unaligned */
        char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 1, n);
    }
    arena_fini(&a);
    arena_fini(&a);
}

static void uses_what_is_lent_first(void **state) {
    (void)state;
    _Alignas(max_align_t) char first[64];
    struct arena a;
    arena_init(&a, first, sizeof(first));
    char *p = arena_alloc(&a, 48);
    assert_ptr_equal(p, first);
    char *q = arena_alloc(&a, 17);
    assert_true(q < first || q >= first + sizeof(first));
    memset(q, 1, 17);
    assert_int_equal(a.used_bytes, 65);
    arena_fini(&a);
}

static void keeps_the_block_beside_large_ones(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    char *p = arena_alloc(&a, 16);
    char *large = arena_zalloc(&a, 1 << 20);
    char *q = arena_alloc(&a, 16);
    assert_ptr_equal(q, p + 16);
    for (size_t i = 0; i < 1 << 20; i += 4096)
        assert_int_equal(large[i], 0);
    arena_fini(&a);
}

static void refuses_the_impossible(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_non_null(arena_alloc(&a, 8));
    arena_fini(&a);
}

static void copies_and_formats(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    struct str s = arena_str(&a, (struct str){"abcdef", 3});
    assert_int_equal(s.n, 3);
    assert_string_equal(s.p, "abc");
    struct str empty = arena_str(&a, (struct str){NULL, 0});
    assert_non_null(empty.p);
    assert_string_equal(empty.p, "");
    struct str f = arena_format(&a, "%d-%s", 42, "x");
    assert_int_equal(f.n, 4);
    assert_string_equal(f.p, "42-x");
    struct str wide = arena_format(&a, "%05000d", 7);
    assert_int_equal(wide.n, 5000);
    assert_int_equal(wide.p[4999], '7');
    assert_string_equal(f.p, "42-x");
    arena_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_memory),
        cmocka_unit_test(uses_what_is_lent_first),
        cmocka_unit_test(keeps_the_block_beside_large_ones),
        cmocka_unit_test(refuses_the_impossible),
        cmocka_unit_test(copies_and_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
