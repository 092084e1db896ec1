/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

int config_init(struct config *c, struct buf *errors) {
    *c = (struct config){.errors = errors, .source = &config_disk};
    arena_init(&c->arena, NULL, 0);
    return option_defaults(SECTION_GATEWAY, &c->gateway, &c->arena);
}

void config_fini(struct config *c) {
    arena_fini(&c->arena);
}

bool config_passthrough(const struct config_server *s) {
    enum { PASSTHROUGH = 3 }; /* of the option tls */

    return s->options.tls == PASSTHROUGH;
}

bool config_http3(const struct config *c, const struct config_server *s) {
    enum { LIKE_GATEWAY, ON };

    if (config_passthrough(s))
        return false;
    return s->options.http3 == LIKE_GATEWAY ? c->gateway.http3 : s->options.http3 == ON;
}

/* ---- what is wrong ---- */

/* A line of errors: what it is sorted by, and its bytes. */
struct config_mark {
    struct config_mark *before;
    size_t file;
    int line;
    size_t n;
};

/* Of flags: behind those of all files. */
static size_t file_number(const struct config *c, struct str path) {
    size_t i = 0;

    while (i < c->n_files && !str_eq(c->files[i]->path, path))
        i++;
    return path.n ? i : SIZE_MAX;
}

static bool stands_behind(const struct config_mark *a, const struct config_mark *b) {
    return a->file != b->file ? a->file > b->file : a->line > b->line;
}

/* Puts the line where it belongs, unless it is there already: two servers may find the same about
 * what they share. */
static void insert(struct config *c, struct config_mark *mark, struct str line) {
    struct config_mark **link = &c->marks;
    size_t at = c->errors->n;

    for (; *link && at >= (*link)->n && stands_behind(*link, mark); link = &(*link)->before)
        at -= (*link)->n;
    size_t begin = at;
    for (const struct config_mark *m = *link; m && begin >= m->n; m = m->before) {
        if (stands_behind(mark, m))
            break;
        begin -= m->n;
        if (str_eq((struct str){(const char *)c->errors->p + begin, m->n}, line))
            return;
    }
    uint8_t *room = buf_extend(c->errors, line.n);
    if (!room)
        return;
    memmove(c->errors->p + at + line.n, c->errors->p + at, (size_t)(room - c->errors->p) - at);
    memcpy(c->errors->p + at, line.p, line.n);
    mark->n = line.n;
    mark->before = *link;
    *link = mark;
}

void config_error(struct config *c, struct config_place place, const char *format, ...) {
    struct config_mark *mark = arena_zalloc(&c->arena, sizeof *mark);
    struct buf line;
    va_list args;
    char *text = NULL;

    buf_init(&line);
    if (place.file.n && place.line)
        buf_format(&line, STR_FMT ":%d: ", STR_ARG(place.file), place.line);
    else if (place.file.n)
        buf_format(&line, STR_FMT ": ", STR_ARG(place.file));
    va_start(args, format);
    text = vasprintf(&text, format, args) < 0 ? NULL : text;
    va_end(args);
    if (text)
        buf_format(&line, "%s\n", text);
    if (mark && text && !line.failed) {
        mark->file = file_number(c, place.file);
        mark->line = place.line;
        insert(c, mark, buf_view(&line));
    }
    if (!mark || !text || line.failed)
        c->errors->failed = true;
    free(text);
    buf_fini(&line);
}

int config_verdict(const struct config *c) {
    return c->errors->failed ? ERR_NO_MEMORY : c->errors->n ? ERR_INVALID : 0;
}

struct str config_where(struct config *c, struct config_place from, struct config_place place) {
    struct str text;

    if (place.file.n == 0)
        return STR("by flag");
    text = str_eq(from.file, place.file)
               ? arena_format(&c->arena, "line %d", place.line)
               : arena_format(&c->arena, STR_FMT ":%d", STR_ARG(place.file), place.line);
    return text.p ? text : STR("?");
}

/* ---- sections ---- */

/* Grows an array of pointers in the arena by one. */
static int push(struct config *c, void *array, size_t *n, void *item) {
    void **old, **v = arena_alloc(&c->arena, (*n + 1) * sizeof *v);

    if (!v)
        return ERR_NO_MEMORY;
    memcpy(&old, array, sizeof old);
    if (*n)
        memcpy(v, old, *n * sizeof *v);
    v[(*n)++] = item;
    memcpy(array, &v, sizeof v);
    return 0;
}

/* Where the objects of a kind are kept, and what they have in common. */
struct kind {
    size_t bytes, name, place, options; /* of an object */
    size_t array, n;                    /* of struct config */
};

