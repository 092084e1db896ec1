/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_SITE_H
#define GATEWAY_SITE_H

#include "gateway/config/config.h"
#include "gateway/identity.h"
#include "gateway/issuer.h"
#include "tls/context.h"

/* A [server] on one address that is listened on. Several may share an address: the handshake
 * chooses one by SNI, and connections know theirs as peer->server. A request for the
 * authority of another gets 421, whatever the certificate covers (RFC 9110 15.5.20): each site
 * has its own mode of asking for client certificates, and that must not be gone round. */

struct site {
    const struct site_set *neighbours; /* of the address, itself included */
    const struct config_server *server;
    const struct identity *identity;
    struct issuer issuer;
    char alt_svc[64]; /* "" unless its HTTP/3 mirror is bound, or was */
};

/* Those of one transport, in the order of the configuration. */
struct site_set {
    struct site **v;
    size_t n;
    const struct site_set *all; /* of the address: UDP may have fewer; itself for TCP */
};

/* Whose host this is, the most specific first; NULL: nobody's. */
struct site *site_of_host(const struct site_set *set, struct str host);

/* The site of a ClientHello: never NULL. */
struct site *site_of_sni(const struct site_set *set, const char *sni);

/* tls_server_config.choose and .issue, with a set as their context. Without a name, or with one
 * that is nobody's: the first that takes any host and asks for no client certificate, else
 * the first. A name whose site has no mirror is refused over QUIC. */
int site_choose(void *context, const char *sni);
int site_issue(void *context, size_t index, const char *sni, struct tls_pair *ret_pair);

/* What TLS has to know of it. */
struct tls_server site_tls(const struct site *site);

#endif
