/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_TO_HTTPS_H
#define GATEWAY_TO_HTTPS_H

#include "http/exchange.h"

/* Plain HTTP/1.1 that answers every request with 308 to the same place over HTTPS: the option
 * http-redirect. Only for hosts that a server has, so that it sends nobody elsewhere; the rest
 * gets 400. As http_env.route of an outfit's plain connections. */
void to_https(struct exchange *x);

#endif
