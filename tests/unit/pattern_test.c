/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "folder.h"
#include "sys/file.h"
#include "sys/pattern.h"

static void put(struct folder *folder, const char *name) {
    assert_int_equal(file_write(path_in(folder, name), STR(""), 0600, FILE_NEW), 0);
}

/* What it means, without the folder, a blank behind each. */
static void assert_match(struct folder *folder, const char *pattern, const char *wanted) {
    struct arena arena;
    struct str *v;
    struct buf seen;
    size_t n;

    arena_init(&arena, NULL, 0);
    buf_init(&seen);
    assert_int_equal(pattern_match(path_in(folder, pattern), &arena, &v, &n), 0);
    for (size_t i = 0; i < n; i++)
        buf_format(&seen, "%s ", v[i].p + strlen(folder->path) + 1);
    assert_string_equal(seen.n ? (char *)seen.p : "", wanted);
    buf_fini(&seen);
    arena_fini(&arena);
}

static void what_is_a_pattern(void **state) {
    (void)state;
    assert_true(pattern_is(STR("a/*.ini")));
    assert_true(pattern_is(STR("a?")));
    assert_true(pattern_is(STR("[ab]")));
    assert_false(pattern_is(STR("a/b.ini")));
    assert_true(str_eq(pattern_folder(STR("a/b/*.ini")), STR("a/b/")));
    assert_int_equal(pattern_folder(STR("*.ini")).n, 0);
}

static void matches(void **state) {
    struct folder *folder = *state;

    for (const char *name = "z.ini\0a.ini\0b.txt\0.c.ini\0m1.ini\0"; *name;
         name += strlen(name) + 1)
        put(folder, name);
    assert_match(folder, "*.ini", "a.ini m1.ini z.ini ");
    assert_match(folder, "?.ini", "a.ini z.ini ");
    assert_match(folder, "[ab].*", "a.ini b.txt ");
    assert_match(folder, ".*.ini", ".c.ini ");
    assert_match(folder, "x*", "");
    assert_match(folder, "none/*", "");
}

static void not_to_be_read(void **state) {
    struct folder *folder = *state;
    struct arena arena;
    struct str *v;
    size_t n;

    put(folder, "file");
    arena_init(&arena, NULL, 0);
    assert_int_equal(pattern_match(path_in(folder, "file/*"), &arena, &v, &n), ERR_SYSTEM);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_pattern),
        FOLDER_TEST(matches),
        FOLDER_TEST(not_to_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
