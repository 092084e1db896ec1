/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/pseudo.h"

#include "base/err.h"
#include "http/validate.h"

enum {
    SEEN_METHOD = 1 << 0,
    SEEN_SCHEME = 1 << 1,
    SEEN_AUTHORITY = 1 << 2,
    SEEN_PATH = 1 << 3,
    SEEN_PROTOCOL = 1 << 4,
    SEEN_STATUS = 1 << 5,
    SEEN_HOST = 1 << 6,
    FIELD_OVERHEAD = 32, /* RFC 9113 10.5.1, RFC 9114 4.2.2 */
};

void head_builder_init(struct head_builder *b, enum section section, struct arena *arena,
                       const struct http_limits *limits) {
    *b = (struct head_builder){
        .section = section, .limits = limits, .content_length = LENGTH_UNKNOWN};
    fields_init(&b->fields, arena);
}

void head_builder_refuse(struct head_builder *b, const char *problem) {
    if (!b->problem)
        b->problem = problem;
}

static int keep(struct head_builder *b, struct str value, struct str *ret_kept) {
    *ret_kept = arena_str(b->fields.arena, value);
    return ret_kept->p ? 0 : ERR_NO_MEMORY;
}

/* Host names compare without case; the exchange carries them in lower case. */
static int keep_lower(struct head_builder *b, struct str value, struct str *ret_kept) {
    char *to = arena_alloc(b->fields.arena, value.n + 1);
    if (!to)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        to[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    to[value.n] = 0;
    *ret_kept = (struct str){to, value.n};
    return 0;
}

static int keep_status(struct head_builder *b, struct str value) {
    uint64_t status = 0;
    if (value.n != 3 || str_to_u64(value, &status) != 0 || status < 100 || status == 101)
        head_builder_refuse(b, ":status is not a status code");
    b->status = (int)status;
    return 0;
}

static const struct pseudo {
    struct str name;
    uint32_t seen;
    enum section section;
} pseudos[] = {
    {{":method", 7}, SEEN_METHOD, SECTION_REQUEST},
    {{":scheme", 7}, SEEN_SCHEME, SECTION_REQUEST},
    {{":authority", 10}, SEEN_AUTHORITY, SECTION_REQUEST},
    {{":path", 5}, SEEN_PATH, SECTION_REQUEST},
    {{":protocol", 9}, SEEN_PROTOCOL, SECTION_REQUEST},
    {{":status", 7}, SEEN_STATUS, SECTION_RESPONSE},
};

static const struct pseudo *pseudo_find(struct str name) {
    for (size_t i = 0; i < sizeof(pseudos) / sizeof(pseudos[0]); i++)
        if (str_eq(pseudos[i].name, name))
            return &pseudos[i];
    return NULL;
}

static int keep_pseudo(struct head_builder *b, uint32_t which, struct str value) {
    switch (which) {
    case SEEN_METHOD: return keep(b, value, &b->method);
    case SEEN_SCHEME: return keep_lower(b, value, &b->scheme);
    case SEEN_AUTHORITY: return keep_lower(b, value, &b->authority);
    case SEEN_PATH: return keep(b, value, &b->path);
    case SEEN_PROTOCOL: return keep(b, value, &b->protocol);
    default: return keep_status(b, value);
    }
}

static int add_pseudo(struct head_builder *b, struct str name, struct str value) {
    const struct pseudo *pseudo = pseudo_find(name);
    if (!pseudo || pseudo->section != b->section ||
        (pseudo->seen == SEEN_PROTOCOL && !b->connect_protocol)) {
        head_builder_refuse(b, "a pseudo-header field that does not belong here");
        return 0;
    }
    if (b->regular || (b->seen & pseudo->seen)) {
        head_builder_refuse(b, b->regular ? "a pseudo-header field after a regular one"
                                          : "a pseudo-header field came twice");
        return 0;
    }
    b->seen |= pseudo->seen;
    return keep_pseudo(b, pseudo->seen, value);
}

static int add_content_length(struct head_builder *b, struct str value) {
    /* some servers say so and mean nothing by it; nothing else is right there */
    if (b->section == SECTION_RESPONSE && b->status == 204 && str_eq(value, STR("0")))
        return 0;
    if (b->content_length != LENGTH_UNKNOWN)
        head_builder_refuse(b, "content-length came twice");
    else if (content_length_parse(value, &b->content_length) != 0)
        head_builder_refuse(b, "content-length is not a number");
    return 0;
}

static int add_host(struct head_builder *b, struct str value) {
    if (b->seen & SEEN_HOST)
        head_builder_refuse(b, "host came twice");
    b->seen |= SEEN_HOST;
    return keep_lower(b, value, &b->host);
}

/* What the exchange carries elsewhere than among its fields, and what must not come. */
static int add_request_field(struct head_builder *b, struct str name, struct str value,
                             bool *ret_done) {
    *ret_done = true;
    if (str_eq(name, STR("host")))
        return add_host(b, value);
    if (str_eq(name, STR("expect")) && str_ieq(value, STR("100-continue"))) {
        b->expect_continue = true;
        return 0;
    }
    if (str_eq(name, STR("te")) && !str_ieq(value, STR("trailers"))) {
        head_builder_refuse(b, "te says something else than trailers");
        return 0;
    }
    *ret_done = false;
    return 0;
}

static bool has_upper(struct str name) {
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] >= 'A' && name.p[i] <= 'Z')
            return true;
    return false;
}

