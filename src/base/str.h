/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Text that somebody else owns: not terminated, never NULL where n > 0. */
struct str {
    const char *p;
    size_t n;
};

/* Bytes that may be written. */
struct span {
    uint8_t *p;
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

/* NULL gives the empty str. */
static inline struct str str_of(const char *terminated) {
    return terminated ? (struct str){terminated, strlen(terminated)} : (struct str){NULL, 0};
}

static inline bool str_eq(struct str a, struct str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case only, as field names and host names compare (RFC 9110 5.1, RFC 4343). */
bool str_same_letters(const char *a, const char *b, size_t n);
static inline bool str_ieq(struct str a, struct str b) {
    return a.n == b.n && str_same_letters(a.p, b.p, a.n);
}
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Without spaces and tabs at both ends (OWS of RFC 9110 5.6.3). */
struct str str_trim(struct str s);

/* Cuts the part before the first separator off *rest and returns it; the separator
 * is dropped. false when *rest was empty at the call (then *ret_part is untouched). */
bool str_cut(struct str *rest, char separator, struct str *ret_part);

/* How many bytes at the start surely are neither below 0x20 nor DEL, found eight at once: not all
 * that are. */
size_t str_skip_printable(struct str s);

/* Position of c in s, or -1. */
ptrdiff_t str_find(struct str s, char c);

/* Decimal digits only, all of s, no sign: 0, or ERR_INVALID (also on overflow). */
int str_to_u64(struct str s, uint64_t *ret_value);

/* Decimal digits, not terminated: how many. */
enum { STR_U64 = 20 };
size_t str_u64(uint64_t value, char to[STR_U64]);

/* Levenshtein distance, for "did you mean"; at most 64 characters are looked at. */
unsigned str_distance(struct str a, struct str b);

/* Bytes as one would want them in a log line: printable ASCII but \ and ", the rest
 * as \xHH. Always terminated, cut at cap; returns the length written. */
size_t str_escape(struct str s, char *to, size_t cap);

#endif
