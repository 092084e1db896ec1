/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/headers.h"

#include "base/err.h"
#include "http/validate.h"

/* The fields that mean something for framing, routing or the connection. */
struct special {
    struct str host, length, encoding;
    unsigned n_host, n_length, n_encoding;
    bool close, keep_alive;
};

static int refuse(struct h1_facts *f, int status, const char *problem) {
    f->status = status;
    f->problem = problem;
    return ERR_INVALID;
}

static void note_connection(struct special *s, struct h1_facts *f, struct str list) {
    struct str token;
    while (fields_list_next(&list, &token)) {
        if (str_ieq(token, STR("close")))
            s->close = true;
        else if (str_ieq(token, STR("keep-alive")))
            s->keep_alive = true;
        else
            f->names_fields = true;
    }
}

static void note_te(struct h1_facts *f, struct str list) {
    struct str coding;
    while (fields_list_next(&list, &coding))
        f->te_trailers = f->te_trailers || str_ieq(coding, STR("trailers"));
}

static void note_field(struct special *s, struct h1_facts *f, const struct field *field) {
    if (str_ieq(field->name, STR("host"))) {
        s->host = field->value;
        s->n_host++;
    } else if (str_ieq(field->name, STR("content-length"))) {
        s->length = field->value;
        s->n_length++;
    } else if (str_ieq(field->name, STR("transfer-encoding"))) {
        s->encoding = field->value;
        s->n_encoding++;
    } else if (str_ieq(field->name, STR("connection"))) {
        note_connection(s, f, field->value);
    } else if (str_ieq(field->name, STR("te"))) {
        note_te(f, field->value);
    }
}

static struct special note_fields(const struct h1_head *head, struct h1_facts *f) {
    struct special s = {0};
    for (size_t i = 0; i < head->n; i++)
        note_field(&s, f, &head->v[i]);
    f->keep_alive = !s.close && (head->minor >= 1 || s.keep_alive);
    return s;
}

