/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/redirect.h"

#include <cmocka.h>

#include "base/err.h"

static int set_up(void **state) {
    struct arena *arena = test_calloc(1, sizeof *arena);

    arena_init(arena, NULL, 0);
    *state = arena;
    return 0;
}

static int tear_down(void **state) {
    arena_fini(*state);
    test_free(*state);
    return 0;
}

static void fine(void **state) {
    static const char *const targets[] = {"/", "/x?y#z", "https://a.test",
                                          "HTTP://a.test:81/x?y#/app", "https://[::1]:1/"};
    const char *problem;

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        assert_int_equal(redirect_check(*state, str_of(targets[i]), &problem), 0);
}

static void wrong(void **state) {
    static const char *const targets[][2] = {
        {"//a.test/x", "\"//\" would be another host: write it with https://"},
        {"a.test", "it must be a URL (https://…) or a path (/…)"},
        {"ftp://a.test", "it must be a URL (https://…) or a path (/…)"},
        {"/a b", "a blank or a control character is in it"},
        {"/a\nb", "a blank or a control character is in it"},
        {"https://u:p@a.test", "user and password are not supported"},
        {"https:///x", "malformed host or port"},
    };

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const char *problem = "";
        assert_int_equal(redirect_check(*state, str_of(targets[i][0]), &problem), ERR_INVALID);
        assert_string_equal(problem, targets[i][1]);
    }
}

static void locations(void **state) {
    static const char *const cases[][3] = {
        {"/new", "/old", "/new"},
        {"/new", "/old?a=1", "/new?a=1"},
        {"/new?b", "/old?a=1", "/new?b"},
        {"/#/new", "/old?a=1", "/#/new"},
        {"https://b.test", "/old?a=1", "https://b.test/old?a=1"},
        {"https://b.test:1", "//evil.test/", "https://b.test:1//evil.test/"},
        {"https://b.test", "*", "https://b.test/"},
        {"https://b.test/", "/old?a", "https://b.test/?a"},
        {"http://b.test?x", "/old?a", "http://b.test?x"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(redirect_location(*state, str_of(cases[i][0]), str_of(cases[i][1])).p,
                            cases[i][2]);
}

static void rewrites(void **state) {
    static const char *const cases[][4] = {
        {"/api/x?y", "/api", "/v1", "/v1/x?y"}, {"/api/x", "/api/", "/", "/x"},
        {"/api/x", "/api", "/", "/x"},          {"/api", "/api", "/", "/"},
        {"/api?q", "/api", "/v1/", "/v1/?q"},   {"/apix", "/api", "/v1", "/v1x"},
        {"/a", "/", "/v1/", "/v1/a"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(
            rewrite_path(*state, str_of(cases[i][0]), strlen(cases[i][1]), str_of(cases[i][2])).p,
            cases[i][3]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(fine), TEST(wrong), TEST(locations), TEST(rewrites)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
