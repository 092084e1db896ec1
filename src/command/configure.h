/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_CONFIGURE_H
#define COMMAND_CONFIGURE_H

#include "base/args.h"
#include "gateway/config/config.h"

/* A checked configuration, for the subcommands that take one. 0 or the exit status; what was
 * wrong is in c->errors then. */

/* From a file (NULL: none) and the flags of serve. */
int configure(struct config *c, const char *file, const struct args *args);
/* From a file alone. */
int configure_file(struct config *c, const char *file);

/* To stderr, a line each. */
void configure_show_errors(const struct buf *errors);

#endif
