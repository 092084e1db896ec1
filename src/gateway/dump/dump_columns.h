/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_COLUMNS_H
#define GATEWAY_DUMP_COLUMNS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* Text in columns, as istioctl's tables are set: a column is as wide as its widest cell and the
 * padding; what stands last in a line is not padded. */

enum { DUMP_COLUMNS = 16 }; /* further tabs of a line stay what they are */

/* lines: cells with a tab between them, a newline at the end. Appends. */
void dump_columns(struct str lines, size_t padding, struct buf *to);

#endif
