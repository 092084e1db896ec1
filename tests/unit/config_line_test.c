/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/config/config_line.h"

static void assert_clean(const char *line, const char *wanted) {
    char to[128];
    const char *problem = NULL;

    assert_int_equal(config_line_clean(str_of(line), to, sizeof to, &problem), 0);
    assert_string_equal(to, wanted);
}

static void assert_refused(const char *line, const char *wanted) {
    char to[128];
    const char *problem = NULL;

    assert_int_equal(config_line_clean(str_of(line), to, sizeof to, &problem), ERR_INVALID);
    assert_string_equal(problem, wanted);
    assert_string_equal(to, "");
}

static void comments_go(void **state) {
    (void)state;
    assert_clean("; all of it", "");
    assert_clean("\t# all of it", "");
    assert_clean("a = b ; c", "a = b");
    assert_clean("a = b\t# c", "a = b");
    assert_clean("a = b;c#d", "a = b;c#d");
    assert_clean("[server x]   ; what for", "[server x]");
    assert_clean("a =# b", "a =# b");
    assert_clean("a = # b", "a =");
    assert_refused("a # = b", "not understood: write [kind name] or key = value");
}

static void blanks_go(void **state) {
    (void)state;
    assert_clean("", "");
    assert_clean(" \t ", "");
    assert_clean("   a = b  \r", "a = b");
    assert_clean("\xef\xbb\xbf[gateway]", "[gateway]");
    assert_clean(" \xef\xbb\xbf \xef\xbb\xbf[gateway]", "[gateway]");
}

static void lines_have_a_shape(void **state) {
    static const char shape[] = "not understood: write [kind name] or key = value";
    (void)state;

    assert_refused("a", shape);
    assert_refused("a: b", shape);
    assert_refused("= b", shape);
    assert_refused("listen: a=b", shape);
    assert_refused("[server x", "the \"]\" is missing: write [kind name]");
    assert_refused("[server x] y", "something stands behind the \"]\": a comment begins with ;");
    assert_refused("a = \x01", "a control character is in this line: remove it");
}

static void names_are_never_cut(void **state) {
    char line[200] = "[";
    (void)state;

    memset(line + 1, 'x', CONFIG_SECTION_MAX);
    strcpy(line + 1 + CONFIG_SECTION_MAX, "]");
    assert_clean(line, line);
    strcpy(line + 1 + CONFIG_SECTION_MAX, "x]");
    assert_refused(line, "this name is too long: kind and name together may have 49 characters");
    memset(line, 'x', 126);
    memcpy(line, "a=", 2);
    line[126] = '\0';
    assert_clean(line, line);
    strcpy(line + 126, "x");
    assert_refused(line, "this line is too long: 4094 characters fit");
}

static void assert_value(const char *line, const char *wanted) {
    char to[128];
    const char *problem = NULL;

    assert_int_equal(config_line_clean(str_of(line), to, sizeof to, &problem), 0);
    char *value = strchr(to, '=') + 1;
    while (*value == ' ')
        value++;
    struct str s = config_line_value(value);
    assert_true(str_eq(s, str_of(wanted)));
    assert_int_equal(s.p[s.n], 0);
}

static void quotes_keep_what_is_in_them(void **state) {
    (void)state;
    assert_value("a = \"b ; c # d\"", "b ; c # d");
    assert_value("a = \"b ; c\"  ; \"really\"", "b ; c");
    assert_value("a = \"\"", "");
    assert_value("a = \" b \"", " b ");
    assert_value("a = b \"c\"", "b \"c\"");
    assert_value("a = b;c", "b;c");
    assert_refused("a = \"b", "the value's second quote is missing: write key = \"value\"");
    assert_refused("a = \"", "the value's second quote is missing: write key = \"value\"");
    assert_refused("a = \"b\" c",
                   "something stands behind the value's second quote: a comment begins with ;");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_go),
        cmocka_unit_test(blanks_go),
        cmocka_unit_test(lines_have_a_shape),
        cmocka_unit_test(names_are_never_cut),
        cmocka_unit_test(quotes_keep_what_is_in_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
