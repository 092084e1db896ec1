/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flags_reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

int flags_set_up(void **state) {
    struct flags_reading *r = test_calloc(1, sizeof *r);

    config_flags_init(&r->flags);
    buf_init(&r->errors);
    assert_int_equal(config_init(&r->config, &r->errors), 0);
    *state = r;
    return 0;
}

int flags_tear_down(void **state) {
    struct flags_reading *r = *state;

    config_fini(&r->config);
    buf_fini(&r->errors);
    args_fini(&r->args);
    test_free(r);
    return 0;
}

void flags_read(struct flags_reading *r, bool file_read, const char *const *words) {
    int n = 0;

    while (words[n])
        n++;
    r->err = 1;
    if (args_parse(&r->args, &r->flags.table, n, (char **)(uintptr_t)words, &r->errors) == 0)
        r->err = config_read_flags(&r->config, &r->args, file_read);
}

void flags_assert_errors(struct flags_reading *r, const char *wanted) {
    assert_string_equal(r->errors.p ? (char *)r->errors.p : "", wanted);
}
