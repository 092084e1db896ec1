/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "folder.h"
#include "pki/store.h"
#include "pki_fixtures.h"
#include "sys/file.h"

static const int64_t now_s = 1800000000, day_s = 86400;

struct scene {
    struct folder *folder;
    struct ca ca;
};

static struct scene scene;

static void open_ca(struct ca *ca) {
    struct ca_wish wish = {scene.folder->path, "me@here", now_s};
    struct buf message;

    buf_init(&message);
    assert_int_equal(ca_open(&wish, ca, &message), 0);
    buf_fini(&message);
}

static int set_up(void **state) {
    void *folder;

    if (folder_set_up(&folder))
        return -1;
    scene.folder = folder;
    open_ca(&scene.ca);
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    void *folder = scene.folder;

    (void)state;
    ca_fini(&scene.ca);
    return folder_tear_down(&folder);
}

static const struct str names[] = {{"localhost", 9}, {"::1", 3}, {"127.0.0.1", 9}};

static bool get_at(int64_t at_s, struct store_leaf *leaf) {
    struct store_wish wish = {names, 3, at_s};
    struct buf message;

    buf_init(&message);
    assert_int_equal(store_get(&scene.ca, &wish, leaf, &message), 0);
    assert_int_equal(message.n, 0);
    buf_fini(&message);
    return leaf->fresh;
}

/* Whether it had to be made. */
static bool is_made_at(int64_t at_s) {
    struct store_leaf leaf;
    bool fresh = get_at(at_s, &leaf);

    store_leaf_fini(&leaf);
    return fresh;
}

static void makes_and_keeps_one(void **state) {
    struct store_leaf leaf;
    struct stat about;

    (void)state;
    assert_true(get_at(now_s, &leaf));
    assert_int_equal(leaf.warning.n, 0);
    assert_int_equal(leaf.cert.not_after_s - leaf.cert.not_before_s, 90 * day_s);
    assert_true(cert_covers(&leaf.cert, STR("::1")));
    assert_int_equal(stat((char *)leaf.key_path.p, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_memory_equal(leaf.chain_pem.p, "-----BEGIN CERTIFICATE-----", 27);
    assert_memory_equal(leaf.key_pem.p, "-----BEGIN PRIVATE KEY-----", 27);
    store_leaf_fini(&leaf);
}

static void takes_it_again(void **state) {
    static const struct str other[] = {
        {"127.0.0.1", 9}, {"LOCALHOST", 9}, {"localhost.", 10}, {"[::1]", 5}};
    struct store_wish wish = {other, 4, now_s + 10};
    struct store_leaf first, second;
    struct buf message;

    (void)state;
    buf_init(&message);
    assert_true(get_at(now_s, &first));
    assert_int_equal(store_get(&scene.ca, &wish, &second, &message), 0);
    assert_false(second.fresh);
    assert_true(str_eq(buf_view(&first.chain_pem), buf_view(&second.chain_pem)));
    assert_true(str_eq(buf_view(&first.key_pem), buf_view(&second.key_pem)));
    store_leaf_fini(&first);
    store_leaf_fini(&second);
}

static void renews_it_in_time(void **state) {
    (void)state;
    assert_true(is_made_at(now_s));
    assert_false(is_made_at(now_s + 59 * day_s));
    assert_true(is_made_at(now_s + 60 * day_s));
    assert_false(is_made_at(now_s + 60 * day_s));
}

static void makes_another_for_other_names(void **state) {
    struct store_wish wish = {names, 2, now_s};
    struct store_leaf leaf;
    struct buf message;

    (void)state;
    buf_init(&message);
    assert_true(is_made_at(now_s));
    assert_int_equal(store_get(&scene.ca, &wish, &leaf, &message), 0);
    assert_true(leaf.fresh);
    store_leaf_fini(&leaf);
    assert_false(is_made_at(now_s));
}

static void makes_another_for_another_ca(void **state) {
    (void)state;
    assert_true(is_made_at(now_s));
    ca_fini(&scene.ca);
    assert_int_equal(unlink(path_in(scene.folder, "rootCA.pem")), 0);
    assert_int_equal(unlink(path_in(scene.folder, "rootCA-key.pem")), 0);
    open_ca(&scene.ca);
    assert_true(is_made_at(now_s));
    assert_false(is_made_at(now_s));
}

static void replaces_a_broken_one(void **state) {
    struct store_leaf leaf;

    (void)state;
    get_at(now_s, &leaf);
    assert_int_equal(
        file_write((char *)leaf.key_path.p, STR(FIXTURE_EC_SEC1), 0600, FILE_OVERWRITE), 0);
    assert_true(is_made_at(now_s));
    assert_int_equal(file_write((char *)leaf.cert_path.p, STR("x"), 0600, FILE_OVERWRITE), 0);
    assert_true(is_made_at(now_s));
    assert_false(is_made_at(now_s));
    store_leaf_fini(&leaf);
}

/* A folder in place of the file stands for everything that keeps us from writing it: as
 * root, permissions do not. */
static void lives_without_keeping_it(void **state) {
    struct store_leaf leaf;

    (void)state;
    get_at(now_s, &leaf);
    assert_int_equal(unlink((char *)leaf.cert_path.p), 0);
    assert_int_equal(mkdir((char *)leaf.cert_path.p, 0700), 0);
    store_leaf_fini(&leaf);
    assert_true(get_at(now_s, &leaf));
    assert_int_equal(leaf.cert_path.n, 0);
    assert_non_null(strstr((char *)leaf.warning.p, "could not be kept as"));
    assert_true(leaf.chain_pem.n > 0);
    store_leaf_fini(&leaf);
}

static void tells_of_a_bad_name(void **state) {
    static const struct str bad[] = {{"a b", 3}};
    struct store_wish wish = {bad, 1, now_s};
    struct store_leaf leaf;
    struct buf message;

    (void)state;
    buf_init(&message);
    assert_int_equal(store_get(&scene.ca, &wish, &leaf, &message), ERR_INVALID);
    assert_non_null(strstr((char *)message.p, "\"a b\""));
    buf_reset(&message);
    wish.n_names = 0;
    assert_int_equal(store_get(&scene.ca, &wish, &leaf, &message), ERR_INVALID);
    buf_fini(&message);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(makes_and_keeps_one),
        TEST(takes_it_again),
        TEST(renews_it_in_time),
        TEST(makes_another_for_other_names),
        TEST(makes_another_for_another_ca),
        TEST(replaces_a_broken_one),
        TEST(lives_without_keeping_it),
        TEST(tells_of_a_bad_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
