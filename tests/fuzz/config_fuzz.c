/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fnmatch.h>

#include "base/check.h"
#include "base/err.h"
#include "gateway/config/config.h"

/* A configuration of one file or several, none of them on the disk. Beyond crashes: what is refused
 * is told, what is taken can be told again, option by option. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_all(const struct config *c) {
    struct buf b;
    buf_init(&b);
    for (size_t i = 0; i < n_options; i++) {
        const struct option *o = &options[i];
        if (o->section == SECTION_GATEWAY)
            option_print(o, &c->gateway, &b);
        if (o->section == SECTION_SERVER && c->n_servers > 0)
            option_print(o, &c->servers[0]->options, &b);
        if (o->section == SECTION_CREDENTIAL && c->n_credentials > 0)
            option_print(o, &c->credentials[0]->options, &b);
        if (o->section == SECTION_ROUTE && c->n_routes > 0)
            option_print(o, &c->routes[0]->options, &b);
        if (o->section == SECTION_UPSTREAM && c->n_upstreams > 0)
            option_print(o, &c->upstreams[0]->options, &b);
    }
    check(!b.failed);
    buf_fini(&b);
}

/* ---- files in memory ---- */

/* Form feeds, which no line may have, part the input into files: the main one, "1", "2", … */
enum { MAX_FILES = 10 };
static struct str texts[MAX_FILES];
static size_t n_texts;

static void split(struct str input) {
    for (n_texts = 0; n_texts < MAX_FILES - 1 && str_find(input, '\f') >= 0; n_texts++)
        str_cut(&input, '\f', &texts[n_texts]);
    texts[n_texts++] = input;
}

static int number_of(const char *path) {
    bool fine = path[0] >= '0' && path[0] < '0' + (int)n_texts && path[1] == '\0';
    return fine ? path[0] - '0' : -1;
}

static int read_text(const char *path, size_t limit, struct buf *to) {
    int i = number_of(path);
    if (i < 0)
        return ERR_NOT_FOUND;
    if (texts[i].n > limit)
        return ERR_LIMIT;
    buf_str(to, texts[i]);
    return to->failed ? ERR_NO_MEMORY : 0;
}

static int no_other_name(const char *path, struct buf *to) {
    (void)path;
    (void)to;
    return ERR_NOT_FOUND;
}

static int match(const char *pattern, struct arena *arena, struct strs *ret_paths) {
    struct str *v = arena_alloc(arena, n_texts * sizeof *v);
    size_t n = 0;
    check(v);
    for (char name[] = "0"; name[0] < '0' + (int)n_texts; name[0]++)
        if (fnmatch(pattern, name, 0) == 0) {
            v[n] = arena_str(arena, str_of(name));
            check(v[n++].p);
        }
    *ret_paths = (struct strs){v, n};
    return 0;
}

static const struct config_source memory = {read_text, no_other_name, match};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config c;
    struct buf errors;
    struct strs watched;
    split((struct str){(const char *)data, size});
    buf_init(&errors);
    check(config_init(&c, &errors) == 0);
    c.source = &memory;
    int err = config_read_file(&c, "0");
    check(!err == !errors.n);
    if (err == 0)
        err = config_check(&c);
    check(!err == !errors.n);
    check(config_watched(&c, &c.arena, &watched) == 0 && watched.n > 0);
    if (err == 0)
        print_all(&c);
    config_fini(&c);
    buf_fini(&errors);
    return 0;
}
