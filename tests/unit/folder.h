/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

/* A folder of its own for each test that needs files: cmocka's set-up and tear-down. *state
 * is a struct folder; path_in says what a file in it is called, valid until the next call
 * but seven. */

struct folder {
    char path[64];
    char names[8][128];
    unsigned next;
};

int folder_set_up(void **state);
int folder_tear_down(void **state);
const char *path_in(struct folder *folder, const char *name);

#define FOLDER_TEST(function) \
    cmocka_unit_test_setup_teardown(function, folder_set_up, folder_tear_down)

#endif
