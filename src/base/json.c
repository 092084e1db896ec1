/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/json.h"

#include <stdlib.h>
#include <yyjson.h>

#include "base/err.h"
#include "base/utf8.h"

enum { JSON_DEPTH = 512 }; /* sorting recurses */

static yyjson_mut_val *in(const struct json_value *value) {
    return (yyjson_mut_val *)(uintptr_t)value;
}

static struct json_value *out(yyjson_mut_val *value) {
    return (struct json_value *)value;
}

/* The new value, or the note that memory ended. */
static struct json_value *made(struct json *j, yyjson_mut_val *value) {
    if (!value)
        j->failed = true;
    return out(value);
}

void json_init(struct json *j) {
    j->doc = yyjson_mut_doc_new(NULL);
    j->failed = !j->doc;
}

void json_fini(struct json *j) {
    yyjson_mut_doc_free(j->doc);
    *j = (struct json){0};
}

struct json_value *json_object(struct json *j) {
    return made(j, yyjson_mut_obj(j->doc));
}

struct json_value *json_array(struct json *j) {
    return made(j, yyjson_mut_arr(j->doc));
}

static struct json_value *repaired_str(struct json *j, struct str s) {
    struct buf clean;
    buf_init(&clean);
    utf8_repair(s, &clean);
    const char *p = clean.failed ? NULL : (const char *)clean.p;
    struct json_value *value = made(j, p ? yyjson_mut_strncpy(j->doc, p, clean.n) : NULL);
    buf_fini(&clean);
    return value;
}

struct json_value *json_str(struct json *j, struct str s) {
    if (!utf8_valid(s))
        return repaired_str(j, s);
    return made(j, yyjson_mut_strncpy(j->doc, s.p ? s.p : "", s.n));
}

struct json_value *json_u64(struct json *j, uint64_t value) {
    return made(j, yyjson_mut_uint(j->doc, value));
}

struct json_value *json_real(struct json *j, double value) {
    return made(j, yyjson_mut_real(j->doc, value));
}

struct json_value *json_bool(struct json *j, bool value) {
    return made(j, yyjson_mut_bool(j->doc, value));
}

struct json_value *json_null(struct json *j) {
    return made(j, yyjson_mut_null(j->doc));
}

void json_add(struct json *j, struct json_value *object, struct str key, struct json_value *value) {
    struct json_value *name = json_str(j, key);
    if (object && name && value)
        yyjson_mut_obj_add(in(object), in(name), in(value));
}

void json_set(struct json *j, struct json_value *object, struct str key, struct json_value *value) {
    struct json_value *name = json_str(j, key);
    if (!object || !name || !value)
        return;
    if (!yyjson_mut_obj_replace(in(object), in(name), in(value)))
        yyjson_mut_obj_add(in(object), in(name), in(value));
}

void json_push(struct json *j, struct json_value *array, struct json_value *value) {
    (void)j;
    if (array && value)
        yyjson_mut_arr_append(in(array), in(value));
}

struct json_value *json_add_object(struct json *j, struct json_value *object, struct str key) {
    struct json_value *value = json_object(j);
    json_add(j, object, key, value);
    return value;
}

struct json_value *json_add_array(struct json *j, struct json_value *object, struct str key) {
    struct json_value *value = json_array(j);
    json_add(j, object, key, value);
    return value;
}

void json_add_str(struct json *j, struct json_value *object, struct str key, struct str s) {
    json_add(j, object, key, json_str(j, s));
}

void json_add_u64(struct json *j, struct json_value *object, struct str key, uint64_t value) {
    json_add(j, object, key, json_u64(j, value));
}

void json_add_bool(struct json *j, struct json_value *object, struct str key, bool value) {
    json_add(j, object, key, json_bool(j, value));
}

void json_add_null(struct json *j, struct json_value *object, struct str key) {
    json_add(j, object, key, json_null(j));
}

/* The deepest nesting that the text may have: brackets outside of strings, as far as a
 * reader can follow. What is no JSON may count wrong, and is refused later anyway. */
static size_t depth_of(struct str text) {
    size_t depth = 0, deepest = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            i += c == '\\';
        else if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        if (depth > deepest)
            deepest = depth;
    }
    return deepest;
}

int json_parse(struct json *j, struct str text, struct json_limits limits,
               struct json_value **ret_value) {
    if (!j->doc)
        return ERR_NO_MEMORY;
    if (text.n == 0)
        return ERR_INVALID;
    size_t depth = limits.depth < JSON_DEPTH ? limits.depth : JSON_DEPTH;
    if (text.n > limits.bytes || depth_of(text) > depth)
        return ERR_LIMIT;
    yyjson_read_err err;
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_BIGNUM_AS_RAW, NULL, &err);
    if (!doc)
        return err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? ERR_NO_MEMORY : ERR_INVALID;
    yyjson_mut_val *value = yyjson_val_mut_copy(j->doc, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    if (!value)
        return ERR_NO_MEMORY;
    *ret_value = out(value);
    return 0;
}

struct member {
    yyjson_mut_val *key;
    size_t i;
};

