/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ADDRESS_H
#define GATEWAY_ADDRESS_H

#include "base/log.h"
#include "gateway/config/config.h"

/* The addresses that a configuration wants to be listened on, and the sockets for it. The control
 * thread opens them, all before anything changes; workers take them (gateway/binding.h). An
 * address that stays from one generation to the next keeps its sockets. */

enum { ADDRESS_PROBLEM = 256 };

struct address {
    struct addr wanted; /* as it was configured: its port may be 0 */
    struct addr addr;   /* with the port that was got */
    bool optional;      /* as config_listen */
    bool plain;         /* of http-redirect: without TLS, sites and mirror */
    const struct config_server **servers;
    size_t n_servers;
    bool tcp, udp; /* listened on */
    /* For each worker a socket that it has to take; -1: it has it already, or there is none. */
    int *tcp_fds, *udp_fds;
    char problem[ADDRESS_PROBLEM]; /* why it has no mirror; empty: it has what it wants */
};

struct addresses {
    struct address *v;
    size_t n;
    unsigned workers;
};

/* Opens what `before` (NULL: nothing) does not have, and writes the ports that were got into the
 * configuration. Told in the log: what cannot be opened. 0 or a negative err; after an error too
 * addresses_fini is due, which closes what nobody took. */
int addresses_open(struct addresses *a, struct config *c, const struct addresses *before,
                   struct log *log);
void addresses_fini(struct addresses *a);

#endif
