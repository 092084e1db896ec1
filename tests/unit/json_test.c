/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/err.h"
#include "base/json.h"

static const struct json_limits plenty = {1 << 20, 100};

static void expect(struct json *j, struct json_value *value, unsigned print, const char *wanted) {
    struct buf b;
    buf_init(&b);
    assert_int_equal(json_print(j, value, print, &b), 0);
    assert_string_equal((char *)b.p, wanted);
    buf_fini(&b);
}

static void builds(void **state) {
    (void)state;
    struct json j;
    json_init(&j);
    struct json_value *o = json_object(&j), *list = json_add_array(&j, o, STR("list"));
    json_push(&j, list, json_real(&j, -1));
    json_push(&j, list, json_real(&j, 0.5));
    json_push(&j, list, json_real(&j, INFINITY));
    json_push(&j, list, json_str(&j, str_of(NULL)));
    json_add_str(&j, o, STR("b"), STR("x\"\n\0y"));
    json_add_u64(&j, o, STR("a"), UINT64_MAX);
    json_add_bool(&j, o, STR("c"), true);
    json_add_null(&j, o, STR("d"));
    json_add(&j, o, STR("e"), json_bool(&j, false));
    json_add_object(&j, o, STR("f"));
    expect(&j, o, JSON_COMPACT,
           "{\"list\":[-1.0,0.5,null,\"\"],\"b\":\"x\\\"\\n\\u0000y\",\"a\":18446744073709551615,"
           "\"c\":true,\"d\":null,\"e\":false,\"f\":{}}");
    expect(&j, list, JSON_NEWLINE, "[-1.0,0.5,null,\"\"]\n");
    json_fini(&j);
    json_fini(&j);
}

static void prints_pretty_and_sorted(void **state) {
    (void)state;
    struct json j;
    struct json_value *v;
    json_init(&j);
    assert_int_equal(
        json_parse(&j, STR("{\"b\":[{\"z\":1,\"y\":[]}],\"a\":{},\"B\":2,\"aa\":0}"), plenty, &v),
        0);
    expect(&j, v, JSON_PRETTY | JSON_SORTED,
           "{\n  \"B\": 2,\n  \"a\": {},\n  \"aa\": 0,\n  \"b\": [\n    {\n      \"y\": [],\n"
           "      \"z\": 1\n    }\n  ]\n}\n");
    expect(&j, v, JSON_SORTED, "{\"B\":2,\"a\":{},\"aa\":0,\"b\":[{\"y\":[],\"z\":1}]}");
    assert_int_equal(json_n(v), 4);
    json_add_u64(&j, v, STR("A"), 9); /* still whole after sorting */
    expect(&j, v, JSON_SORTED, "{\"A\":9,\"B\":2,\"a\":{},\"aa\":0,\"b\":[{\"y\":[],\"z\":1}]}");
    json_fini(&j);
}

static void keeps_equal_names_in_order(void **state) {
    (void)state;
    struct json j;
    json_init(&j);
    struct json_value *o = json_object(&j);
    for (uint64_t i = 0; i < 40; i++)
        json_add_u64(&j, o, i % 2 ? STR("a") : STR("b"), i);
    struct buf b;
    buf_init(&b);
    assert_int_equal(json_print(&j, o, JSON_SORTED, &b), 0);
    assert_true(str_starts(buf_view(&b), STR("{\"a\":1,\"a\":3,\"a\":5,")));
    assert_true(str_ends(buf_view(&b), STR(",\"b\":36,\"b\":38}")));
    buf_fini(&b);
    json_fini(&j);
}

static void repairs_what_is_not_utf8(void **state) {
    (void)state;
    struct json j;
    json_init(&j);
    struct json_value *o = json_object(&j);
    json_add_str(&j, o, STR("k\xff"), STR("\xc3\xa9\xc3"));
    expect(&j, o, JSON_COMPACT, "{\"k\xef\xbf\xbd\":\"\xc3\xa9\xef\xbf\xbd\"}");
    expect(&j, o, JSON_ASCII, "{\"k\\uFFFD\":\"\\u00E9\\uFFFD\"}");
    json_fini(&j);
}

static void sets(void **state) {
    (void)state;
    struct json j;
    json_init(&j);
    struct json_value *o = json_object(&j);
    json_set(&j, o, STR("a"), json_u64(&j, 1));
    json_set(&j, o, STR("b"), json_u64(&j, 2));
    json_set(&j, o, STR("a"), json_u64(&j, 3));
    expect(&j, o, JSON_COMPACT, "{\"a\":3,\"b\":2}");
    json_fini(&j);
}

static void reads(void **state) {
    (void)state;
    struct json j;
    struct json_value *v;
    uint64_t n = 0;
    json_init(&j);
    assert_int_equal(json_parse(&j,
                                STR(" {\"a\": {\"b\": [10, \"x\", true, 1.5, null]}, \"\": -1} "),
                                plenty, &v),
                     0);
    assert_int_equal(json_type(v), JSON_OBJECT);
    struct json_value *list = json_get(json_get(v, STR("a")), STR("b"));
    assert_int_equal(json_n(list), 5);
    assert_int_equal(json_to_u64(json_item(list, 0), &n), 0);
    assert_int_equal(n, 10);
    assert_true(str_eq(json_text(json_at(v, "/a/b/1")), STR("x")));
    assert_true(json_is_true(json_item(list, 2)));
    assert_true(json_to_real(json_item(list, 3)) == 1.5);
    assert_int_equal(json_type(json_item(list, 4)), JSON_NULL);
    assert_int_equal(json_to_u64(json_get(v, STR("")), &n), ERR_INVALID);
    assert_int_equal(json_type(json_item(list, 5)), JSON_NONE);
    json_fini(&j);
}

