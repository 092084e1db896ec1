/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_LISTENER_H
#define GATEWAY_DUMP_LISTENER_H

#include "base/arena.h"
#include "gateway/config/config.h"

/* The listeners as Envoy would have them: one for each address, with filter chains for its
 * servers; one more for the UDP mirror; the two sockets of a dual-stack listen are one. And
 * those of health and stats. */

struct dump_listener {
    struct str name;          /* "0.0.0.0_8443", "udp_0.0.0.0_8443" */
    struct str address, more; /* more: the second address; empty: there is none */
    uint16_t port;
    bool udp;
    const struct config_server **servers; /* in the order of the file */
    size_t n_servers;
    const struct config_listen *places[2]; /* the second may be NULL; NULL: of path */
    struct str path; /* plain HTTP for this prefix alone, which we answer; empty: HTTPS */
};

/* A filter chain: what is done with the connections for some names. */
struct dump_chain {
    const struct config_server *server;
    const struct config_route *tunnel; /* of a passthrough server; else NULL */
    struct strs hosts;                 /* for SNI; none: any */
};

struct dump_chain_list {
    struct dump_chain *v;
    size_t n;
};

struct dump_listener_list {
    struct dump_listener *v;
    size_t n;
};

/* Sorted by port, address and type. 0 or ERR_NO_MEMORY. */
int dump_listener_list(const struct config *c, struct arena *a,
                       struct dump_listener_list *ret_list);

/* One for each server, or for each of its routes when it passes TLS through; in the order of the
 * file. 0 or ERR_NO_MEMORY. */
int dump_chain_list(const struct config *c, struct arena *a, const struct dump_listener *l,
                    struct dump_chain_list *ret_list);
/* "HTTP", "TCP", "HTTP+TCP": as istioctl says it. */
struct str dump_listener_type(const struct dump_listener *l);

/* envoy.config.listener.v3.Listener */
struct json;
struct json_value;
struct json_value *dump_listener_json(struct json *j, struct arena *a, const struct config *c,
                                      const struct dump_listener *l);

#endif
