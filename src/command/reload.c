/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/args.h"
#include "base/err.h"
#include "command/ask.h"
#include "command/command.h"
#include "command/configure.h"

/* reload and stop: a word to the running gateway. */

static const struct args_row reload_rows[] = {
    ASK_FLAG,
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_row stop_rows[] = {
    ASK_FLAG,
    {"now", 0, ARGS_FLAG, NULL, "end at once: what was begun is cut off", NULL},
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};

struct deed {
    const char *name, *what;
    struct args_table table;
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

static const struct deed reload_deed = {
    "reload",
    "Have the running gateway read its configuration again. What is wrong with it is\n"
    "told, and the one before serves on. Connections are not dropped.",
    {reload_rows, sizeof reload_rows / sizeof reload_rows[0]},
    do_reload,
};
static const struct deed stop_deed = {
    "stop",
    "Have the running gateway finish what was begun, and end; waits for it.",
    {stop_rows, sizeof stop_rows / sizeof stop_rows[0]},
    do_stop,
};

static int help(const struct deed *d) {
    struct buf text;

    buf_init(&text);
    buf_format(&text, "Usage: h3gw %s [FLAG]...\n\n%s\n\n", d->name, d->what);
    args_help(&d->table, &text);
    fwrite(text.p, 1, text.n, stdout);
    buf_fini(&text);
    return STATUS_FINE;
}

static int run(const struct deed *d, const struct args *args) {
    struct ask a = {d->name, args_value(args, "admin")};

    if (args_has(args, "help"))
        return help(d);
    if (args->n_words) {
        fprintf(stderr, "h3gw %s: \"" STR_FMT "\" is no flag; which gateway is said with --admin\n",
                d->name, STR_ARG(args->words[0]));
        return STATUS_USAGE;
    }
    return d->run(&a, args);
}

static int command(const struct deed *d, int argc, char **argv) {
    struct args args;
    struct buf message;
    int status = STATUS_USAGE;

    buf_init(&message);
    if (args_parse(&args, &d->table, argc, argv, &message)) {
        fprintf(stderr, "h3gw %s: %s\n", d->name,
                message.p ? (const char *)message.p : err_text(ERR_NO_MEMORY));
    } else {
        status = run(d, &args);
        args_fini(&args);
    }
    buf_fini(&message);
    return status;
}

int command_reload(int argc, char **argv) {
    return command(&reload_deed, argc, argv);
}

int command_stop(int argc, char **argv) {
    return command(&stop_deed, argc, argv);
}
