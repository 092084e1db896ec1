/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/authority.h"

/* RFC 3986, as far as http and https URIs need it. Pure. */

struct uri {
    struct str scheme; /* lower case; tcp: a connection for any protocol */
    struct str host;   /* lower case; an IPv6 address without brackets */
    uint16_t port;     /* given or the scheme's (http, h2c: 80; https: 443); 0 for unix */
    bool port_given;
    struct str path;      /* with query, no 8 bits; "/" when empty; for unix: the socket's path */
    struct str authority; /* as it goes into Host: without the default port */
};

/* "http://…", "https://…", "h2c://…", "tcp://HOST:PORT", "unix:/path". Userinfo and fragments are
 * refused. 0, ERR_INVALID (*ret_problem says what), ERR_NO_MEMORY. */
int uri_parse(struct arena *arena, struct str text, struct uri *ret_uri, const char **ret_problem);

/* %XX and, in queries, '+' decoded; p NULL when memory ends; bad escapes stay as they are. */
struct str uri_decode(struct arena *arena, struct str s, bool plus_is_blank);

/* Next name=value of a query or form, still encoded; false at the end. */
bool query_next(struct str *rest, struct str *ret_name, struct str *ret_value);
/* First value of name, decoded. 0, ERR_NOT_FOUND, ERR_NO_MEMORY. */
int query_get(struct arena *arena, struct str query, struct str name, struct str *ret_value);

#endif
