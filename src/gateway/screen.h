/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_SCREEN_H
#define GATEWAY_SCREEN_H

#include "base/buf.h"
#include "gateway/gateway.h"

/* What `h3gw serve` shows when it is ready: where it is reached, over which versions, who
 * answers, where the CA is, and the line that makes a browser use HTTP/3. */
void screen_print(const struct gateway *g, bool colour, struct buf *to);

#endif
