/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ACCESS_LINE_H
#define GATEWAY_ACCESS_LINE_H

#include "base/buf.h"
#include "http/exchange.h"

/* The line of the access log for an exchange that ends: called in the end hook, while the peer is
 * known. Nothing that a peer sent can begin a line or end a value. The path is the one that the
 * client asked for, whatever a route made of it. */

/* Combined-like, with duration, authority, upstream, and the reason of what went wrong. */
void access_line_text(struct buf *to, const struct exchange *x);
/* One object; null is what there is none of. to fails when memory ends. */
void access_line_json(struct buf *to, const struct exchange *x);

#endif
