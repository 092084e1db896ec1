/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "command/configure.h"
#include "command/subcommand.h"
#include "gateway/dump/dump_config.h"

/* Says what serve would say of a configuration, without serving: the same words may stand
 * behind it. */

static const struct args_row own_rows[] = {
    {"dump", 0, ARGS_FLAG, NULL, "print the effective configuration, as a file", "Of check"},
};
enum { N_OWN = sizeof own_rows / sizeof own_rows[0] };

struct check_words {
    struct config_flags flags; /* of serve */
    struct args_row rows[MAX_FLAGS + N_OWN];
    struct args_table table;
};

static void words_init(struct check_words *w) {
    config_flags_init(&w->flags);
    for (size_t i = 0; i < N_OWN; i++)
        w->rows[i] = own_rows[i];
    for (size_t i = 0; i < w->flags.table.n; i++)
        w->rows[N_OWN + i] = w->flags.rows[i];
    w->table = (struct args_table){w->rows, N_OWN + w->flags.table.n};
}

static int dump(const struct config *c) {
    char *folder = getcwd(NULL, 0);
    struct buf text, problem;
    int status = STATUS_FAILED;

    buf_init(&text);
    buf_init(&problem);
    if (!folder)
        fprintf(stderr, "h3gw check: this folder: %s\n", strerror(errno));
    else if (dump_config(c, str_of(folder), &text, &problem))
        fprintf(stderr, "h3gw check: %s\n",
                problem.n ? (const char *)problem.p : err_text(ERR_NO_MEMORY));
    else
        status = subcommand_print("check", buf_view(&text));
    buf_fini(&text);
    buf_fini(&problem);
    free(folder);
    return status;
}

static int look(const char *file, const struct args *args, struct config *c) {
    int status = configure(c, file, args);

    if (!status)
        status = configure_credentials(c);
    if (status)
        return status;
    return args_has(args, "dump") ? dump(c) : subcommand_print("check", STR("fine\n"));
}

static int run(const void *context, const struct args *args) {
    const char *file = args_value(args, "config");
    struct config c;
    struct buf errors;
    int status = STATUS_FAILED;

    (void)context;
    if (args->n_words + (file != NULL) > 1)
        return subcommand_fail("check", STATUS_USAGE, "one file at a time; it may include others");
    if (args->n_words)
        file = args->words[0].p;
    buf_init(&errors);
    if (!config_init(&c, &errors))
        status = look(file, args, &c);
    else
        errors.failed = true;
    configure_show_errors(&errors);
    config_fini(&c);
    buf_fini(&errors);
    return status;
}

int command_check(int argc, char **argv) {
    struct check_words w;
    struct subcommand command = {
        "check",
        "Usage: h3gw check [FLAG]... [FILE]\n\n"
        "Read a configuration and say what is wrong with it, or \"fine\". FILE is that of\n"
        "--config; the flags of serve may stand beside it or in its place.\n\n"
        "  h3gw check dev.ini\n"
        "  h3gw check --dump --upstream http://127.0.0.1:3000 > dev.ini\n\n",
        &w.table,
        run,
        NULL,
    };

    words_init(&w);
    return subcommand_run(&command, argc, argv);
}
