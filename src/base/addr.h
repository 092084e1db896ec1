/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

/* A socket address of IPv4, IPv6 or a unix path. */
struct addr {
    socklen_t n;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
};

enum { ADDR_TEXT = 128 };

/* "127.0.0.1:80", "[::1]:80", ":80" (any address: ::), "unix:/path". Literal addresses
 * only, no names: 0 or ERR_INVALID. */
int addr_parse(struct str text, struct addr *ret_addr);

/* A literal IPv4 or IPv6 address, with or without brackets: 0 or ERR_INVALID. */
int addr_from_ip(struct str ip, uint16_t port, struct addr *ret_addr);

/* Both terminate and return to. IPv4-mapped addresses print as IPv4. */
char *addr_text(const struct addr *a, char to[ADDR_TEXT]);    /* with port */
char *addr_ip_text(const struct addr *a, char to[ADDR_TEXT]); /* without */

uint16_t addr_port(const struct addr *a); /* 0 for unix */
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(const struct addr *a, const struct addr *b); /* with port */
bool addr_is_loopback(const struct addr *a);
bool addr_is_any(const struct addr *a);

#endif
