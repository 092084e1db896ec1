/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/message.h"
#include "http/reason.h"

static void knows_methods(void **state) {
    (void)state;
    struct message m = {.method = STR("GET")};
    assert_true(method_is(&m, "GET"));
    assert_false(method_is(&m, "get"));
    assert_true(method_is_safe(STR("HEAD")) && !method_is_safe(STR("POST")));
    assert_true(method_is_idempotent(STR("PUT")) && method_is_idempotent(STR("GET")));
    assert_false(method_is_idempotent(STR("POST")) || method_is_idempotent(STR("PATCH")));
}

static void knows_responses_without_body(void **state) {
    (void)state;
    assert_true(response_has_no_body(STR("HEAD"), 200));
    assert_true(response_has_no_body(STR("GET"), 204) && response_has_no_body(STR("GET"), 304));
    assert_true(response_has_no_body(STR("GET"), 103));
    assert_false(response_has_no_body(STR("GET"), 200) || response_has_no_body(STR("GET"), 205));
}

static void knows_statuses(void **state) {
    (void)state;
    assert_string_equal(status_text(200), "OK");
    assert_string_equal(status_text(421), "Misdirected Request");
    assert_string_equal(status_text(599), "");
    assert_string_equal(status_text(-1), "");
}

static void splits_paths(void **state) {
    (void)state;
    struct message m = {.path = STR("/a?b?c")};
    assert_true(str_eq(message_path_only(&m), STR("/a")));
    assert_true(str_eq(message_query(&m), STR("b?c")));
    m.path = STR("/a");
    assert_true(str_eq(message_path_only(&m), STR("/a")));
    assert_int_equal(message_query(&m).n, 0);
    m.path = STR("/?");
    assert_true(str_eq(message_path_only(&m), STR("/")));
    assert_int_equal(message_query(&m).n, 0);
}

static void has_a_row_for_every_reason(void **state) {
    (void)state;
    for (int r = 0; r < N_REASONS; r++) {
        assert_true(reason_name((enum reason)r)[0] != '\0');
        assert_true(reason_text((enum reason)r)[0] != '\0');
        assert_true(reason_h3((enum reason)r) >= 0x100);
    }
    assert_string_equal(reason_name(REASON_UPSTREAM_CUT), "UPSTREAM_CUT");
    assert_int_equal(reason_status(REASON_TOO_LARGE), 413);
    assert_int_equal(reason_h2(REASON_REFUSED), 7);
    assert_true(reason_retryable(REASON_UPSTREAM_CONNECT));
    assert_false(reason_retryable(REASON_UPSTREAM_CUT));
}

static void expects_trailers(void **state) {
    (void)state;
    struct arena arena;
    struct message m = {.body.state = BODY_OPEN};
    arena_init(&arena, NULL, 0);
    fields_init(&m.fields, &arena);
    fields_init(&m.trailers, &arena);
    assert_false(message_expects_trailers(&m));
    assert_int_equal(fields_add(&m.fields, STR("trailer"), STR("x-sum")), 0);
    assert_true(message_expects_trailers(&m));
    m.body.state = BODY_COMPLETE; /* none came */
    assert_false(message_expects_trailers(&m));
    assert_int_equal(fields_add(&m.trailers, STR("x-sum"), STR("1")), 0);
    assert_true(message_expects_trailers(&m));
    fields_init(&m.fields, &arena); /* here, though not announced */
    assert_true(message_expects_trailers(&m));
    arena_fini(&arena);
}

static void reads_the_peers_codes(void **state) {
    (void)state;
    assert_int_equal(reason_from_h2(0x8, false), REASON_CLIENT_CANCEL);
    assert_int_equal(reason_from_h2(0x7, false), REASON_CLIENT_CANCEL);
    assert_int_equal(reason_from_h2(0x7, true), REASON_REFUSED);
    assert_int_equal(reason_from_h2(0x0, true), REASON_UPSTREAM_DONE);
    assert_int_equal(reason_from_h2(0xffffffff, true), REASON_UPSTREAM_RESET);
    assert_int_equal(reason_from_h3(0x10b, true), REASON_REFUSED);
    assert_int_equal(reason_from_h3(0x100, true), REASON_UPSTREAM_DONE);
    assert_int_equal(reason_from_h3(UINT64_MAX, true), REASON_UPSTREAM_RESET);
    assert_int_equal(reason_from_h3(0x10c, false), REASON_CLIENT_CANCEL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_methods),         cmocka_unit_test(knows_responses_without_body),
        cmocka_unit_test(knows_statuses),        cmocka_unit_test(splits_paths),
        cmocka_unit_test(expects_trailers),      cmocka_unit_test(has_a_row_for_every_reason),
        cmocka_unit_test(reads_the_peers_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
