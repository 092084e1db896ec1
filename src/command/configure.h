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

/* Whether the certificates and keys that were given are right, which serve sees when it loads
 * them; warnings go to stderr. What the local CA makes is made when it is needed, not by a look.
 * Also of a configuration that is wrong otherwise. */
int configure_credentials(struct config *c);

/* To stderr, a line each. */
void configure_show_errors(const struct buf *errors);

#endif
