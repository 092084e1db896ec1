/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>

#include <stdio.h>

#include "gateway/config/option.h"
#include "gateway/outfit.h"
#include "http/excess.h"

struct heard {
    char line[400];
    enum log_level level;
    int times;
};

static void hear(struct log *log, enum log_level level, const char *line, size_t n) {
    struct heard *heard = log->context;
    assert_true(n < sizeof(heard->line));
    memcpy(heard->line, line, n + 1);
    heard->level = level;
    heard->times++;
}

/* Each by its option, with what that allows. */
static void names_the_option(void **state) {
    (void)state;
    for (int excess = EXCESS_RESETS; excess <= EXCESS_HEAD; excess++) {
        struct heard heard = {0};
        struct log log = {.level = LOG_INFO, .write = hear, .context = &heard};
        struct turn turn = {.now_ns = SECOND_NS};
        struct http_limits limits;
        struct http_env env = {.turn = &turn, .log = &log, .limits = &limits};
        struct peer peer = {.version = HTTP_3};
        char option[40], value[20];
        unsigned most;
        http_limits_default(&limits);
        assert_int_equal(addr_parse(STR("192.0.2.1:5000"), &peer.remote), 0);
        excess_tell(&env, &peer, (enum excess)excess);
        excess_tell(&env, &peer, (enum excess)excess);
        assert_int_equal(heard.times, 1);
        if (excess == EXCESS_ANSWERS)
            continue; /* has no option */
        assert_int_equal(sscanf(heard.line,
                                "192.0.2.1:5000: its HTTP/3 connection is ended, as it costs more "
                                "than %39s allows, %u",
                                option, &most),
                         2);
        const char *nearest;
        const struct option *o = option_find(SECTION_GATEWAY, str_of(option), &nearest);
        assert_non_null(o);
        (void)snprintf(value, sizeof(value), "%u", most);
        assert_string_equal(excess == EXCESS_HEAD ? "64k" : value, o->standard);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
