/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/san.h"

#include "base/addr.h"
#include "base/err.h"
#include "pki/der.h"

enum { DNS_MOST = 253, LABEL_MOST = 63 };

/* The numbers of GeneralName's choices. */
enum { GENERAL_MAIL = 1, GENERAL_DNS = 2, GENERAL_URI = 6, GENERAL_IP = 7 };

static int refuse(struct buf *message, struct str name, const char *why) {
    char shown[128];

    str_escape(name, shown, sizeof(shown));
    buf_format(message, "\"%s\" %s", shown, why);
    return ERR_INVALID;
}

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(struct str label) {
    if (label.n == 0 || label.n > LABEL_MOST || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++)
        if (!is_letter_or_digit(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
            return false;
    return true;
}

static bool is_number(struct str label) {
    for (size_t i = 0; i < label.n; i++)
        if (label.p[i] < '0' || label.p[i] > '9')
            return false;
    return true;
}

static int check_dns(struct str name, struct buf *message) {
    struct str rest = name, label = STR("");

    if (name.n == 0 || name.n > DNS_MOST)
        return refuse(message, name, "is no host name: it must have 1 to 253 characters");
    if (str_starts(rest, STR("*.")))
        rest = (struct str){rest.p + 2, rest.n - 2};
    if (str_find(rest, '*') >= 0)
        return refuse(message, name,
                      "is no host name: a * stands alone in front, as in *.example.com");
    if (rest.n == 0 || rest.p[rest.n - 1] == '.')
        return refuse(message, name, "is no host name: a part of it is empty");
    while (str_cut(&rest, '.', &label))
        if (!is_label(label))
            return refuse(message, name,
                          "is no host name: its parts have 1 to 63 letters, digits and inner "
                          "hyphens");
    if (is_number(label))
        return refuse(message, name, "is neither an IP address nor a host name");
    return 0;
}

static bool is_printable(struct str text) {
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return false;
    return true;
}

static int check_uri(struct str uri, struct buf *message) {
    ptrdiff_t colon = str_find(uri, ':');

    for (ptrdiff_t i = 0; i < colon; i++) {
        char c = uri.p[i] | 0x20;

        if (!is_letter_or_digit(c) && !(i > 0 && strchr("+-.", uri.p[i])))
            return refuse(message, uri, "is no URI");
    }
    return colon > 0 && uri.n > (size_t)colon + 3 ? 0 : refuse(message, uri, "is no URI");
}

static int check_mail(struct str mail, struct buf *message) {
    ptrdiff_t at = str_find(mail, '@');
    struct str host = {mail.p + at + 1, mail.n - (size_t)at - 1};

    if (at == 0 || str_find(host, '@') >= 0 || str_find(host, '*') >= 0)
        return refuse(message, mail, "is no e-mail address");
    return check_dns(host, message);
}

static bool parse_ip(struct str text, struct san *ret_san) {
    struct addr addr;

    if (addr_from_ip(text, 0, &addr))
        return false;
    ret_san->kind = SAN_IP;
    if (addr.sa.sa_family == AF_INET6) {
        ret_san->n_ip = 16;
        memcpy(ret_san->ip, &addr.in6.sin6_addr, 16);
    } else {
        ret_san->n_ip = 4;
        memcpy(ret_san->ip, &addr.in.sin_addr, 4);
    }
    return true;
}

/* One spelling for one address: ::1 whatever was written. */
static void spell_ip(struct san *san) {
    char text[ADDR_TEXT];
    struct addr addr;

    memset(&addr, 0, sizeof(addr));
    addr.sa.sa_family = san->n_ip == 16 ? AF_INET6 : AF_INET;
    addr.n = san->n_ip == 16 ? sizeof(addr.in6) : sizeof(addr.in);
    if (san->n_ip == 16)
        memcpy(&addr.in6.sin6_addr, san->ip, 16);
    else
        memcpy(&addr.in.sin_addr, san->ip, 4);
    addr_ip_text(&addr, text);
    strncpy(san->text, text, sizeof(san->text) - 1);
}

static void lower(char *text) {
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text += 'a' - 'A';
}

static int check_not_dns(const struct san *san, struct str text, struct buf *message) {
    if (san->kind == SAN_URI)
        return check_uri(text, message);
    return check_mail(text, message);
}

static enum san_kind guess_kind(struct str text) {
    if (memmem(text.p, text.n, "://", 3))
        return SAN_URI;
    return str_find(text, '@') >= 0 ? SAN_MAIL : SAN_DNS;
}

int san_parse(struct str text, struct san *ret_san, struct buf *message) {
    struct san san = {.kind = SAN_DNS};
    int err;

    if (text.n == 0)
        return refuse(message, text, "is no name: it is empty");
    if (parse_ip(text, &san)) {
        spell_ip(&san);
        *ret_san = san;
        return 0;
    }
    if (!is_printable(text))
        return refuse(message, text,
                      "has characters that no name has: write an international name in its "
                      "xn-- form");
    if (text.n >= sizeof(san.text))
        return refuse(message, text, "is too long: a name has at most 255 characters");
    san.kind = guess_kind(text);
    memcpy(san.text, text.p, text.n);
    if (san.kind != SAN_URI)
        lower(san.text);
    if (san.kind == SAN_DNS && text.n > 1 && text.p[text.n - 1] == '.')
        san.text[text.n - 1] = 0;
    if (san.kind == SAN_DNS && strchr(san.text, ':'))
        return refuse(message, text, "has a port, or is a broken address: give the name alone");
    err = san.kind == SAN_DNS ? check_dns(str_of(san.text), message)
                              : check_not_dns(&san, str_of(san.text), message);
    if (!err)
        *ret_san = san;
    return err;
}

static int general_tag(enum san_kind kind) {
    switch (kind) {
    case SAN_DNS: return DER_CONTEXT + GENERAL_DNS;
    case SAN_IP: return DER_CONTEXT + GENERAL_IP;
    case SAN_URI: return DER_CONTEXT + GENERAL_URI;
    case SAN_MAIL: return DER_CONTEXT + GENERAL_MAIL;
    }
    return DER_CONTEXT;
}

void san_write(const struct san *sans, size_t n, struct buf *to) {
    size_t names = der_begin(to, DER_SEQUENCE);

    for (size_t i = 0; i < n; i++) {
        struct str ip = {(const char *)sans[i].ip, sans[i].n_ip};

        der_add(to, general_tag(sans[i].kind), ip.n ? ip : str_of(sans[i].text));
    }
    der_end(to, names);
}

const char *san_warning(const struct san *san) {
    struct str text = str_of(san->text);

    if (san->kind != SAN_DNS || !str_starts(text, STR("*.")))
        return NULL;
    if (str_eq(text, STR("*.localhost")))
        return "browsers refuse a wildcard under localhost: name the hosts one by one";
    if (str_find((struct str){text.p + 2, text.n - 2}, '.') < 0)
        return "browsers refuse a wildcard directly under a top-level name";
    return NULL;
}
