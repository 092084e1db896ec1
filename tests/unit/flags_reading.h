/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FLAGS_READING_H
#define TESTS_FLAGS_READING_H

#include "gateway/config/config.h"

/* A configuration from words of a command line, for what is tested behind it. */

struct flags_reading {
    struct config_flags flags;
    struct args args;
    struct config config;
    struct buf errors; /* of both */
    int err;           /* of config_read_flags; 1: the words were wrong */
};

int flags_set_up(void **state);
int flags_tear_down(void **state);

/* words end with NULL; --config is only looked at, not read: file_read says so. */
void flags_read(struct flags_reading *r, bool file_read, const char *const *words);
#define FLAGS(r, ...) flags_read(r, false, (const char *const[]){__VA_ARGS__, NULL})

void flags_assert_errors(struct flags_reading *r, const char *wanted);

#endif
