/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_FRONT_H
#define PROTO_H1_FRONT_H

#include "proto/h1/conn.h"

/* The server's side of a connection: one request after the other becomes an exchange, whose
 * front end this is. What is wrong before there is an exchange is answered right here.
 *
 *     head --> exchange --> response head, body, trailers --> left --> the next head
 *       `-- refused, then closed            `-- cut: closed without an end */

struct h1_front {
    struct h1_conn conn; /* the first member */
    uint64_t n_requests;
    uint64_t leaves_ns; /* FIN came: the client counts as gone from then on */
    unsigned minor;     /* of the request's version */
    bool keep_alive;    /* both sides want it */
    bool expects;       /* the client waits for 100 */
    bool head_written;  /* of the final response */
};

extern const struct h1_role h1_front_role;

#endif
