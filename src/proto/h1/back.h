/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_BACK_H
#define PROTO_H1_BACK_H

#include "http/client.h"
#include "proto/h1/conn.h"

/* The client's side of a connection: an exchange is opened on it, its request is written, the
 * response is read into it; this is its back end.
 *
 * The connection takes another exchange only after both messages came to their ends and not
 * a byte more: whatever is doubtful ends it, as a next response could be a foreign one. */

struct h1_back {
    struct h1_conn conn; /* the first member */
    struct http_client client;
    bool keep_alive;          /* as the response says */
    unsigned n_informational; /* heads with 1xx for this request */
    uint64_t hold_until_ns;   /* the body waits for 100 */
};

extern const struct h1_role h1_back_role;
extern const struct http_client_ops h1_back_client_ops;

#endif
