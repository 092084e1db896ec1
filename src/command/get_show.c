/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>

#include "command/get_parts.h"

/* Everything but the body goes to standard error. Values were checked: no controls in them. */

void get_fail(struct getter *g, const char *format, ...) {
    va_list args;

    if (g->state == GET_FAILED)
        return;
    g->state = GET_FAILED;
    va_start(args, format);
    fputs("h3gw get: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    loop_stop(g->loop);
}

void get_done(struct getter *g) {
    g->state = GET_DONE;
    loop_stop(g->loop);
}

static double ms(uint64_t from_ns, uint64_t to_ns) {
    return (double)(to_ns - from_ns) / MS_NS;
}

static const char *version_text(const struct getter *g) {
    switch (g->peer->version) {
    case HTTP_3: return "HTTP/3";
    case HTTP_2: return "HTTP/2";
    default: return "HTTP/1.1";
    }
}

void get_show_connection(const struct getter *g) {
    const struct peer *p = g->peer;
    char text[ADDR_TEXT];

    fprintf(stderr, "* connected to %s over %s in %.1f ms\n", addr_text(&p->remote, text),
            g->over_udp ? "UDP" : "TCP", ms(g->begin_ns, g->turn.now_ns));
    if (!p->secure)
        return;
    fprintf(stderr, "* %s, %s, %s%s, ALPN %s; handshake %.1f ms\n", p->tls_version, p->cipher,
            p->group, p->resumed ? ", resumed" : "", p->alpn[0] ? p->alpn : "none",
            ms(0, p->handshake_ns));
    if (p->cert)
        fprintf(stderr, "* server certificate: %s\n", p->cert->subject);
}

static void show_fields(char mark, const struct fields *fields) {
    for (size_t i = 0; i < fields->n; i++)
        fprintf(stderr, "%c " STR_FMT ": " STR_FMT "\n", mark, STR_ARG(fields->v[i].name),
                STR_ARG(fields->v[i].value));
}

void get_show_request(const struct getter *g) {
    const struct message *m = &g->x->request;

    fprintf(stderr, "> " STR_FMT " " STR_FMT " %s\n> host: " STR_FMT "\n", STR_ARG(m->method),
            STR_ARG(m->path), version_text(g), STR_ARG(m->authority));
    show_fields('>', &m->fields);
    if (m->content_length >= 0)
        fprintf(stderr, "> content-length: %lld\n", (long long)m->content_length);
    fputs(">\n", stderr);
}

void get_show_head(const struct getter *g, int status, const struct fields *fields) {
    const struct message *m = &g->x->response;

    fprintf(stderr, "< %s %d %s\n", version_text(g), status, status_text(status));
    show_fields('<', fields);
    if (status >= 200 && m->content_length >= 0)
        fprintf(stderr, "< content-length: %lld\n", (long long)m->content_length);
    fputs("<\n", stderr);
}

void get_show_trailers(const struct fields *fields) {
    show_fields('<', fields);
}

void get_show_times(const struct getter *g) {
    const struct exchange *x = g->x;

    fprintf(stderr, "* first byte after %.1f ms, all %llu bytes after %.1f ms\n",
            ms(g->begin_ns, x->response_ns), (unsigned long long)x->response.body.sent,
            ms(g->begin_ns, g->turn.now_ns));
}
