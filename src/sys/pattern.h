/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_PATTERN_H
#define SYS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* Paths with "*", "?" or "[…]" in the name of the file, as a shell takes them; in that of the
 * folder they mean themselves. Not by libc's glob(): it knows "~user", and a static program cannot
 * ask who the users are. */

bool pattern_is(struct str path);

/* "conf.d/" of "conf.d/x": what ends in the last slash; empty when there is none. */
struct str pattern_folder(struct str path);

/* The paths that it means, sorted, in the arena; names that begin with a dot only when it does. A
 * folder that is not there has none. ERR_NO_MEMORY, or ERR_REFUSED, ERR_SYSTEM (errno): the folder
 * cannot be read. */
int pattern_match(const char *path, struct arena *arena, struct str **ret_paths, size_t *ret_n);

#endif
