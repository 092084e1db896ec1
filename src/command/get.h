/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_GET_H
#define COMMAND_GET_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/args.h"
#include "base/turn.h"
#include "gateway/keylog.h"
#include "gateway/qlog.h"
#include "http/client.h"
#include "http/exchange.h"
#include "http/uri.h"
#include "net/dial.h"
#include "net/port.h"
#include "net/stream.h"
#include "sys/loop.h"
#include "tls/context.h"

/* `h3gw get`: one exchange after the other, each on a connection of its own. The getter is the
 * front end; h1, h2 or h3's client stream is the back end.
 *
 *   resolving --> connecting --> handshake --> waiting --> receiving --> done
 *        `------------`-------------`-----------`------------`-------> failed */

enum get_version { GET_ANY, GET_HTTP1, GET_HTTP2, GET_HTTP3 };
enum get_state { GET_CONNECTING, GET_RECEIVING, GET_DONE, GET_FAILED };

struct get_options {
    const struct args *args;
    enum get_version version;
    bool verbose, insecure;
    struct str method;   /* empty: GET, or POST with data */
    struct str data;     /* from the command line */
    int data_fd;         /* or from a file; -1: none */
    int64_t data_begin;  /* where to read it from anew; -1: it can be read once only */
    int64_t data_length; /* LENGTH_UNKNOWN: read until its end; 0 without data */
    bool has_data, follow;
    int out_fd;
    uint64_t timeout_ns, connect_timeout_ns;
};

/* One address that is tried over UDP, which does not say that nobody is there: the next one
 * starts soon, and the first to finish its handshake wins. */
enum { GET_TRIES = 4 };
struct get_try {
    struct getter *getter;
    struct port *port;
    struct datagram_engine *quic;
    struct http_client *client; /* not to be touched once quic has an error */
    const struct peer *peer;
    uint64_t begin_ns;
    uint64_t refused_ns; /* when ICMP said that nobody listens; 0: not */
};

struct getter {
    const struct get_options *options;
    struct log log;
    struct turn turn;
    struct loop *loop;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env http;
    struct resolver *resolver;
    struct keylog keylog;
    struct qlog qlog;
    struct buf ca_pem;
    bool data_read; /* from the file, so that it has to be rewound */

    /* What the last alt-svc taught: HTTP/3 for learned_host:learned_for is at learned_port. */
    char learned_host[256];
    uint16_t learned_for, learned_port; /* learned_port 0: nothing */

    /* of the present URL and where it was redirected to */
    struct buf location; /* where to go on; empty: nowhere */
    bool as_get;         /* a redirect took method and body away */
    bool away;           /* it led to another origin: that one gets no credentials */

    /* of the present URL */
    enum get_state state;
    struct arena arena;
    struct uri uri;
    enum get_version version; /* what is tried */
    struct task task;         /* owner of dial and client; its timer is the time limit */
    struct end front;
    struct exchange *x;
    struct dial *dial;
    struct list streams;
    struct net_stream *stream;
    struct stream_engine *tls_engine; /* of stream; NULL in the clear */
    struct get_try tries[GET_TRIES];  /* over UDP */
    int n_tries, next_addr;
    bool over_udp;
    struct tls_context *tls;
    struct http_client *client;
    const struct peer *peer;
    struct peer last_peer; /* of a stream that has ended */
    uint64_t begin_ns, connected_ns;
    bool head_seen;
    size_t data_at;    /* of options->data: sent so far */
    uint16_t alt_port; /* where alt-svc led us; 0: nowhere */
};

enum { GET_MAX_REDIRECTS = 10 };

#endif
