/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/err.h"
#include "command/ask.h"
#include "command/configure.h"
#include "command/subcommand.h"

/* reload and stop: a word to the running gateway. */

static const struct args_row reload_rows[] = {
    ASK_FLAG,
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_table reload_table = {reload_rows,
                                               sizeof reload_rows / sizeof reload_rows[0]};
static const struct args_row stop_rows[] = {
    ASK_FLAG,
    {"now", 0, ARGS_FLAG, NULL, "end at once: what was begun is cut off", NULL},
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_table stop_table = {stop_rows, sizeof stop_rows / sizeof stop_rows[0]};

struct deed {
    const char *name;
    int (*run)(const struct ask *a, const struct args *args);
};

static int do_reload(const struct ask *a, const struct args *args) {
    struct buf answer;
    int status;

    (void)args;
    buf_init(&answer);
    status = ask(a, "POST", "/reload", &answer);
    if (status == 200)
        fwrite(answer.p, 1, answer.n, stdout);
    else if (status > 0)
        configure_show_errors(&answer);
    buf_fini(&answer);
    return status == 200 ? STATUS_FINE : status == ERR_INVALID ? STATUS_USAGE : STATUS_FAILED;
}

static int do_stop(const struct ask *a, const struct args *args) {
    const char *path = args_has(args, "now") ? "/stop?now=1" : "/stop";
    struct buf answer;
    int status;

    buf_init(&answer);
    status = ask_to_end(a, "POST", path, &answer);
    if (status == 202)
        puts("stopped");
    else if (status > 0)
        configure_show_errors(&answer);
    buf_fini(&answer);
    return status == 202 ? STATUS_FINE : status == ERR_INVALID ? STATUS_USAGE : STATUS_FAILED;
}

static int run(const void *context, const struct args *args) {
    const struct deed *d = context;
    struct ask a = {d->name, args_value(args, "admin"), false};

    if (!args->n_words)
        return d->run(&a, args);
    fprintf(stderr, "h3gw %s: \"" STR_FMT "\" is no flag; which gateway is said with --admin\n",
            d->name, STR_ARG(args->words[0]));
    return STATUS_USAGE;
}

int command_reload(int argc, char **argv) {
    static const struct deed deed = {"reload", do_reload};
    static const struct subcommand command = {
        "reload",
        "Usage: h3gw reload [FLAG]...\n\n"
        "Have the running gateway read its configuration again. What is wrong with it is\n"
        "told, and the one before serves on. Connections are not dropped.\n\n",
        &reload_table,
        run,
        &deed,
    };
    return subcommand_run(&command, argc, argv);
}

int command_stop(int argc, char **argv) {
    static const struct deed deed = {"stop", do_stop};
    static const struct subcommand command = {
        "stop",
        "Usage: h3gw stop [FLAG]...\n\n"
        "Have the running gateway finish what was begun, and end; waits for it.\n\n",
        &stop_table,
        run,
        &deed,
    };
    return subcommand_run(&command, argc, argv);
}
