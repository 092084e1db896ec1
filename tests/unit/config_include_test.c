/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "file_reading.h"

/* Several files that are one configuration. Their names in the messages are without the folder. */

static void put(struct file_reading *r, const char *name, const char *text) {
    reading_put(r, name, str_of(text));
}

static void read_main(struct file_reading *r) {
    reading_read(r, "dev.ini");
}

static void assert_str(struct str s, const char *wanted) {
    assert_true(str_eq(s, str_of(wanted)));
}

static void one_configuration(void **state) {
    struct file_reading *r = *state;
    struct config *c = &r->config;

    put(r, "dev.ini",
        "include = more/*.ini\n[gateway]\nhttp3 = off\ninclude = \"last.ini\"\n"
        "log-level = debug\n[server s]\ncredential = c\n");
    put(r, "last.ini", "[gateway]\nforwarded = on\n[upstream u]\nurl = http://127.0.0.1:1\n");
    put(r, "more/b.ini", "[route b]\nupstream = u\n");
    put(r, "more/a.ini",
        "[route a]\nexact = /a\nhandler = echo\n[credential c]\ncert = c.pem\n"
        "key = /k.pem\n");
    put(r, "more/.hidden.ini", "wrong");
    put(r, "more/a.ini~", "wrong");
    read_main(r);
    reading_assert_errors(r, "");
    assert_int_equal(config_check(c), 0);
    assert_false(c->gateway.http3);
    assert_true(c->gateway.forwarded);
    assert_int_equal(c->gateway.log_level, 3);
    assert_int_equal(c->n_routes, 2);
    assert_str(c->routes[0]->name, "a");
    assert_ptr_equal(c->routes[1]->upstream, c->upstreams[0]);
    assert_str(c->credentials[0]->options.cert, path_in(r->folder, "more/c.pem"));
    assert_str(c->credentials[0]->options.key, "/k.pem");
    assert_str(config_at(c->gateway_place, "http3").file, path_in(r->folder, "dev.ini"));
    assert_str(config_at(c->gateway_place, "forwarded").file, path_in(r->folder, "last.ini"));
    assert_int_equal(config_at(c->gateway_place, "log-level").line, 5);
}

static void what_is_watched(void **state) {
    static const char *const wanted[] = {"dev.ini", "last.ini", "",
                                         "none/",   "x.pem",    "clients.pem"};
    struct file_reading *r = *state;
    struct strs paths;

    put(r, "dev.ini",
        "include = last.ini\ninclude = none/*.ini\n[credential c]\nclient-ca = "
        "clients.pem\ncert = x.pem\n");
    put(r, "last.ini", "include = n*.ini\n");
    read_main(r);
    reading_assert_errors(r, "");
    assert_int_equal(config_watched(&r->config, &r->config.arena, &paths), 0);
    assert_int_equal(paths.n, 6);
    for (size_t i = 0; i < paths.n; i++)
        assert_string_equal(paths.v[i].p, path_in(r->folder, wanted[i]));
}

/* So that it is noticed when it comes. */
static void a_missing_file_is_watched(void **state) {
    struct file_reading *r = *state;
    struct strs paths;

    put(r, "dev.ini", "include = none.ini\n");
    read_main(r);
    reading_assert_errors(r,
                          "dev.ini:1: include: cannot read none.ini: No such file or directory\n");
    assert_int_equal(config_watched(&r->config, &r->config.arena, &paths), 0);
    assert_int_equal(paths.n, 2);
    assert_str(paths.v[1], path_in(r->folder, "none.ini"));
}

