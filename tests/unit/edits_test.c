/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/edits.h"

#include <cmocka.h>

#include "base/err.h"

static void assert_str(struct str s, const char *wanted) {
    assert_true(str_eq(s, str_of(wanted)));
}

static const char *problem_of(const char *text) {
    const char *problem = "?";
    struct arena arena;
    struct field field;

    arena_init(&arena, NULL, 0);
    int err = edit_parse(&arena, str_of(text), &field, &problem);
    arena_fini(&arena);
    return err == ERR_INVALID ? problem : "";
}

static void parsed(void **state) {
    const char *problem;
    struct arena arena;
    struct field f;
    struct str name;

    (void)state;
    arena_init(&arena, NULL, 0);
    assert_int_equal(edit_parse(&arena, STR(" X-A :\t b: c, d "), &f, &problem), 0);
    assert_str(f.name, "x-a");
    assert_str(f.value, "b: c, d");
    assert_int_equal(edit_parse(&arena, STR("a:"), &f, &problem), 0);
    assert_str(f.value, "");
    assert_int_equal(edit_name_parse(&arena, STR(" Cookie"), &name, &problem), 0);
    assert_str(name, "cookie");
    arena_fini(&arena);
}

static void refused(void **state) {
    static const char *const framing[] = {
        "Content-Length: 1", "te: x",        "Trailer: x",          "connection: x",
        "Keep-Alive: x",     "Upgrade: h2c", "proxy-connection: x", "Transfer-Encoding: chunked",
    };

    (void)state;
    for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++)
        assert_string_equal(problem_of(framing[i]),
                            "is about framing or the connection: h3gw sets it itself");
    assert_string_equal(problem_of("a"), "is not NAME: VALUE");
    assert_string_equal(problem_of(":path: /x"), "has no valid field name");
    assert_string_equal(problem_of("a b: c"), "has no valid field name");
    assert_string_equal(problem_of("a: b\r\nc: d"), "has no valid field value");
    assert_string_equal(problem_of("HOST: a"), "cannot be edited: host-header = upstream sends the "
                                               "upstream's own name");
}

static void applied(void **state) {
    struct str gone[] = {{"gone", 4}, {"both", 4}};
    struct field set[] = {{{"set", 3}, {"1", 1}}, {{"new", 3}, {"2", 1}}};
    struct field add[] = {{{"both", 4}, {"3", 1}}, {{"set", 3}, {"4", 1}}};
    const struct edits e = {set, add, gone, 2, 2, 2};
    struct fields f;
    struct arena arena;
    char seen[128] = "";

    (void)state;
    arena_init(&arena, NULL, 0);
    fields_init(&f, &arena);
    assert_int_equal(fields_add(&f, STR("gone"), STR("x")), 0);
    assert_int_equal(fields_add(&f, STR("set"), STR("x")), 0);
    assert_int_equal(fields_add(&f, STR("stays"), STR("x")), 0);
    assert_int_equal(fields_add(&f, STR("set"), STR("y")), 0);
    assert_int_equal(fields_add(&f, STR("both"), STR("x")), 0);
    assert_int_equal(edits_apply(&e, &f), 0);
    for (size_t i = 0; i < f.n; i++) {
        strncat(seen, f.v[i].name.p, f.v[i].name.n);
        strcat(seen, "=");
        strncat(seen, f.v[i].value.p, f.v[i].value.n);
        strcat(seen, " ");
    }
    assert_string_equal(seen, "set=1 stays=x new=2 both=3 set=4 ");
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsed),
        cmocka_unit_test(refused),
        cmocka_unit_test(applied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
