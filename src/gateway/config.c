/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config.h"

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

bool config_http3(const struct config *c, const struct config_server *s) {
    enum { LIKE_GATEWAY, ON };

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

#define ADD(type, array, member) \
    struct type *o = arena_zalloc(&c->arena, sizeof *o); \
    if (!o || push(c, &c->array, &c->n_##array, o)) \
        return ERR_NO_MEMORY; \
    o->name = name; \
    o->place = place; \
    *ret_options = &o->member; \
    break

int config_add(struct config *c, enum option_section section, struct str name_,
               struct config_place place, void **ret_options) {
    struct str name = arena_str(&c->arena, name_);

    if (!name.p)
        return ERR_NO_MEMORY;
    switch (section) {
    case SECTION_SERVER: {
        ADD(config_server, servers, options);
    }
    case SECTION_CREDENTIAL: {
        ADD(config_credential, credentials, options);
    }
    case SECTION_ROUTE: {
        ADD(config_route, routes, options);
    }
    case SECTION_UPSTREAM: {
        ADD(config_upstream, upstreams, options);
    }
    default: *ret_options = &c->gateway; return 0;
    }
    return option_defaults(section, *ret_options, &c->arena);
}
