/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_NAMES_H
#define GATEWAY_DUMP_NAMES_H

#include "base/arena.h"
#include "gateway/config/config.h"

/* What Istio would call our objects, so that one dump names in another what it means. In the
 * arena; p NULL when memory ends. */

/* "https.443.https.SERVER[.NAMESPACE]"; port: the one listened on. */
struct str dump_route_name(struct arena *a, const struct config_server *s, uint16_t port);
/* The port that clients are to use: `advertise`, or the one listened on. */
uint16_t dump_route_port(const struct config_server *s, uint16_t port);

/* "outbound|8000||UPSTREAM": the port is the first URL's, 0 for a unix socket. */
struct str dump_cluster_name(struct arena *a, const struct config_upstream *u);

/* "kubernetes://CREDENTIAL", "local-ca://SERVER". */
struct str dump_secret_name(struct arena *a, const struct config_server *s);
struct str dump_credential_name(struct arena *a, const struct config_credential *o);
/* Who signs the clients' certificates: "kubernetes://CREDENTIAL-cacert". */
struct str dump_client_ca_name(struct arena *a, const struct config_credential *o);

/* Does a credential give it its certificate (else the local CA does)? */
bool dump_is_given(const struct config_server *s);

#define DUMP_ROOT_NAME STR("ROOTCA") /* of the local CA */

#endif
