/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/cert.h"

#include "base/addr.h"
#include "pki/der.h"

struct str cert_names(const struct cert *cert) {
    struct str sans = cert->sans, names = STR("");

    der_optional(&sans, DER_SEQUENCE, &names);
    return names;
}

static enum cert_name_kind kind_of_tag(int tag) {
    switch (tag) {
    case DER_CONTEXT + 1: return CERT_MAIL;
    case DER_CONTEXT + 2: return CERT_DNS;
    case DER_CONTEXT + 6: return CERT_URI;
    case DER_CONTEXT + 7: return CERT_IP;
    default: return CERT_OTHER;
    }
}

bool cert_next_name(struct str *rest, struct cert_name *ret_name) {
    struct der_item item;

    if (der_next(rest, &item))
        return false;
    ret_name->kind = kind_of_tag(item.tag);
    ret_name->bytes = item.content;
    return true;
}

static void ip_text(struct str bytes, struct buf *to) {
    char text[ADDR_TEXT];
    struct addr addr;

    memset(&addr, 0, sizeof(addr));
    if (bytes.n == 16) {
        addr.n = sizeof(addr.in6);
        addr.in6.sin6_family = AF_INET6;
        memcpy(&addr.in6.sin6_addr, bytes.p, 16);
    } else {
        addr.n = sizeof(addr.in);
        addr.in.sin_family = AF_INET;
        memcpy(&addr.in.sin_addr, bytes.p, 4);
    }
    buf_str(to, str_of(addr_ip_text(&addr, text)));
}

void cert_name_text(const struct cert_name *name, struct buf *to) {
    char shown[512];

    if (name->kind == CERT_IP && (name->bytes.n == 4 || name->bytes.n == 16)) {
        ip_text(name->bytes, to);
        return;
    }
    str_escape(name->bytes, shown, sizeof(shown));
    buf_str(to, str_of(shown));
}

static bool matches_dns(struct str pattern, struct str host) {
    ptrdiff_t dot;

    if (str_ieq(pattern, host))
        return true;
    if (!str_starts(pattern, STR("*.")))
        return false;
    dot = str_find(host, '.');
    if (dot <= 0 || host.p[0] == '*')
        return false;
    return str_ieq((struct str){pattern.p + 1, pattern.n - 1},
                   (struct str){host.p + dot, host.n - (size_t)dot});
}

static bool matches_ip(struct str bytes, const struct addr *addr) {
    if (addr->sa.sa_family == AF_INET6)
        return bytes.n == 16 && !memcmp(bytes.p, &addr->in6.sin6_addr, 16);
    return bytes.n == 4 && !memcmp(bytes.p, &addr->in.sin_addr, 4);
}

bool cert_covers(const struct cert *cert, struct str host) {
    struct str rest = cert_names(cert);
    struct cert_name name;
    struct addr addr;
    bool is_ip = !addr_from_ip(host, 0, &addr);

    if (!is_ip && str_ends(host, STR(".")))
        host.n--;
    if (host.n == 0)
        return false;
    while (cert_next_name(&rest, &name)) {
        if (is_ip && name.kind == CERT_IP && matches_ip(name.bytes, &addr))
            return true;
        if (!is_ip && name.kind == CERT_DNS && matches_dns(name.bytes, host))
            return true;
    }
    return false;
}
