/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "folder.h"
#include "gateway/config/config.h"
#include "sys/file.h"

/* Several files that are one configuration. Their names in the messages are without the folder. */

struct including {
    struct folder *folder;
    struct config config;
    struct buf errors;
    int err;
};

static int set_up(void **state) {
    struct including *t = test_calloc(1, sizeof *t);

    buf_init(&t->errors);
    assert_int_equal(config_init(&t->config, &t->errors), 0);
    if (folder_set_up((void **)&t->folder))
        return -1;
    *state = t;
    return 0;
}

static int tear_down(void **state) {
    struct including *t = *state;

    config_fini(&t->config);
    buf_fini(&t->errors);
    int err = folder_tear_down((void **)&t->folder);
    test_free(t);
    return err;
}

static void put(struct including *t, const char *name, const char *text) {
    struct str path = str_of(path_in(t->folder, name));
    struct buf folder;

    buf_init(&folder);
    file_beside(&folder, path, STR("."));
    assert_int_equal(file_make_folders((const char *)folder.p, 0700), 0);
    buf_fini(&folder);
    assert_int_equal(file_write(path.p, str_of(text), 0600, FILE_OVERWRITE), 0);
}

static void read_main(struct including *t) {
    t->err = config_read_file(&t->config, path_in(t->folder, "dev.ini"));
}

static void drop_all(struct buf *text, struct str what) {
    uint8_t *at;

    while (text->n && (at = memmem(text->p, text->n, what.p, what.n)) != NULL) {
        size_t rest = text->n - (size_t)(at - text->p) - what.n;
        memmove(at, at + what.n, rest + 1);
        text->n -= what.n;
    }
}

static void assert_errors(struct including *t, const char *wanted) {
    struct buf folder;

    buf_init(&folder);
    buf_format(&folder, "%s/", t->folder->path);
    drop_all(&t->errors, buf_view(&folder));
    buf_fini(&folder);
    assert_string_equal(t->errors.p ? (char *)t->errors.p : "", wanted);
    assert_int_equal(t->err, *wanted ? ERR_INVALID : 0);
}

static void assert_str(struct str s, const char *wanted) {
    assert_true(str_eq(s, str_of(wanted)));
}

static void one_configuration(void **state) {
    struct including *t = *state;
    struct config *c = &t->config;

    put(t, "dev.ini",
        "include = more/*.ini\n[gateway]\nhttp3 = off\ninclude = \"last.ini\"\n"
        "log-level = debug\n[server s]\ncredential = c\n");
    put(t, "last.ini", "[gateway]\nforwarded = on\n[upstream u]\nurl = http://127.0.0.1:1\n");
    put(t, "more/b.ini", "[route b]\nupstream = u\n");
    put(t, "more/a.ini",
        "[route a]\nexact = /a\nhandler = echo\n[credential c]\ncert = c.pem\n"
        "key = /k.pem\n");
    put(t, "more/.hidden.ini", "wrong");
    put(t, "more/a.ini~", "wrong");
    read_main(t);
    assert_errors(t, "");
    assert_int_equal(config_check(c), 0);
    assert_false(c->gateway.http3);
    assert_true(c->gateway.forwarded);
    assert_int_equal(c->gateway.log_level, 3);
    assert_int_equal(c->n_routes, 2);
    assert_str(c->routes[0]->name, "a");
    assert_ptr_equal(c->routes[1]->upstream, c->upstreams[0]);
    assert_str(c->credentials[0]->options.cert, path_in(t->folder, "more/c.pem"));
    assert_str(c->credentials[0]->options.key, "/k.pem");
    assert_str(config_at(c->gateway_place, "http3").file, path_in(t->folder, "dev.ini"));
    assert_str(config_at(c->gateway_place, "forwarded").file, path_in(t->folder, "last.ini"));
    assert_int_equal(config_at(c->gateway_place, "log-level").line, 5);
}

static void what_is_watched(void **state) {
    static const char *const wanted[] = {"dev.ini", "last.ini", "",
                                         "none/",   "x.pem",    "clients.pem"};
    struct including *t = *state;
    struct strs paths;

    put(t, "dev.ini",
        "include = last.ini\ninclude = none/*.ini\n[credential c]\nclient-ca = "
        "clients.pem\ncert = x.pem\n");
    put(t, "last.ini", "include = n*.ini\n");
    read_main(t);
    assert_errors(t, "");
    assert_int_equal(config_watched(&t->config, &t->config.arena, &paths), 0);
    assert_int_equal(paths.n, 6);
    for (size_t i = 0; i < paths.n; i++)
        assert_string_equal(paths.v[i].p, path_in(t->folder, wanted[i]));
}

/* So that it is noticed when it comes. */
static void a_missing_file_is_watched(void **state) {
    struct including *t = *state;
    struct strs paths;

    put(t, "dev.ini", "include = none.ini\n");
    read_main(t);
    assert_errors(t, "dev.ini:1: include: cannot read none.ini: No such file or directory\n");
    assert_int_equal(config_watched(&t->config, &t->config.arena, &paths), 0);
    assert_int_equal(paths.n, 2);
    assert_str(paths.v[1], path_in(t->folder, "none.ini"));
}

