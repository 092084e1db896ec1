/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/subcommand.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"

int subcommand_fail(const char *name, int status, const char *message) {
    fprintf(stderr, "h3gw %s: %s\n", name, message);
    return status;
}

int subcommand_print(const char *name, struct str text) {
    if (fwrite(text.p, 1, text.n, stdout) == text.n && !fflush(stdout) && !ferror(stdout))
        return STATUS_FINE;
    return subcommand_fail(name, STATUS_FAILED, strerror(errno));
}

static int show_help(const struct subcommand *c) {
    struct buf text;

    buf_init(&text);
    buf_str(&text, str_of(c->help));
    args_help(c->table, &text);
    int status = subcommand_print(c->name, buf_view(&text));
    buf_fini(&text);
    return status;
}

int subcommand_run(const struct subcommand *c, int argc, char **argv) {
    struct args args;
    struct buf message;
    int status;

    buf_init(&message);
    if (args_parse(&args, c->table, argc, argv, &message)) {
        status = subcommand_fail(c->name, STATUS_USAGE,
                                 message.p ? (const char *)message.p : err_text(ERR_NO_MEMORY));
    } else {
        status = args_has(&args, "help") ? show_help(c) : c->run(c->context, &args);
        args_fini(&args);
    }
    buf_fini(&message);
    return status;
}
