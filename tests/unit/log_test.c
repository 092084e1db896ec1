/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/log.h"

struct heard {
    char line[2000];
    size_t n, times;
    enum log_level level;
};

static void hear(struct log *log, enum log_level level, const char *line, size_t n) {
    struct heard *heard = log->context;
    memcpy(heard->line, line, n + 1);
    heard->n = n;
    heard->level = level;
    heard->times++;
}

static void writes_what_is_asked_for(void **state) {
    (void)state;
    struct heard heard = {0};
    struct log log = {.level = LOG_WARN, .write = hear, .context = &heard};
    log_warn(&log, "%s %d", "a", 1);
    assert_string_equal(heard.line, "a 1");
    assert_int_equal(heard.n, 3);
    assert_int_equal(heard.level, LOG_WARN);
    log_info(&log, "b");
    log_debug(&log, "c");
    assert_int_equal(heard.times, 1);
    log_error(&log, "d");
    assert_int_equal(heard.times, 2);
    struct log *none = NULL;
    log_error(none, "nobody listens");
}

static int evaluated(int *times) {
    return ++*times;
}

static void builds_no_line_that_nobody_reads(void **state) {
    (void)state;
    struct heard heard = {0};
    struct log log = {.level = LOG_ERROR, .write = hear, .context = &heard};
    int times = 0;
    log_debug(&log, "%d", evaluated(&times));
    assert_int_equal(times, 0);
    log_error(&log, "%d", evaluated(&times));
    assert_int_equal(times, 1);
}

static void cuts_long_lines(void **state) {
    (void)state;
    struct heard heard = {0};
    struct log log = {.level = LOG_DEBUG, .write = hear, .context = &heard};
    log_info(&log, "%01500d", 1);
    assert_int_equal(heard.n, 1000);
    assert_int_equal(strlen(heard.line), 1000);
}

static void tells_once_a_second(void **state) {
    (void)state;
    struct heard heard = {0};
    struct log log = {.level = LOG_INFO, .write = hear, .context = &heard};
    uint64_t second = 1000000000, begin = 5 * second;
    int times = 0;
    for (uint64_t i = 0; i < 10; i++)
        log_seldom(&log, LOG_WARN, LOG_CLIENT, begin + i * second / 10, "%d", evaluated(&times));
    assert_int_equal(times, 1);
    log_seldom(&log, LOG_WARN, LOG_WORK, begin, "another kind");
    assert_int_equal(heard.times, 2);
    log_seldom(&log, LOG_WARN, LOG_CLIENT, begin + second, "again");
    assert_string_equal(heard.line, "again");
    log_seldom(&log, LOG_WARN, LOG_CLIENT, begin, "of a thread that is behind");
    assert_int_equal(heard.times, 3);
    log_seldom(&log, LOG_DEBUG, LOG_DIAL, begin, "not asked for");
    log_seldom(&log, LOG_INFO, LOG_DIAL, begin, "nor told before");
    assert_int_equal(heard.times, 4);
}

static void knows_levels(void **state) {
    (void)state;
    assert_string_equal(log_level_text(LOG_ERROR), "error");
    assert_string_equal(log_level_text(LOG_DEBUG), "debug");
    assert_string_equal(log_level_text(LOG_WARN), "warn");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_is_asked_for),
        cmocka_unit_test(builds_no_line_that_nobody_reads),
        cmocka_unit_test(cuts_long_lines),
        cmocka_unit_test(tells_once_a_second),
        cmocka_unit_test(knows_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
