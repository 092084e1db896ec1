/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/receiver.h"

#include <stdlib.h>

#include "base/err.h"
#include "http/validate.h"

enum {
    FIELDS_FIRST = 16,
    KEEP_BYTES = 2048,      /* of the raw buffer, between messages */
    OVERHEAD_FREE = 16384,  /* bytes of chunk sizes, extensions and trailers … */
    OVERHEAD_PER_BYTE = 16, /* … and this many for each byte of data */
};

static void fail(struct h1_receiver *r, int status, const char *problem) {
    if (r->state == H1_RECEIVER_FAILED)
        return;
    r->state = H1_RECEIVER_FAILED;
    r->status = status;
    r->problem = problem;
}

/* ---- llhttp to us: records only ---- */

static struct h1_receiver *receiver_of(llhttp_t *parser) {
    return parser->data;
}

/* A head is fed in one piece, so that the parts of a span touch. */
static int extend(struct h1_receiver *r, struct str *view, const char *at, size_t n) {
    if (view->n == 0) {
        *view = (struct str){at, n};
    } else if (n > 0 && view->p + view->n == at) {
        view->n += n;
    } else if (n > 0) {
        fail(r, 400, "malformed");
        return -1;
    }
    return 0;
}

static struct field *push_field(struct h1_receiver *r) {
    struct h1_head *h = &r->head;
    if (h->n >= r->limits->fields) {
        fail(r, 431, "too many header lines");
        return NULL;
    }
    if (h->n == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : FIELDS_FIRST;
        struct field *v = realloc(h->v, cap * sizeof(*v));
        if (!v) {
            fail(r, 503, "out of memory");
            return NULL;
        }
        h->v = v;
        h->cap = cap;
    }
    h->v[h->n] = (struct field){0};
    return &h->v[h->n++];
}

static bool in_trailers(const struct h1_receiver *r) {
    return r->state == H1_RECEIVER_CHUNKED;
}

static int add_to_trailers(struct h1_receiver *r, const char *at, size_t n) {
    if (r->raw.n + n > r->limits->head_bytes) {
        fail(r, 431, "trailers too large");
        return -1;
    }
    buf_add(&r->raw, at, n);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t n) {
    struct h1_receiver *r = receiver_of(parser);
    return extend(r, &r->head.target, at, n);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t n) {
    struct h1_receiver *r = receiver_of(parser);
    if (in_trailers(r)) {
        if (!r->name_open && r->raw.n > 0 && add_to_trailers(r, "", 1) != 0)
            return -1;
        r->name_open = true;
        return add_to_trailers(r, at, n);
    }
    if (!r->name_open && !push_field(r))
        return -1;
    r->name_open = true;
    return extend(r, &r->head.v[r->head.n - 1].name, at, n);
}

static int on_header_field_complete(llhttp_t *parser) {
    struct h1_receiver *r = receiver_of(parser);
    r->name_open = false;
    return in_trailers(r) ? add_to_trailers(r, "", 1) : 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t n) {
    struct h1_receiver *r = receiver_of(parser);
    if (in_trailers(r))
        return add_to_trailers(r, at, n);
    return r->head.n > 0 ? extend(r, &r->head.v[r->head.n - 1].value, at, n) : -1;
}

static int on_headers_complete(llhttp_t *parser) {
    struct h1_receiver *r = receiver_of(parser);
    r->head.status = parser->status_code;
    r->head.major = parser->http_major;
    r->head.minor = parser->http_minor;
    for (size_t i = 0; i < r->head.n; i++)
        r->head.v[i].value = str_trim(r->head.v[i].value);
    r->state = H1_RECEIVER_HEAD_DONE;
    return HPE_PAUSED;
}

static bool wanted(const struct h1_receiver *r) {
    return r->body && r->body->state == BODY_OPEN;
}

/* How many bytes went; fewer when the body is full. */
static size_t store(struct h1_receiver *r, const uint8_t *p, size_t n) {
    size_t taken = n;
    if (wanted(r)) {
        ptrdiff_t written = body_write(r->body, p, n);
        if (written < 0)
            fail(r, 503, "out of memory");
        taken = written < 0 ? 0 : (size_t)written;
    } else {
        r->wasted += n;
    }
    r->received += taken;
    return taken;
}

