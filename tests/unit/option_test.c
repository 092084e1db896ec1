/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/config/option.h"
#include "gateway/outfit.h"

struct setting {
    struct arena arena;
    struct buf text; /* a problem, or what was printed */
    union {
        struct gateway_options gateway;
        struct server_options server;
        struct credential_options credential;
        struct route_options route;
        struct upstream_options upstream;
    };
};

static int set_up(void **state) {
    struct setting *s = test_calloc(1, sizeof *s);

    arena_init(&s->arena, NULL, 0);
    buf_init(&s->text);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct setting *s = *state;

    buf_fini(&s->text);
    arena_fini(&s->arena);
    test_free(s);
    return 0;
}

static const struct option *option(enum option_section section, const char *key) {
    const char *nearest;
    const struct option *o = option_find(section, str_of(key), &nearest);

    assert_non_null(o);
    return o;
}

static int set(struct setting *s, const struct option *o, const char *text) {
    buf_reset(&s->text);
    return option_set(o, &s->gateway, str_of(text), &s->arena, &s->text);
}

static const char *printed(struct setting *s, const struct option *o) {
    buf_reset(&s->text);
    option_print(o, &s->gateway, &s->text);
    return s->text.p ? (const char *)s->text.p : "";
}

static void assert_set(struct setting *s, const struct option *o, const char *text,
                       const char *then) {
    assert_int_equal(set(s, o, text), 0);
    assert_string_equal(printed(s, o), then);
}

static void assert_refused(struct setting *s, const struct option *o, const char *text,
                           const char *problem) {
    assert_int_equal(set(s, o, text), ERR_INVALID);
    assert_string_equal((const char *)s->text.p, problem);
}

static void switches(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_GATEWAY, "http3");

    assert_set(s, o, "off", "off");
    assert_false(s->gateway.http3);
    assert_set(s, o, "on", "on");
    assert_refused(s, o, "yes", "must be on or off, not \"yes\"");
    assert_refused(s, o, "", "must be on or off, not \"\"");
    assert_true(s->gateway.http3); /* untouched by what was refused */
}

static void counts(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_SERVER, "advertise");

    assert_set(s, o, "0", "0");
    assert_set(s, o, "65535", "65535");
    assert_refused(s, o, "65536", "must be between 0 and 65535, not \"65536\"");
    assert_refused(s, o, "-1", "must be between 0 and 65535, not \"-1\"");
    assert_refused(s, o, "4k", "must be between 0 and 65535, not \"4k\"");
    assert_refused(s, o, "", "must be between 0 and 65535, not \"\"");
    assert_refused(s, o, "99999999999999999999", /* more than 64 bits */
                   "must be between 0 and 65535, not \"99999999999999999999\"");
}

static void sizes(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_GATEWAY, "max-header-bytes");

    assert_set(s, o, "2k", "2k");
    assert_int_equal(s->gateway.head_bytes, 2048);
    assert_set(s, o, "2K", "2k");
    assert_set(s, o, "1M", "1M");
    assert_set(s, o, "1m", "1M");
    assert_set(s, o, "1025", "1025");
    assert_refused(s, o, "1023", "must be between 1k and 1M, not \"1023\"");
    assert_refused(s, o, "2M", "must be between 1k and 1M, not \"2M\"");
    assert_refused(s, o, "2kB", "must be between 1k and 1M, not \"2kB\"");
    assert_refused(s, o, "k", "must be between 1k and 1M, not \"k\"");
    assert_refused(s, o, "18446744073709551615G", /* the product overflows */
                   "must be between 1k and 1M, not \"18446744073709551615G\"");
}

static void times(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_GATEWAY, "header-timeout");

    assert_set(s, o, "250ms", "250ms");
    assert_int_equal(s->gateway.header_timeout_ns, 250 * MS_NS);
    assert_set(s, o, "90", "90s");
    assert_set(s, o, "90s", "90s");
    assert_set(s, o, "120s", "2m");
    assert_set(s, o, "1h", "1h");
    assert_refused(s, o, "0", "must be between 1ms and 1h, not \"0\"");
    assert_refused(s, o, "2h", "must be between 1ms and 1h, not \"2h\"");
    assert_refused(s, o, "1.5s", "must be between 1ms and 1h, not \"1.5s\"");
}

static void choices(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_GATEWAY, "log-level");

    assert_set(s, o, "error", "error");
    assert_int_equal(s->gateway.log_level, 0);
    assert_set(s, o, "debug", "debug");
    assert_int_equal(s->gateway.log_level, 3);
    assert_refused(s, o, "loud", "must be one of error|warn|info|debug, not \"loud\"");
    assert_refused(s, o, "error|warn", "must be one of error|warn|info|debug, not \"error|warn\"");
}

static void lists(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_SERVER, "hosts");

    assert_string_equal(printed(s, o), "");
    assert_set(s, o, "a.test , b.test,", "a.test, b.test");
    assert_set(s, o, "*.c.test", "a.test, b.test, *.c.test");
    assert_int_equal(s->server.hosts.n, 3);
    assert_set(s, o, " , ", "a.test, b.test, *.c.test");
}