static const char *field_problem(struct str name, struct str value) {
    if (!valid_field_name(name) || has_upper(name))
        return "a field name with characters that do not belong there";
    if (!valid_field_value(value) || str_trim(value).n != value.n)
        return "a field value with characters that do not belong there";
    if (field_is_hop_by_hop(name))
        return "a field that belongs to HTTP/1 connections";
    return NULL;
}

static int add_regular(struct head_builder *b, struct str name, struct str value) {
    b->regular = true;
    const char *problem = field_problem(name, value);
    if (problem) {
        head_builder_refuse(b, problem);
        return 0;
    }
    /* a trailer that must not be one is left out, as RFC 9110 6.5.1 allows */
    if (b->section == SECTION_TRAILERS)
        return field_forbidden_in_trailers(name) ? 0 : fields_add(&b->fields, name, value);
    if (str_eq(name, STR("content-length")))
        return add_content_length(b, value);
    bool done = false;
    if (b->section == SECTION_REQUEST) {
        int err = add_request_field(b, name, value, &done);
        if (err != 0 || done)
            return err;
    }
    return fields_add(&b->fields, name, value);
}

int head_builder_add(struct head_builder *b, struct str name, struct str value) {
    b->size_bytes += name.n + value.n + FIELD_OVERHEAD;
    b->n_fields++;
    if (b->size_bytes > b->limits->head_bytes || b->n_fields > b->limits->fields)
        b->too_large = true;
    if (b->too_large || b->problem)
        return 0;
    if (name.n > 0 && name.p[0] == ':')
        return add_pseudo(b, name, value);
    return add_regular(b, name, value);
}

static int verdict(const struct head_builder *b) {
    if (b->problem)
        return ERR_INVALID;
    return b->too_large ? ERR_LIMIT : 0;
}

/* RFC 9113 8.3.1, 8.5; RFC 8441 4. */
static const char *pseudos_problem(const struct head_builder *b) {
    bool connect = str_eq(b->method, STR("CONNECT"));
    if (!(b->seen & SEEN_METHOD))
        return "no :method";
    if ((b->seen & SEEN_PROTOCOL) && !connect)
        return ":protocol without CONNECT";
    if (connect && !(b->seen & SEEN_PROTOCOL)) {
        if (b->seen & (SEEN_SCHEME | SEEN_PATH))
            return "CONNECT with :scheme or :path";
        return b->seen & SEEN_AUTHORITY ? NULL : "CONNECT without :authority";
    }
    if (!(b->seen & SEEN_SCHEME) || !(b->seen & SEEN_PATH))
        return "no :scheme or no :path";
    return NULL;
}

static const char *authority_problem(struct head_builder *b) {
    if (!(b->seen & SEEN_AUTHORITY))
        b->authority = b->host;
    else if ((b->seen & SEEN_HOST) && !str_eq(b->authority, b->host))
        return "host and :authority differ";
    return NULL;
}

/* Of a request that is wrong, too: the log shows it. */
static int take_target(struct head_builder *b, struct message *m) {
    int err = verdict(b);
    if (err == 0)
        b->problem = pseudos_problem(b);
    if (err == 0 && !b->problem)
        b->problem = authority_problem(b);
    m->method = b->method;
    m->scheme = b->scheme;
    m->authority = b->authority;
    m->path = b->path;
    m->protocol = b->protocol;
    if (err == 0 && !b->problem)
        b->problem = request_problem(m, true);
    return err == 0 ? verdict(b) : err;
}

