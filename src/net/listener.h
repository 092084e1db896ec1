/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/census.h"
#include "base/engine.h"
#include "base/list.h"
#include "base/log.h"
#include "base/quota.h"
#include "net/stream.h"
#include "sys/loop.h"

/* A listening TCP socket: accepts and hands over. While there is no room, in the quota or as
 * descriptors ran out, it rests and looks again five times a second, or when a connection of its
 * own has ended: clients wait in the kernel's queue. It tells so once a second, all of them
 * together. */

struct listener;

struct listener_config {
    struct loop *loop;
    struct log *log;
    struct addr addr;      /* port 0: any; see listener_addr */
    struct quota *quota;   /* of connections, of all listeners; NULL: none */
    struct census *census; /* of the clients, likewise */
    uint64_t write_timeout_ns;
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
void listener_write_timeout(struct listener *l, uint64_t ns);
const struct addr *listener_addr(const struct listener *l);
size_t listener_streams(const struct listener *l); /* connections alive */
void listener_drain(struct listener *l);           /* closes the socket, drains connections */
void listener_free(struct listener *l);            /* ends what is left */

#endif