static int on_body(llhttp_t *parser, const char *at, size_t n) {
    struct h1_receiver *r = receiver_of(parser);
    if (store(r, (const uint8_t *)at, n) == n)
        return 0;
    fail(r, 503, "out of memory"); /* no more was fed than there was room for */
    return -1;
}

static int on_chunk_header(llhttp_t *parser) {
    if (parser->content_length <= INT64_MAX)
        return 0;
    fail(receiver_of(parser), 400, "a chunk larger than anything");
    return -1;
}

/* llhttp takes an empty name as well as an empty value: "5;;a", "5;a=". */
static int on_extension_part(llhttp_t *parser, const char *at, size_t n) {
    (void)at;
    receiver_of(parser)->name_open |= n > 0;
    return 0;
}

static int on_extension_part_complete(llhttp_t *parser) {
    struct h1_receiver *r = receiver_of(parser);
    bool empty = !r->name_open;
    r->name_open = false;
    if (empty)
        fail(r, 400, "a malformed chunk extension");
    return empty ? -1 : 0;
}

static void finish_trailers(struct h1_receiver *r) {
    struct str rest = buf_view(&r->raw), name, value;
    if (rest.n > 0)
        buf_char(&r->raw, '\0');
    if (r->raw.failed) {
        fail(r, 503, "out of memory");
        return;
    }
    rest = buf_view(&r->raw);
    while (str_cut(&rest, '\0', &name) && str_cut(&rest, '\0', &value)) {
        if (r->trailers && r->trailers->n >= r->limits->fields)
            fail(r, 431, "too many trailers");
        else if (r->trailers && h1_trailer_fill(r->trailers, name, str_trim(value)) != 0)
            fail(r, 503, "out of memory");
        if (r->state == H1_RECEIVER_FAILED)
            return;
    }
}