int head_builder_request(struct head_builder *b, struct message *m) {
    int err = take_target(b, m);
    if (err == 0)
        err = fields_join_cookies(&b->fields);
    if (err != 0)
        return err;
    m->expect_continue = b->expect_continue;
    m->content_length = b->content_length;
    m->fields = b->fields;
    return 0;
}

int head_builder_response(struct head_builder *b, struct message *m) {
    int err = verdict(b);
    if (err != 0)
        return err;
    if (!(b->seen & SEEN_STATUS))
        b->problem = "no :status";
    else if (b->status < 200 && b->content_length != LENGTH_UNKNOWN)
        b->problem = "content-length in an informational response";
    else if (b->status == 204 && b->content_length != LENGTH_UNKNOWN)
        b->problem = "content-length in a response without content";
    if (b->problem)
        return ERR_INVALID;
    if (b->status < 200)
        return 0;
    m->status = b->status;
    m->content_length = b->content_length;
    m->fields = b->fields;
    return 0;
}

int head_builder_trailers(struct head_builder *b, struct fields *trailers) {
    int err = verdict(b);
    if (err != 0)
        return err;
    *trailers = b->fields;
    return 0;
}

/* ---- for the wire ---- */

struct lines {
    struct arena *arena;
    struct field *v;
    size_t n;
    bool failed;
};

enum { LINES_MORE = 6 }; /* pseudo-header fields and content-length, at most */

static int lines_begin(struct lines *l, const struct fields *fields) {
    *l = (struct lines){.arena = fields->arena};
    l->v = arena_alloc(l->arena, (fields->n + LINES_MORE) * sizeof(struct field));
    return l->v ? 0 : ERR_NO_MEMORY;
}

static void lines_add(struct lines *l, struct str name, struct str value) {
    l->v[l->n++] = (struct field){name, value};
}

static void lines_add_number(struct lines *l, struct str name, uint64_t number) {
    struct str text = arena_u64(l->arena, number);
    l->failed |= !text.p;
    lines_add(l, name, text);
}

static int lines_end(struct lines *l, const struct fields *fields, struct field **ret_lines,
                     size_t *ret_n) {
    if (fields->n > 0)
        memcpy(l->v + l->n, fields->v, fields->n * sizeof(struct field));
    if (l->failed)
        return ERR_NO_MEMORY;
    *ret_lines = l->v;
    *ret_n = l->n + fields->n;
    return 0;
}

int head_request_lines(const struct message *m, struct field **ret_lines, size_t *ret_n) {
    struct lines l;
    if (lines_begin(&l, &m->fields) != 0)
        return ERR_NO_MEMORY;
    lines_add(&l, STR(":method"), m->method);
    if (!method_is(m, "CONNECT") || m->protocol.n > 0) {
        lines_add(&l, STR(":scheme"), m->scheme);
        lines_add(&l, STR(":path"), m->path);
    }
    if (m->authority.n > 0)
        lines_add(&l, STR(":authority"), m->authority);
    if (m->protocol.n > 0)
        lines_add(&l, STR(":protocol"), m->protocol);
    if (m->content_length != LENGTH_UNKNOWN)
        lines_add_number(&l, STR("content-length"), (uint64_t)m->content_length);
    return lines_end(&l, &m->fields, ret_lines, ret_n);
}

int head_response_lines(const struct message *m, struct field **ret_lines, size_t *ret_n) {
    struct lines l;
    if (lines_begin(&l, &m->fields) != 0)
        return ERR_NO_MEMORY;
    lines_add_number(&l, STR(":status"), (uint64_t)m->status);
    if (m->content_length != LENGTH_UNKNOWN && m->status != 204)
        lines_add_number(&l, STR("content-length"), (uint64_t)m->content_length);
    return lines_end(&l, &m->fields, ret_lines, ret_n);
}

int head_info_lines(int status, const struct fields *fields, struct field **ret_lines,
                    size_t *ret_n) {
    struct lines l;
    if (lines_begin(&l, fields) != 0)
        return ERR_NO_MEMORY;
    lines_add_number(&l, STR(":status"), (uint64_t)status);
    return lines_end(&l, fields, ret_lines, ret_n);
}
