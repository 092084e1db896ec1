/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ini.h>

#include "base/err.h"
#include "gateway/config/config_include.h"
#include "gateway/config/config_line.h"
#include "sys/file.h"

/* The INI of PRODUCT.md section 2: [kind name], key = value, ";" and "#" begin a comment at the
 * line's start or after a blank, values may be quoted. The only door to inih, which splits
 * sections, keys and values; config_line.c gives it the lines, what they mean is decided here. */

struct reader {
    struct config *config;
    const struct config_file *file;
    struct config_place place;
    struct str rest;    /* of the file's text */
    int gateway_line;   /* of [gateway]; 0: not yet */
    struct str section; /* as it was written; empty: none yet */
    enum option_section kind;
    struct config_object object; /* options NULL: a wrong section, its lines are passed over */
};

static bool find_kind(struct str word, enum option_section *ret_kind) {
    for (enum option_section s = 0; s < N_SECTIONS; s++)
        if (str_eq(word, str_of(section_name(s)))) {
            *ret_kind = s;
            return true;
        }
    return false;
}

/* [gateway] may stand in each file, once. */
static bool name_taken(struct reader *r, struct str name) {
    struct config_place gateway = {.file = r->place.file, .line = r->gateway_line};
    const struct config_place *place = config_find(r->config, r->kind, name);

    if (r->kind == SECTION_GATEWAY && r->gateway_line)
        place = &gateway;
    if (place)
        config_error(r->config, r->place, "[%s%s" STR_FMT "] stands in " STR_FMT " already",
                     section_name(r->kind), name.n ? " " : "", STR_ARG(name),
                     STR_ARG(config_where(r->config, r->place, *place)));
    return place != NULL;
}

static int unknown_section(struct reader *r, struct str word) {
    const char *names[N_SECTIONS];

    for (enum option_section s = 0; s < N_SECTIONS; s++)
        names[s] = section_name(s);
    const char *nearest = args_nearest(word, names, N_SECTIONS);
    config_error(r->config, r->place, "unknown section [" STR_FMT "]%s%s%s", STR_ARG(word),
                 nearest ? ": did you mean [" : "", nearest ? nearest : "", nearest ? "]?" : "");
    return 0;
}

static int begin_section(struct reader *r, struct str text) {
    struct str rest = str_trim(text), word = {0};

    r->object = (struct config_object){0};
    size_t n = 0;
    while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '\t')
        n++;
    word = (struct str){rest.p, n};
    rest = str_trim((struct str){rest.p + n, rest.n - n});
    if (!find_kind(word, &r->kind))
        return unknown_section(r, word);
    bool gateway = r->kind == SECTION_GATEWAY;
    if (gateway != (rest.n == 0)) {
        config_error(r->config, r->place,
                     gateway ? "[gateway] takes no name: write [gateway]"
                             : "[" STR_FMT "] needs a name: [" STR_FMT " NAME]",
                     STR_ARG(word), STR_ARG(word));
        return 0;
    }
    if (name_taken(r, rest))
        return 0;
    if (gateway)
        r->gateway_line = r->place.line;
    return config_add(r->config, r->kind, rest, r->place, &r->object);
}

static bool is_repeatable(const struct option *o) {
    return o->kind == OPTION_LIST || o->kind == OPTION_LINES || o->kind == OPTION_INCLUDE;
}

static bool seen_before(struct reader *r, const struct option *o) {
    const struct config_line *l = r->object.place->options;

    while (l && l->option != o)
        l = l->next;
    if (l && !is_repeatable(o))
        config_error(
            r->config, r->place, "%s stands in " STR_FMT " already: keep one of them", o->key,
            STR_ARG(config_where(r->config, r->place,
                                 (struct config_place){.file = l->file, .line = l->line})));
    return l && !is_repeatable(o);
}

static int include(struct reader *r, struct str pattern);

/* Where it stands, for what can only be checked later. */
static int remember(struct reader *r, const struct option *o) {
    struct config_line *l = arena_alloc(&r->config->arena, sizeof *l);

    if (!l)
        return ERR_NO_MEMORY;
    *l = (struct config_line){
        .next = r->object.place->options,
        .option = o,
        .file = r->place.file,
        .line = r->place.line,
        .n = SIZE_MAX,
    };
    if (is_repeatable(o))
        memcpy(&l->n, (char *)r->object.options + o->offset + offsetof(struct strs, n),
               sizeof l->n);
    r->object.place->options = l;
    return 0;
}

