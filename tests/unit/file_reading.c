/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "file_reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "sys/file.h"

int reading_set_up(void **state) {
    struct file_reading *r = test_calloc(1, sizeof *r);

    buf_init(&r->errors);
    assert_int_equal(config_init(&r->config, &r->errors), 0);
    if (folder_set_up((void **)&r->folder))
        return -1;
    *state = r;
    return 0;
}

int reading_tear_down(void **state) {
    struct file_reading *r = *state;

    config_fini(&r->config);
    buf_fini(&r->errors);
    int err = folder_tear_down((void **)&r->folder);
    test_free(r);
    return err;
}

void reading_put(struct file_reading *r, const char *name, struct str text) {
    struct str path = str_of(path_in(r->folder, name));
    struct buf folder;

    buf_init(&folder);
    file_beside(&folder, path, STR("."));
    assert_int_equal(file_make_folders((const char *)folder.p, 0700), 0);
    buf_fini(&folder);
    assert_int_equal(file_write(path.p, text, 0600, FILE_OVERWRITE), 0);
}

void reading_read(struct file_reading *r, const char *name) {
    r->err = config_read_file(&r->config, path_in(r->folder, name));
}

static void drop_all(struct buf *text, struct str what) {
    uint8_t *at;

    while (text->n && (at = memmem(text->p, text->n, what.p, what.n)) != NULL) {
        size_t rest = text->n - (size_t)(at - text->p) - what.n;
        memmove(at, at + what.n, rest + 1);
        text->n -= what.n;
    }
}

void reading_assert_errors(struct file_reading *r, const char *wanted) {
    struct buf folder;

    buf_init(&folder);
    buf_format(&folder, "%s/", r->folder->path);
    drop_all(&r->errors, buf_view(&folder));
    buf_fini(&folder);
    assert_string_equal(r->errors.p ? (char *)r->errors.p : "", wanted);
    assert_int_equal(r->err, *wanted ? ERR_INVALID : 0);
}
