/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "http/fields.h"

static void expect(const struct fields *f, const char *wanted) {
    char text[2000] = "";
    size_t at = 0;
    for (size_t i = 0; i < f->n; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, STR_FMT "=" STR_FMT ";",
                               STR_ARG(f->v[i].name), STR_ARG(f->v[i].value));
    assert_string_equal(text, wanted);
}

static int setup(void **state) {
    static struct fields f;
    static struct arena arena;
    arena_init(&arena, NULL, 0);
    fields_init(&f, &arena);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    arena_fini(((struct fields *)*state)->arena);
    return 0;
}

static void adds_and_gets(void **state) {
    struct fields *f = *state;
    char value[] = "V";
    assert_int_equal(fields_add(f, STR("X-One"), str_of(value)), 0);
    value[0] = '!'; /* it was copied */
    assert_int_equal(fields_add_static(f, STR("b"), STR("2")), 0);
    assert_int_equal(fields_add(f, STR("x-one"), STR("")), 0);
    expect(f, "x-one=V;b=2;x-one=;");
    assert_true(str_eq(fields_get(f, STR("x-one")), STR("V")));
    assert_null(fields_get(f, STR("c")).p);
    assert_true(fields_has(f, STR("b")));
    assert_false(fields_has(f, STR("B")));
    assert_int_equal(fields_count(f, STR("x-one")), 2);
    assert_int_equal(fields_add_static(f, STR("e"), str_of(NULL)), 0);
    assert_non_null(fields_get(f, STR("e")).p);
}

static void grows(void **state) {
    struct fields *f = *state;
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(fields_add(f, str_of(name), str_of(name)), 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_true(str_eq(fields_get(f, str_of(name)), str_of(name)));
    }
}

static void sets_and_removes(void **state) {
    struct fields *f = *state;
    const char *const names[] = {"a", "b", "a", "c", "a", "ab", "b"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(fields_add(f, str_of(names[i]), STR("1")), 0);
    assert_int_equal(fields_set(f, STR("a"), STR("2")), 0);
    expect(f, "a=2;b=1;c=1;ab=1;b=1;");
    struct str lent = STR("2");
    assert_int_equal(fields_set_static(f, STR("a"), lent), 0);
    assert_ptr_equal(f->v[0].value.p, lent.p);
    expect(f, "a=2;b=1;c=1;ab=1;b=1;");
    assert_int_equal(fields_set(f, STR("new"), STR("3")), 0);
    assert_int_equal(fields_remove(f, STR("b")), 2);
    assert_int_equal(fields_remove(f, STR("b")), 0);
    expect(f, "a=2;c=1;ab=1;new=3;");
    assert_int_equal(fields_remove(f, STR("a")) + fields_remove(f, STR("ab")), 2);
    /* the name may be that of a field that goes */
    assert_int_equal(fields_add(f, STR("c"), STR("9")), 0);
    assert_int_equal(fields_set(f, f->v[2].name, f->v[2].value), 0);
    expect(f, "c=9;new=3;");
}

static void appends_to_lists(void **state) {
    struct fields *f = *state;
    assert_int_equal(fields_append_list(f, STR("via"), STR("1.1 a")), 0);
    assert_int_equal(fields_append_list(f, STR("via"), STR("2 b")), 0);
    assert_int_equal(fields_add(f, STR("via"), STR("")), 0);
    assert_int_equal(fields_append_list(f, STR("via"), STR("3 c")), 0);
    expect(f, "via=1.1 a, 2 b;via=3 c;");
}

static void joins_cookies(void **state) {
    struct fields *f = *state;
    assert_int_equal(fields_join_cookies(f), 0);
    assert_int_equal(fields_add(f, STR("cookie"), STR("a=1")), 0);
    assert_int_equal(fields_join_cookies(f), 0);
    assert_int_equal(fields_add(f, STR("x"), STR("y")), 0);
    assert_int_equal(fields_add(f, STR("cookie"), STR("b=2")), 0);
    assert_int_equal(fields_add(f, STR("cookie"), STR("c=3")), 0);
    assert_int_equal(fields_join_cookies(f), 0);
    expect(f, "cookie=a=1; b=2; c=3;x=y;");
}

static void copies(void **state) {
    struct fields *f = *state, to;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    fields_init(&to, &arena);
    assert_int_equal(fields_add(f, STR("a"), STR("1")), 0);
    assert_int_equal(fields_add(f, STR("b"), STR("2")), 0);
    assert_int_equal(fields_copy(&to, f), 0);
    expect(&to, "a=1;b=2;");
    assert_ptr_not_equal(to.v[0].value.p, f->v[0].value.p);
    arena_fini(&arena);
}

static void walks_lists(void **state) {
    (void)state;
    struct str rest = STR(" a , ,b;x=\"1,2\\\",3\",,\tc,"), element;
    assert_true(fields_list_next(&rest, &element) && str_eq(element, STR("a")));
    assert_true(fields_list_next(&rest, &element) && str_eq(element, STR("b;x=\"1,2\\\",3\"")));
    assert_true(fields_list_next(&rest, &element) && str_eq(element, STR("c")));
    assert_false(fields_list_next(&rest, &element));
    rest = STR("\"open, for ever");
    assert_true(fields_list_next(&rest, &element) && element.n == 15);
    rest = STR("\"\\");
    assert_true(fields_list_next(&rest, &element) && element.n == 2);
    rest = STR(" , ,");
    assert_false(fields_list_next(&rest, &element));
}

#define WITH_FIELDS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIELDS(adds_and_gets),    WITH_FIELDS(grows),         WITH_FIELDS(sets_and_removes),
        WITH_FIELDS(appends_to_lists), WITH_FIELDS(joins_cookies), WITH_FIELDS(copies),
        cmocka_unit_test(walks_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
