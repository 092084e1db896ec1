/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config/config_include.h"

#include "base/err.h"
#include "sys/file.h"
#include "sys/pattern.h"

/* These are no options: they hold before any is read. */
enum {
    MAX_FILE = 1 << 20, /* a configuration; larger is surely the wrong file */
    MAX_FILES = 256,    /* more is surely the wrong folder */
    MAX_DEPTH = 8,      /* nobody finds a line that is farther away */
};

/* ---- which files ---- */

static int add_folder(struct config *c, struct str path) {
    struct str folder = pattern_folder(path);
    struct str *v;

    if (folder.n == 0)
        folder = STR("./");
    for (size_t i = 0; i < c->folders.n; i++)
        if (str_eq(c->folders.v[i], folder))
            return 0;
    v = arena_alloc(&c->arena, (c->folders.n + 1) * sizeof *v);
    if (!v)
        return ERR_NO_MEMORY;
    if (c->folders.n)
        memcpy(v, c->folders.v, c->folders.n * sizeof *v);
    v[c->folders.n] = arena_str(&c->arena, folder);
    if (!v[c->folders.n].p)
        return ERR_NO_MEMORY;
    c->folders = (struct strs){v, c->folders.n + 1};
    return 0;
}

static int match(struct config *c, struct config_place place, struct str pattern, struct str path,
                 struct strs *ret_paths) {
    int err;

    if (pattern_is(pattern_folder(pattern))) {
        config_error(c, place,
                     "include: \"" STR_FMT
                     "\": wildcards may stand in the file's name only, not in "
                     "its folder's",
                     STR_ARG(pattern));
        return 0;
    }
    err = c->source->match(path.p, &c->arena, ret_paths);
    if (err == ERR_NO_MEMORY)
        return err;
    if (err)
        config_error(c, place, "include: cannot look into " STR_FMT ": %s",
                     STR_ARG(pattern_folder(path)), file_problem(err));
    return err ? 0 : add_folder(c, path);
}

int config_include_paths(struct config *c, struct config_place place, struct str pattern,
                         struct strs *ret_paths) {
    struct buf beside;
    struct str path, *one;

    buf_init(&beside);
    file_beside(&beside, place.file, pattern);
    path = beside.failed ? (struct str){0} : arena_str(&c->arena, buf_view(&beside));
    buf_fini(&beside);
    if (!path.p)
        return ERR_NO_MEMORY;
    if (pattern_is(pattern))
        return match(c, place, pattern, path, ret_paths);
    one = arena_alloc(&c->arena, sizeof *one);
    if (!one)
        return ERR_NO_MEMORY;
    *one = path;
    *ret_paths = (struct strs){one, 1};
    return 0;
}

/* ---- one of them ---- */

/* "dev.ini -> a.ini -> b.ini": the way to the file. */
static void print_way(const struct config_file *f, struct buf *to) {
    const struct config_file *way[MAX_DEPTH + 1];
    size_t n = 0;

    for (; f; f = f->parent)
        way[n++] = f;
    while (n-- > 0)
        buf_format(to, STR_FMT " -> ", STR_ARG(way[n]->path));
}

static void wrong_way(struct config *c, const struct config_file *f, const char *what) {
    struct buf way;

    buf_init(&way);
    print_way(f->parent, &way);
    buf_str(&way, f->path);
    config_error(c, f->place, "include: %s: " STR_FMT, what, STR_ARG(buf_view(&way)));
    buf_fini(&way);
}

static bool is_within(const struct config_file *f, const struct config_file *outer) {
    for (; f; f = f->parent)
        if (f == outer)
            return true;
    return false;
}

/* May it be read? It is none of c->files yet. */
static bool may_read(struct config *c, const struct config_file *f) {
    const struct config_file *same = NULL;

    for (size_t i = 0; i < c->n_files && !same; i++)
        if (str_eq(c->files[i]->real, f->real))
            same = c->files[i];
    if (same && is_within(f->parent, same))
        wrong_way(c, f, "a circle of files");
    else if (same)
        config_error(c, f->place, "include: " STR_FMT " was included in " STR_FMT " already",
                     STR_ARG(f->path), STR_ARG(config_where(c, f->place, same->place)));
    else if (f->depth > MAX_DEPTH)
        wrong_way(c, f, "more than 8 files deep");
    else if (c->n_files == MAX_FILES)
        config_error(c, f->place, "include: more than %d files: is " STR_FMT " the right one?",
                     MAX_FILES, STR_ARG(f->path));
    else
        return true;
    return false;
}

static int add_file(struct config *c, struct config_file *f) {
    struct config_file **v =
        arena_alloc(&c->arena, (c->n_files + 1) * sizeof(struct config_file *));

    if (!v)
        return ERR_NO_MEMORY;
    if (c->n_files)
        memcpy(v, c->files, c->n_files * sizeof(struct config_file *));
    v[c->n_files++] = f;
    c->files = v;
    return 0;
}

static struct config_file *new_file(struct config *c, struct config_including from,
                                    struct str path) {
    struct config_file *f = arena_zalloc(&c->arena, sizeof *f);
    struct buf real;
    int err;

    if (!f)
        return NULL;
    buf_init(&real);
    err = c->source->real(path.p, &real); /* a pipe has no such name, and none is missing */
    *f = (struct config_file){
        .path = path,
        .real = err ? path : arena_str(&c->arena, buf_view(&real)),
        .parent = from.file,
    };
    if (from.file) {
        f->place = (struct config_place){.file = from.file->path, .line = from.line};
        f->depth = from.file->depth + 1;
    }
    buf_fini(&real);
    return err == ERR_NO_MEMORY || !f->real.p ? NULL : f;
}

int config_include_open(struct config *c, struct config_including from, struct str path,
                        const struct config_file **ret_file, struct buf *text) {
    const char *what = from.file ? "include: cannot read" : "cannot read the configuration";
    struct config_file *f = new_file(c, from, path);
    int err;

    if (!f)
        return ERR_NO_MEMORY;
    if (from.file && !may_read(c, f))
        return ERR_INVALID;
    if (add_file(c, f))
        return ERR_NO_MEMORY;
    err = c->source->read(path.p, MAX_FILE, text);
    if (err == ERR_NO_MEMORY)
        return err;
    if (err)
        config_error(c, f->place, "%s %s: %s", what, path.p, file_problem(err));
    if (err)
        return ERR_INVALID;
    if (text->n && memchr(text->p, 0, text->n)) {
        config_error(c, f->place, "%s %s: it is no text file", what, path.p);
        return ERR_INVALID;
    }
    *ret_file = f;
    return 0;
}
