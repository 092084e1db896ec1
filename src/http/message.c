/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/message.h"

bool method_is(const struct message *m, const char *method) {
    return str_eq(m->method, str_of(method));
}

bool method_is_safe(struct str method) {
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) ||
           str_eq(method, STR("OPTIONS")) || str_eq(method, STR("TRACE"));
}

bool method_is_idempotent(struct str method) {
    return method_is_safe(method) || str_eq(method, STR("PUT")) || str_eq(method, STR("DELETE"));
}

bool response_has_no_body(struct str method, int status) {
    return (status >= 100 && status < 200) || status == 204 || status == 304 ||
           str_eq(method, STR("HEAD"));
}

bool message_expects_trailers(const struct message *m) {
    bool to_come = m->body.state == BODY_OPEN && fields_has(&m->fields, STR("trailer"));
    return to_come || m->trailers.n > 0;
}

/* The IANA registry of HTTP status codes, and 418 and 499, which people use. */
static const struct {
    int status;
    const char *text;
} statuses[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
};

const char *status_text(int status) {
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "";
}

struct str message_path_only(const struct message *m) {
    ptrdiff_t at = str_find(m->path, '?');
    return at < 0 ? m->path : (struct str){m->path.p, (size_t)at};
}

struct str message_query(const struct message *m) {
    ptrdiff_t at = str_find(m->path, '?');
    if (at < 0)
        return (struct str){NULL, 0};
    return (struct str){m->path.p + at + 1, m->path.n - (size_t)at - 1};
}
