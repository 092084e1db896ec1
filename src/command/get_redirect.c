/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "command/get_parts.h"

/* Where a response leads: to another URL (Location), or to HTTP/3 (Alt-Svc, RFC 7838). */

static bool redirects(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static size_t length_until(struct str s, const char *stops) {
    size_t n = 0;

    while (n < s.n && !strchr(stops, s.p[n]))
        n++;
    return n;
}

/* RFC 3986 5.2, but for dot segments, which servers resolve themselves. */
static void resolve(const struct uri *base, struct str to, struct buf *url) {
    struct str path = base->path;
    size_t first = length_until(to, ":/?");
    bool scheme = first < to.n && to.p[first] == ':';

    if (scheme) {
        buf_str(url, to);
        return;
    }
    buf_format(url, STR_FMT ":", STR_ARG(base->scheme));
    if (!str_starts(to, STR("//")))
        buf_format(url, "//" STR_FMT, STR_ARG(base->authority));
    if (!str_starts(to, STR("/"))) {
        path.n = length_until(path, "?");
        while (!str_starts(to, STR("?")) && path.n > 0 && path.p[path.n - 1] != '/')
            path.n--;
        buf_str(url, path);
    }
    buf_str(url, to);
}

static bool leads_away(struct getter *g) {
    struct uri next;
    const char *problem;

    return uri_parse(&g->arena, buf_view(&g->location), &next, &problem) != 0 ||
           !str_eq(next.scheme, g->uri.scheme) || !str_eq(next.host, g->uri.host) ||
           next.port != g->uri.port;
}

void get_redirect(struct getter *g, const struct message *response) {
    struct str to = fields_get(&response->fields, STR("location"));
    struct str method = g->x->request.method;
    int status = response->status;

    to.n = length_until(to, "#");
    if (!g->options->follow || !redirects(status) || to.n == 0)
        return;
    resolve(&g->uri, to, &g->location);
    if (g->location.failed)
        get_fail(g, "out of memory");
    /* RFC 9110 15.4: what every client does with 301 and 302, and what 303 is for. */
    bool head = str_eq(method, STR("HEAD")), post = str_eq(method, STR("POST"));
    if ((status == 303 && !head) || (status < 303 && post))
        g->as_get = true;
    g->away = g->away || leads_away(g);
}

uint16_t get_learned(const struct getter *g) {
    bool same = g->learned_for == g->uri.port && str_eq(str_of(g->learned_host), g->uri.host) &&
                str_eq(g->uri.scheme, STR("https"));

    return same ? g->learned_port : 0;
}

/* The port of the first h3=":PORT" of an alt-svc; 0: there is none. */
static uint16_t h3_port(struct str value) {
    struct str key = STR("h3=\":"), element;
    uint64_t port;

    while (fields_list_next(&value, &element)) {
        if (!str_starts(element, key))
            continue;
        struct str rest = {element.p + key.n, element.n - key.n}, digits;
        if (str_cut(&rest, '"', &digits) && !str_to_u64(digits, &port) && port < 65536)
            return (uint16_t)port;
    }
    return 0;
}

void get_learn(struct getter *g, const struct message *response) {
    struct str value = fields_get(&response->fields, STR("alt-svc"));
    uint16_t port = h3_port(value);

    if (!str_eq(g->uri.scheme, STR("https")) || !value.p || port == get_learned(g))
        return;
    snprintf(g->learned_host, sizeof g->learned_host, STR_FMT, STR_ARG(g->uri.host));
    g->learned_for = g->uri.port;
    g->learned_port = port;
    if (g->options->version == GET_ANY && port)
        fprintf(stderr, "h3gw get: alt-svc: the server offers h3 on port %u\n", port);
}
