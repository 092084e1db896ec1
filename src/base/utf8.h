/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */

bool utf8_valid(struct str s);

/* Appends s with U+FFFD for each maximal part that is not UTF-8 (Unicode 3.9, table 3-8:
 * what browsers and Python do). */
void utf8_repair(struct str s, struct buf *to);

#endif
