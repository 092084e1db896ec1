/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"

#include "base/err.h"

enum { DISTANCE_MAX = 64 };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool str_same_letters(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix) {
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_istarts(struct str s, struct str prefix) {
    return s.n >= prefix.n && str_same_letters(s.p, prefix.p, prefix.n);
}

bool str_ends(struct str s, struct str suffix) {
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

struct str str_trim(struct str s) {
    while (s.n > 0 && is_blank(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_cut(struct str *rest, char separator, struct str *ret_part) {
    if (rest->n == 0)
        return false;
    ptrdiff_t at = str_find(*rest, separator);
    size_t part = at < 0 ? rest->n : (size_t)at;
    size_t taken = at < 0 ? rest->n : part + 1;
    *ret_part = (struct str){rest->p, part};
    *rest = (struct str){rest->p + taken, rest->n - taken};
    return true;
}

/* A subtraction in all eight bytes at once borrows from a high bit where a byte is too small. */
static bool are_printable(const char *p) {
    const uint64_t ones = UINT64_MAX / 255, highs = ones << 7;
    uint64_t eight;
    memcpy(&eight, p, sizeof(eight));
    uint64_t below = (eight - ones * 0x20) & ~eight, del = eight ^ ones * 0x7f;
    return ((below | ((del - ones) & ~del)) & highs) == 0;
}

size_t str_skip_printable(struct str s) {
    size_t i = 0;
    for (; s.n - i >= 8; i += 8)
        if (!are_printable(s.p + i))
            return i;
    return i > 0 && are_printable(s.p + s.n - 8) ? s.n : i;
}

ptrdiff_t str_find(struct str s, char c) {
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

int str_to_u64(struct str s, uint64_t *ret_value) {
    if (s.n == 0)
        return ERR_INVALID;
    uint64_t value = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_INVALID;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
            return ERR_INVALID;
    }
    *ret_value = value;
    return 0;
}

static unsigned least(unsigned a, unsigned b, unsigned c) {
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

size_t str_u64(uint64_t value, char to[STR_U64]) {
    char digits[STR_U64];
    size_t at = STR_U64;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(to, digits + at, STR_U64 - at);
    return STR_U64 - at;
}

unsigned str_distance(struct str a, struct str b) {
    size_t an = a.n < DISTANCE_MAX ? a.n : DISTANCE_MAX;
    size_t bn = b.n < DISTANCE_MAX ? b.n : DISTANCE_MAX;
    unsigned row[DISTANCE_MAX + 1];
    for (size_t j = 0; j <= bn; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= an; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= bn; j++) {
            unsigned above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a.p[i - 1] != b.p[j - 1]));
            diagonal = above;
        }
    }
    return row[bn];
}

size_t str_escape(struct str s, char *to, size_t cap) {
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    if (cap == 0)
        return 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '\\' && c != '"';
        if (cap - at <= (plain ? 1 : 4))
            break;
        if (plain) {
            to[at++] = (char)c;
            continue;
        }
        to[at++] = '\\';
        to[at++] = 'x';
        to[at++] = digits[c >> 4];
        to[at++] = digits[c & 15];
    }
    to[at] = '\0';
    return at;
}
