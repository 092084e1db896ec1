/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_VENUE_H
#define GATEWAY_VENUE_H

#include "gateway/address.h"
#include "gateway/site.h"
#include "tls/context.h"

/* The sites of one address, and the TLS contexts that choose among them: what a binding's
 * sockets lead to as long as an outfit is in use. */

struct binding;
struct generation;
struct outfit;

struct venue {
    struct outfit *outfit;
    const struct address *address;
    struct site *sites;
    struct site_set all_sites;              /* in the order of the file */
    struct site_set tcp_sites, udp_sites;   /* whose TLS ends here */
    struct tls_context *tcp_tls, *quic_tls; /* NULL: plain, or without a mirror */
    struct binding *prepared; /* until the outfit is put on (binding.h); NULL: not listened on */
};

/* g: whose address it is. 0, or a negative err told in the log; venue_fini then too. */
int venue_init(struct venue *v, struct outfit *outfit, const struct address *address,
               struct generation *g, struct log *log);
/* Its mirror is closed: connections that are there hear no more of it. */
void venue_withdraw(struct venue *v);
void venue_fini(struct venue *v);

#endif
