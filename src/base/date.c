/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/date.h"

#define DATE_MAX_S UINT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static const char weekdays[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct moment {
    int year, month, day, hour, minute, second, weekday;
};

static int64_t divide_down(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Counts from 0000-03-01: with the leap day last in its year, the days before month m
 * (March is 0) are (153 m + 2) / 5. 719,468 days lie between then and 1970. */
int64_t date_days(int year, int month, int day) {
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t leaps = divide_down(y, 4) - divide_down(y, 100) + divide_down(y, 400);
    return 365 * y + leaps + (153 * m + 2) / 5 + (day - 1) - 719468;
}

void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day) {
    int64_t since = days + 719468;
    int64_t cycle = divide_down(since, 146097); /* 400 years */
    int64_t rest = since - cycle * 146097;
    int64_t y = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    int64_t day_of_year = rest - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *ret_month = (int)(m < 10 ? m + 3 : m - 9);
    *ret_year = (int)(cycle * 400 + y + (m >= 10));
}

static struct moment moment_of(uint64_t wall_s) {
    if (wall_s > DATE_MAX_S)
        wall_s = DATE_MAX_S;
    struct moment at = {
        .hour = (int)(wall_s / 3600 % 24),
        .minute = (int)(wall_s / 60 % 60),
        .second = (int)(wall_s % 60),
        .weekday = (int)((wall_s / 86400 + 4) % 7), /* 1970-01-01 was a Thursday */
    };
    date_from_days((int64_t)(wall_s / 86400), &at.year, &at.month, &at.day);
    return at;
}

static char *put_number(char *to, int value, int digits) {
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + digits;
}

static char *put_text(char *to, const char *text, size_t n) {
    memcpy(to, text, n);
    return to + n;
}

static char *put_clock(char *to, const struct moment *at) {
    to = put_number(to, at->hour, 2);
    *to++ = ':';
    to = put_number(to, at->minute, 2);
    *to++ = ':';
    return put_number(to, at->second, 2);
}

static char *put_day(char *to, const struct moment *at, char separator) {
    to = put_number(to, at->day, 2);
    *to++ = separator;
    to = put_text(to, months + (at->month - 1) * 3, 3);
    *to++ = separator;
    return put_number(to, at->year, 4);
}

char *date_imf(uint64_t wall_s, char to[DATE_TEXT]) {
    struct moment at = moment_of(wall_s);
    char *p = put_text(to, weekdays + at.weekday * 3, 3);
    p = put_text(p, ", ", 2);
    p = put_day(p, &at, ' ');
    *p++ = ' ';
    p = put_clock(p, &at);
    put_text(p, " GMT", 5);
    return to;
}

char *date_clf(uint64_t wall_s, char to[DATE_TEXT]) {
    struct moment at = moment_of(wall_s);
    char *p = put_day(to, &at, '/');
    *p++ = ':';
    p = put_clock(p, &at);
    put_text(p, " +0000", 7);
    return to;
}

char *date_rfc3339(uint64_t wall_s, char to[DATE_TEXT]) {
    struct moment at = moment_of(wall_s);
    char *p = put_number(to, at.year, 4);
    *p++ = '-';
    p = put_number(p, at.month, 2);
    *p++ = '-';
    p = put_number(p, at.day, 2);
    *p++ = 'T';
    p = put_clock(p, &at);
    put_text(p, "Z", 2);
    return to;
}
