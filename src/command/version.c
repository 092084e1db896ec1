/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "command/licenses.h"
#include "command/subcommand.h"

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

static int run(const void *context, const struct args *args) {
    (void)context;
    if (args_has(args, "licenses"))
        show_licenses();
    else
        show_version();
    return ferror(stdout) ? STATUS_FAILED : STATUS_FINE;
}

int command_version(int argc, char **argv) {
    static const struct subcommand command = {"version", "Usage: h3gw version [--licenses]\n\n",
                                              &table, run, NULL};
    return subcommand_run(&command, argc, argv);
}
