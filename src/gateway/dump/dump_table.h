/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_TABLE_H
#define GATEWAY_DUMP_TABLE_H

#include "gateway/dump/dump.h"
#include "gateway/dump/dump_listener.h"
#include "gateway/dump/dump_route.h"

/* The tables, with the columns, padding and order of rows of istioctl
 * (istioctl/pkg/writer/envoy/configdump/, compare/sds/); wide ones have more columns at the
 * right. Append. 0 or ERR_NO_MEMORY. */

int dump_listeners_table(const struct dump *d, struct arena *a,
                         const struct dump_listener_list *list, struct buf *to);
int dump_routes_table(const struct dump *d, struct arena *a, const struct dump_route_list *list,
                      struct buf *to);
int dump_upstreams_table(const struct dump *d, const struct config_upstream *const *v, size_t n,
                         struct buf *to);
int dump_secrets_table(const struct dump *d, struct buf *to);

#endif
