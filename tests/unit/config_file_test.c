/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "file_reading.h"

static void read_text(struct file_reading *r, struct str text) {
    reading_put(r, "dev.ini", text);
    reading_read(r, "dev.ini");
}

#define READ(r, text) read_text(r, STR(text))

static void assert_str(struct str s, const char *wanted) {
    assert_true(str_eq(s, str_of(wanted)));
}

static void a_whole_file(void **state) {
    struct file_reading *r = *state;
    struct config *c = &r->config;

    READ(r, "; first\n[gateway]\nhttp3 = off ; why\n\n[server s]\nlisten = :1, :2\nlisten = :3\n"
            "tls = simple\n[credential c]\n\tcert = \"a ; b.pem\"\nkey = /k.pem\n"
            "[route r]\nupstream = u\n[upstream u]\nurl = http://127.0.0.1:1\n");
    reading_assert_errors(r, "");
    assert_false(c->gateway.http3);
    assert_int_equal(c->n_servers, 1);
    assert_str(c->servers[0]->name, "s");
    assert_int_equal(c->servers[0]->place.line, 5);
    assert_int_equal(config_at(c->servers[0]->place, "tls").line, 8);
    assert_int_equal(config_at(c->servers[0]->place, "hosts").line, 5);
    assert_int_equal(c->servers[0]->options.listen.n, 3);
    assert_str(c->credentials[0]->options.cert, path_in(r->folder, "a ; b.pem"));
    assert_str(c->credentials[0]->options.key, "/k.pem");
    assert_str(c->routes[0]->options.path, "/");
    assert_str(c->upstreams[0]->options.url.v[0], "http://127.0.0.1:1");
    assert_false(c->access_log_given);
}

/* As Windows and as somebody without a last newline writes it, with a byte order mark. */
static void other_line_ends(void **state) {
    struct file_reading *r = *state;

    READ(r, "\xef\xbb\xbf[gateway]\r\nwarkers = 2\r\n[server s]\r\nhosts = a.test");
    reading_assert_errors(
        r, "dev.ini:2: unknown option warkers in [gateway]: did you mean workers?\n");
    assert_str(r->config.servers[0]->options.hosts.v[0], "a.test");
}

static void access_log_is_no_path(void **state) {
    struct file_reading *r = *state;

    READ(r, "[gateway]\naccess-log = off\n");
    reading_assert_errors(r, "");
    assert_true(r->config.access_log_given);
    assert_str(r->config.gateway.access_log, "off");
}

static void standard_output_is_no_path(void **state) {
    struct file_reading *r = *state;

    READ(r, "[gateway]\naccess-log = -\nkeylog = keys\n");
    reading_assert_errors(r, "");
    assert_str(r->config.gateway.access_log, "-");
    assert_str(r->config.gateway.keylog, path_in(r->folder, "keys"));
}

/* All of them at once, each with its line. */
static void every_error_is_told(void **state) {
    struct file_reading *r = *state;

    READ(r, "port = 1\n"
            "[gatway]\n"
            "anything = goes\n"
            "[server]\n"
            "[gateway x]\n"
            "[gateway]\n"
            "htpp3 = on\n"
            "http3 = maybe\n"
            "log-level = info\n"
            "log-level = debug\n"
            "what is this\n"
            "[gateway]\n"
            "[server s]\n"
            "[server s]\n"
            "advertise = 70000\n"
            "[upstream u\n"
            "url = http://127.0.0.1\n"
            "[server\tt]\n"
            "hosts = \"a.test\n");
    reading_assert_errors(
        r, "dev.ini:1: port stands before the first [section], where only include may\n"
           "dev.ini:2: unknown section [gatway]: did you mean [gateway]?\n"
           "dev.ini:4: [server] needs a name: [server NAME]\n"
           "dev.ini:5: [gateway] takes no name: write [gateway]\n"
           "dev.ini:7: unknown option htpp3 in [gateway]: did you mean http3?\n"
           "dev.ini:8: http3 must be on or off, not \"maybe\"\n"
           "dev.ini:10: log-level stands in line 9 already: keep one of them\n"
           "dev.ini:11: not understood: write [kind name] or key = value\n"
           "dev.ini:12: [gateway] stands in line 6 already\n"
           "dev.ini:14: [server s] stands in line 13 already\n"
           "dev.ini:16: the \"]\" is missing: write [kind name]\n"
           "dev.ini:19: the value's second quote is missing: write key = \"value\"\n");
    assert_int_equal(r->config.n_servers, 2);
    assert_int_equal(r->config.n_upstreams, 0);
}

static void nothing_is_cut(void **state) {
    struct file_reading *r = *state;
    struct buf text;

    buf_init(&text);
    buf_str(&text, STR("[server "));
    for (int i = 0; i < 50; i++)
        buf_char(&text, 'x');
    buf_str(&text, STR("]\nhosts = b.test\n[server s]\nhosts = "));
    for (int i = 0; i < 5000; i++)
        buf_char(&text, 'x');
    buf_str(&text, STR("\nadvertise = 5\n"));
    read_text(r, buf_view(&text));
    buf_fini(&text);
    reading_assert_errors(r, "dev.ini:1: this name is too long: kind and name together may have 49 "
                             "characters\n"
                             "dev.ini:4: this line is too long: 4094 characters fit\n");
    assert_int_equal(r->config.servers[0]->options.advertise, 5);
    assert_int_equal(r->config.servers[0]->options.hosts.n, 0);
}

static void no_such_file(void **state) {
    struct file_reading *r = *state;

    reading_read(r, "none.ini");
    assert_true(r->err < 0);
    assert_non_null(strstr((char *)r->errors.p, "cannot read the configuration"));
    assert_non_null(strstr((char *)r->errors.p, "none.ini"));
}

static void no_text(void **state) {
    struct file_reading *r = *state;

    READ(r, "[gateway]\n\0http3 = on\n");
    assert_int_equal(r->err, ERR_INVALID);
    assert_non_null(strstr((char *)r->errors.p, "it is no text file"));
    buf_reset(&r->errors);
    READ(r, "");
    reading_assert_errors(r, "");
}

static void examples_are_right(void **state) {
    static const char *const files[] = {"ini/quickstart.ini", "ini/article.ini", "ini/paths.ini",
                                        "ini/passthrough.ini"};
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct config c;
        struct buf errors;
        buf_init(&errors);
        assert_int_equal(config_init(&c, &errors), 0);
        int err = config_read_file(&c, files[i]);
        if (!err)
            err = config_check(&c);
        assert_string_equal(errors.p ? (char *)errors.p : "", "");
        assert_int_equal(err, 0);
        config_fini(&c);
        buf_fini(&errors);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        READING_TEST(a_whole_file),           READING_TEST(other_line_ends),
        READING_TEST(access_log_is_no_path),  READING_TEST(standard_output_is_no_path),
        READING_TEST(every_error_is_told),    READING_TEST(nothing_is_cut),
        READING_TEST(no_such_file),           READING_TEST(no_text),
        cmocka_unit_test(examples_are_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
