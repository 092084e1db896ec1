/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "folder.h"
#include "sys/place.h"

/* Pairs of name and value, as the function asks for them; it has no context. */
static const char *const *environment;

static char *test_env(const char *name) {
    for (const char *const *at = environment; *at; at += 2)
        if (!strcmp(at[0], name))
            return (char *)at[1];
    return NULL;
}

#define ENVIRONMENT(...) \
    environment = (const char *const[]) { \
        __VA_ARGS__, NULL, NULL \
    }

static void assert_ca_root(const char *path) {
    struct buf b;

    buf_init(&b);
    assert_int_equal(place_ca_root(test_env, &b), 0);
    assert_string_equal(b.p, path);
    buf_fini(&b);
}

static void finds_the_ca_folder(void **state) {
    struct buf b;

    (void)state;
    ENVIRONMENT("HOME", "/home/me", "XDG_DATA_HOME", "/data", "H3GW_CAROOT", "my/ca");
    assert_ca_root("my/ca");
    ENVIRONMENT("HOME", "/home/me", "XDG_DATA_HOME", "/data", "H3GW_CAROOT", "");
    assert_ca_root("/data/h3gw");
    ENVIRONMENT("HOME", "/home/me", "XDG_DATA_HOME", "relative");
    assert_ca_root("/home/me/.local/share/h3gw");
    buf_init(&b);
    ENVIRONMENT("USER", "me");
    assert_int_equal(place_ca_root(test_env, &b), ERR_NOT_FOUND);
    buf_fini(&b);
}

static void makes_the_runtime_folder(void **state) {
    struct folder *folder = *state;
    struct stat about;
    struct buf b;

    buf_init(&b);
    ENVIRONMENT("XDG_RUNTIME_DIR", folder->path);
    assert_int_equal(place_runtime(test_env, &b), 0);
    assert_string_equal(b.p, path_in(folder, "h3gw"));
    assert_int_equal(stat((char *)b.p, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0700);
    buf_reset(&b);
    assert_int_equal(place_runtime(test_env, &b), 0);
    buf_fini(&b);
}

static void refuses_an_open_runtime_folder(void **state) {
    struct folder *folder = *state;
    struct buf b;

    buf_init(&b);
    ENVIRONMENT("XDG_RUNTIME_DIR", folder->path);
    assert_int_equal(mkdir(path_in(folder, "h3gw"), 0700), 0);
    assert_int_equal(chmod(path_in(folder, "h3gw"), 0770), 0);
    assert_int_equal(place_runtime(test_env, &b), ERR_REFUSED);
    assert_int_equal(rmdir(path_in(folder, "h3gw")), 0);
    assert_int_equal(symlink("/tmp", path_in(folder, "h3gw")), 0);
    buf_reset(&b);
    assert_int_equal(place_runtime(test_env, &b), ERR_REFUSED);
    buf_fini(&b);
}

static void names_the_owner(void **state) {
    struct buf b;

    (void)state;
    buf_init(&b);
    ENVIRONMENT("LOGNAME", "me");
    place_owner(test_env, &b);
    assert_memory_equal(b.p, "me@", 3);
    assert_true(b.n > 3);
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_ca_folder),
        FOLDER_TEST(makes_the_runtime_folder),
        FOLDER_TEST(refuses_an_open_runtime_folder),
        cmocka_unit_test(names_the_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
