/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_SUBCOMMAND_H
#define COMMAND_SUBCOMMAND_H

#include "base/args.h"
#include "command/command.h"

/* What subcommands do alike with their words: they are parsed, --help is answered, and what is
 * wrong with them is told. All give the exit status. */

struct subcommand {
    const char *name;
    const char *help; /* above the list of flags */
    const struct args_table *table;
    /* Called when the words are right and ask for no help; it has the last word. */
    int (*run)(const void *context, const struct args *args);
    const void *context;
};

int subcommand_run(const struct subcommand *c, int argc, char **argv);

/* On stderr, behind the name of the subcommand; gives status back. */
int subcommand_fail(const char *name, int status, const char *message);

/* On standard output. */
int subcommand_print(const char *name, struct str text);

#endif
