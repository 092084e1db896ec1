/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "fallible.h"
#include "gateway/dump/dump.h"
#include "gateway/dump/dump_config.h"
#include "gateway/stats_page.h"

/* The end of memory in what is printed: all of it, or word that it failed; never a part. */

enum { TEXT = 65536, KINDS = 4, FORMS = 4 };

static char *no_env(const char *name) {
    (void)name;
    return NULL;
}

/* ---- the dumps ---- */

struct dumps {
    struct config config;
    struct buf errors;
    char right[KINDS][FORMS][TEXT], file[TEXT];
};

static void print_one(struct dumps *d, struct dump *dump, unsigned kind, bool well) {
    static int (*const prints[KINDS])(const struct dump *, struct buf *) = {
        dump_listeners, dump_routes, dump_upstreams, dump_secrets};
    struct buf text;

    buf_init(&text);
    int err = prints[kind](dump, &text);
    assert_true(!err || (!well && err == ERR_NO_MEMORY));
    if (!err)
        fallible_compare(&text, d->right[kind][dump->form], TEXT, well);
    buf_fini(&text);
}

static void print_file(struct dumps *d, bool well) {
    struct buf text, problem;

    buf_init(&text);
    buf_init(&problem);
    int err = dump_config(&d->config, STR("/here"), &text, &problem);
    assert_true(!err || (!well && err == ERR_NO_MEMORY));
    if (!err)
        fallible_compare(&text, d->file, TEXT, well);
    buf_fini(&text);
    buf_fini(&problem);
}

static void print_dumps(void *context, bool well) {
    struct dumps *d = context;
    struct dump_certs certs;

    print_file(d, well);
    int err = dump_certs_load(&certs, &d->config, no_env, 1800000000);
    assert_true(!err || (!well && err == ERR_NO_MEMORY));
    if (err)
        return;
    struct dump dump = {.config = &d->config, .certs = &certs};
    for (unsigned i = 0; i < KINDS * FORMS; i++) {
        dump.form = i % FORMS;
        print_one(d, &dump, i / FORMS, well);
    }
    dump_certs_fini(&certs);
}

static void dumps(void **state) {
    struct dumps *d = calloc(1, sizeof(*d));
    (void)state;

    assert_non_null(d);
    buf_init(&d->errors);
    assert_int_equal(config_init(&d->config, &d->errors), 0);
    assert_int_equal(config_read_file(&d->config, "ini/passthrough.ini"), 0);
    assert_int_equal(config_check(&d->config), 0);
    fallible_sweep(&(struct fallible_sweep){"dumps", print_dumps, d, 50, 0, false, 0});
    config_fini(&d->config);
    buf_fini(&d->errors);
    free(d);
}

/* ---- statistics ---- */

static void print_stats(void *context, bool well) {
    static const char *const names[] = {"one", "two", "three"};
    char *right = context;
    struct stats stats, sum;
    struct buf text;

    fallible_pause(true);
    stats_init(&stats);
    for (size_t i = 0; i < 3; i++)
        stats_row(&stats, str_of(names[i]), STR("\xff route"))->versions[i].requests[2] = i + 1;
    fallible_pause(false);
    stats_init(&sum);
    stats_add(&sum, &stats);
    buf_init(&text);
    stats_page(&sum, 1800000000, &text);
    assert_true(!well || (!sum.failed && !text.failed));
    if (!sum.failed && !text.failed) {
        const char *process = strstr((const char *)text.p, "# HELP process_");
        assert_non_null(process); /* behind it all is another number each time */
        buf_cut(&text, (size_t)(process - (const char *)text.p));
        fallible_compare(&text, right, TEXT, well);
    }
    buf_fini(&text);
    stats_fini(&sum);
    stats_fini(&stats);
}

static void statistics(void **state) {
    static char right[TEXT];
    (void)state;
    fallible_sweep(&(struct fallible_sweep){"stats", print_stats, right, 8, 0, false, 0});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dumps),
        cmocka_unit_test(statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
