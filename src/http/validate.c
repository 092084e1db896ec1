/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/validate.h"

#include "base/err.h"
#include "http/authority.h"

static bool is_alpha(unsigned char c) {
    return (unsigned)((c | 0x20) - 'a') < 26;
}

static bool is_digit(unsigned char c) {
    return (unsigned)(c - '0') < 10;
}

static bool is_hex(unsigned char c) {
    return is_digit(c) || (unsigned)((c | 0x20) - 'a') < 6;
}

static bool is_one_of(unsigned char c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

/* tchar of RFC 9110 5.6.2. */
static const bool is_tchar[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

bool valid_token(struct str s) {
    bool valid = s.n > 0; /* to leave early would cost more: all are valid */
    for (size_t i = 0; i < s.n; i++)
        valid &= is_tchar[(unsigned char)s.p[i]];
    return valid;
}

bool valid_field_name(struct str s) {
    return valid_token(s);
}

bool valid_field_value(struct str s) {
    for (size_t i = str_skip_printable(s); i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* unreserved and sub-delims of RFC 3986 2.2, 2.3. */
static const bool is_name_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         ['!'] = true,         ['$'] = true, ['&'] = true,
    ['\''] = true,        ['('] = true,         [')'] = true,         ['*'] = true, ['+'] = true,
    [','] = true,         [';'] = true,         ['='] = true,
};

/* reg-name of RFC 3986 3.2.2, which takes IPv4 addresses in. */
static bool valid_reg_name(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '%') {
            if (s.n - i < 3 || !is_hex((unsigned char)s.p[i + 1]) ||
                !is_hex((unsigned char)s.p[i + 2]))
                return false;
            i += 2;
        } else if (!is_name_char[c]) {
            return false;
        }
    }
    return s.n > 0;
}

static bool valid_ip6(struct str s) {
    bool colon = false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (!is_hex(c) && c != ':' && c != '.')
            return false;
        colon = colon || c == ':';
    }
    return colon;
}

bool valid_authority(struct str s) {
    struct str host;
    uint16_t port;
    if (authority_split(s, &host, &port) != 0)
        return false;
    return s.p[0] == '[' ? valid_ip6(host) : valid_reg_name(host);
}

bool valid_query(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return false;
    }
    return true;
}

bool valid_path(struct str s) {
    return str_eq(s, STR("*")) || (s.n > 0 && s.p[0] == '/' && valid_query(s));
}

bool valid_scheme(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (!is_alpha(c) && !(i > 0 && (is_digit(c) || is_one_of(c, "+-."))))
            return false;
    }
    return s.n > 0;
}

static bool is_in(struct str name, const struct str *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, names[i]))
            return true;
    return false;
}

#define NAME(literal) \
    { literal, sizeof(literal) - 1 }
#define IS_IN(name, names) is_in(name, names, sizeof(names) / sizeof((names)[0]))

bool field_is_hop_by_hop(struct str name) {
    static const struct str names[] = {
        NAME("connection"),        NAME("keep-alive"), NAME("proxy-connection"),
        NAME("transfer-encoding"), NAME("upgrade"),
    };
    return IS_IN(name, names);
}

bool field_is_gateways(struct str name) {
    static const struct str names[] = {
        NAME("alt-svc"),    NAME("b3"),     NAME("early-data"),
        NAME("forwarded"),  NAME("server"), NAME("traceparent"),
        NAME("tracestate"), NAME("via"),    NAME("x-request-id"),
    };
    static const struct str families[] = {
        NAME("x-b3-"),
        NAME("x-envoy-"),
        NAME("x-forwarded-"),
        NAME("x-h3gw-"),
    };
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (str_starts(name, families[i]))
            return true;
    return IS_IN(name, names);
}

bool field_forbidden_in_trailers(struct str name) {
    static const struct str names[] = {
        NAME("age"),
        NAME("authorization"),
        NAME("cache-control"),
        NAME("cookie"),
        NAME("date"),
        NAME("expect"),
        NAME("expires"),
        NAME("host"),
        NAME("location"),
        NAME("max-forwards"),
        NAME("pragma"),
        NAME("proxy-authenticate"),
        NAME("proxy-authorization"),
        NAME("range"),
        NAME("retry-after"),
        NAME("set-cookie"),
        NAME("te"),
        NAME("trailer"),
        NAME("vary"),
        NAME("www-authenticate"),
    };
    return name.n == 0 || name.p[0] == ':' || str_starts(name, STR("content-")) ||
           str_starts(name, STR("if-")) || IS_IN(name, names) || field_is_hop_by_hop(name) ||
           field_is_gateways(name);
}

int content_length_parse(struct str value, int64_t *ret_length) {
    uint64_t length;
    if (str_to_u64(value, &length) != 0 || length > INT64_MAX)
        return ERR_INVALID;
    *ret_length = (int64_t)length;
    return 0;
}

const char connect_refusal[] = "CONNECT: this is no forward proxy";

/* RFC 9110 9.3.6: the authority alone, with a port. */
static const char *connect_problem(const struct message *request) {
    struct str host;
    uint16_t port;
    if (request->path.n > 0)
        return "CONNECT with a path";
    if (!valid_authority(request->authority) ||
        authority_split(request->authority, &host, &port) != 0 || port == 0)
        return "CONNECT without a host and port";
    return NULL;
}

static const char *authority_problem(const struct message *request, bool require_authority) {
    if (request->authority.n == 0)
        return require_authority ? "no host was named" : NULL;
    return valid_authority(request->authority) ? NULL : "malformed host";
}

const char *request_problem(const struct message *request, bool require_authority) {
    bool connect = method_is(request, "CONNECT");
    if (!valid_token(request->method))
        return "malformed method";
    if (connect && request->protocol.n == 0)
        return connect_problem(request);
    if (!valid_scheme(request->scheme))
        return "malformed scheme";
    if (request->protocol.n > 0 && connect && !valid_token(request->protocol))
        return "malformed protocol";
    if (!valid_path(request->path))
        return "malformed path";
    if (request->path.p[0] == '*' && !method_is(request, "OPTIONS"))
        return "the path * is for OPTIONS only";
    return authority_problem(request, require_authority);
}