static int on_message_complete(llhttp_t *parser) {
    struct h1_receiver *r = receiver_of(parser);
    finish_trailers(r);
    if (r->state == H1_RECEIVER_FAILED)
        return -1;
    r->state = H1_RECEIVER_END;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_chunk_extension_name = on_extension_part,
    .on_chunk_extension_name_complete = on_extension_part_complete,
    .on_chunk_extension_value = on_extension_part,
    .on_chunk_extension_value_complete = on_extension_part_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- us to llhttp ---- */

void h1_receiver_init(struct h1_receiver *r, bool response, const struct http_limits *limits) {
    *r = (struct h1_receiver){.response = response, .limits = limits};
    buf_init(&r->raw);
    h1_scan_init(&r->scan);
}

void h1_receiver_fini(struct h1_receiver *r) {
    buf_fini(&r->raw);
    free(r->head.v);
    r->head = (struct h1_head){0};
}

void h1_receiver_reset(struct h1_receiver *r) {
    struct buf raw = r->raw;
    struct h1_head head = {.v = r->head.v, .cap = r->head.cap};
    h1_receiver_init(r, r->response, r->limits);
    if (raw.cap > KEEP_BYTES)
        buf_fini(&raw);
    buf_reset(&raw);
    r->raw = raw;
    r->head = head;
}

bool h1_receiver_begun(const struct h1_receiver *r) {
    return r->state != H1_RECEIVER_HEAD || r->scan.state > H1_SCAN_EMPTY_CR;
}

static void feed(struct h1_receiver *r, const char *p, size_t n) {
    llhttp_errno_t err = llhttp_execute(&r->parser, p, n);
    if (err != HPE_OK && err != HPE_PAUSED && err != HPE_PAUSED_UPGRADE)
        fail(r, 400, llhttp_get_error_reason(&r->parser));
}

/* llhttp knows a closed list of methods, HTTP does not: the method is cut off here, and llhttp
 * gets GET for it. Exactly two blanks: llhttp would skip more. Returns what comes after it. */
static struct str cut_method(struct h1_receiver *r, struct str raw) {
    struct str rest = raw, line = STR(""), method = STR(""), target;
    unsigned n_blanks = 0;
    str_cut(&raw, '\r', &line);
    for (size_t i = 0; i < line.n; i++)
        n_blanks += line.p[i] == ' ';
    if (n_blanks != 2)
        fail(r, 400, "a request line that is not method, target, version");
    str_cut(&line, ' ', &method);
    r->head.method = method;
    str_cut(&line, ' ', &target);
    if (n_blanks == 2 && !str_starts(line, STR("HTTP/")))
        fail(r, 400, "a protocol other than HTTP"); /* llhttp would take RTSP and ICE */
    return (struct str){rest.p + method.n, rest.n - method.n};
}

static void parse_head(struct h1_receiver *r, struct str raw) {
    while (raw.n > 0 && (raw.p[0] == '\r' || raw.p[0] == '\n'))
        raw = (struct str){raw.p + 1, raw.n - 1};
    llhttp_init(&r->parser, r->response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    r->parser.data = r;
    if (!r->response) {
        raw = cut_method(r, raw);
        if (r->state == H1_RECEIVER_HEAD && str_eq(r->head.method, STR("CONNECT")))
            feed(r, "CONNECT", 7); /* its target is of another form */
        else if (r->state == H1_RECEIVER_HEAD)
            feed(r, "GET", 3);
    }
    if (r->state == H1_RECEIVER_HEAD)
        feed(r, raw.p, raw.n);
    if (r->state == H1_RECEIVER_HEAD)
        fail(r, 400, "malformed");
}

static void check_head_size(struct h1_receiver *r, size_t raw_bytes) {
    const struct h1_head *h = &r->head;
    size_t size = raw_bytes;
    if (r->state == H1_RECEIVER_HEAD_DONE)
        size = h->method.n + h->target.n;
    for (size_t i = 0; r->state == H1_RECEIVER_HEAD_DONE && i < h->n; i++)
        size += h->v[i].name.n + h->v[i].value.n + 32;
    if (size <= r->limits->head_bytes)
        return;
    if (r->scan.state <= H1_SCAN_START_CR)
        fail(r, 414, "the request target is too long");
    else
        fail(r, 431, "the header is too large");
}

/* Told at once: what speaks first and is no HTTP (SSH, say) may never end its line. */
static bool is_http(const struct h1_receiver *r, struct str raw) {
    static const char begin[] = {'H', 'T', 'T', 'P', '/', '1', '.'};
    size_t n = raw.n < sizeof(begin) ? raw.n : sizeof(begin);
    return !r->response || r->scan.n_empty > 0 || memcmp(raw.p, begin, n) == 0;
}

/* Of a head that is refused, so that the log can show it. What does not begin with a method and a
 * blank is no request line: a TLS ClientHello, say. */
static void note_line(struct h1_receiver *r, struct str raw) {
    struct str line = STR(""), method = STR(""), target = STR("");
    while (raw.n > 0 && (raw.p[0] == '\r' || raw.p[0] == '\n'))
        raw = (struct str){raw.p + 1, raw.n - 1};
    str_cut(&raw, '\r', &line);
    bool whole = str_find(line, ' ') > 0 && str_cut(&line, ' ', &method);
    if (r->response || !whole || !valid_field_name(method))
        return;
    str_cut(&line, ' ', &target);
    r->head.method = method;
    r->head.target = target;
}

void h1_receiver_refuse(struct h1_receiver *r, int status, const char *problem) {
    bool in_head = r->state == H1_RECEIVER_HEAD;
    fail(r, status, problem);
    if (in_head)
        note_line(r, buf_view(&r->raw));
}

/* A head that is here as a whole is parsed where it lies. */
static size_t take_head(struct h1_receiver *r, const uint8_t *p, size_t n) {
    r->touched = true;
    struct str raw = {(const char *)p, h1_scan_take(&r->scan, p, n)};
    size_t taken = raw.n;
    if (r->raw.n > 0 || r->scan.state < H1_SCAN_DONE) {
        buf_add(&r->raw, p, taken);
        raw = buf_view(&r->raw);
        if (r->raw.failed)
            fail(r, 503, "out of memory");
    }
    if (r->scan.state == H1_SCAN_BAD)
        fail(r, 400, r->scan.problem);
    else if (!r->raw.failed && !is_http(r, raw))
        fail(r, 400, "this is no HTTP/1");
    check_head_size(r, raw.n);
    if (r->scan.state == H1_SCAN_DONE && r->state == H1_RECEIVER_HEAD) {
        parse_head(r, raw);
        check_head_size(r, raw.n);
    }
    if (r->state == H1_RECEIVER_FAILED)
        note_line(r, raw);
    return taken;
}

void h1_receiver_begin_body(struct h1_receiver *r, const struct h1_facts *facts, struct body *body,
                            struct fields *trailers) {
    r->body = body;
    r->trailers = trailers;
    r->name_open = false;
    buf_reset(&r->raw);
    switch (facts->framing) {
    case H1_NO_BODY: r->state = H1_RECEIVER_END; break;
    case H1_LENGTH:
        r->remaining = facts->length;
        r->state = H1_RECEIVER_LENGTH;
        break;
    case H1_CHUNKED:
        llhttp_resume(&r->parser);
        r->state = H1_RECEIVER_CHUNKED;
        break;
    case H1_UNTIL_EOF: r->state = H1_RECEIVER_UNTIL_EOF; break;
    }
}

void h1_receiver_let_go(struct h1_receiver *r) {
    r->body = NULL;
    r->trailers = NULL;
    r->direct = false;
}

static size_t least(uint64_t a, size_t b) {
    return a < b ? (size_t)a : b;
}

struct span h1_receiver_room(struct h1_receiver *r, struct span scratch) {
    r->direct = false;
    if (r->state < H1_RECEIVER_LENGTH || !wanted(r))
        return scratch;
    if (r->state == H1_RECEIVER_CHUNKED && body_room(r->body) > 0) {
        scratch.n = least(body_room(r->body), scratch.n);
        return scratch;
    }
    struct span own = body_reserve(r->body);
    if (own.n == 0) /* armed; or memory ended, which only a write tells */
        return body_room(r->body) > 0 ? scratch : own;
    r->direct = true;
    if (r->state == H1_RECEIVER_LENGTH)
        own.n = least(r->remaining, own.n);
    return own;
}

int h1_receiver_more_room(struct h1_receiver *r, struct iovec *iov, int n) {
    if (!r->direct)
        return 0;
    size_t most = r->state == H1_RECEIVER_LENGTH ? least(r->remaining, SIZE_MAX) : SIZE_MAX;
    return body_reserve_more(r->body, most, iov, n);
}

static void count_down(struct h1_receiver *r, size_t n) {
    if (r->state != H1_RECEIVER_LENGTH)
        return;
    r->remaining -= n;
    if (r->remaining == 0)
        r->state = H1_RECEIVER_END;
}

void h1_receiver_filled(struct h1_receiver *r, size_t n) {
    r->direct = false;
    body_commit(r->body, n);
    r->received += n;
    count_down(r, n);
}

static size_t take_chunked(struct h1_receiver *r, const uint8_t *p, size_t n) {
    uint64_t received_before = r->received;
    if (wanted(r)) {
        n = least(body_room(r->body), n);
        if (n == 0)
            body_reserve(r->body); /* arms END_ROOM */
    }
    if (n == 0)
        return 0;
    feed(r, (const char *)p, n);
    if (r->state == H1_RECEIVER_END)
        n = (size_t)((const uint8_t *)llhttp_get_error_pos(&r->parser) - p);
    r->overhead += n - least(r->received - received_before, n);
    if (r->overhead > OVERHEAD_FREE + r->limits->head_bytes + r->received * OVERHEAD_PER_BYTE)
        fail(r, 400, "too much chunk overhead");
    return n;
}

size_t h1_receiver_take(struct h1_receiver *r, const uint8_t *p, size_t n) {
    size_t taken = 0;
    switch (r->state) {
    case H1_RECEIVER_HEAD: return take_head(r, p, n);
    case H1_RECEIVER_LENGTH:
        taken = store(r, p, least(r->remaining, n));
        count_down(r, taken);
        return taken;
    case H1_RECEIVER_UNTIL_EOF: return store(r, p, n);
    case H1_RECEIVER_CHUNKED: return take_chunked(r, p, n);
    case H1_RECEIVER_HEAD_DONE:
    case H1_RECEIVER_END:
    case H1_RECEIVER_FAILED: return 0;
    }
    return 0;
}

bool h1_receiver_eof(struct h1_receiver *r) {
    if (r->state == H1_RECEIVER_UNTIL_EOF)
        r->state = H1_RECEIVER_END;
    return r->state == H1_RECEIVER_END;
}
