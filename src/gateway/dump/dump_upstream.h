/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_UPSTREAM_H
#define GATEWAY_DUMP_UPSTREAM_H

#include "base/arena.h"
#include "gateway/config/config.h"

/* An upstream as Envoy's cluster: its URLs are endpoints of one locality, taken in turn. */

/* "STATIC": addresses and unix sockets only; "STRICT_DNS": names are looked up. */
struct str dump_upstream_type(const struct config_upstream *u);

/* envoy.config.cluster.v3.Cluster */
struct json;
struct json_value;
struct json_value *dump_upstream_json(struct json *j, struct arena *a, const struct config *c,
                                      const struct config_upstream *u);

#endif
