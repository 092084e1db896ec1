/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config/config.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

int config_init(struct config *c, struct buf *errors) {
    *c = (struct config){.errors = errors};
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

void config_error(struct config *c, struct config_place place, const char *format, ...) {
    va_list args;
    char text[512];

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (place.file.n)
        buf_format(c->errors, STR_FMT ":%d: ", STR_ARG(place.file), place.line);
    buf_format(c->errors, "%s\n", text);
}

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

    if (section == SECTION_GATEWAY) {
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

struct config_place config_at(struct config_place section, const char *key) {
    for (const struct config_line *l = section.options; l; l = l->next)
        if (strcmp(l->option->key, key) == 0)
            section.line = l->line;
    return section;
}
