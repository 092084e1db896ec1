/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/pattern.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "base/err.h"

bool pattern_is(struct str path) {
    return str_find(path, '*') >= 0 || str_find(path, '?') >= 0 || str_find(path, '[') >= 0;
}

struct str pattern_folder(struct str path) {
    while (path.n > 0 && path.p[path.n - 1] != '/')
        path.n--;
    return path;
}

struct found {
    struct arena *arena;
    struct str folder;
    const char *name; /* the pattern behind it */
    struct str *v;
    size_t n, cap;
};

static int found_add(struct found *f, const char *name) {
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 8;
        struct str *v = arena_alloc(f->arena, cap * sizeof *v);
        if (!v)
            return ERR_NO_MEMORY;
        if (f->n)
            memcpy(v, f->v, f->n * sizeof *v);
        f->v = v;
        f->cap = cap;
    }
    f->v[f->n] = arena_format(f->arena, STR_FMT "%s", STR_ARG(f->folder), name);
    return f->v[f->n++].p ? 0 : ERR_NO_MEMORY;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct str *)a)->p, ((const struct str *)b)->p);
}

static int look_into(DIR *dir, struct found *f) {
    const struct dirent *entry;
    int err = 0;

    errno = 0;
    while (!err && (entry = readdir(dir)) != NULL) {
        if (fnmatch(f->name, entry->d_name, FNM_PERIOD) == 0)
            err = found_add(f, entry->d_name);
        if (!err)
            errno = 0;
    }
    return err ? err : errno ? ERR_SYSTEM : 0;
}

int pattern_match(const char *path, struct arena *arena, struct str **ret_paths, size_t *ret_n) {
    struct found f = {.arena = arena, .folder = pattern_folder(str_of(path))};
    struct str folder = f.folder.n ? arena_str(arena, f.folder) : STR(".");
    DIR *dir;
    int err;

    f.name = path + f.folder.n;
    if (!folder.p)
        return ERR_NO_MEMORY;
    dir = opendir(folder.p);
    if (!dir && errno != ENOENT)
        return errno == ENOMEM ? ERR_NO_MEMORY : errno == EACCES ? ERR_REFUSED : ERR_SYSTEM;
    err = dir ? look_into(dir, &f) : 0;
    if (dir) {
        int kept = errno;
        closedir(dir);
        errno = kept;
    }
    if (err)
        return err;
    if (f.n)
        qsort(f.v, f.n, sizeof *f.v, by_name);
    *ret_paths = f.v;
    *ret_n = f.n;
    return 0;
}
