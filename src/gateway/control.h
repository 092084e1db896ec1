/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

#include "gateway/gateway.h"

/* The pages of health, stats and admin:
 *
 *   health  /healthz/ready
 *   stats   /stats/prometheus
 *   admin   /listeners, /routes, /upstreams, /certs (query: form, address, port, type, name),
 *           /gateway (who it is), and with POST /reload and /stop (query: now)
 *
 * What the commands ask for is written by who runs: it knows the ports that were got. */

/* Before anything listens; the control thread's worker is there. */
void control_init(struct gateway *g);

#endif
