/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>

#include <arpa/inet.h>

#include "base/addr.h"

static struct str without_dot(struct str name) {
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--;
    return name;
}

bool names_match_dns(struct str pattern, struct str host) {
    host = without_dot(host);
    pattern = without_dot(pattern);
    if (!str_starts(pattern, STR("*.")))
        return pattern.n > 0 && str_ieq(pattern, host);
    /* One label for the star, and not a top-level domain behind it. */
    ptrdiff_t dot = str_find(host, '.');
    struct str suffix = {pattern.p + 1, pattern.n - 1};
    if (dot <= 0 || str_find((struct str){suffix.p + 1, suffix.n - 1}, '.') < 0)
        return false;
    return str_ieq(suffix, (struct str){host.p + dot, host.n - (size_t)dot});
}

static struct str addr_bytes(const struct addr *a) {
    if (a->sa.sa_family == AF_INET)
        return (struct str){(const char *)&a->in.sin_addr, sizeof(a->in.sin_addr)};
    return (struct str){(const char *)&a->in6.sin6_addr, sizeof(a->in6.sin6_addr)};
}

static void tell(const DNS_entry *entry, char *names, size_t cap) {
    char text[INET6_ADDRSTRLEN] = "";
    size_t n = strlen(names);
    const char *comma = n > 0 ? ", " : "";
    if (entry->type == ASN_IP_TYPE) {
        int family = entry->len == 4 ? AF_INET : AF_INET6;
        if (entry->len != 4 && entry->len != 16)
            return;
        (void)inet_ntop(family, entry->name, text, sizeof(text));
        (void)snprintf(names + n, cap - n, "%s%s", comma, text);
    } else if (entry->type == ASN_DNS_TYPE) {
        char escaped[128];
        str_escape((struct str){entry->name, (size_t)entry->len}, escaped, sizeof(escaped));
        (void)snprintf(names + n, cap - n, "%s%s", comma, escaped);
    }
}

static bool match_entry(const DNS_entry *entry, const char *host, const struct addr *literal) {
    struct str name = {entry->name, (size_t)entry->len};
    if (literal)
        return entry->type == ASN_IP_TYPE && str_eq(name, addr_bytes(literal));
    return entry->type == ASN_DNS_TYPE && names_match_dns(name, str_of(host));
}

bool names_match(struct str der, const char *host, char *names, size_t cap) {
    struct addr literal;
    bool is_literal = addr_from_ip(str_of(host), 0, &literal) == 0;
    names[0] = '\0';
    DecodedCert *cert = malloc(sizeof(*cert));
    if (!cert)
        return false;
    wc_InitDecodedCert(cert, (const uint8_t *)der.p, (word32)der.n, NULL);
    bool match = false;
    if (wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL) == 0)
        for (const DNS_entry *entry = cert->altNames; entry && !match; entry = entry->next) {
            match = match_entry(entry, host, is_literal ? &literal : NULL);
            tell(entry, names, cap);
        }
    wc_FreeDecodedCert(cert);
    free(cert);
    return match;
}

static size_t escape_byte(char c, char to[4]) {
    static const char hex[] = "0123456789abcdef";
    to[0] = '\\';
    if ((uint8_t)c < 32 || (uint8_t)c > 126) {
        to[1] = hex[(uint8_t)c >> 4];
        to[2] = hex[(uint8_t)c & 15];
        return 3;
    }
    to[1] = c;
    if (strchr(",+\"\\<>;=#", c))
        return 2;
    to[0] = c;
    return 1;
}

void names_add_attribute(const char *type, struct str value, char *to, size_t cap) {
    size_t before = strlen(to), n = before;
    int head = snprintf(to + n, cap - n, "%s%s=", n > 0 ? "," : "", type);
    bool fits = head >= 0 && (size_t)head < cap - n;
    n += fits ? (size_t)head : 0;
    for (size_t i = 0; i < value.n && fits; i++) {
        char escaped[4];
        size_t more = escape_byte(value.p[i], escaped);
        fits = n + more < cap;
        if (fits)
            memcpy(to + n, escaped, more);
        n += more;
    }
    to[fits ? n : before] = '\0';
}
