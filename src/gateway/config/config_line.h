/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CONFIG_LINE_H
#define GATEWAY_CONFIG_LINE_H

#include <stddef.h>

#include "base/str.h"

/* A line of a configuration file on its way to inih, which would take "#" behind a value for a
 * part of it, ";" within quotes for a comment, an indented line for more of the one above, and
 * would cut long names without a word. Pure. */

enum { CONFIG_SECTION_MAX = 49 }; /* inih keeps so much of "kind name" */

/* Writes into to (cap bytes, terminated) what is left without comments, outer blanks and
 * carriage return. 0, or ERR_INVALID: to is empty then, and ret_problem says why. */
int config_line_clean(struct str line, char *to, size_t cap, const char **ret_problem);

/* The value that such a line had: quotes go. It is rewritten in place. */
struct str config_line_value(char *value);

#endif
