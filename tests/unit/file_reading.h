/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FILE_READING_H
#define TESTS_FILE_READING_H

#include "folder.h"
#include "gateway/config/config.h"

/* A configuration from files in a folder of its own, for what is tested behind it. */

struct file_reading {
    struct folder *folder;
    struct config config;
    struct buf errors;
    int err; /* of config_read_file */
};

int reading_set_up(void **state);
int reading_tear_down(void **state);

/* Writes the file, in a folder that is made if need be. */
void reading_put(struct file_reading *r, const char *name, struct str text);

/* Adds what the file says to the configuration. */
void reading_read(struct file_reading *r, const char *name);

/* All the errors, without the folder: "dev.ini:1: …\n"; and whether there were some is what err
 * says. */
void reading_assert_errors(struct file_reading *r, const char *wanted);

#define READING_TEST(function) \
    cmocka_unit_test_setup_teardown(function, reading_set_up, reading_tear_down)

#endif
