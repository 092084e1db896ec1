/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

static struct addr addr_of_4(struct in_addr ip, uint16_t port) {
    struct addr a = {.n = sizeof(a.in)};
    a.in.sin_family = AF_INET;
    a.in.sin_addr = ip;
    a.in.sin_port = htons(port);
    return a;
}

static struct addr addr_of_6(const struct in6_addr *ip, uint16_t port) {
    struct addr a = {.n = sizeof(a.in6)};
    a.in6.sin6_family = AF_INET6;
    a.in6.sin6_addr = *ip;
    a.in6.sin6_port = htons(port);
    return a;
}

static int parse_unix(struct str path, struct addr *ret_addr) {
    struct addr a = {0};
    if (path.n == 0 || path.n >= sizeof(a.un.sun_path) || str_find(path, '\0') >= 0)
        return ERR_INVALID;
    a.un.sun_family = AF_UNIX;
    memcpy(a.un.sun_path, path.p, path.n);
    a.n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
    *ret_addr = a;
    return 0;
}

static int parse_port(struct str text, uint16_t *ret_port) {
    uint64_t port;
    if (text.n > 5 || str_to_u64(text, &port) != 0 || port > UINT16_MAX)
        return ERR_INVALID;
    *ret_port = (uint16_t)port;
    return 0;
}

int addr_from_ip(struct str ip, uint16_t port, struct addr *ret_addr) {
    bool brackets = ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']';
    if (brackets)
        ip = (struct str){ip.p + 1, ip.n - 2};
    char text[INET6_ADDRSTRLEN];
    if (ip.n >= sizeof(text) || str_find(ip, '\0') >= 0)
        return ERR_INVALID;
    if (ip.n > 0)
        memcpy(text, ip.p, ip.n);
    text[ip.n] = '\0';

    struct in_addr ip4;
    struct in6_addr ip6;
    if (!brackets && inet_pton(AF_INET, text, &ip4) == 1)
        *ret_addr = addr_of_4(ip4, port);
    else if (inet_pton(AF_INET6, text, &ip6) == 1)
        *ret_addr = addr_of_6(&ip6, port);
    else
        return ERR_INVALID;
    return 0;
}

/* The last colon parts address and port; an IPv6 address must be in brackets. */
int addr_parse(struct str text, struct addr *ret_addr) {
    if (str_starts(text, STR("unix:")))
        return parse_unix((struct str){text.p + 5, text.n - 5}, ret_addr);

    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    uint16_t port;
    if (colon == 0 || parse_port((struct str){text.p + colon, text.n - colon}, &port) != 0)
        return ERR_INVALID;
    struct str ip = {text.p, colon - 1};
    if (ip.n == 0) {
        *ret_addr = addr_of_6(&in6addr_any, port);
        return 0;
    }
    if (str_find(ip, ':') >= 0 && ip.p[0] != '[')
        return ERR_INVALID;
    return addr_from_ip(ip, port, ret_addr);
}

static bool is_mapped(const struct addr *a) {
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

/* true and the four bytes of an IPv4 address, plain or mapped. */
static bool ip4_of(const struct addr *a, struct in_addr *ret_ip) {
    if (a->sa.sa_family == AF_INET) {
        *ret_ip = a->in.sin_addr;
        return true;
    }
    if (!is_mapped(a))
        return false;
    memcpy(ret_ip, &a->in6.sin6_addr.s6_addr[12], 4);
    return true;
}

static void unix_text(const struct addr *a, char to[ADDR_TEXT]) {
    snprintf(to, ADDR_TEXT, "unix:%.*s", (int)sizeof(a->un.sun_path), a->un.sun_path);
}

static void ip4_text(struct in_addr ip, char to[ADDR_TEXT]) {
    const uint8_t *bytes = (const uint8_t *)&ip;
    for (int i = 0; i < 4; i++) {
        to += str_u64(bytes[i], to);
        *to++ = i < 3 ? '.' : '\0';
    }
}

/* Of every request: glibc's inet_ntop goes through printf. */
char *addr_ip_text(const struct addr *a, char to[ADDR_TEXT]) {
    struct in_addr ip4;
    to[0] = '\0';
    if (ip4_of(a, &ip4))
        ip4_text(ip4, to);
    else if (a->sa.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &a->in6.sin6_addr, to, ADDR_TEXT);
    else if (a->sa.sa_family == AF_UNIX)
        unix_text(a, to);
    return to;
}

char *addr_text(const struct addr *a, char to[ADDR_TEXT]) {
    char ip[ADDR_TEXT];
    addr_ip_text(a, ip);
    if (a->sa.sa_family == AF_UNIX)
        return memcpy(to, ip, ADDR_TEXT);
    bool brackets = a->sa.sa_family == AF_INET6 && !is_mapped(a);
    snprintf(to, ADDR_TEXT, brackets ? "[%.64s]:%u" : "%.64s:%u", ip, addr_port(a));
    return to;
}

uint16_t addr_port(const struct addr *a) {
    switch (a->sa.sa_family) {
    case AF_INET: return ntohs(a->in.sin_port);
    case AF_INET6: return ntohs(a->in6.sin6_port);
    default: return 0;
    }
}

void addr_set_port(struct addr *a, uint16_t port) {
    if (a->sa.sa_family == AF_INET)
        a->in.sin_port = htons(port);
    else if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
}

bool addr_eq(const struct addr *a, const struct addr *b) {
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    switch (a->sa.sa_family) {
    case AF_INET:
        return a->in.sin_port == b->in.sin_port && a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
    case AF_INET6:
        return a->in6.sin6_port == b->in6.sin6_port &&
               a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
               IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
    case AF_UNIX: return strncmp(a->un.sun_path, b->un.sun_path, sizeof(a->un.sun_path)) == 0;
    default: return false;
    }
}

bool addr_is_loopback(const struct addr *a) {
    struct in_addr ip4;
    if (ip4_of(a, &ip4))
        return ntohl(ip4.s_addr) >> 24 == 127;
    if (a->sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
    return a->sa.sa_family == AF_UNIX;
}

bool addr_is_any(const struct addr *a) {
    struct in_addr ip4;
    if (ip4_of(a, &ip4))
        return ip4.s_addr == htonl(INADDR_ANY);
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}
