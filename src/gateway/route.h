/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include "http/exchange.h"

/* Which route a request takes, and who answers it: http_env.route. An authority that belongs to
 * another site of the address gets 421; then the most specific host decides, then the very
 * path, then the longest prefix. The request goes on as the route edits it. */
void route_exchange(struct exchange *x);

/* What the route does to the response; to stand behind the forwarding hook. */
extern const struct hook route_hook;

#endif
