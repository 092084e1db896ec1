/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/edits.h"

#include "base/err.h"
#include "http/validate.h"

/* Those of field_is_hop_by_hop, and what http/fields.h keeps elsewhere. */
static const char *name_problem(struct str name) {
    if (!valid_field_name(name))
        return "has no valid field name";
    if (str_eq(name, STR("content-length")) || str_eq(name, STR("te")) ||
        str_eq(name, STR("trailer")) || field_is_hop_by_hop(name))
        return "is about framing or the connection: h3gw sets it itself";
    if (str_eq(name, STR("host")))
        return "cannot be edited: host-header = upstream sends the upstream's own name";
    return NULL;
}

int edit_name_parse(struct arena *arena, struct str text, struct str *ret_name,
                    const char **ret_problem) {
    struct str name = arena_str(arena, str_trim(text));
    char *p = (char *)(uintptr_t)name.p;

    if (!p)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < name.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
    *ret_problem = name_problem(name);
    if (*ret_problem)
        return ERR_INVALID;
    *ret_name = name;
    return 0;
}

int edit_parse(struct arena *arena, struct str text, struct field *ret_field,
               const char **ret_problem) {
    ptrdiff_t colon = str_find(text, ':');
    struct field field;
    int err;

    if (colon < 0) {
        *ret_problem = "is not NAME: VALUE";
        return ERR_INVALID;
    }
    err = edit_name_parse(arena, (struct str){text.p, (size_t)colon}, &field.name, ret_problem);
    if (err)
        return err;
    field.value = str_trim((struct str){text.p + colon + 1, text.n - (size_t)colon - 1});
    if (!valid_field_value(field.value)) {
        *ret_problem = "has no valid field value";
        return ERR_INVALID;
    }
    field.value = arena_str(arena, field.value);
    if (!field.value.p)
        return ERR_NO_MEMORY;
    *ret_field = field;
    return 0;
}

int edits_apply(const struct edits *e, struct fields *fields) {
    for (size_t i = 0; i < e->n_remove; i++)
        fields_remove(fields, e->remove[i]);
    for (size_t i = 0; i < e->n_set; i++)
        if (fields_set_static(fields, e->set[i].name, e->set[i].value))
            return ERR_NO_MEMORY;
    for (size_t i = 0; i < e->n_add; i++)
        if (fields_add_static(fields, e->add[i].name, e->add[i].value))
            return ERR_NO_MEMORY;
    return 0;
}
