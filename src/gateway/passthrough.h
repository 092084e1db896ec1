/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_PASSTHROUGH_H
#define GATEWAY_PASSTHROUGH_H

#include "gateway/config/config.h"

/* Where a connection goes whose server has tls = passthrough: the route with the most specific
 * host for the name of its ClientHello ("" when it has none), else the first; NULL: there is none
 * for it. Pure. */
const struct config_route *passthrough_route(const struct config *c, struct str sni);

#endif