/* Each with its own place, file by file. */
static void errors_of_several_files(void **state) {
    struct including *t = *state;

    put(t, "dev.ini",
        "[gateway]\nlog-level = info\ninclude = a.ini\nlog-level = debug\n[server s]\n"
        "hosts = a.test\nhosts = b.test, c d\n[upstream u]\n");
    put(t, "a.ini",
        "[gateway]\nlog-level = warn\n[gateway]\n[server s]\n[server t]\nhosts = b.test\n"
        "include = b.ini\n[route r]\nupstream = u\n[upstream u]\nurl = nothing\n");
    read_main(t);
    config_check(&t->config);
    assert_errors(t,
                  "dev.ini:4: log-level stands in line 2 already: keep one of them\n"
                  "dev.ini:5: [server s] stands in a.ini:4 already\n"
                  "dev.ini:8: [upstream u] stands in a.ini:10 already\n"
                  "a.ini:2: log-level stands in dev.ini:2 already: keep one of them\n"
                  "a.ini:3: [gateway] stands in line 1 already\n"
                  "a.ini:7: include stands in [server t]: write it into [gateway], or before the "
                  "first [section]\n"
                  "a.ini:11: upstream: \"nothing\": it must begin with http://, https://, h2c://, "
                  "tcp:// or unix:\n");
}

static void circles(void **state) {
    struct including *t = *state;

    put(t, "dev.ini", "include = a.ini\n");
    put(t, "a.ini", "\ninclude = *v.ini\ninclude = ./a.ini\n");
    read_main(t);
    assert_errors(t, "a.ini:2: include: a circle of files: dev.ini -> a.ini -> dev.ini\n"
                     "a.ini:3: include: a circle of files: dev.ini -> a.ini -> ./a.ini\n");
}

static void twice_the_same(void **state) {
    struct including *t = *state;

    put(t, "dev.ini", "include = a.ini\ninclude = b/b.ini\n[gateway]\ninclude = a*.ini\n");
    put(t, "a.ini", "");
    put(t, "b/b.ini", "include = ../a.ini\n");
    read_main(t);
    assert_errors(t, "dev.ini:4: include: a.ini was included in line 1 already\n"
                     "b/b.ini:1: include: b/../a.ini was included in dev.ini:1 already\n");
}

static void too_deep(void **state) {
    struct including *t = *state;

    put(t, "dev.ini", "include = 1\n");
    for (int i = 1; i < 12; i++) {
        char name[8], text[32];
        snprintf(name, sizeof name, "%d", i);
        snprintf(text, sizeof text, "include = %d\n", i + 1);
        put(t, name, text);
    }
    read_main(t);
    assert_errors(t,
                  "8:1: include: more than 8 files deep: dev.ini -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> "
                  "7 -> 8 -> 9\n");
}

static void too_many(void **state) {
    struct including *t = *state;

    put(t, "dev.ini", "include = d/*\n");
    for (int i = 100; i < 357; i++) {
        char name[8];
        snprintf(name, sizeof name, "d/%d", i);
        put(t, name, "");
    }
    read_main(t);
    assert_errors(t, "dev.ini:1: include: more than 256 files: is d/355 the right one?\n"
                     "dev.ini:1: include: more than 256 files: is d/356 the right one?\n");
}

static void patterns_that_mean_nothing(void **state) {
    struct including *t = *state;

    put(t, "dev.ini", "include = none/*.ini\ninclude = x*/a.ini\ninclude =\ninclude = ok.ini/*\n");
    put(t, "ok.ini", "");
    read_main(t);
    assert_errors(t,
                  "dev.ini:2: include: \"x*/a.ini\": wildcards may stand in the file's name only, "
                  "not in its folder's\n"
                  "dev.ini:4: include: cannot look into ok.ini/: Not a directory\n");
}

/* A folder's name is no pattern, even if it looks like one. */
static void a_folder_with_brackets(void **state) {
    struct including *t = *state;

    put(t, "[x]/dev.ini", "include = *.in\n");
    put(t, "[x]/a.in", "[gateway]\nhttp3 = off\n");
    t->err = config_read_file(&t->config, path_in(t->folder, "[x]/dev.ini"));
    assert_errors(t, "");
    assert_false(t->config.gateway.http3);
}

static void nothing_but_text(void **state) {
    struct including *t = *state;

    put(t, "dev.ini", "include = a.ini\n");
    assert_int_equal(file_write(path_in(t->folder, "a.ini"), STR("a\0b"), 0600, FILE_NEW), 0);
    read_main(t);
    assert_errors(t, "dev.ini:1: include: cannot read a.ini: it is no text file\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_configuration),
        TEST(what_is_watched),
        TEST(a_missing_file_is_watched),
        TEST(errors_of_several_files),
        TEST(circles),
        TEST(twice_the_same),
        TEST(too_deep),
        TEST(too_many),
        TEST(patterns_that_mean_nothing),
        TEST(a_folder_with_brackets),
        TEST(nothing_but_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
