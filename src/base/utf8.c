/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/utf8.h"

struct lead {
    size_t n;           /* bytes of the whole sequence; 0: cannot lead */
    unsigned low, high; /* what the second byte may be (Unicode, table 3-7) */
};

static struct lead lead_of(unsigned char c) {
    if (c < 0x80)
        return (struct lead){1, 0, 0};
    if (c < 0xc2 || c > 0xf4)
        return (struct lead){0, 0, 0};
    if (c < 0xe0)
        return (struct lead){2, 0x80, 0xbf};
    if (c < 0xf0)
        return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
}

/* How many bytes at the start of s (not empty) belong together; *ret_whole tells whether
 * they are a character or the beginning of none. */
static size_t sequence(struct str s, bool *ret_whole) {
    struct lead lead = lead_of((unsigned char)s.p[0]);
    size_t n = 1;
    for (; n < lead.n && n < s.n; n++) {
        unsigned char c = (unsigned char)s.p[n];
        unsigned low = n == 1 ? lead.low : 0x80, high = n == 1 ? lead.high : 0xbf;
        if (c < low || c > high)
            break;
    }
    *ret_whole = n == lead.n;
    return n;
}

bool utf8_valid(struct str s) {
    for (size_t n; s.n > 0; s.p += n, s.n -= n) {
        bool whole;
        n = sequence(s, &whole);
        if (!whole)
            return false;
    }
    return true;
}

void utf8_repair(struct str s, struct buf *to) {
    buf_reserve(to, s.n);
    for (size_t n; s.n > 0; s.p += n, s.n -= n) {
        bool whole;
        n = sequence(s, &whole);
        buf_str(to, whole ? (struct str){s.p, n} : STR("\xef\xbf\xbd"));
    }
}
