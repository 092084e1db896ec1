/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>

#include "base/str.h"

/* Seconds since 1970 as text, always UTC and always English: no locale, no time zone
 * and no file is asked. Years after 9999 print as the last second of 9999. */

enum { DATE_TEXT = 32 };

/* All terminate and return to. */
char *date_imf(uint64_t wall_s, char to[DATE_TEXT]);     /* Sun, 06 Nov 1994 08:49:37 GMT */
char *date_clf(uint64_t wall_s, char to[DATE_TEXT]);     /* 06/Nov/1994:08:49:37 +0000 */
char *date_rfc3339(uint64_t wall_s, char to[DATE_TEXT]); /* 1994-11-06T08:49:37Z */

/* Days since 1970-01-01 of a day of the Gregorian calendar, and back. */
int64_t date_days(int year, int month, int day);
void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);

#endif
