/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ini.h>

#include "base/err.h"
#include "gateway/config/config.h"
#include "gateway/config/config_line.h"
#include "sys/file.h"

/* The INI of PRODUCT.md section 2: [kind name], key = value, ";" and "#" begin a comment at the
 * line's start or after a blank, values may be quoted. The only door to inih, which splits
 * sections, keys and values; config_line.c gives it the lines, what they mean is decided here. */

enum {
    MAX_FILE = 1 << 20, /* a configuration; larger is surely the wrong file */
    MAX_SEEN = 512,     /* options of one section that are watched for doubles */
};

struct reader {
    struct config *config;
    struct config_place place;
    struct str rest;    /* of the file's text */
    int gateway_line;   /* of [gateway]; 0: not yet */
    struct str section; /* as it was written; empty: none yet */
    enum option_section kind;
    struct config_object object; /* options NULL: a wrong section, its lines are passed over */
    const struct option *seen[MAX_SEEN];
    size_t n_seen;
};

static bool find_kind(struct str word, enum option_section *ret_kind) {
    for (enum option_section s = 0; s < N_SECTIONS; s++)
        if (str_eq(word, str_of(section_name(s)))) {
            *ret_kind = s;
            return true;
        }
    return false;
}

static bool name_taken(struct reader *r, struct str name) {
    const struct config_place *place = config_find(r->config, r->kind, name);
    int line = r->kind == SECTION_GATEWAY ? r->gateway_line : place ? place->line : 0;

    if (line)
        config_error(r->config, r->place, "[%s%s" STR_FMT "] stands in line %d already",
                     section_name(r->kind), name.n ? " " : "", STR_ARG(name), line);
    return line != 0;
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
    r->n_seen = 0;
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
                     gateway ? "[gateway] takes no name"
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

static bool seen_before(struct reader *r, const struct option *o) {
    for (size_t i = 0; i < r->n_seen; i++)
        if (r->seen[i] == o)
            return true;
    if (r->n_seen < MAX_SEEN)
        r->seen[r->n_seen++] = o;
    return false;
}

/* Where it stands, for what can only be checked later. */
static int remember(struct reader *r, const struct option *o) {
    struct config_line *l;

    if (!r->object.place)
        return 0;
    l = arena_alloc(&r->config->arena, sizeof *l);
    if (!l)
        return ERR_NO_MEMORY;
    *l = (struct config_line){r->object.place->options, o, r->place.line};
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

static int set_option(struct reader *r, struct str key, struct str value) {
    const char *nearest;
    const struct option *o = option_find(r->kind, key, &nearest);
    struct buf problem;
    int err;

    if (!o) {
        config_error(r->config, r->place, "unknown option %s in [" STR_FMT "]%s%s%s", key.p,
                     STR_ARG(r->section), nearest ? ": did you mean " : "", nearest ? nearest : "",
                     nearest ? "?" : "");
        return 0;
    }
    bool repeatable = o->kind == OPTION_LIST || o->kind == OPTION_LINES;
    if (seen_before(r, o) && !repeatable) {
        config_error(r->config, r->place, "%s stands twice in [" STR_FMT "]", o->key,
                     STR_ARG(r->section));
        return 0;
    }
    if (remember(r, o))
        return ERR_NO_MEMORY;
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
        config_error(r->config, r->place, "%s stands before the first [section]", key);
        return 1;
    }
    if (!r->object.options)
        return 1;
    if (r->kind == SECTION_GATEWAY && strcmp(key, "access-log") == 0)
        r->config->access_log_given = true;
    return set_option(r, str_of(key), config_line_value(text)) == 0;
}

int config_read_file(struct config *c, const char *path) {
    struct buf text;
    struct reader r = {.config = c, .place = {.file = arena_str(&c->arena, str_of(path))}};
    int err;

    buf_init(&text);
    err = file_read(path, MAX_FILE, &text);
    if (err) {
        config_error(c, (struct config_place){0}, "cannot read the configuration %s: %s", path,
                     err_text(err));
    } else if (text.n && memchr(text.p, 0, text.n)) {
        config_error(c, (struct config_place){0}, "%s is not a text file", path);
        err = ERR_INVALID;
    } else {
        r.rest = buf_view(&text);
        err = ini_parse_stream(next_line, &r, on_line, &r) ? ERR_NO_MEMORY : 0;
        if (!err && c->errors->n)
            err = ERR_INVALID;
    }
    buf_fini(&text);
    return err;
}