/* Stable: members of one name keep their order. */
static int compare_members(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    size_t xn = yyjson_mut_get_len(x->key), yn = yyjson_mut_get_len(y->key);
    int order = memcmp(yyjson_mut_get_str(x->key), yyjson_mut_get_str(y->key), xn < yn ? xn : yn);
    if (order != 0)
        return order;
    if (xn != yn)
        return xn < yn ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

static int sort_members(yyjson_mut_val *object) {
    size_t n = yyjson_mut_obj_size(object);
    if (n < 2)
        return 0;
    struct member *members = malloc(n * sizeof(*members));
    if (!members)
        return ERR_NO_MEMORY;
    size_t i, max;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(object, i, max, key, value) members[i] = (struct member){key, i};
    qsort(members, n, sizeof(*members), compare_members);
    /* the ring of an object: key, its value, the next key … */
    for (i = 0; i < n; i++)
        members[i].key->next->next = members[(i + 1) % n].key;
    object->uni.ptr = members[n - 1].key;
    free(members);
    return 0;
}

static int sort(yyjson_mut_val *value) {
    size_t i, max;
    yyjson_mut_val *key, *item;
    int err = yyjson_mut_is_obj(value) ? sort_members(value) : 0;
    if (yyjson_mut_is_obj(value)) {
        yyjson_mut_obj_foreach(value, i, max, key, item) err = err ? err : sort(item);
    } else if (yyjson_mut_is_arr(value)) {
        yyjson_mut_arr_foreach(value, i, max, item) err = err ? err : sort(item);
    }
    return err;
}

static yyjson_write_flag write_flags(unsigned print) {
    yyjson_write_flag flags = YYJSON_WRITE_INF_AND_NAN_AS_NULL;
    if (print & JSON_PRETTY)
        flags |= YYJSON_WRITE_PRETTY_TWO_SPACES;
    if (print & (JSON_PRETTY | JSON_NEWLINE))
        flags |= YYJSON_WRITE_NEWLINE_AT_END;
    if (print & JSON_ASCII)
        flags |= YYJSON_WRITE_ESCAPE_UNICODE;
    return flags;
}

int json_print(struct json *j, struct json_value *value, unsigned print, struct buf *to) {
    if (j->failed || !value || to->failed)
        return ERR_NO_MEMORY;
    if ((print & JSON_SORTED) && sort(in(value)) != 0)
        return ERR_NO_MEMORY;
    size_t n;
    char *text = yyjson_mut_val_write_opts(in(value), write_flags(print), NULL, &n, NULL);
    if (!text)
        return ERR_NO_MEMORY;
    buf_add(to, text, n);
    free(text);
    return to->failed ? ERR_NO_MEMORY : 0;
}

enum json_type json_type(const struct json_value *value) {
    switch (yyjson_mut_get_type(in(value))) {
    case YYJSON_TYPE_NULL: return JSON_NULL;
    case YYJSON_TYPE_BOOL: return JSON_BOOL;
    case YYJSON_TYPE_RAW: /* a number that fits no machine type */
    case YYJSON_TYPE_NUM: return JSON_NUMBER;
    case YYJSON_TYPE_STR: return JSON_STRING;
    case YYJSON_TYPE_ARR: return JSON_ARRAY;
    case YYJSON_TYPE_OBJ: return JSON_OBJECT;
    default: return JSON_NONE;
    }
}

struct json_value *json_get(struct json_value *object, struct str key) {
    return key.p ? out(yyjson_mut_obj_getn(in(object), key.p, key.n)) : NULL;
}

struct json_value *json_item(struct json_value *array, size_t i) {
    return out(yyjson_mut_arr_get(in(array), i));
}

struct json_value *json_at(struct json_value *value, const char *pointer) {
    return out(yyjson_mut_ptr_get(in(value), pointer));
}

struct str json_text(const struct json_value *value) {
    if (!yyjson_mut_is_str(in(value)))
        return (struct str){NULL, 0};
    return (struct str){yyjson_mut_get_str(in(value)), yyjson_mut_get_len(in(value))};
}

size_t json_n(const struct json_value *value) {
    return yyjson_mut_is_ctn(in(value)) ? yyjson_mut_get_len(in(value)) : 0;
}

bool json_is_true(const struct json_value *value) {
    return yyjson_mut_is_true(in(value));
}

int json_to_u64(const struct json_value *value, uint64_t *ret_value) {
    if (!yyjson_mut_is_uint(in(value)))
        return ERR_INVALID;
    *ret_value = yyjson_mut_get_uint(in(value));
    return 0;
}

double json_to_real(const struct json_value *value) {
    return yyjson_mut_get_num(in(value));
}

static yyjson_mut_val *first_of(yyjson_mut_val *value) {
    yyjson_mut_val *last = value->uni.ptr;
    return yyjson_mut_is_obj(value) ? last->next->next : last->next;
}

bool json_next(struct json_value *value, struct json_each *it) {
    if (it->i >= json_n(value))
        return false;
    bool object = yyjson_mut_is_obj(in(value));
    /* where the last step ended; in an object its value is followed by the next key */
    yyjson_mut_val *at = it->i == 0 ? first_of(in(value)) : in(it->value)->next;
    if (object)
        it->key = (struct str){yyjson_mut_get_str(at), yyjson_mut_get_len(at)};
    it->value = out(object ? at->next : at);
    it->i++;
    return true;
}