static int check_version(const struct h1_head *head, struct h1_facts *f) {
    if (head->major != 1 || head->minor > 1)
        return refuse(f, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return 0;
}

/* Other codings below chunked could be understood by somebody, so RFC 9112 6.1 has a status
 * for them; without chunked at the end nobody knows the length. */
static int refuse_encoding(const struct special *s, struct h1_facts *f) {
    struct str list = s->encoding, coding = STR("");
    unsigned n_chunked = 0;
    while (fields_list_next(&list, &coding))
        n_chunked += str_ieq(coding, STR("chunked"));
    if (n_chunked == 1 && str_ieq(coding, STR("chunked")))
        return refuse(f, 501, "a Transfer-Encoding other than chunked");
    return refuse(f, 400, "a Transfer-Encoding that does not end with chunked");
}

static int check_encoding(const struct h1_head *head, const struct special *s, struct h1_facts *f) {
    if (s->n_length > 0)
        return refuse(f, 400, "both Content-Length and Transfer-Encoding");
    if (head->minor == 0)
        return refuse(f, 400, "Transfer-Encoding in an HTTP/1.0 message");
    if (s->n_encoding > 1)
        return refuse(f, 400, "more than one Transfer-Encoding");
    if (!str_ieq(s->encoding, STR("chunked")))
        return refuse_encoding(s, f);
    f->framing = H1_CHUNKED;
    return 0;
}

static int check_length(const struct special *s, struct h1_facts *f) {
    if (s->n_length > 1)
        return refuse(f, 400, "more than one Content-Length");
    if (content_length_parse(s->length, &f->content_length) != 0)
        return refuse(f, 400, "a Content-Length that is no number");
    f->length = (uint64_t)f->content_length;
    f->framing = f->length > 0 ? H1_LENGTH : H1_NO_BODY;
    return 0;
}

/* RFC 9112 6.3, but that whatever is doubtful is refused. */
static int check_framing(const struct h1_head *head, const struct special *s, struct h1_facts *f) {
    f->content_length = LENGTH_UNKNOWN;
    f->framing = H1_NO_BODY;
    if (s->n_encoding > 0)
        return check_encoding(head, s, f);
    if (s->n_length > 0)
        return check_length(s, f);
    return 0;
}

static int check_host(const struct h1_head *head, const struct special *s, struct h1_facts *f) {
    if (s->n_host > 1)
        return refuse(f, 400, "more than one Host");
    if (s->n_host == 0 && head->minor >= 1)
        return refuse(f, 400, "no Host");
    f->authority = s->host;
    return 0;
}

/* "http://host/path", RFC 9112 3.2.2. An empty path is "/"; with OPTIONS and no query it means
 * the server, 3.2.4. */
static int split_absolute(const struct h1_head *head, const struct special *s, struct h1_facts *f) {
    struct str scheme = str_istarts(head->target, STR("https://")) ? STR("https") : STR("http");
    if (!str_istarts(head->target, STR("http://")) && scheme.n == 4)
        return refuse(f, 400, "a request target that begins neither with / nor with http");
    if (!str_eq(scheme, f->scheme))
        return refuse(f, 421, "a request target of another scheme than this connection's");
    size_t begin = scheme.n + 3, end = begin;
    while (end < head->target.n && head->target.p[end] != '/' && head->target.p[end] != '?')
        end++;
    f->authority = (struct str){head->target.p + begin, end - begin};
    f->path = (struct str){head->target.p + end, head->target.n - end};
    if (f->path.n == 0) {
        f->path = str_eq(head->method, STR("OPTIONS")) ? STR("*") : STR("/");
    } else if (f->path.p[0] == '?') {
        f->query = f->path;
        f->path = STR("/");
    }
    if (!valid_query(f->query))
        return refuse(f, 400, "malformed path");
    if (s->n_host > 0 && !str_ieq(f->authority, s->host))
        return refuse(f, 400, "a Host that differs from the request target's");
    return 0;
}

static int check_target(const struct h1_head *head, const struct special *s, struct h1_facts *f) {
    char first = head->target.n > 0 ? head->target.p[0] : '\0';
    f->path = head->target;
    if (first == '/' || (head->target.n == 1 && first == '*'))
        return 0;
    return split_absolute(head, s, f);
}

static int check_expect(const struct h1_head *head, struct h1_facts *f) {
    for (size_t i = 0; i < head->n; i++) {
        if (!str_ieq(head->v[i].name, STR("expect")))
            continue;
        if (!str_ieq(head->v[i].value, STR("100-continue")))
            return refuse(f, 417, "an expectation other than 100-continue");
        /* RFC 9110 10.1.1: to be ignored in HTTP/1.0, and without a body it says nothing */
        f->expect_continue = head->minor >= 1 && f->framing != H1_NO_BODY;
    }
    return 0;
}

int h1_request_check(const struct h1_head *head, bool secure, struct h1_facts *ret_facts) {
    struct h1_facts *f = ret_facts;
    *f = (struct h1_facts){.scheme = secure ? STR("https") : STR("http")};
    if (check_version(head, f) != 0)
        return ERR_INVALID;
    struct special s = note_fields(head, f);
    if (str_eq(head->method, STR("CONNECT")))
        return refuse(f, 501, connect_refusal);
    if (check_framing(head, &s, f) != 0 || check_host(head, &s, f) != 0 ||
        check_target(head, &s, f) != 0 || check_expect(head, f) != 0)
        return ERR_INVALID;
    struct message m = {
        .method = head->method,
        .scheme = f->scheme,
        .authority = f->authority,
        .path = f->path,
    };
    const char *problem = request_problem(&m, head->minor >= 1);
    return problem ? refuse(f, 400, problem) : 0;
}

int h1_response_check(const struct h1_head *head, struct str method, struct h1_facts *ret_facts) {
    struct h1_facts *f = ret_facts;
    *f = (struct h1_facts){0};
    if (check_version(head, f) != 0)
        return ERR_INVALID;
    if (head->status < 100 || head->status > 999)
        return refuse(f, 502, "a status that is no status");
    struct special s = note_fields(head, f);
    if (check_framing(head, &s, f) != 0)
        return ERR_INVALID;
    if (head->status < 200 || head->status == 204)
        f->content_length = LENGTH_UNKNOWN;
    if (response_has_no_body(method, head->status))
        f->framing = H1_NO_BODY;
    else if (s.n_encoding == 0 && s.n_length == 0)
        f->framing = H1_UNTIL_EOF;
    return 0;
}

/* ---- filling ---- */

/* What is told by other means than fields; te is added as it is known to be. */
static bool is_told_elsewhere(struct str name) {
    static const struct {
        const char *name;
        size_t n;
    } names[] = {
        {"connection", 10},        {"host", 4},        {"content-length", 14},
        {"transfer-encoding", 17}, {"keep-alive", 10}, {"upgrade", 7},
        {"proxy-connection", 16},  {"te", 2},          {"expect", 6},
        {"http2-settings", 14},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_ieq(name, (struct str){names[i].name, names[i].n}))
            return true;
    return false;
}

static bool is_named_by_connection(const struct h1_head *head, struct str name) {
    for (size_t i = 0; i < head->n; i++) {
        struct str list = head->v[i].value, token;
        if (!str_ieq(head->v[i].name, STR("connection")))
            continue;
        while (fields_list_next(&list, &token))
            if (str_ieq(token, name))
                return true;
    }
    return false;
}

int h1_fields_fill(const struct h1_head *head, const struct h1_facts *facts,
                   struct fields *fields) {
    for (size_t i = 0; i < head->n; i++) {
        struct str name = head->v[i].name;
        if (is_told_elsewhere(name) || (facts->names_fields && is_named_by_connection(head, name)))
            continue;
        if (fields_add(fields, name, head->v[i].value) != 0)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int copy(struct arena *arena, struct str from, struct str *ret_to) {
    struct str s = arena_str(arena, from);
    if (!s.p)
        return ERR_NO_MEMORY;
    *ret_to = s;
    return 0;
}

static int copy_lower(struct arena *arena, struct str from, struct str *ret_to) {
    char *p = arena_alloc(arena, from.n + 1);
    if (!p)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < from.n; i++)
        p[i] = (char)(from.p[i] >= 'A' && from.p[i] <= 'Z' ? from.p[i] | 0x20 : from.p[i]);
    p[from.n] = '\0';
    *ret_to = (struct str){p, from.n};
    return 0;
}

static int copy_path(struct arena *arena, const struct h1_facts *facts, struct str *ret_path) {
    if (facts->query.n == 0)
        return copy(arena, facts->path, ret_path);
    struct str path = facts->path, query = facts->query;
    *ret_path = arena_format(arena, "%.*s%.*s", (int)path.n, path.p, (int)query.n, query.p);
    return ret_path->p ? 0 : ERR_NO_MEMORY;
}

int h1_request_fill(const struct h1_head *head, const struct h1_facts *facts, struct message *m) {
    struct arena *arena = m->fields.arena;
    if (copy(arena, head->method, &m->method) != 0 || copy_path(arena, facts, &m->path) != 0 ||
        copy_lower(arena, facts->authority, &m->authority) != 0 ||
        h1_fields_fill(head, facts, &m->fields) != 0)
        return ERR_NO_MEMORY;
    if (facts->te_trailers && fields_add_static(&m->fields, STR("te"), STR("trailers")) != 0)
        return ERR_NO_MEMORY;
    m->scheme = facts->scheme;
    m->content_length = facts->content_length;
    m->expect_continue = facts->expect_continue;
    return 0;
}

int h1_refused_fill(const struct h1_head *head, struct message *m) {
    const struct h1_facts facts = {.names_fields = true};
    struct arena *arena = m->fields.arena;
    struct str host = STR("");
    for (size_t i = 0; i < head->n; i++)
        if (str_ieq(head->v[i].name, STR("host")))
            host = head->v[i].value;
    if (copy(arena, head->method, &m->method) != 0 || copy(arena, head->target, &m->path) != 0 ||
        copy_lower(arena, host, &m->authority) != 0)
        return ERR_NO_MEMORY;
    return h1_fields_fill(head, &facts, &m->fields);
}

int h1_response_fill(const struct h1_head *head, const struct h1_facts *facts, struct message *m) {
    m->status = head->status;
    m->version = head->minor == 0 ? HTTP_1_0 : HTTP_1_1;
    m->content_length = facts->content_length;
    return h1_fields_fill(head, facts, &m->fields);
}

int h1_trailer_fill(struct fields *trailers, struct str name, struct str value) {
    struct str lower;
    if (copy_lower(trailers->arena, name, &lower) != 0)
        return ERR_NO_MEMORY;
    if (is_told_elsewhere(lower) || field_forbidden_in_trailers(lower))
        return 0;
    struct str copied;
    if (copy(trailers->arena, value, &copied) != 0)
        return ERR_NO_MEMORY;
    return fields_add_static(trailers, lower, copied);
}
