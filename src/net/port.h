/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_PORT_H
#define NET_PORT_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/engine.h"
#include "base/log.h"
#include "sys/loop.h"

/* A UDP socket that drives a datagram engine: recvmmsg and GRO in, sendmsg and GSO out, ECN,
 * DF (path MTU discovery is QUIC's), the local address of every datagram (IP_PKTINFO). What
 * the kernel refuses is left out after the first refusal. */

struct port;

struct port_config {
    struct loop *loop;
    struct log *log;
    struct addr addr;
    const struct addr *connect_to; /* a client's socket: connected; NULL: a server's */
    size_t receive_buffer_bytes;   /* asked of the kernel; a smaller one is no noise */
    struct task *refused; /* woken with PORT_REFUSED once, when a client's datagrams find nobody
                           * there (ICMP, unauthenticated: a hint only); or NULL */
};

enum { PORT_REFUSED = 1u << 9 };

/* As listener_open and listener_adopt. The engine is given afterwards and owned from then on. */
int port_open(const struct port_config *config, struct port **ret_port);
int port_adopt(const struct port_config *config, int fd, struct port **ret_port);
void port_start(struct port *p, struct datagram_engine *engine);
const struct addr *port_addr(const struct port *p);
void port_drain(struct port *p);
bool port_idle(const struct port *p);
void port_free(struct port *p);
/* What the kernel gave, for the start screen and doctor: "gso gro ecn pmtud". */
const char *port_features(const struct port *p);

#endif
