/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_PLAIN_H
#define TLS_PLAIN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Somebody typed http:// where https:// belongs: tell them instead of cutting them off. */

/* Is this the beginning of plain HTTP? TLS records begin with bytes 20 to 24, methods with
 * a letter. */
bool plain_is_http(struct str input);

/* A whole HTTP/1.1 response: 400, with the https address as far as input lets one know it. */
void plain_answer(struct str input, struct buf *to);

#endif