/* Files are relative to the one that names them. */
static int set_file(struct reader *r, const struct option *o, struct str value) {
    struct buf path;
    bool as_is = value.n == 0 || str_eq(value, STR("-")) || str_eq(value, STR("off"));
    int err;

    buf_init(&path);
    if (as_is)
        buf_str(&path, value);
    else
        file_beside(&path, r->place.file, value);
    err = path.failed ? ERR_NO_MEMORY
                      : option_set(o, r->object.options, buf_view(&path), &r->config->arena, NULL);
    buf_fini(&path);
    return err;
}

static int set_value(struct reader *r, const struct option *o, struct str value) {
    struct buf problem;
    int err;

    if (o->kind == OPTION_FILE)
        return set_file(r, o, value);
    buf_init(&problem);
    err = option_set(o, r->object.options, value, &r->config->arena, &problem);
    if (err == ERR_INVALID) {
        config_error(r->config, r->place, "%s " STR_FMT, o->key, STR_ARG(buf_view(&problem)));
        err = 0;
    }
    buf_fini(&problem);
    return err;
}

static int unknown_option(struct reader *r, struct str key, const char *nearest) {
    if (str_eq(key, STR("include")))
        config_error(r->config, r->place,
                     "include stands in [" STR_FMT
                     "]: write it into [gateway], or before the first "
                     "[section]",
                     STR_ARG(r->section));
    else
        config_error(r->config, r->place, "unknown option %s in [" STR_FMT "]%s%s%s", key.p,
                     STR_ARG(r->section), nearest ? ": did you mean " : "", nearest ? nearest : "",
                     nearest ? "?" : "");
    return 0;
}

static int set_option(struct reader *r, struct str key, struct str value) {
    const char *nearest;
    const struct option *o = option_find(r->kind, key, &nearest);

    if (!o)
        return unknown_option(r, key, nearest);
    if (seen_before(r, o))
        return 0;
    if (r->kind == SECTION_GATEWAY && strcmp(o->key, "access-log") == 0)
        r->config->access_log_given = true;
    if (set_value(r, o, value) || remember(r, o))
        return ERR_NO_MEMORY;
    return o->kind == OPTION_INCLUDE ? include(r, value) : 0;
}

/* inih's reader: one line at a time, so that it counts them as we do. What is wrong is told
 * here and passed on as an empty line. */
static char *next_line(char *to, int cap, void *user) {
    struct reader *r = user;
    struct str line;
    const char *problem = NULL;

    if (!str_cut(&r->rest, '\n', &line))
        return NULL;
    r->place.line++;
    if (!config_line_clean(line, to, (size_t)cap, &problem))
        return to;
    config_error(r->config, r->place, "%s", problem);
    if (str_starts(str_trim(line), STR("["))) { /* what follows belongs to nothing we know */
        r->section = STR("?");
        r->object = (struct config_object){0};
    }
    return to;
}

/* inih's handler: 0 means that memory ended. key NULL: a new section. */
static int on_line(void *user, const char *section, const char *key, const char *value, int line) {
    struct reader *r = user;
    char *text = (char *)(uintptr_t)value; /* inih's own line, which may be written to */

    check(line == r->place.line);
    if (!key) {
        r->section = arena_str(&r->config->arena, str_of(section));
        return r->section.p && begin_section(r, r->section) == 0;
    }
    if (!r->section.p) {
        if (strcmp(key, "include") == 0)
            return include(r, config_line_value(text)) == 0;
        config_error(r->config, r->place,
                     "%s stands before the first [section], where only include may", key);
        return 1;
    }
    if (!r->object.options)
        return 1;
    return set_option(r, str_of(key), config_line_value(text)) == 0;
}

/* 0 or ERR_NO_MEMORY: what is wrong with it is told. */
static int read_one(struct config *c, struct config_including from, struct str path) {
    struct reader r = {.config = c};
    struct buf text;
    int err;

    buf_init(&text);
    err = config_include_open(c, from, path, &r.file, &text);
    if (!err) {
        r.place.file = r.file->path;
        r.rest = buf_view(&text);
        err = ini_parse_stream(next_line, &r, on_line, &r) ? ERR_NO_MEMORY : 0;
    }
    buf_fini(&text);
    return err == ERR_INVALID ? 0 : err;
}

/* Here and now, as if its lines stood in place of this one. */
static int include(struct reader *r, struct str pattern) {
    struct strs paths = {0};
    int err = pattern.n ? config_include_paths(r->config, r->place, pattern, &paths) : 0;

    for (size_t i = 0; !err && i < paths.n; i++)
        err = read_one(r->config, (struct config_including){r->file, r->place.line}, paths.v[i]);
    return err;
}

int config_read_file(struct config *c, const char *path) {
    struct str copy = arena_str(&c->arena, str_of(path));
    int err = copy.p ? read_one(c, (struct config_including){0}, copy) : ERR_NO_MEMORY;

    return err ? err : config_verdict(c);
}
