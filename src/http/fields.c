/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/fields.h"

#include "base/err.h"

enum { FIELDS_FIRST = 16 };

void fields_init(struct fields *f, struct arena *arena) {
    *f = (struct fields){.arena = arena};
}

__attribute__((noinline)) static int grow(struct fields *f) {
    size_t cap = f->cap ? f->cap * 2 : FIELDS_FIRST;
    struct field *v = arena_alloc(f->arena, cap * sizeof(*v));
    if (!v)
        return ERR_NO_MEMORY;
    if (f->n > 0)
        memcpy(v, f->v, f->n * sizeof(*v));
    f->v = v;
    f->cap = cap;
    return 0;
}

static void lower(struct str s) {
    char *p = (char *)(uintptr_t)s.p;
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
}

int fields_add(struct fields *f, struct str name, struct str value) {
    struct str name_copy = arena_str(f->arena, name);
    struct str value_copy = arena_str(f->arena, value);
    if (!name_copy.p || !value_copy.p)
        return ERR_NO_MEMORY;
    lower(name_copy);
    return fields_add_static(f, name_copy, value_copy);
}

int fields_add_static(struct fields *f, struct str name, struct str value) {
    if (f->n == f->cap && grow(f) != 0)
        return ERR_NO_MEMORY;
    f->v[f->n++] = (struct field){name, value};
    return 0;
}

static struct field *find(const struct fields *f, struct str name) {
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->v[i].name, name))
            return &f->v[i];
    return NULL;
}

struct str fields_get(const struct fields *f, struct str name) {
    const struct field *field = find(f, name);
    if (!field)
        return (struct str){NULL, 0};
    /* p tells present from absent, so an empty value must have one */
    return field->value.p ? field->value : STR("");
}

bool fields_has(const struct fields *f, struct str name) {
    return find(f, name) != NULL;
}

size_t fields_count(const struct fields *f, struct str name) {
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += str_eq(f->v[i].name, name);
    return n;
}

/* Removes those of the name from position `from` on. */
static size_t remove_from(struct fields *f, size_t from, struct str name) {
    size_t kept = from;
    for (size_t i = from; i < f->n; i++)
        if (!str_eq(f->v[i].name, name))
            f->v[kept++] = f->v[i];
    size_t removed = f->n - kept;
    f->n = kept;
    return removed;
}

int fields_set(struct fields *f, struct str name, struct str value) {
    if (!find(f, name))
        return fields_add(f, name, value);
    struct str copy = arena_str(f->arena, value);
    return copy.p ? fields_set_static(f, name, copy) : ERR_NO_MEMORY;
}

int fields_set_static(struct fields *f, struct str name, struct str value) {
    struct field *field = find(f, name);
    if (!field)
        return fields_add_static(f, name, value);
    field->value = value;
    remove_from(f, (size_t)(field - f->v) + 1, field->name);
    return 0;
}

size_t fields_remove(struct fields *f, struct str name) {
    return remove_from(f, 0, name);
}

static struct str joined(struct arena *arena, struct str a, struct str separator, struct str b) {
    size_t n = a.n + separator.n + b.n;
    char *p = arena_alloc(arena, n + 1);
    if (!p)
        return (struct str){NULL, 0};
    memcpy(p, a.n ? a.p : "", a.n);
    memcpy(p + a.n, separator.p, separator.n);
    memcpy(p + a.n + separator.n, b.n ? b.p : "", b.n);
    p[n] = '\0';
    return (struct str){p, n};
}

int fields_append_list(struct fields *f, struct str name, struct str value) {
    for (size_t i = f->n; i-- > 0;) {
        if (!str_eq(f->v[i].name, name))
            continue;
        struct str list = f->v[i].value;
        list = list.n ? joined(f->arena, list, STR(", "), value) : arena_str(f->arena, value);
        if (!list.p)
            return ERR_NO_MEMORY;
        f->v[i].value = list;
        return 0;
    }
    return fields_add(f, name, value);
}

/* One pass for the size and one for the bytes: many crumbs cost no more than their sum. */
int fields_join_cookies(struct fields *f) {
    struct str name = STR("cookie");
    struct field *first = find(f, name);
    if (!first || fields_count(f, name) < 2)
        return 0;
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->v[i].name, name))
            n += f->v[i].value.n + 2;
    char *p = arena_alloc(f->arena, n), *at = p;
    if (!p)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < f->n; i++) {
        struct str crumb = f->v[i].value;
        if (!str_eq(f->v[i].name, name))
            continue;
        memcpy(at, crumb.n ? crumb.p : "", crumb.n);
        memcpy(at + crumb.n, "; ", 2);
        at += crumb.n + 2;
    }
    first->value = (struct str){p, n - 2};
    remove_from(f, (size_t)(first - f->v) + 1, first->name);
    return 0;
}

int fields_copy(struct fields *to, const struct fields *from) {
    for (size_t i = 0; i < from->n; i++)
        if (fields_add(to, from->v[i].name, from->v[i].value) != 0)
            return ERR_NO_MEMORY;
    return 0;
}

/* Where the element at the start of s ends: at a comma outside of quotes, or at the end. */
static size_t element_end(struct str s) {
    bool quoted = false;
    size_t i = 0;
    for (; i < s.n; i++) {
        if (quoted && s.p[i] == '\\' && i + 1 < s.n)
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (s.p[i] == ',' && !quoted)
            break;
    }
    return i;
}

bool fields_list_next(struct str *rest, struct str *ret_element) {
    while (rest->n > 0) {
        size_t end = element_end(*rest);
        struct str element = str_trim((struct str){rest->p, end});
        size_t taken = end < rest->n ? end + 1 : end;
        *rest = (struct str){rest->p + taken, rest->n - taken};
        if (element.n > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}
