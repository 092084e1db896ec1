/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/access_line.h"

#include "base/date.h"
#include "base/json.h"

enum { ESCAPED = 1024 }; /* of each thing that a peer sent; longer ones are cut */

static void add_escaped(struct buf *b, struct str s) {
    char text[ESCAPED];
    size_t n = str_escape(s, text, sizeof text);

    if (n == 0)
        buf_char(b, '-');
    buf_add(b, text, n);
}

static void add_quoted(struct buf *b, struct str s) {
    buf_str(b, STR(" \""));
    add_escaped(b, s);
    buf_char(b, '"');
}

static int status_of(const struct exchange *x) {
    if (x->head_taken)
        return x->response.status;
    return reason_status(x->reason);
}

static struct str path_of(const struct exchange *x) {
    return x->client_path.n ? x->client_path : x->request.path;
}

/* What was produced and not taken is not counted. */
static uint64_t bytes_out(const struct exchange *x) {
    return x->response.body.sent - x->response.body.dropped;
}

void access_line_text(struct buf *b, const struct exchange *x) {
    const struct message *q = &x->request;
    char text[ADDR_TEXT], date[DATE_TEXT];
    uint64_t took_us = (x->env->turn->now_ns - x->begin_ns) / 1000;

    buf_format(b, "%s - - [%s] \"", addr_ip_text(&x->peer->remote, text),
               date_clf(x->env->turn->wall_s, date));
    add_escaped(b, q->method);
    buf_char(b, ' ');
    add_escaped(b, path_of(x));
    buf_format(b, " %s\" %d %llu", http_version_text(exchange_version(x)), status_of(x),
               (unsigned long long)bytes_out(x));
    add_quoted(b, fields_get(&q->fields, STR("referer")));
    add_quoted(b, fields_get(&q->fields, STR("user-agent")));
    buf_format(b, " %llu.%03llums ", (unsigned long long)(took_us / 1000),
               (unsigned long long)(took_us % 1000));
    add_escaped(b, q->authority);
    buf_char(b, ' ');
    add_escaped(b, x->upstream_name);
    if (x->reason != REASON_NONE)
        buf_format(b, " %s", reason_name(x->reason));
    buf_char(b, '\n');
}

/* ---- JSON ---- */

static void add_text(struct json *j, struct json_value *object, const char *key, struct str s) {
    if (s.n)
        json_add_str(j, object, str_of(key), s);
    else
        json_add_null(j, object, str_of(key));
}

static void add_ms(struct json *j, struct json_value *object, const char *key, uint64_t ns) {
    uint64_t us = ns / 1000; /* more digits say nothing */

    json_add(j, object, str_of(key), json_real(j, (double)us / 1000));
}

static void add_request(struct json *j, struct json_value *line, const struct exchange *x) {
    const struct message *q = &x->request;
    char text[ADDR_TEXT], date[DATE_TEXT];

    add_text(j, line, "time", str_of(date_rfc3339(x->env->turn->wall_s, date)));
    add_text(j, line, "client", str_of(addr_ip_text(&x->peer->remote, text)));
    add_text(j, line, "method", q->method);
    add_text(j, line, "path", path_of(x));
    add_text(j, line, "authority", q->authority);
    add_text(j, line, "protocol", str_of(http_version_text(exchange_version(x))));
}

static void add_outcome(struct json *j, struct json_value *line, const struct exchange *x) {
    bool answered = x->upstream_ns && x->response_ns;

    json_add_u64(j, line, STR("status"), (uint64_t)status_of(x));
    json_add_u64(j, line, STR("bytes_in"), x->request.body.written);
    json_add_u64(j, line, STR("bytes_out"), bytes_out(x));
    add_ms(j, line, "duration_ms", x->env->turn->now_ns - x->begin_ns);
    add_text(j, line, "upstream", x->upstream_name);
    if (answered)
        add_ms(j, line, "upstream_ms", x->response_ns - x->upstream_ns);
    else
        json_add_null(j, line, STR("upstream_ms"));
    add_text(j, line, "route", x->route_name);
    add_text(j, line, "request_id", x->request_id);
}

void access_line_json(struct buf *to, const struct exchange *x) {
    const struct fields *f = &x->request.fields;
    struct json_value *line;
    struct json j;

    json_init(&j);
    line = json_object(&j);
    add_request(&j, line, x);
    add_outcome(&j, line, x);
    add_text(&j, line, "user_agent", fields_get(f, STR("user-agent")));
    add_text(&j, line, "referer", fields_get(f, STR("referer")));
    add_text(&j, line, "reason",
             x->reason ? str_of(reason_name(x->reason)) : (struct str){NULL, 0});
    add_text(&j, line, "tls_version", str_of(x->peer->tls_version));
    add_text(&j, line, "tls_cipher", str_of(x->peer->cipher));
    if (json_print(&j, line, JSON_COMPACT | JSON_NEWLINE, to))
        to->failed = true;
    json_fini(&j);
}
