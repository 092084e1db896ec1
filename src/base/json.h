/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* JSON, built and read. A document owns all of its values and copies of all their
 * strings; a value is put into at most one object or array. Once memory ended the document
 * stays failed: makers return NULL, everything takes a NULL value and does nothing
 * with it, so one look at the result of json_print is enough.
 *
 * Strings are what peers sent: bytes that are not UTF-8 become U+FFFD. */

struct json_value;
struct json {
    void *doc;
    bool failed;
};

void json_init(struct json *j);
void json_fini(struct json *j);

/* Values, in no object yet. */
struct json_value *json_object(struct json *j);
struct json_value *json_array(struct json *j);
struct json_value *json_str(struct json *j, struct str s);
struct json_value *json_u64(struct json *j, uint64_t value);
struct json_value *json_real(struct json *j, double value); /* prints as null if not finite */
struct json_value *json_bool(struct json *j, bool value);
struct json_value *json_null(struct json *j);

/* Into an object: json_add appends without looking, json_set replaces the first of that
 * name. Into an array: json_push. */
void json_add(struct json *j, struct json_value *object, struct str key, struct json_value *value);
void json_set(struct json *j, struct json_value *object, struct str key, struct json_value *value);
void json_push(struct json *j, struct json_value *array, struct json_value *value);

/* The common cases in one go; the first two return what they added. */
struct json_value *json_add_object(struct json *j, struct json_value *object, struct str key);
struct json_value *json_add_array(struct json *j, struct json_value *object, struct str key);
void json_add_str(struct json *j, struct json_value *object, struct str key, struct str s);
void json_add_u64(struct json *j, struct json_value *object, struct str key, uint64_t value);
void json_add_bool(struct json *j, struct json_value *object, struct str key, bool value);
void json_add_null(struct json *j, struct json_value *object, struct str key);

/* One JSON text as a value of the document, to be read or inserted. Numbers that fit no
 * machine type are kept as they are written. 0, ERR_INVALID, ERR_LIMIT (longer or deeper
 * than allowed) or ERR_NO_MEMORY (which does not fail the document). */
struct json_limits {
    size_t bytes, depth; /* depth: at most 512 are allowed whatever this says */
};
int json_parse(struct json *j, struct str text, struct json_limits limits,
               struct json_value **ret_value);

enum json_print {
    JSON_COMPACT = 0,       /* one line, no newline */
    JSON_PRETTY = 1u << 0,  /* two spaces a level, and a newline at the end */
    JSON_SORTED = 1u << 1,  /* keys of objects in byte order; the value stays sorted */
    JSON_ASCII = 1u << 2,   /* \uXXXX for everything else */
    JSON_NEWLINE = 1u << 3, /* at the end of a compact line */
};

/* Appends; nothing when it fails. 0 or ERR_NO_MEMORY (also: the document has failed). */
int json_print(struct json *j, struct json_value *value, unsigned print, struct buf *to);

/* Reading. NULL is a value of no type, and holds nothing. */
enum json_type {
    JSON_NONE,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};
enum json_type json_type(const struct json_value *value);
struct json_value *json_get(struct json_value *object, struct str key);    /* NULL: none */
struct json_value *json_item(struct json_value *array, size_t i);          /* NULL: none */
struct json_value *json_at(struct json_value *value, const char *pointer); /* "/a/0/b", RFC 6901 */
struct str json_text(const struct json_value *value);                      /* of a string */
size_t json_n(const struct json_value *value);                             /* items, members */
bool json_is_true(const struct json_value *value);
int json_to_u64(const struct json_value *value, uint64_t *ret_value); /* 0 or ERR_INVALID */
double json_to_real(const struct json_value *value);                  /* 0.0 if no number */

/* struct json_each it = {0}; while (json_next(object, &it)) … it.key (objects), it.value */
struct json_each {
    struct str key;
    struct json_value *value;
    size_t i;
};
bool json_next(struct json_value *value, struct json_each *it);

#endif