#define KIND(type, objects) \
    { \
        .bytes = sizeof(struct type), .name = offsetof(struct type, name), \
        .place = offsetof(struct type, place), .options = offsetof(struct type, options), \
        .array = offsetof(struct config, objects), .n = offsetof(struct config, n_##objects) \
    }

static const struct kind kinds[N_SECTIONS] = {
    [SECTION_SERVER] = KIND(config_server, servers),
    [SECTION_CREDENTIAL] = KIND(config_credential, credentials),
    [SECTION_ROUTE] = KIND(config_route, routes),
    [SECTION_UPSTREAM] = KIND(config_upstream, upstreams),
};

int config_add(struct config *c, enum option_section section, struct str name,
               struct config_place place, struct config_object *ret_object) {
    const struct kind *k = &kinds[section];
    char *o, *config = (char *)c;
    struct str copy;

    if (section == SECTION_GATEWAY) { /* one for all files that have it */
        place.options = c->gateway_place.options;
        c->gateway_place = place;
        *ret_object = (struct config_object){&c->gateway, &c->gateway_place};
        return 0;
    }
    copy = arena_str(&c->arena, name);
    o = arena_zalloc(&c->arena, k->bytes);
    if (!copy.p || !o || push(c, config + k->array, (size_t *)(void *)(config + k->n), o))
        return ERR_NO_MEMORY;
    memcpy(o + k->name, &copy, sizeof copy);
    memcpy(o + k->place, &place, sizeof place);
    *ret_object = (struct config_object){o + k->options, (void *)(o + k->place)};
    return option_defaults(section, ret_object->options, &c->arena);
}

const struct config_place *config_find(const struct config *c, enum option_section section,
                                       struct str name) {
    const struct kind *k = &kinds[section];
    const char *config = (const char *)c;
    void *const *objects;
    size_t n;

    if (section == SECTION_GATEWAY)
        return NULL;
    memcpy(&objects, config + k->array, sizeof objects);
    memcpy(&n, config + k->n, sizeof n);
    for (size_t i = 0; i < n; i++) {
        const char *o = objects[i];
        if (str_eq(*(const struct str *)(const void *)(o + k->name), name))
            return (const void *)(o + k->place);
    }
    return NULL;
}

const char *config_hint(struct config *c, enum option_section section, struct str name) {
    const struct kind *k = &kinds[section];
    const char *config = (const char *)c, *nearest;
    void *const *objects;
    const char **names;
    size_t n;

    memcpy(&objects, config + k->array, sizeof objects);
    memcpy(&n, config + k->n, sizeof n);
    names = arena_alloc(&c->arena, (n + 1) * sizeof *names);
    if (!names)
        return "";
    for (size_t i = 0; i < n; i++)
        names[i] = ((const struct str *)(const void *)((const char *)objects[i] + k->name))->p;
    nearest = args_nearest(name, names, n);
    if (!nearest)
        return "";
    struct str hint = arena_format(&c->arena, ": did you mean %s?", nearest);
    return hint.p ? hint.p : "";
}

struct config_place config_main(const struct config *c) {
    return (struct config_place){.file = c->n_files ? c->files[0]->path : (struct str){0}};
}

struct config_place config_at(struct config_place section, const char *key) {
    return config_at_item(section, key, 0);
}

struct config_place config_at_item(struct config_place section, const char *key, size_t i) {
    for (const struct config_line *l = section.options; l; l = l->next)
        if (strcmp(l->option->key, key) == 0 && l->n > i) {
            section.file = l->file;
            section.line = l->line;
        }
    return section;
}

/* ---- watching ---- */

static int add_path(struct arena *arena, struct strs *to, struct str path) {
    struct str *v = arena_alloc(arena, (to->n + 1) * sizeof *v);
    struct str copy = arena_str(arena, path);

    if (!v || !copy.p)
        return ERR_NO_MEMORY;
    if (to->n)
        memcpy(v, to->v, to->n * sizeof *v);
    v[to->n++] = copy;
    to->v = v;
    return 0;
}

int config_watched(const struct config *c, struct arena *arena, struct strs *ret_paths) {
    struct strs paths = {0};
    int err = 0;

    for (size_t i = 0; !err && i < c->n_files; i++)
        err = add_path(arena, &paths, c->files[i]->path);
    for (size_t i = 0; !err && i < c->folders.n; i++)
        err = add_path(arena, &paths, c->folders.v[i]);
    for (size_t i = 0; !err && i < c->n_credentials; i++) {
        const struct credential_options *o = &c->credentials[i]->options;
        const struct str files[] = {o->cert, o->key, o->client_ca};
        for (size_t j = 0; !err && j < sizeof files / sizeof files[0]; j++)
            err = files[j].n ? add_path(arena, &paths, files[j]) : 0;
    }
    if (!err)
        *ret_paths = paths;
    return err;
}
