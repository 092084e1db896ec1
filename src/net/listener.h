/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/census.h"
#include "base/engine.h"
#include "base/list.h"
#include "base/log.h"
#include "net/stream.h"
#include "sys/loop.h"

/* A listening TCP socket: accepts and hands over. Out of descriptors: it rests and tells
 * once a second, no busy loop. */

struct listener;

struct listener_limits {
    uint32_t max_streams; /* 0: no limit; then it rests until some ended */
    uint64_t write_timeout_ns;
};

struct listener_config {
    struct loop *loop;
    struct log *log;
    struct addr addr;      /* port 0: any; see listener_addr */
    struct census *census; /* of the clients, of all listeners; NULL: none */
    struct listener_limits limits;
    /* The engine of a new connection; NULL closes it. Called in the I/O phase. */
    struct stream_engine *(*accept)(void *context, struct peer *peer);
    /* Once for each accept, when the connection is over and its engine gone; NULL: not told. */
    void (*ended)(void *context, struct peer *peer);
    void *context;
};

/* 0, ERR_EXISTS (the port is in use), ERR_REFUSED (no permission), ERR_SYSTEM (errno). */
int listener_open(const struct listener_config *config, struct listener **ret_listener);
/* The same with a socket of sock_bind in place of addr; it is the listener's from now on, and
 * closed after an error. Nothing is accepted before listener_start, which cannot fail. */
int listener_adopt(const struct listener_config *config, int fd, struct listener **ret_listener);
void listener_start(struct listener *l);
/* For the connections to come. */
void listener_limit(struct listener *l, const struct listener_limits *limits);
const struct addr *listener_addr(const struct listener *l);
size_t listener_streams(const struct listener *l); /* connections alive */
void listener_drain(struct listener *l);           /* closes the socket, drains connections */
void listener_free(struct listener *l);            /* ends what is left */

#endif