static void texts(void **state) {
    struct setting *s = *state;

    assert_set(s, option(SECTION_ROUTE, "path"), "/a b", "/a b");
    memset(&s->gateway, 0, sizeof s->gateway);
    assert_set(s, option(SECTION_CREDENTIAL, "cert"), "x/y.pem", "x/y.pem");
    memset(&s->gateway, 0, sizeof s->gateway);
    assert_set(s, option(SECTION_UPSTREAM, "url"), "unix:/a,http://b", "unix:/a, http://b");
}

static void defaults(void **state) {
    struct setting *s = *state;

    for (enum option_section section = 0; section < N_SECTIONS; section++) {
        memset(&s->gateway, 0, sizeof(struct gateway_options));
        assert_int_equal(option_defaults(section, &s->gateway, &s->arena), 0);
    }
    assert_int_equal(option_defaults(SECTION_GATEWAY, &s->gateway, &s->arena), 0);
    assert_true(s->gateway.http3);
    assert_int_equal(s->gateway.alt_svc_max_age_ns, 86400 * SECOND_NS);
    assert_int_equal(s->gateway.body_buffer_bytes, 128 * 1024);
}

#define SAME(member) assert_true(set.member == standing.member)

/* What sessions are tested with is what the program has. */
static void limits(void **state) {
    struct setting *s = *state;
    struct http_limits set, standing;

    assert_int_equal(option_defaults(SECTION_GATEWAY, &s->gateway, &s->arena), 0);
    outfit_limits(&s->gateway, &set);
    http_limits_default(&standing);
    SAME(body_buffer_bytes);
    SAME(head_bytes);
    SAME(fields);
    SAME(request_body_bytes);
    SAME(streams);
    SAME(requests);
    SAME(resets);
    SAME(continuations);
    SAME(control_frames);
    SAME(settings_entries);
    SAME(glitches);
    SAME(conn_window_bytes);
    SAME(conn_buffer_bytes);
    SAME(header_timeout_ns);
    SAME(idle_timeout_ns);
    SAME(body_timeout_ns);
    SAME(write_timeout_ns);
    SAME(response_body_timeout_ns);
}

/* What a row prints of itself, it takes, and it prints the same again. */
static void addresses(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_GATEWAY, "health");

    assert_set(s, o, "127.0.0.1:15021", "127.0.0.1:15021");
    assert_set(s, o, "[::1]:80", "[::1]:80");
    assert_set(s, o, "localhost:80", "127.0.0.1:80");
    assert_set(s, o, "off", "off");
    assert_int_equal(s->gateway.health.n, 0);
    for (const char *const *wrong = (const char *const[]){"", ":80", "80", "unix:/x", "localhost",
                                                          "localhost:65536", "127.0.0.1", NULL};
         *wrong; wrong++) {
        assert_int_equal(set(s, o, *wrong), ERR_INVALID);
        assert_non_null(strstr((char *)s->text.p, "must be ADDR:PORT"));
    }
}

static void round_trips(void **state) {
    struct setting *s = *state;

    for (size_t i = 0; i < n_options; i++) {
        const struct option *o = &options[i];
        char text[128];
        memset(&s->gateway, 0, sizeof(struct gateway_options));
        assert_int_equal(option_defaults(o->section, &s->gateway, &s->arena), 0);
        strcpy(text, printed(s, o));
        if (o->kind == OPTION_LIST && text[0])
            continue; /* setting adds */
        assert_set(s, o, text, text);
    }
}

static void rows_are_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < n_options; i++) {
        const struct option *o = &options[i];
        assert_true(o->low <= o->high);
        assert_true(o->value[0] && o->help[0]);
        for (size_t j = 0; j < i; j++) {
            bool same_key = o->section == options[j].section && strcmp(o->key, options[j].key) == 0;
            assert_false(same_key);
            assert_false(o->flag[0] && strcmp(o->flag, options[j].flag) == 0);
        }
    }
}

static void finding(void **state) {
    const char *nearest = NULL;
    (void)state;

    assert_null(option_find(SECTION_GATEWAY, STR("htpp3"), &nearest));
    assert_string_equal(nearest, "http3");
    assert_null(option_find(SECTION_UPSTREAM, STR("listen"), &nearest));
    assert_null(nearest);
    assert_string_equal(option_by_flag(STR("alt-svc-port"))->key, "advertise");
    assert_string_equal(option_by_flag(STR("upstream"))->key, "url");
    assert_null(option_by_flag(STR("advertise")));
    assert_null(option_by_flag(STR("")));
    assert_string_equal(section_name(SECTION_CREDENTIAL), "credential");
}

/* Commas belong to the value; each line of the file is one of the list. */
static void lines(void **state) {
    struct setting *s = *state;
    const struct option *o = option(SECTION_ROUTE, "set-request-header");

    assert_int_equal(set(s, o, " a: b, c "), 0);
    assert_int_equal(set(s, o, ""), 0);
    assert_int_equal(set(s, o, "d: e"), 0);
    assert_int_equal(s->route.set_request_header.n, 2);
    assert_string_equal(printed(s, o), "a: b, c\nd: e");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines),       TEST(switches),       TEST(counts),  TEST(sizes),    TEST(times),
        TEST(choices),     TEST(lists),          TEST(texts),   TEST(defaults), TEST(addresses),
        TEST(round_trips), TEST(rows_are_sound), TEST(finding), TEST(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
