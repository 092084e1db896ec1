/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CONFIG_PARTS_H
#define GATEWAY_CONFIG_PARTS_H

#include "gateway/config/config.h"

/* What config_check is made of. Each tells what it finds and goes on: the one who fixes the file
 * wants to see it all. */

/* Adds what the text at that place stands for: one address, or both of a name that has two. 0
 * (told when it is no address) or ERR_NO_MEMORY. */
int config_check_listen(struct config *c, struct config_place place, const char *key,
                        struct str text, struct config_listens *to);

void config_check_hosts(struct config *c, struct config_place place, const struct strs *hosts);

/* All routes, when the upstreams are known. 0 or ERR_NO_MEMORY. */
int config_check_routes(struct config *c);

/* Which routes are for connections whose TLS ends elsewhere: their answer is ROUTE_TUNNEL from
 * here on. Before routes and upstreams are checked. */
void config_mark_tunnels(struct config *c);
void config_check_tunnel(struct config *c, struct config_route *r);
void config_check_passthrough(struct config *c);
/* Whether uri may stand in u, by what its routes are for; else it is told. */
bool config_check_scheme(struct config *c, const struct config_upstream *u, size_t i,
                         const struct uri *uri);

#endif
