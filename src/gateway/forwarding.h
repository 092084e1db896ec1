/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_FORWARDING_H
#define GATEWAY_FORWARDING_H

#include "http/exchange.h"

/* What a gateway adds to requests and responses on their way (PRODUCT.md section 4): the
 * forwarding fields, via, ids and traces one way; server, date, via, alt-svc and the
 * upstream's time the other. Hop-by-hop fields never come so far (http/fields.h). */
extern const struct hook forwarding_hook;

#endif
