/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CONFIG_OBJECTS_H
#define GATEWAY_CONFIG_OBJECTS_H

#include <stdbool.h>

#include "base/addr.h"
#include "gateway/config/option.h"
#include "gateway/edits.h"
#include "http/uri.h"

/* The sections of a configuration, each with its name, its place, what was written (options),
 * and what config_check made of that. */

/* Where something was said, for messages: "dev.ini:12". */
struct config_place {
    struct str file;                   /* empty: a flag */
    int line;                          /* 0: the file as a whole */
    const struct config_line *options; /* of a section: where its options stand */
};

struct config_line {
    const struct config_line *next; /* the one before it */
    const struct option *option;
    struct str file;
    int line;
    size_t n; /* of a list: its items up to and with this line */
};

enum { CONFIG_MAX_HOSTS = 60 }; /* of a server: they all go into its certificate */

struct config_server {
    struct str name;
    struct config_place place;
    struct server_options options;
    bool any_host; /* made by flags: takes every authority */
    struct config_listen *listens;
    size_t n_listens;
    const struct config_credential *credential; /* NULL: a leaf from the local CA */
    size_t index;                               /* into config.servers */
    bool had_mirror; /* of a gateway that runs: clients may remember its HTTP/3 */
};

struct config_listen {
    struct addr addr;
    struct str text; /* as it was written */
    struct config_place place;
    bool optional; /* one of several that a name stands for: may be missing here (no IPv6) */
    /* Of a gateway that runs (gateway/address.h), which notes the port that was got too. */
    size_t address;
    bool closed, no_mirror; /* it could not be listened on; HTTP/3 could not */
};

struct config_listens {
    struct config_listen *v;
    size_t n;
};

struct config_credential {
    struct str name;
    struct config_place place;
    struct credential_options options;
};

enum route_answer {
    ROUTE_PROXY,
    ROUTE_ECHO,
    ROUTE_REDIRECT,
    ROUTE_RESPOND,
    ROUTE_TUNNEL, /* of a passthrough server: no request ever takes it */
};

struct config_route {
    struct str name;
    struct config_place place;
    struct route_options options;
    enum route_answer answer;
    const struct config_upstream *upstream; /* of ROUTE_PROXY and ROUTE_TUNNEL; else NULL */
    struct str match;                       /* the path, or the prefix */
    bool exact;
    struct edits request, response;
    size_t index; /* into config.routes, and a worker's array of its own */
};

struct config_upstream {
    struct str name;
    struct config_place place;
    struct upstream_options options;
    struct uri *uris;
    size_t n_uris;
    size_t index; /* into config.upstreams, and a worker's array of its own */
};

#endif
