/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_HOST_H
#define GATEWAY_HOST_H

#include <stdbool.h>

#include "gateway/config/option.h"

/* Host patterns of servers and routes: "app.test", "*.app.test" (one label or more), "*". Case
 * does not matter. Pure. */

bool host_matches(struct str pattern, struct str host);

/* How well a list fits a host: 0 not at all, 1 it takes any, more the longer the wildcard is,
 * most for the very name. An empty list takes any. */
size_t hosts_fit(const struct strs *hosts, struct str host);

#endif
