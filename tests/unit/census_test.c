/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>

#include "base/census.h"
#include "base/err.h"

static const uint8_t key[TABLE_KEY] = {1};

static struct addr ip(const char *text) {
    struct addr a;
    assert_int_equal(addr_from_ip(str_of(text), 1234, &a), 0);
    return a;
}

static void counts_each_client_by_itself(void **state) {
    (void)state;
    struct census c;
    struct census_client *kept[3], *refused;
    struct addr one = ip("192.0.2.1"), other = ip("192.0.2.2");
    census_init(&c, 2, key);
    assert_int_equal(census_enter(&c, &one, &kept[0]), 0);
    assert_int_equal(census_enter(&c, &one, &kept[1]), 0);
    assert_int_equal(census_enter(&c, &one, &refused), ERR_LIMIT);
    assert_null(refused);
    assert_int_equal(census_enter(&c, &other, &kept[2]), 0);
    census_leave(&c, kept[0]);
    assert_int_equal(census_enter(&c, &one, &kept[0]), 0);
    for (int i = 0; i < 3; i++)
        census_leave(&c, kept[i]);
    census_fini(&c);
}

static void enter_and_leave(struct census *c, const char *first, const char *second, int err) {
    struct census_client *a, *b;
    struct addr one = ip(first), two = ip(second);
    assert_int_equal(census_enter(c, &one, &a), 0);
    assert_int_equal(census_enter(c, &two, &b), err);
    census_leave(c, a);
    census_leave(c, b);
}

static void knows_who_is_the_same(void **state) {
    (void)state;
    struct census c;
    census_init(&c, 1, key);
    enter_and_leave(&c, "2001:db8::1", "2001:db8::ffff:2", ERR_LIMIT);
    enter_and_leave(&c, "2001:db8:0:1::1", "2001:db8:0:2::1", 0);
    enter_and_leave(&c, "192.0.2.1", "::ffff:192.0.2.1", ERR_LIMIT);
    enter_and_leave(&c, "::ffff:192.0.2.1", "::ffff:192.0.2.2", 0);
    census_fini(&c);
}

static void no_limit_keeps_nothing(void **state) {
    (void)state;
    struct census c;
    struct census_client *client;
    struct addr one = ip("192.0.2.1"), local = {0};
    local.sa.sa_family = AF_UNIX;
    census_init(&c, 0, key);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(census_enter(&c, &one, &client), 0);
        assert_null(client);
    }
    assert_int_equal(census_enter(NULL, &one, &client), 0);
    c.most = 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(census_enter(&c, &local, &client), 0);
    census_leave(&c, NULL);
    census_fini(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_each_client_by_itself),
        cmocka_unit_test(knows_who_is_the_same),
        cmocka_unit_test(no_limit_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
