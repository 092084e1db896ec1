/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/der.h"

#include "base/date.h"
#include "base/err.h"

enum { DAY_S = 86400 };

size_t der_begin(struct buf *to, int tag) {
    buf_char(to, (char)tag);
    return to->n;
}

static size_t length_bytes(size_t n, uint8_t length[1 + sizeof(size_t)]) {
    size_t bytes = 0;

    if (n < 0x80) {
        length[0] = (uint8_t)n;
        return 1;
    }
    for (size_t left = n; left > 0; left >>= 8)
        bytes++;
    length[0] = (uint8_t)(0x80 | bytes);
    for (size_t i = 0; i < bytes; i++)
        length[1 + i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
    return 1 + bytes;
}

void der_end(struct buf *to, size_t begun) {
    uint8_t length[1 + sizeof(size_t)];
    size_t n, n_content;

    if (to->failed)
        return;
    n_content = to->n - begun;
    n = length_bytes(n_content, length);
    buf_add(to, length, n);
    if (to->failed)
        return;
    memmove(to->p + begun + n, to->p + begun, n_content);
    memcpy(to->p + begun, length, n);
}

void der_add(struct buf *to, int tag, struct str content) {
    size_t item = der_begin(to, tag);

    buf_str(to, content);
    der_end(to, item);
}

void der_add_number(struct buf *to, struct str big_endian) {
    size_t item = der_begin(to, DER_INTEGER);

    while (big_endian.n > 0 && big_endian.p[0] == 0) {
        big_endian.p++;
        big_endian.n--;
    }
    if (big_endian.n == 0 || (big_endian.p[0] & 0x80))
        buf_char(to, 0);
    buf_str(to, big_endian);
    der_end(to, item);
}

void der_add_bits(struct buf *to, struct str bytes) {
    size_t item = der_begin(to, DER_BIT_STRING);

    buf_char(to, 0);
    buf_str(to, bytes);
    der_end(to, item);
}

void der_add_time(struct buf *to, int64_t time_s) {
    int64_t days = time_s / DAY_S;
    unsigned second = (unsigned)(time_s % DAY_S);
    int year, month, day;
    size_t item;

    date_from_days(days, &year, &month, &day);
    item = der_begin(to, year < 2050 ? DER_UTC_TIME : DER_TIME);
    if (year < 2050)
        buf_format(to, "%02d", year % 100);
    else
        buf_format(to, "%04d", year);
    buf_format(to, "%02d%02d%02u%02u%02uZ", month, day, second / 3600, second / 60 % 60,
               second % 60);
    der_end(to, item);
}

/* rest stands behind the tag; only the shortest form of a length is DER. */
static int read_length(struct str *rest, size_t *ret_n) {
    size_t n, bytes;

    if (rest->n == 0)
        return ERR_INVALID;
    n = (uint8_t)rest->p[0];
    bytes = n & 0x80 ? n & 0x7f : 0;
    if (n == 0x80 || bytes > 4 || rest->n < 1 + bytes)
        return ERR_INVALID;
    if (bytes > 0)
        n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | (uint8_t)rest->p[1 + i];
    if (bytes > 0 && (n < 0x80 || n >> (8 * (bytes - 1)) == 0))
        return ERR_INVALID;
    rest->p += 1 + bytes;
    rest->n -= 1 + bytes;
    *ret_n = n;
    return 0;
}

int der_next(struct str *rest, struct der_item *ret_item) {
    struct str at = *rest;
    size_t n;

    if (at.n == 0 || (at.p[0] & 0x1f) == 0x1f)
        return ERR_INVALID;
    at.p++;
    at.n--;
    if (read_length(&at, &n) || n > at.n)
        return ERR_INVALID;
    ret_item->tag = (uint8_t)rest->p[0];
    ret_item->content = (struct str){at.p, n};
    ret_item->whole = (struct str){rest->p, (size_t)(at.p - rest->p) + n};
    rest->p += ret_item->whole.n;
    rest->n -= ret_item->whole.n;
    return 0;
}

int der_expect(struct str *rest, int tag, struct str *ret_content) {
    struct str at = *rest;
    struct der_item item;

    if (der_next(&at, &item) || item.tag != tag)
        return ERR_INVALID;
    *rest = at;
    *ret_content = item.content;
    return 0;
}

bool der_optional(struct str *rest, int tag, struct str *ret_content) {
    return rest->n > 0 && !der_expect(rest, tag, ret_content);
}

int der_expect_bits(struct str *rest, struct str *ret_bytes) {
    struct str content;

    if (der_expect(rest, DER_BIT_STRING, &content) || content.n == 0 || content.p[0] != 0)
        return ERR_INVALID;
    *ret_bytes = (struct str){content.p + 1, content.n - 1};
    return 0;
}

/* Two digits; -1 when they are none. */
static int two_digits(const char *p) {
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return -1;
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* MMDDHHMMSSZ */
static int read_in_year(int year, const char *p, int64_t *ret_time_s) {
    static const int most[5] = {12, 31, 23, 59, 59};
    int part[5];

    for (int i = 0; i < 5; i++) {
        part[i] = two_digits(p + 2 * i);
        if (part[i] < (i < 2) || part[i] > most[i])
            return ERR_INVALID;
    }
    if (p[10] != 'Z')
        return ERR_INVALID;
    *ret_time_s =
        date_days(year, part[0], part[1]) * DAY_S + part[2] * 3600 + part[3] * 60 + part[4];
    return 0;
}

int der_expect_time(struct str *rest, int64_t *ret_time_s) {
    struct der_item item;
    struct str text;
    int high, low;

    if (der_next(rest, &item))
        return ERR_INVALID;
    text = item.content;
    if (item.tag == DER_UTC_TIME && text.n == 13) {
        low = two_digits(text.p);
        return low < 0 ? ERR_INVALID
                       : read_in_year(low + (low < 50 ? 2000 : 1900), text.p + 2, ret_time_s);
    }
    if (item.tag != DER_TIME || text.n != 15)
        return ERR_INVALID;
    high = two_digits(text.p);
    low = two_digits(text.p + 2);
    if (high < 0 || low < 0)
        return ERR_INVALID;
    return read_in_year(high * 100 + low, text.p + 4, ret_time_s);
}
