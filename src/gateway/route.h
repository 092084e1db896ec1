/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include "http/exchange.h"

/* Which route a request takes, and who answers it: http_env.route. An authority that belongs to
 * another site of the address gets 421; then it picks among the routes' hosts, and the
 * longest path prefix wins. */
void route_exchange(struct exchange *x);

#endif
