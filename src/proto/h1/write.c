/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/write.h"

#include <stdio.h>

#include "base/date.h"
#include "http/validate.h"

static void write_line(struct buf *to, struct str name, struct str value) {
    uint8_t *p = buf_extend(to, name.n + value.n + 4);
    if (!p)
        return;
    memcpy(p, name.p, name.n);
    memcpy(p + name.n, ": ", 2);
    if (value.n > 0)
        memcpy(p + name.n + 2, value.p, value.n);
    memcpy(p + name.n + 2 + value.n, "\r\n", 2);
}

static void write_fields(struct buf *to, const struct fields *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        const struct field *f = &fields->v[i];
        if (valid_field_name(f->name) && valid_field_value(f->value))
            write_line(to, f->name, f->value);
    }
}

static void write_framing(struct buf *to, const struct message *m, enum h1_framing framing) {
    if (framing == H1_CHUNKED) {
        buf_str(to, STR("transfer-encoding: chunked\r\n"));
    } else if (framing != H1_UNTIL_EOF && m->content_length >= 0) {
        buf_str(to, STR("content-length: "));
        buf_u64(to, (uint64_t)m->content_length);
        buf_str(to, STR("\r\n"));
    }
}

void h1_request_write(struct buf *to, const struct message *m, enum h1_framing framing) {
    buf_str(to, m->method);
    buf_char(to, ' ');
    buf_str(to, m->path);
    buf_str(to, STR(" HTTP/1.1\r\n"));
    write_line(to, STR("host"), m->authority);
    write_fields(to, &m->fields);
    if (fields_has(&m->fields, STR("te")))
        buf_str(to, STR("connection: te\r\n"));
    if (m->expect_continue && framing != H1_NO_BODY)
        buf_str(to, STR("expect: 100-continue\r\n"));
    write_framing(to, m, framing);
    buf_str(to, STR("\r\n"));
}

static void write_status_line(struct buf *to, int status) {
    buf_str(to, STR("HTTP/1.1 "));
    buf_u64(to, (uint64_t)status);
    buf_char(to, ' ');
    buf_str(to, str_of(status_text(status)));
    buf_str(to, STR("\r\n"));
}

void h1_response_write(struct buf *to, const struct message *m, enum h1_framing framing,
                       const char *connection) {
    write_status_line(to, m->status);
    write_fields(to, &m->fields);
    write_framing(to, m, framing);
    if (connection)
        write_line(to, STR("connection"), str_of(connection));
    buf_str(to, STR("\r\n"));
}

void h1_informational_write(struct buf *to, int status, const struct fields *fields) {
    write_status_line(to, status);
    if (fields)
        write_fields(to, fields);
    buf_str(to, STR("\r\n"));
}

void h1_trailers_write(struct buf *to, const struct fields *trailers) {
    buf_str(to, STR("0\r\n"));
    if (trailers)
        write_fields(to, trailers);
    buf_str(to, STR("\r\n"));
}

void h1_refusal_write(struct buf *to, int status, const char *problem, uint64_t wall_s) {
    char body[512], date[DATE_TEXT];
    int n = snprintf(body, sizeof(body), "%d %s\n%s\n", status, status_text(status), problem);
    size_t body_n = n < (int)sizeof(body) ? (size_t)n : sizeof(body) - 1;
    write_status_line(to, status);
    write_line(to, STR("date"), str_of(date_imf(wall_s, date)));
    buf_str(to, STR("content-type: text/plain; charset=utf-8\r\ncontent-length: "));
    buf_u64(to, body_n);
    buf_str(to, STR("\r\nconnection: close\r\n\r\n"));
    buf_add(to, body, body_n);
}
