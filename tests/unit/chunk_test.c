/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/chunk.h"

static void reuses(void **state) {
    (void)state;
    struct chunk_pool pool;
    chunk_pool_init(&pool, 2);
    struct chunk *c[4];
    for (int i = 0; i < 4; i++) {
        c[i] = chunk_get(&pool);
        assert_non_null(c[i]);
        c[i]->begin = 5;
        c[i]->end = CHUNK_ROOM;
        c[i]->data[CHUNK_ROOM - 1] = 1;
    }
    assert_int_equal(pool.n_live, 4);
    for (int i = 0; i < 4; i++)
        chunk_put(&pool, c[i]);
    assert_int_equal(pool.n_live, 0);
    assert_int_equal(pool.n_free, 2); /* the others went back to malloc */
    struct chunk *again = chunk_get(&pool);
    assert_ptr_equal(again, c[1]);
    assert_int_equal(again->begin, 0);
    assert_int_equal(again->end, 0);
    assert_null(again->next);
    chunk_put(&pool, again);
    chunk_pool_fini(&pool);
}

static void is_of_16_kib(void **state) {
    (void)state;
    assert_int_equal(sizeof(struct chunk) + CHUNK_ROOM, 16384);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reuses),
        cmocka_unit_test(is_of_16_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
