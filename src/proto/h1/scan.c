/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/scan.h"

#include <stdbool.h>

#include "base/str.h"

enum { EMPTY_LINES = 4 };

/* tchar of RFC 9110 5.6.2. */
static const bool is_name[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

void h1_scan_init(struct h1_scan *s) {
    *s = (struct h1_scan){.state = H1_SCAN_EMPTY};
}

static void bad(struct h1_scan *s, const char *problem) {
    s->state = H1_SCAN_BAD;
    s->problem = problem;
}

static void want_lf(struct h1_scan *s, uint8_t c, enum h1_scan_state next) {
    if (c == '\n')
        s->state = next;
    else
        bad(s, "a CR without its LF");
}

static void take_empty(struct h1_scan *s, uint8_t c) {
    if (c == '\r' && s->n_empty++ < EMPTY_LINES)
        s->state = H1_SCAN_EMPTY_CR;
    else if (c <= ' ' || c == 0x7f)
        bad(s, "the message begins with a blank, a control character or empty lines");
    else
        s->state = H1_SCAN_START;
}

static void take_start(struct h1_scan *s, uint8_t c) {
    if (c == '\r')
        s->state = H1_SCAN_START_CR;
    else if (c == '\n')
        bad(s, "a line that ends with LF alone");
    else if (c < ' ' || c == 0x7f)
        bad(s, "a control character in the first line");
}

static void take_line(struct h1_scan *s, uint8_t c) {
    if (is_name[c])
        s->state = H1_SCAN_NAME;
    else if (c == '\r')
        s->state = H1_SCAN_LAST_CR;
    else if (c == ' ' || c == '\t')
        bad(s, "a folded header line");
    else if (c == ':')
        bad(s, "a header line without a name");
    else
        bad(s,
            c == '\n' ? "a line that ends with LF alone" : "a character that no header name has");
}

static void take_name(struct h1_scan *s, uint8_t c) {
    if (c == ':')
        s->state = H1_SCAN_VALUE;
    else if (c == ' ' || c == '\t')
        bad(s, "a blank before the colon of a header line");
    else if (c == '\r' || c == '\n')
        bad(s, "a header line without a colon");
    else if (!is_name[c])
        bad(s, "a character that no header name has");
}

static void take_value(struct h1_scan *s, uint8_t c) {
    if (c == '\r')
        s->state = H1_SCAN_VALUE_CR;
    else if (c == '\n')
        bad(s, "a line that ends with LF alone");
    else if ((c < ' ' && c != '\t') || c == 0x7f)
        bad(s, "a control character in a header value");
}

static void take_byte(struct h1_scan *s, uint8_t c) {
    switch (s->state) {
    case H1_SCAN_EMPTY: take_empty(s, c); break;
    case H1_SCAN_EMPTY_CR: want_lf(s, c, H1_SCAN_EMPTY); break;
    case H1_SCAN_START: take_start(s, c); break;
    case H1_SCAN_START_CR: want_lf(s, c, H1_SCAN_LINE); break;
    case H1_SCAN_LINE: take_line(s, c); break;
    case H1_SCAN_NAME: take_name(s, c); break;
    case H1_SCAN_VALUE: take_value(s, c); break;
    case H1_SCAN_VALUE_CR: want_lf(s, c, H1_SCAN_LINE); break;
    case H1_SCAN_LAST_CR: want_lf(s, c, H1_SCAN_DONE); break;
    case H1_SCAN_DONE:
    case H1_SCAN_BAD: break;
    }
}

/* Bytes that change nothing are most of a head: how many there are at the start. */
static size_t skip_plain(const struct h1_scan *s, const uint8_t *p, size_t n) {
    size_t i = 0;
    if (s->state == H1_SCAN_NAME)
        while (i < n && is_name[p[i]])
            i++;
    else if (s->state == H1_SCAN_VALUE || s->state == H1_SCAN_START)
        for (i = str_skip_printable((struct str){(const char *)p, n}); i < n; i++)
            if (p[i] < ' ' || p[i] == 0x7f)
                break;
    return i;
}

size_t h1_scan_take(struct h1_scan *s, const uint8_t *p, size_t n) {
    size_t at = 0;
    while (at < n && s->state != H1_SCAN_DONE && s->state != H1_SCAN_BAD) {
        at += skip_plain(s, p + at, n - at);
        if (at < n)
            take_byte(s, p[at++]);
    }
    return at;
}
