/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include "http/exchange.h"

/* Which route a request takes, and who answers it: http_env.route. The authority picks among
 * the routes' hosts, then the longest path prefix wins. */
void route_exchange(struct exchange *x);

/* Does the pattern ("app.test", "*.app.test", "*") hold for host? Case does not matter; a
 * wildcard stands for one label or more. */
bool route_host_matches(struct str pattern, struct str host);

#endif
