/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/args.h"
#include "command/command.h"
#include "command/licenses.h"

static const struct args_row rows[] = {
    {"licenses", 0, ARGS_FLAG, NULL, "the licences of h3gw and of all that is in it", NULL},
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_table table = {rows, sizeof rows / sizeof rows[0]};

static void show_licenses(void) {
    for (size_t i = 0; i < n_licenses; i++)
        printf("==== %s %s (%s)\n\n%s\n", licenses[i].name, licenses[i].version, licenses[i].spdx,
               licenses[i].text);
}

static void show_version(void) {
    printf("h3gw %s\n", H3GW_VERSION);
    for (size_t i = 0; i < n_licenses; i++)
        printf("%s%s %s", i ? ", " : "with ", licenses[i].name, licenses[i].version);
    printf("\nLicence: GPL-3.0-or-later; h3gw version --licenses shows all of them.\n");
}

static void show_help(void) {
    struct buf text;

    buf_init(&text);
    buf_str(&text, STR("Usage: h3gw version [--licenses]\n\n"));
    args_help(&table, &text);
    fwrite(text.p, 1, text.n, stdout);
    buf_fini(&text);
}

int command_version(int argc, char **argv) {
    struct args args;
    struct buf message;
    int status = STATUS_FINE;

    buf_init(&message);
    if (args_parse(&args, &table, argc, argv, &message)) {
        fprintf(stderr, "h3gw version: " STR_FMT "\n", STR_ARG(buf_view(&message)));
        buf_fini(&message);
        return STATUS_USAGE;
    }
    if (args_has(&args, "help"))
        show_help();
    else if (args_has(&args, "licenses"))
        show_licenses();
    else
        show_version();
    if (ferror(stdout))
        status = STATUS_FAILED;
    args_fini(&args);
    buf_fini(&message);
    return status;
}
