/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "folder.h"
#include "sys/file.h"

static unsigned mode_of(const char *path) {
    struct stat about;

    assert_int_equal(stat(path, &about), 0);
    return about.st_mode & 07777;
}

static void assert_holds(const char *path, const char *text) {
    struct buf b;

    buf_init(&b);
    assert_int_equal(file_read(path, 1000, &b), 0);
    assert_string_equal(b.p, text);
    buf_fini(&b);
}

static void writes_and_reads(void **state) {
    const char *path = path_in(*state, "a");

    assert_false(file_exists(path));
    assert_int_equal(file_write(path, STR("one"), 0600, FILE_NEW), 0);
    assert_holds(path, "one");
    assert_int_equal(mode_of(path), 0600);
    assert_true(file_exists(path));
}

static void keeps_what_is_there(void **state) {
    const char *path = path_in(*state, "a");

    assert_int_equal(file_write(path, STR("one"), 0644, FILE_NEW), 0);
    assert_int_equal(file_write(path, STR("two"), 0644, FILE_NEW), ERR_EXISTS);
    assert_holds(path, "one");
    assert_int_equal(file_write(path, STR("two"), 0400, FILE_OVERWRITE), 0);
    assert_holds(path, "two");
    assert_int_equal(mode_of(path), 0400);
}

static void keeps_a_dangling_link(void **state) {
    const char *path = path_in(*state, "link");

    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(file_write(path, STR("x"), 0644, FILE_NEW), ERR_EXISTS);
    assert_int_equal(file_write(path, STR("x"), 0644, FILE_OVERWRITE), ERR_NOT_FOUND);
}

static void overwrites_where_a_link_points(void **state) {
    const char *path = path_in(*state, "a"), *link = path_in(*state, "link");
    struct stat about;

    assert_int_equal(file_write(path, STR("one"), 0644, FILE_NEW), 0);
    assert_int_equal(symlink("a", link), 0);
    assert_int_equal(file_write(link, STR("two"), 0644, FILE_OVERWRITE), 0);
    assert_int_equal(lstat(link, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_holds(path, "two");
}

static void replaces_no_device(void **state) {
    (void)state;
    assert_int_equal(file_write("/dev/null", STR("x"), 0644, FILE_OVERWRITE), ERR_EXISTS);
}

static void leaves_no_temporary_file(void **state) {
    struct folder *folder = *state;
    const char *path = path_in(folder, "a");

    assert_int_equal(file_write(path, STR("one"), 0644, FILE_NEW), 0);
    assert_int_equal(file_write(path, STR("two"), 0644, FILE_NEW), ERR_EXISTS);
    assert_int_equal(file_write(path_in(folder, "no/such"), STR("x"), 0644, FILE_NEW),
                     ERR_NOT_FOUND);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder->path), 0);
    assert_int_equal(mkdir(folder->path, 0700), 0);
}

static void stops_at_the_limit(void **state) {
    const char *path = path_in(*state, "a");
    struct buf b;

    buf_init(&b);
    buf_str(&b, STR("kept"));
    assert_int_equal(file_write(path, STR("12345"), 0644, FILE_NEW), 0);
    assert_int_equal(file_read(path, 4, &b), ERR_LIMIT);
    assert_int_equal(b.n, 4);
    assert_int_equal(file_read(path, 5, &b), 0);
    assert_string_equal(b.p, "kept12345");
    assert_int_equal(file_read(path_in(*state, "none"), 5, &b), ERR_NOT_FOUND);
    buf_fini(&b);
}

static void makes_folders(void **state) {
    const char *path = path_in(*state, "one/two/three");

    assert_int_equal(file_make_folders(path, 0700), 0);
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(file_make_folders(path, 0755), 0);
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(file_write(path_in(*state, "file"), STR(""), 0600, FILE_NEW), 0);
    assert_int_equal(file_make_folders(path_in(*state, "file/x"), 0700), ERR_NOT_FOUND);
}

static void assert_path(void (*make)(struct buf *, struct str, struct str), const char *a,
                        const char *b, const char *result) {
    struct buf to;

    buf_init(&to);
    make(&to, str_of(a), str_of(b));
    assert_string_equal(to.p, result);
    buf_fini(&to);
}

static void joins_paths(void **state) {
    (void)state;
    assert_path(file_join, "a", "b", "a/b");
    assert_path(file_join, "a/", "b", "a/b");
    assert_path(file_join, "", "b", "b");
    assert_path(file_join, "a", "/b", "/b");
    assert_path(file_beside, "conf/dev.ini", "a.crt", "conf/a.crt");
    assert_path(file_beside, "dev.ini", "a.crt", "a.crt");
    assert_path(file_beside, "/dev.ini", "a.crt", "/a.crt");
    assert_path(file_beside, "conf/dev.ini", "/a.crt", "/a.crt");
}

/* The same whatever way leads to it. */
static void has_one_real_path(void **state) {
    const char *file = path_in(*state, "file"), *link = path_in(*state, "link");
    struct buf direct, detour;

    buf_init(&direct);
    buf_init(&detour);
    assert_int_equal(file_real(file, &direct), ERR_NOT_FOUND);
    assert_int_equal(file_write(file, STR(""), 0600, FILE_NEW), 0);
    assert_int_equal(symlink(file, link), 0);
    assert_int_equal(file_real(path_in(*state, "./file"), &direct), 0);
    assert_int_equal(file_real(link, &detour), 0);
    assert_string_equal((char *)direct.p, (char *)detour.p);
    buf_fini(&direct);
    buf_fini(&detour);
}

static void says_what_the_problem_is(void **state) {
    struct buf to;

    buf_init(&to);
    assert_string_equal(file_problem(file_read(path_in(*state, "none"), 9, &to)),
                        "No such file or directory");
    assert_string_equal(file_problem(file_read(path_in(*state, "."), 9, &to)), "Is a directory");
    assert_string_equal(file_problem(ERR_LIMIT), "it is too long");
    assert_string_equal(file_problem(ERR_NO_MEMORY), "out of memory");
    buf_fini(&to);
}

/* The file is written while the lock is held: a child that got the lock meanwhile would not
 * find it. */
static void locks_out_another_process(void **state) {
    const char *path = path_in(*state, "lock"), *file = path_in(*state, "file");
    struct file_lock lock;
    int status;
    pid_t child;

    assert_int_equal(file_lock(path, &lock), 0);
    child = fork();
    if (child == 0)
        _exit(file_lock(path, &lock) || !file_exists(file));
    assert_int_equal(file_write(file, STR("x"), 0600, FILE_NEW), 0);
    file_unlock(&lock);
    file_unlock(&lock);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(writes_and_reads),        FOLDER_TEST(keeps_what_is_there),
        FOLDER_TEST(keeps_a_dangling_link),   FOLDER_TEST(overwrites_where_a_link_points),
        cmocka_unit_test(replaces_no_device), FOLDER_TEST(leaves_no_temporary_file),
        FOLDER_TEST(stops_at_the_limit),      FOLDER_TEST(makes_folders),
        cmocka_unit_test(joins_paths),        FOLDER_TEST(locks_out_another_process),
        FOLDER_TEST(has_one_real_path),       FOLDER_TEST(says_what_the_problem_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
