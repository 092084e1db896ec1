/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/args.h"
#include "base/err.h"

static const struct args_row rows[] = {
    {"upstream", 0, ARGS_LIST, "URL", "where requests go; several are balanced", "Traffic"},
    {"output", 'o', ARGS_VALUE, "FILE", "write the body to FILE", NULL},
    {"http3", 0, ARGS_SWITCH, NULL, "HTTP/3 beside HTTP/1.1 and HTTP/2", NULL},
    {"verbose", 'v', ARGS_FLAG, NULL, "say more", "Output"},
    {"insecure", 'k', ARGS_FLAG, NULL,
     "take any certificate, whoever signed it and whatever its names are, as curl does with "
     "the flag of the same letter",
     NULL},
    {"rsa", 0, ARGS_OPTIONAL, "BITS", NULL, NULL},
    {"hidden", 0, ARGS_FLAG, NULL, NULL, NULL},
};
static const struct args_table table = {rows, sizeof(rows) / sizeof(rows[0])};

struct reading {
    struct args args;
    struct buf message;
    int err;
};

static int set_up(void **state) {
    static struct reading reading;

    reading = (struct reading){.err = 1};
    buf_init(&reading.message);
    *state = &reading;
    return 0;
}

static int tear_down(void **state) {
    struct reading *r = *state;

    if (!r->err)
        args_fini(&r->args);
    buf_fini(&r->message);
    return 0;
}

static void read_line(struct reading *r, const char *const *words) {
    int n = 0;

    while (words[n])
        n++;
    r->err = args_parse(&r->args, &table, n, (char **)words, &r->message);
}

#define READ(r, ...) read_line(r, (const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(struct reading *r, const char *message) {
    assert_int_equal(r->err, ERR_INVALID);
    assert_int_equal(r->message.n, strlen(message));
    assert_memory_equal(r->message.p, message, r->message.n);
}

static void reads_every_kind(void **state) {
    struct reading *r = *state;

    READ(r, "--upstream=http://a", "one", "--upstream", "http://b", "-o", "file", "--http3=off",
         "-kv", "-v", "-", "--", "--not-a-flag");
    assert_int_equal(r->err, 0);
    assert_int_equal(r->args.n_given, 7);
    assert_int_equal(r->args.given[1].row, 0);
    assert_string_equal(r->args.given[1].value.p, "http://b");
    assert_string_equal(args_value(&r->args, "output"), "file");
    assert_string_equal(args_value(&r->args, "http3"), "off");
    assert_true(args_has(&r->args, "insecure"));
    assert_int_equal(args_count(&r->args, "verbose"), 2);
    assert_int_equal(r->args.n_words, 3);
    assert_string_equal(r->args.words[0].p, "one");
    assert_string_equal(r->args.words[1].p, "-");
    assert_string_equal(r->args.words[2].p, "--not-a-flag");
}

static void knows_what_was_not_given(void **state) {
    struct reading *r = *state;

    READ(r, "-ofile");
    assert_int_equal(r->err, 0);
    assert_string_equal(args_value(&r->args, "output"), "file");
    assert_null(args_value(&r->args, "upstream"));
    assert_null(args_value(&r->args, "http3"));
}

static void takes_odd_values_with_equals(void **state) {
    struct reading *r = *state;

    READ(r, "--output=-x", "--upstream=", "--upstream=a=b");
    assert_int_equal(r->err, 0);
    assert_string_equal(r->args.given[0].value.p, "-x");
    assert_string_equal(r->args.given[1].value.p, "");
    assert_string_equal(r->args.given[2].value.p, "a=b");
}

static void takes_a_value_or_none(void **state) {
    struct reading *r = *state;

    READ(r, "--rsa", "4096");
    assert_int_equal(r->err, 0);
    assert_string_equal(args_value(&r->args, "rsa"), "");
    assert_int_equal(r->args.n_words, 1);
    args_fini(&r->args);
    READ(r, "--rsa=4096");
    assert_int_equal(r->err, 0);
    assert_string_equal(args_value(&r->args, "rsa"), "4096");
}

static void suggests_the_nearest_flag(void **state) {
    READ(*state, "--upsteam", "http://a");
    assert_refused(*state, "unknown flag --upsteam: did you mean --upstream?");
}

static void suggests_nothing_far_away(void **state) {
    READ(*state, "--frobnicate");
    assert_refused(*state, "unknown flag --frobnicate");
}

static void suggests_off_for_no(void **state) {
    READ(*state, "--no-http3");
    assert_refused(*state, "unknown flag --no-http3: did you mean --http3=off?");
}

static void suggests_the_second_dash(void **state) {
    READ(*state, "-upstream");
    assert_refused(*state, "unknown flag -upstream: did you mean --upstream?");
}

static void refuses_an_unknown_letter(void **state) {
    READ(*state, "-kx");
    assert_refused(*state, "unknown flag -x");
}

static void refuses_a_missing_value(void **state) {
    READ(*state, "--output");
    assert_refused(*state, "--output wants a value: --output FILE");
}

static void refuses_a_flag_as_a_value(void **state) {
    READ(*state, "--output", "-k");
    assert_refused(*state, "--output wants a value, but -k follows (if that is it: --output=-k)");
}

static void refuses_a_value_of_a_flag(void **state) {
    READ(*state, "--verbose=yes");
    assert_refused(*state, "--verbose takes no value");
}

static void refuses_a_value_twice(void **state) {
    READ(*state, "-oa", "--output", "b");
    assert_refused(*state, "--output is given twice");
}

static void refuses_an_odd_switch(void **state) {
    READ(*state, "--http3=maybe");
    assert_refused(*state, "--http3 is on or off, not \"maybe\"");
}

static void prints_two_columns(void **state) {
    struct buf help;

    (void)state;
    buf_init(&help);
    args_help(&table, &help);
    assert_false(help.failed);
    assert_string_equal(
        help.p,
        "Traffic:\n"
        "      --upstream URL    where requests go; several are balanced\n"
        "  -o, --output FILE     write the body to FILE\n"
        "      --http3[=on|off]  HTTP/3 beside HTTP/1.1 and HTTP/2\n"
        "\n"
        "Output:\n"
        "  -v, --verbose         say more\n"
        "  -k, --insecure        take any certificate, whoever signed it and whatever its\n"
        "                        names are, as curl does with the flag of the same letter\n");
    buf_fini(&help);
}

static void finds_the_nearest_word(void **state) {
    static const char *const words[] = {"serve", "certgen", "listeners"};

    (void)state;
    assert_string_equal(args_nearest(STR("certgne"), words, 3), "certgen");
    assert_string_equal(args_nearest(STR("list"), words, 3), "listeners");
    assert_null(args_nearest(STR("xyz"), words, 3));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_every_kind),
        TEST(knows_what_was_not_given),
        TEST(takes_odd_values_with_equals),
        TEST(takes_a_value_or_none),
        TEST(suggests_the_nearest_flag),
        TEST(suggests_nothing_far_away),
        TEST(suggests_off_for_no),
        TEST(suggests_the_second_dash),
        TEST(refuses_an_unknown_letter),
        TEST(refuses_a_missing_value),
        TEST(refuses_a_flag_as_a_value),
        TEST(refuses_a_value_of_a_flag),
        TEST(refuses_a_value_twice),
        TEST(refuses_an_odd_switch),
        TEST(prints_two_columns),
        TEST(finds_the_nearest_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
