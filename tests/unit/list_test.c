/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int n;
    struct list link;
};

static void expect(struct list *head, const int *wanted, size_t n) {
    size_t i = 0;
    list_each(head, at, next) {
        assert_true(i < n);
        assert_int_equal(list_entry(at, struct item, link)->n, wanted[i++]);
    }
    assert_int_equal(i, n);
}

static void keeps_order(void **state) {
    (void)state;
    struct list head;
    struct item a = {.n = 1}, b = {.n = 2}, c = {.n = 3}, d = {.n = 4};
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_first(&head, struct item, link));
    list_append(&head, &b.link);
    list_append(&head, &d.link);
    list_prepend(&head, &a.link);
    list_insert_before(&d.link, &c.link);
    expect(&head, (const int[]){1, 2, 3, 4}, 4);
    assert_ptr_equal(list_first(&head, struct item, link), &a);
    list_remove(&b.link);
    list_remove(&b.link); /* idempotent */
    assert_true(list_empty(&b.link));
    expect(&head, (const int[]){1, 3, 4}, 3);
}

static void survives_removal_while_walking(void **state) {
    (void)state;
    struct list head;
    struct item items[5];
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].n = i;
        list_append(&head, &items[i].link);
    }
    list_each(&head, at, next)
        if (list_entry(at, struct item, link)->n % 2 == 0)
            list_remove(at);
    expect(&head, (const int[]){1, 3}, 2);
    list_each(&head, at, next)
        list_remove(at);
    assert_true(list_empty(&head));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order),
        cmocka_unit_test(survives_removal_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
