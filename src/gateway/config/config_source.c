/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config/config_source.h"

#include "sys/file.h"
#include "sys/pattern.h"

static int match(const char *pattern, struct arena *arena, struct strs *ret_paths) {
    return pattern_match(pattern, arena, &ret_paths->v, &ret_paths->n);
}

const struct config_source config_disk = {file_read, file_real, match};
