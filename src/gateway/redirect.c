/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/redirect.h"

#include "base/err.h"
#include "http/uri.h"
#include "http/validate.h"

static struct str from(struct str s, size_t at) {
    return (struct str){s.p + at, s.n - at};
}

static struct str before(struct str s, char c) {
    ptrdiff_t at = str_find(s, c);

    return at < 0 ? s : (struct str){s.p, (size_t)at};
}

/* What follows the authority of a URL; a path as it is. */
static struct str path_of(struct str target) {
    size_t at = 0;

    if (str_starts(target, STR("/")))
        return target;
    at = str_istarts(target, STR("https://")) ? 8 : 7;
    while (at < target.n && !strchr("/?#", target.p[at]))
        at++;
    return from(target, at);
}

int redirect_check(struct arena *arena, struct str target, const char **ret_problem) {
    bool path = str_starts(target, STR("/"));
    struct str plain = before(target, '#');
    struct uri uri;

    if (str_starts(target, STR("//")))
        *ret_problem = "\"//\" would be another host: write it with https://";
    else if (!path && !str_istarts(target, STR("http://")) && !str_istarts(target, STR("https://")))
        *ret_problem = "it must be a URL (https://…) or a path (/…)";
    else if (!valid_field_value(target) || str_find(target, ' ') >= 0)
        *ret_problem = "a blank or a control character is in it";
    else if (!path)
        return uri_parse(arena, plain, &uri, ret_problem);
    else
        return 0;
    return ERR_INVALID;
}

struct str redirect_location(struct arena *arena, struct str target, struct str path) {
    struct str own = path_of(target), query = from(path, before(path, '?').n);

    /* Behind the authority of a URL; so "//" in the client's path names no host. */
    if (own.n == 0)
        return arena_format(arena, STR_FMT "%s" STR_FMT, STR_ARG(target),
                            str_starts(path, STR("/")) ? "" : "/",
                            STR_ARG(str_starts(path, STR("/")) ? path : query));
    if (query.n == 0 || str_find(own, '?') >= 0 || str_find(own, '#') >= 0)
        return target;
    return arena_format(arena, STR_FMT STR_FMT, STR_ARG(target), STR_ARG(query));
}

struct str rewrite_path(struct arena *arena, struct str path, size_t matched, struct str to) {
    struct str rest = from(path, matched);

    if (str_ends(to, STR("/")) && str_starts(rest, STR("/")))
        rest = from(rest, 1);
    return arena_format(arena, STR_FMT STR_FMT, STR_ARG(to), STR_ARG(rest));
}
