/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/authority.h"

#include "base/err.h"

static struct str from(struct str s, size_t at) {
    return (struct str){s.p + at, s.n - at};
}

int authority_split(struct str authority, struct str *ret_host, uint16_t *ret_port) {
    if (authority.n == 0)
        return ERR_INVALID;
    bool bracket = authority.p[0] == '[';
    ptrdiff_t end = str_find(authority, bracket ? ']' : ':');
    if (bracket && end < 0)
        return ERR_INVALID;
    size_t host_end = end < 0 ? authority.n : (size_t)end;
    struct str host = {authority.p + bracket, host_end - bracket};
    struct str rest = from(authority, host_end + bracket);
    uint64_t port = 0;
    if (rest.n > 0 && rest.p[0] != ':')
        return ERR_INVALID;
    /* "host:" is legal and means no port (RFC 3986 3.2.3) */
    if (rest.n > 1 && (str_to_u64(from(rest, 1), &port) != 0 || port == 0 || port > UINT16_MAX))
        return ERR_INVALID;
    if (host.n == 0)
        return ERR_INVALID;
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return 0;
}
