/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/uri.h"

#include <stdio.h>

#include "base/err.h"
#include "http/validate.h"

static struct str from(struct str s, size_t at) {
    return (struct str){s.p + at, s.n - at};
}

static struct str lower_copy(struct arena *arena, struct str s) {
    struct str copy = arena_str(arena, s);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; p && i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
    return copy;
}

static int parse_unix(struct arena *arena, struct str path, struct uri *ret_uri,
                      const char **ret_problem) {
    if (path.n == 0 || path.p[0] != '/' || str_find(path, '\0') >= 0) {
        *ret_problem = "unix: wants an absolute path";
        return ERR_INVALID;
    }
    struct uri uri = {
        .scheme = STR("unix"), .host = STR("localhost"), .authority = STR("localhost")};
    uri.path = arena_str(arena, path);
    if (!uri.path.p)
        return ERR_NO_MEMORY;
    *ret_uri = uri;
    return 0;
}

static bool scheme_of(struct str text, struct uri *uri) {
    static const struct {
        struct str prefix, scheme;
        uint16_t port;
    } known[] = {
        {{"http://", 7}, {"http", 4}, 80},
        {{"https://", 8}, {"https", 5}, 443},
        {{"h2c://", 6}, {"h2c", 3}, 80},
        {{"tcp://", 6}, {"tcp", 3}, 0},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_istarts(text, known[i].prefix)) {
            uri->scheme = known[i].scheme;
            uri->port = known[i].port;
            return true;
        }
    }
    return false;
}

static int set_authority(struct arena *arena, struct str authority, struct uri *uri) {
    struct str host;
    uint16_t port, scheme_port = uri->port;
    if (!valid_authority(authority) || authority_split(authority, &host, &port) != 0)
        return ERR_INVALID;
    bool brackets = authority.p[0] == '[';
    uri->host = lower_copy(arena, host);
    uri->port_given = port != 0;
    if (port != 0)
        uri->port = port;
    if (!uri->host.p)
        return ERR_NO_MEMORY;
    char suffix[8] = "";
    if (uri->port != scheme_port)
        snprintf(suffix, sizeof(suffix), ":%u", uri->port);
    uri->authority = arena_format(arena, brackets ? "[%.*s]%s" : "%.*s%s", (int)uri->host.n,
                                  uri->host.p, suffix);
    return uri->authority.p ? 0 : ERR_NO_MEMORY;
}

/* What people type and servers put into Location has 8 bits at times; a request cannot
 * (valid_path), and all that a browser does about it is this. */
static int set_path(struct arena *arena, struct str path, struct uri *uri) {
    static const char digits[] = "0123456789ABCDEF";
    char *p = arena_alloc(arena, 3 * path.n + 2);
    size_t n = 0;

    if (!p)
        return ERR_NO_MEMORY;
    if (path.n == 0 || path.p[0] != '/')
        p[n++] = '/';
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        bool plain = c < 0x80;
        p[n++] = plain ? (char)c : '%';
        if (!plain) {
            p[n++] = digits[c >> 4];
            p[n++] = digits[c & 15];
        }
    }
    p[n] = '\0';
    uri->path = (struct str){p, n};
    return valid_path(uri->path) ? 0 : ERR_INVALID;
}

int uri_parse(struct arena *arena, struct str text, struct uri *ret_uri, const char **ret_problem) {
    struct uri uri = {0};
    if (str_istarts(text, STR("unix:")))
        return parse_unix(arena, from(text, 5), ret_uri, ret_problem);
    if (!scheme_of(text, &uri)) {
        *ret_problem = "it must begin with http://, https://, h2c://, tcp:// or unix:";
        return ERR_INVALID;
    }
    struct str rest = from(text, uri.scheme.n + 3);
    size_t end = 0;
    while (end < rest.n && !strchr("/?#", rest.p[end]))
        end++;
    struct str authority = {rest.p, end}, path = from(rest, end);
    const char *problem = NULL;
    if (str_find(authority, '@') >= 0)
        problem = "user and password are not supported";
    else if (str_find(path, '#') >= 0)
        problem = "a fragment (#) has no meaning here";
    int err = problem ? ERR_INVALID : set_authority(arena, authority, &uri);
    if (err == ERR_INVALID && !problem)
        problem = "malformed host or port";
    if (err == 0 && uri.port == 0) {
        problem = "tcp:// wants a port";
        err = ERR_INVALID;
    }
    err = err ? err : set_path(arena, path, &uri);
    if (err == ERR_INVALID)
        *ret_problem = problem ? problem : "malformed path";
    if (err == 0)
        *ret_uri = uri;
    return err;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str uri_decode(struct arena *arena, struct str s, bool plus_is_blank) {
    struct str copy = arena_str(arena, s);
    char *p = (char *)(uintptr_t)copy.p;
    size_t n = 0;
    for (size_t i = 0; p && i < s.n; i++) {
        bool escape = s.p[i] == '%' && s.n - i > 2;
        int high = escape ? hex_value(s.p[i + 1]) : -1, low = escape ? hex_value(s.p[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            p[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            p[n++] = plus_is_blank && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    if (p)
        p[n] = '\0';
    return (struct str){p, n};
}

bool query_next(struct str *rest, struct str *ret_name, struct str *ret_value) {
    struct str pair;
    do {
        if (!str_cut(rest, '&', &pair))
            return false;
    } while (pair.n == 0);
    ptrdiff_t at = str_find(pair, '=');
    size_t end = at < 0 ? pair.n : (size_t)at;
    *ret_name = (struct str){pair.p, end};
    *ret_value = at < 0 ? (struct str){pair.p + end, 0} : from(pair, end + 1);
    return true;
}

int query_get(struct arena *arena, struct str query, struct str name, struct str *ret_value) {
    struct str key, value;
    while (query_next(&query, &key, &value)) {
        struct str decoded = uri_decode(arena, key, true);
        if (!decoded.p)
            return ERR_NO_MEMORY;
        if (!str_eq(decoded, name))
            continue;
        decoded = uri_decode(arena, value, true);
        if (decoded.p)
            *ret_value = decoded;
        return decoded.p ? 0 : ERR_NO_MEMORY;
    }
    return ERR_NOT_FOUND;
}
