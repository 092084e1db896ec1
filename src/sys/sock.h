/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* Sockets as the gateway wants them: non-blocking, closed on exec, IPv6 without IPv4 in it
 * (each has a socket of its own), TCP without delay, and with little unsent in the kernel where we
 * connect. */

struct sock_bind {
    struct addr addr; /* port 0: any */
    int type;         /* SOCK_STREAM (then it listens), SOCK_DGRAM */
    bool reuse_port;  /* share the port within SO_REUSEPORT */
    /* The kernel lets all of one user share a port, another gateway too: so look first whether it
     * is free, unless one of our own has it. */
    bool sibling;
};

/* Of a unix socket the file gets mode 0600, and one whose process is gone makes way.
 *
 * 0, ERR_EXISTS (the port is in use), ERR_REFUSED (no permission), ERR_UNSUPPORTED (no such
 * address family), ERR_SYSTEM; errno is as the failing call set it. */
int sock_bind(const struct sock_bind *bind, int *ret_fd);

/* 0: connected; ERR_AGAIN: under way, writable when done (sock_error tells how); ERR_REFUSED,
 * ERR_SYSTEM. ret_fd for 0 and ERR_AGAIN. */
int sock_connect(const struct addr *to, int *ret_fd);
int sock_error(int fd); /* SO_ERROR: an errno, 0: none */
/* Nothing goes either way any more; what has come may still wait to be read. */
bool sock_is_over(int fd);

void sock_names(int fd, struct addr *ret_local, struct addr *ret_remote); /* either may be NULL */
/* errno as an err: refused, timed out, … */
int sock_err(int number);

/* Datagrams of one SO_REUSEPORT group by QUIC's connection ids: the first byte of the
 * destination's, modulo workers, is the index of the socket in the order of binding. */
int sock_steer_quic(int fd, uint32_t workers);

#endif
