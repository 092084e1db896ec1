/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CONFIG_INCLUDE_H
#define GATEWAY_CONFIG_INCLUDE_H

#include "gateway/config/config.h"

/* Which files `include` means, and that each is read once. What is wrong is told. */

/* The paths, as they are shown: relative to the file in which the pattern stands. None when a
 * pattern with wildcards matches nothing, or what is wrong was told. 0 or ERR_NO_MEMORY. */
int config_include_paths(struct config *c, struct config_place place, struct str pattern,
                         struct strs *ret_paths);

/* The line that includes; file NULL: the main file is included by nobody. */
struct config_including {
    const struct config_file *file;
    int line;
};

/* The file's text. 0, ERR_NO_MEMORY, or ERR_INVALID when it cannot be read or must not (again). */
int config_include_open(struct config *c, struct config_including from, struct str path,
                        const struct config_file **ret_file, struct buf *text);

#endif
