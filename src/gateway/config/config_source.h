/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CONFIG_SOURCE_H
#define GATEWAY_CONFIG_SOURCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "gateway/config/option_types.h"

/* Where the files of a configuration come from: the disk; in the fuzz target, memory. */
struct config_source {
    int (*read)(const char *path, size_t limit, struct buf *to); /* as file_read */
    int (*real)(const char *path, struct buf *to);               /* as file_real */
    int (*match)(const char *pattern, struct arena *arena, struct strs *ret_paths);
};

extern const struct config_source config_disk;

#endif
