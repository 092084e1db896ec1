/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_EDITS_H
#define GATEWAY_EDITS_H

#include "base/arena.h"
#include "gateway/config/option.h"
#include "http/fields.h"

/* What a route does to the fields of a message: some are removed, then some set, then some
 * added. Checked once and constant from then on. What frames a message or belongs to one
 * connection cannot be edited: those never stand among the fields. */

struct edits {
    struct field *set, *add; /* names in lower case */
    struct str *remove;
    size_t n_set, n_add, n_remove;
};

/* "name: value" into *ret_field, lower case and in the arena. 0, ERR_NO_MEMORY, or ERR_INVALID
 * with what is wrong ("is not NAME: VALUE"). */
int edit_parse(struct arena *arena, struct str text, struct field *ret_field,
               const char **ret_problem);
/* The same for a name alone. */
int edit_name_parse(struct arena *arena, struct str text, struct str *ret_name,
                    const char **ret_problem);

/* Copies nothing: the edits outlive the fields. 0 or ERR_NO_MEMORY. */
int edits_apply(const struct edits *e, struct fields *fields);

#endif
