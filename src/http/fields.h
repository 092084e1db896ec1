/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* The fields of a header or trailer section (RFC 9110 5), in order.
 *
 * Invariant: names are lower case and valid tokens, values have no CR, LF, NUL and no
 * outer blanks. Framing and connection fields never stand here: content-length is
 * message.content_length, host is message.authority, and what RFC 9110 7.6.1 removes
 * (connection and what it names, keep-alive, proxy-connection, transfer-encoding,
 * upgrade, te other than "trailers") is gone. Cookie crumbs of HTTP/2 and 3 are joined. */

struct field {
    struct str name, value;
};

struct fields {
    struct field *v;
    size_t n, cap;
    struct arena *arena; /* copies and the array live here */
};

void fields_init(struct fields *f, struct arena *arena);

/* Copies name (lower-casing it) and value. 0 or ERR_NO_MEMORY. */
int fields_add(struct fields *f, struct str name, struct str value);
/* Copies nothing: both must live as long as the arena; name is lower case. */
int fields_add_static(struct fields *f, struct str name, struct str value);

/* The first value; p NULL when there is none. name in lower case. */
struct str fields_get(const struct fields *f, struct str name);
bool fields_has(const struct fields *f, struct str name);
size_t fields_count(const struct fields *f, struct str name);

/* Removes all others of the name; adds when there is none. */
int fields_set(struct fields *f, struct str name, struct str value);
int fields_set_static(struct fields *f, struct str name, struct str value); /* copies nothing */
size_t fields_remove(struct fields *f, struct str name);                    /* how many went */

/* Puts ", value" behind the last of that name, or adds it. */
int fields_append_list(struct fields *f, struct str name, struct str value);

/* Joins all cookie fields with "; " (RFC 9113 8.2.3). */
int fields_join_cookies(struct fields *f);

/* Must it stay out of the tables of HPACK and QPACK (RFC 7541 7.1.3, RFC 9204 7.1.3)? */
static inline bool field_is_secret(struct str name) {
    return str_eq(name, STR("authorization")) || str_eq(name, STR("proxy-authorization"));
}

int fields_copy(struct fields *to, const struct fields *from); /* deep, into to's arena */

/* Iterates the comma-separated elements of a list value: false at the end; empty elements
 * are skipped, quotes respected (RFC 9110 5.6.1). */
bool fields_list_next(struct str *rest, struct str *ret_element);

#endif
