/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/quota.h"

static void keeps_to_its_limit(void **state) {
    (void)state;
    struct quota q;
    quota_init(&q, "some", 2);
    assert_true(quota_enter(&q));
    assert_false(quota_is_full(&q, 1));
    assert_true(quota_enter(&q));
    assert_true(quota_is_full(&q, 1));
    assert_false(quota_enter(&q));
    quota_leave(&q);
    assert_true(quota_enter(&q));
    quota_add(&q); /* does not ask */
    assert_false(quota_is_full(&q, 2));
    quota_add(&q);
    assert_true(quota_is_full(&q, 2));
}

static void the_limit_may_change(void **state) {
    (void)state;
    struct quota q;
    quota_init(&q, "some", 2);
    assert_true(quota_enter(&q) && quota_enter(&q));
    quota_limit(&q, 1);
    assert_false(quota_enter(&q));
    quota_leave(&q);
    assert_false(quota_enter(&q));
    quota_limit(&q, 0);
    assert_false(quota_is_full(&q, 1));
    assert_true(quota_enter(&q));
}

static void none_has_always_room(void **state) {
    (void)state;
    assert_true(quota_enter(NULL));
    quota_add(NULL);
    assert_false(quota_is_full(NULL, 1));
    quota_leave(NULL);
}

enum { THREADS = 4, TRIES = 10000 };

struct crowd {
    struct quota q;
    _Atomic uint32_t inside, too_many;
};

static void *come_and_go(void *context) {
    struct crowd *c = context;
    for (int i = 0; i < TRIES; i++) {
        if (!quota_enter(&c->q))
            continue;
        if (atomic_fetch_add(&c->inside, 1) >= 2)
            atomic_fetch_add(&c->too_many, 1);
        atomic_fetch_sub(&c->inside, 1);
        quota_leave(&c->q);
    }
    return NULL;
}

static void holds_over_threads(void **state) {
    (void)state;
    struct crowd c = {0};
    pthread_t threads[THREADS];
    quota_init(&c.q, "two", 2);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &c), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(c.too_many, 0);
    assert_int_equal(c.q.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_to_its_limit),
        cmocka_unit_test(the_limit_may_change),
        cmocka_unit_test(none_has_always_room),
        cmocka_unit_test(holds_over_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
