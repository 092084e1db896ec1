/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

int folder_set_up(void **state) {
    struct folder *folder = calloc(1, sizeof(*folder));

    if (!folder)
        return -1;
    snprintf(folder->path, sizeof(folder->path), "/tmp/h3gw-test-XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where) {
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

int folder_tear_down(void **state) {
    struct folder *folder = *state;
    int err = nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    free(folder);
    return err;
}

const char *path_in(struct folder *folder, const char *name) {
    char *path = folder->names[folder->next++ % 8];

    snprintf(path, sizeof(folder->names[0]), "%s/%s", folder->path, name);
    return path;
}
