/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ENTRANCE_H
#define GATEWAY_ENTRANCE_H

#include "gateway/address.h"

/* The URL to show to somebody who has just started this: a name that the servers of an address
 * take, and a path that a route answers. Pure. */

enum { ENTRANCE_HOST = 256 };

struct entrance {
    char host[ENTRANCE_HOST]; /* as a URL has it: IPv6 in brackets */
    struct str path;          /* of the configuration */
    char ip[ADDR_TEXT];       /* where clients on this machine find it; likewise */
    bool found;               /* … and where they look by themselves */
};

void entrance_find(const struct config *c, const struct address *a, struct entrance *ret_entrance);

#endif
