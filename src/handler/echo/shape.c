/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "handler/echo/endpoint.h"
#include "http/uri.h"

/* name=value pairs, decoded; a list where a name is repeated. */
static struct json_value *pairs(struct echo *e, struct json *j, struct str encoded) {
    struct arena *arena = &e->end.x->arena;
    struct json_value *object = json_object(j);
    struct str name, value;

    while (query_next(&encoded, &name, &value)) {
        name = shape_made(j, uri_decode(arena, name, true));
        value = shape_made(j, uri_decode(arena, value, true));
        shape_add(j, object, name, shape_bytes(j, value));
    }
    return object;
}

struct json_value *shape_args(struct echo *e, struct json *j) {
    return pairs(e, j, e->query);
}

/* What proxies add is shown on request only, as httpbin does. */
static bool is_forwarding(struct str name) {
    return str_starts(name, STR("x-forwarded-")) || str_starts(name, STR("x-h3gw-")) ||
           str_eq(name, STR("via")) || str_eq(name, STR("forwarded")) ||
           str_eq(name, STR("x-request-id")) || str_eq(name, STR("x-real-ip")) ||
           str_eq(name, STR("early-data"));
}

/* "x-b3-traceid" as "X-B3-Traceid". */
static struct str title_case(struct arena *arena, struct str name) {
    struct str copy = arena_str(arena, name);
    char *p = (char *)(uintptr_t)copy.p;

    for (size_t i = 0; p && i < copy.n; i++)
        if ((i == 0 || p[i - 1] == '-') && p[i] >= 'a' && p[i] <= 'z')
            p[i] = (char)(p[i] - 'a' + 'A');
    return copy;
}

static void add_header(struct json *j, struct json_value *object, struct str name,
                       struct str value) {
    struct json_value *before = json_get(object, name);
    struct buf joined;

    if (!before) {
        json_add_str(j, object, name, value);
        return;
    }
    buf_init(&joined);
    buf_str(&joined, json_text(before));
    buf_char(&joined, ',');
    buf_str(&joined, value);
    j->failed |= joined.failed;
    json_set(j, object, name, json_str(j, buf_view(&joined)));
    buf_fini(&joined);
}

struct json_value *shape_headers(struct echo *e, struct json *j) {
    const struct message *q = &e->end.x->request;
    struct arena *arena = &e->end.x->arena;
    struct json_value *object = json_object(j);
    struct str show;
    int err = query_get(arena, e->query, STR("show_env"), &show);

    j->failed |= err == ERR_NO_MEMORY;
    if (q->authority.n)
        json_add_str(j, object, STR("Host"), q->authority);
    if (q->content_length >= 0) {
        struct str length = arena_format(arena, "%lld", (long long)q->content_length);
        json_add_str(j, object, STR("Content-Length"), shape_made(j, length));
    }
    for (size_t i = 0; i < q->fields.n; i++) {
        struct field f = q->fields.v[i];
        if (err == 0 || !is_forwarding(f.name))
            add_header(j, object, shape_made(j, title_case(arena, f.name)), f.value);
    }
    return object;
}

struct json_value *shape_origin(struct echo *e, struct json *j) {
    return json_str(j, fields_get(&e->end.x->request.fields, STR("x-forwarded-for")));
}

struct json_value *shape_url(struct echo *e, struct json *j) {
    const struct message *q = &e->end.x->request;

    struct str url = arena_format(&e->end.x->arena, STR_FMT "://" STR_FMT STR_FMT,
                                  STR_ARG(q->scheme), STR_ARG(q->authority), STR_ARG(q->path));
    return json_str(j, shape_made(j, url));
}

/* The value of a parameter of a field like content-type; quotes go. */
static struct str parameter(struct str field, struct str name) {
    struct str part, key;

    while (str_cut(&field, ';', &part)) {
        part = str_trim(part);
        if (!str_cut(&part, '=', &key) || !str_ieq(str_trim(key), name))
            continue;
        part = str_trim(part);
        if (part.n >= 2 && part.p[0] == '"' && part.p[part.n - 1] == '"')
            part = (struct str){part.p + 1, part.n - 2};
        return part;
    }
    return (struct str){0};
}

static struct json_value *parsed(struct json *j, struct str text) {
    struct json_limits limits = {.bytes = text.n, .depth = 100};
    struct json_value *value;

    if (text.n == 0 || json_parse(j, text, limits, &value))
        return json_null(j);
    return value;
}

void shape_body(struct echo *e, struct json *j, struct json_value *object) {
    struct str type = fields_get(&e->end.x->request.fields, STR("content-type"));
    struct str body = buf_view(&e->body);
    struct json_value *files = json_object(j), *form = NULL;
    struct str boundary = parameter(type, STR("boundary"));

    if (str_istarts(type, STR("application/x-www-form-urlencoded"))) {
        form = pairs(e, j, body);
        body.n = 0;
    } else if (str_istarts(type, STR("multipart/form-data")) && boundary.n) {
        form = json_object(j);
        multipart_read(j, body, boundary, form, files);
        body.n = 0;
    }
    json_add(j, object, STR("data"), body.n ? shape_bytes(j, body) : json_str(j, STR("")));
    json_add(j, object, STR("files"), files);
    json_add(j, object, STR("form"), form ? form : json_object(j));
    json_add(j, object, STR("json"), parsed(j, body));
}
