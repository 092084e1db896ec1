/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_H
#define GATEWAY_DUMP_H

#include "base/buf.h"
#include "gateway/config/config.h"
#include "gateway/dump/dump_cert.h"

/* What the gateway is, told as istioctl tells it of an Envoy: tables in the manner of
 * `istioctl proxy-config listeners|routes|clusters|secret`, and JSON in the shape of Envoy's own
 * objects (proto3 JSON). No field is invented: what Envoy has none for is left to the wide table.
 *
 * The configuration was checked (config_check) and stays as it is. Nothing is read or made. */

enum dump_form { DUMP_TABLE, DUMP_WIDE, DUMP_SHORT, DUMP_JSON };

/* Those of one address, now. */
struct dump_connections {
    size_t tcp, quic;
};

struct dump {
    const struct config *config;
    const struct dump_certs *certs;
    enum dump_form form;
    /* Only what fits; empty, 0: everything. */
    struct str address, type; /* listeners */
    uint16_t port;            /* listeners, upstreams */
    struct str name;          /* routes, upstreams */
    struct dump_connections
        *connections; /* of a running gateway, as config_listen.address; or NULL */
};

/* "table", "wide", "short", "json": 0 or ERR_INVALID. */
int dump_form_parse(struct str text, enum dump_form *ret_form);

/* Append. 0, or ERR_NO_MEMORY. */
int dump_listeners(const struct dump *d, struct buf *to);
int dump_routes(const struct dump *d, struct buf *to);
int dump_upstreams(const struct dump *d, struct buf *to);
int dump_secrets(const struct dump *d, struct buf *to);

#endif