static void reads_nothing_from_nothing(void **state) {
    (void)state;
    uint64_t n;
    struct json_each it = {0};
    assert_null(json_get(NULL, STR("a")));
    assert_null(json_item(NULL, 0));
    assert_null(json_at(NULL, "/a"));
    assert_int_equal(json_text(NULL).n, 0);
    assert_int_equal(json_n(NULL), 0);
    assert_false(json_is_true(NULL));
    assert_int_equal(json_to_u64(NULL, &n), ERR_INVALID);
    assert_int_equal(json_type(NULL), JSON_NONE);
    assert_false(json_next(NULL, &it));
}

static void walks(void **state) {
    (void)state;
    struct json j;
    struct json_value *v;
    json_init(&j);
    assert_int_equal(json_parse(&j, STR("{\"a\":1,\"b\":[5,6,7],\"c\":{}}"), plenty, &v), 0);
    const char *const names[] = {"a", "b", "c"};
    struct json_each it = {0};
    size_t i = 0;
    while (json_next(v, &it))
        assert_true(str_eq(it.key, str_of(names[i++])));
    assert_int_equal(i, 3);
    uint64_t sum = 0, n;
    it = (struct json_each){0};
    while (json_next(json_get(v, STR("b")), &it)) {
        assert_int_equal(json_to_u64(it.value, &n), 0);
        sum = sum * 10 + n;
    }
    assert_int_equal(sum, 567);
    it = (struct json_each){0};
    assert_false(json_next(json_get(v, STR("c")), &it));
    json_fini(&j);
}

static void inserts_what_was_parsed(void **state) {
    (void)state;
    struct json j;
    struct json_value *v;
    json_init(&j);
    struct json_value *o = json_object(&j);
    assert_int_equal(
        json_parse(&j, STR("[1, 123456789012345678901234567890, 1e999, 1.0]"), plenty, &v), 0);
    json_add(&j, o, STR("json"), v);
    expect(&j, o, JSON_COMPACT, "{\"json\":[1,123456789012345678901234567890,1e999,1.0]}");
    assert_int_equal(json_type(json_item(v, 1)), JSON_NUMBER);
    json_fini(&j);
}

static void refuses(void **state) {
    (void)state;
    const char *const wrong[] = {"",    "{",       "[1,]",      "{\"a\":1,}",  "nul", "'a'",
                                 "01",  "1 2",     "\"\xff\"",  "\"\\ud800\"", "]",   "[\"\\",
                                 "NaN", "// c\n1", "{\"a\" 1}", "\"a\nb\""};
    struct json j;
    struct json_value *v = NULL;
    json_init(&j);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (json_parse(&j, str_of(wrong[i]), plenty, &v) != ERR_INVALID)
            fail_msg("taken: %s", wrong[i]);
    assert_null(v);
    assert_false(j.failed);
    json_fini(&j);
}

static void keeps_limits(void **state) {
    (void)state;
    struct json j;
    struct json_value *v;
    char deep[2001];
    json_init(&j);
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    assert_int_equal(json_parse(&j, (struct str){deep + 995, 10}, (struct json_limits){10, 5}, &v),
                     0);
    assert_int_equal(json_parse(&j, (struct str){deep + 995, 10}, (struct json_limits){10, 4}, &v),
                     ERR_LIMIT);
    assert_int_equal(json_parse(&j, (struct str){deep + 995, 10}, (struct json_limits){9, 5}, &v),
                     ERR_LIMIT);
    struct json_limits none = {SIZE_MAX, SIZE_MAX};
    assert_int_equal(json_parse(&j, (struct str){deep, 2000}, none, &v), ERR_LIMIT);
    assert_int_equal(json_parse(&j, (struct str){deep + 500, 1000}, none, &v), 0);
    struct buf b;
    buf_init(&b);
    assert_int_equal(json_print(&j, v, JSON_SORTED | JSON_PRETTY, &b), 0); /* recurses so deep */
    buf_fini(&b);
    assert_int_equal(json_parse(&j, STR("\"[[[[[[\""), (struct json_limits){100, 0}, &v), 0);
    assert_int_equal(json_parse(&j, STR("\"\\\"[[\""), (struct json_limits){100, 0}, &v), 0);
    json_fini(&j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds),
        cmocka_unit_test(prints_pretty_and_sorted),
        cmocka_unit_test(keeps_equal_names_in_order),
        cmocka_unit_test(repairs_what_is_not_utf8),
        cmocka_unit_test(sets),
        cmocka_unit_test(reads),
        cmocka_unit_test(reads_nothing_from_nothing),
        cmocka_unit_test(walks),
        cmocka_unit_test(inserts_what_was_parsed),
        cmocka_unit_test(refuses),
        cmocka_unit_test(keeps_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
