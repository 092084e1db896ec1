/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_REDIRECT_H
#define GATEWAY_REDIRECT_H

#include "base/arena.h"
#include "base/str.h"

/* Where a redirect of a route leads, and what a rewrite makes of a path. Pure. */

/* A URL ("https://www.app.test/x", "https://www.app.test") or a path ("/x"): 0,
 * ERR_NO_MEMORY, or ERR_INVALID with what is wrong. The arena is scratch. */
int redirect_check(struct arena *arena, struct str target, const char **ret_problem);

/* The location for a request for path (with query): the target; its path is the client's when
 * it is a URL without one; the client's query is kept when it has none of its own. p NULL
 * when memory ends. */
struct str redirect_location(struct arena *arena, struct str target, struct str path);

/* path with `to` in place of its first `matched` bytes; never "//" where they meet, and it
 * begins with "/" as to does. p NULL when memory ends. */
struct str rewrite_path(struct arena *arena, struct str path, size_t matched, struct str to);

#endif