/* Each with its own place, file by file. */
static void errors_of_several_files(void **state) {
    struct file_reading *r = *state;

    put(r, "dev.ini",
        "[gateway]\nlog-level = info\ninclude = a.ini\nlog-level = debug\n[server s]\n"
        "hosts = a.test\nhosts = b.test, c d\n[upstream u]\n");
    put(r, "a.ini",
        "[gateway]\nlog-level = warn\n[gateway]\n[server s]\n[server t]\nhosts = b.test\n"
        "include = b.ini\n[route r]\nupstream = u\n[upstream u]\nurl = nothing\n");
    read_main(r);
    config_check(&r->config);
    reading_assert_errors(
        r, "dev.ini:4: log-level stands in line 2 already: keep one of them\n"
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
    struct file_reading *r = *state;

    put(r, "dev.ini", "include = a.ini\n");
    put(r, "a.ini", "\ninclude = *v.ini\ninclude = ./a.ini\n");
    read_main(r);
    reading_assert_errors(r, "a.ini:2: include: a circle of files: dev.ini -> a.ini -> dev.ini\n"
                             "a.ini:3: include: a circle of files: dev.ini -> a.ini -> ./a.ini\n");
}

static void twice_the_same(void **state) {
    struct file_reading *r = *state;

    put(r, "dev.ini", "include = a.ini\ninclude = b/b.ini\n[gateway]\ninclude = a*.ini\n");
    put(r, "a.ini", "");
    put(r, "b/b.ini", "include = ../a.ini\n");
    read_main(r);
    reading_assert_errors(r, "dev.ini:4: include: a.ini was included in line 1 already\n"
                             "b/b.ini:1: include: b/../a.ini was included in dev.ini:1 already\n");
}

static void too_deep(void **state) {
    struct file_reading *r = *state;

    put(r, "dev.ini", "include = 1\n");
    for (int i = 1; i < 12; i++) {
        char name[8], text[32];
        snprintf(name, sizeof name, "%d", i);
        snprintf(text, sizeof text, "include = %d\n", i + 1);
        put(r, name, text);
    }
    read_main(r);
    reading_assert_errors(
        r, "8:1: include: more than 8 files deep: dev.ini -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> "
           "7 -> 8 -> 9\n");
}

static void too_many(void **state) {
    struct file_reading *r = *state;

    put(r, "dev.ini", "include = d/*\n");
    for (int i = 100; i < 357; i++) {
        char name[8];
        snprintf(name, sizeof name, "d/%d", i);
        put(r, name, "");
    }
    read_main(r);
    reading_assert_errors(r, "dev.ini:1: include: more than 256 files: is d/355 the right one?\n"
                             "dev.ini:1: include: more than 256 files: is d/356 the right one?\n");
}

static void patterns_that_mean_nothing(void **state) {
    struct file_reading *r = *state;

    put(r, "dev.ini", "include = none/*.ini\ninclude = x*/a.ini\ninclude =\ninclude = ok.ini/*\n");
    put(r, "ok.ini", "");
    read_main(r);
    reading_assert_errors(
        r, "dev.ini:2: include: \"x*/a.ini\": wildcards may stand in the file's name only, "
           "not in its folder's\n"
           "dev.ini:4: include: cannot look into ok.ini/: Not a directory\n");
}

/* A folder's name is no pattern, even if it looks like one. */
static void a_folder_with_brackets(void **state) {
    struct file_reading *r = *state;

    put(r, "[x]/dev.ini", "include = *.in\n");
    put(r, "[x]/a.in", "[gateway]\nhttp3 = off\n");
    reading_read(r, "[x]/dev.ini");
    reading_assert_errors(r, "");
    assert_false(r->config.gateway.http3);
}

static void nothing_but_text(void **state) {
    struct file_reading *r = *state;

    put(r, "dev.ini", "include = a.ini\n");
    reading_put(r, "a.ini", STR("a\0b"));
    read_main(r);
    reading_assert_errors(r, "dev.ini:1: include: cannot read a.ini: it is no text file\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        READING_TEST(one_configuration),
        READING_TEST(what_is_watched),
        READING_TEST(a_missing_file_is_watched),
        READING_TEST(errors_of_several_files),
        READING_TEST(circles),
        READING_TEST(twice_the_same),
        READING_TEST(too_deep),
        READING_TEST(too_many),
        READING_TEST(patterns_that_mean_nothing),
        READING_TEST(a_folder_with_brackets),
        READING_TEST(nothing_but_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
