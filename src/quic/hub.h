/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_HUB_H
#define QUIC_HUB_H

#include <ngtcp2/ngtcp2.h>

#include "base/list.h"
#include "base/table.h"
#include "quic/quic.h"

/* What the connections of one engine share: their ids, whose turn it is to write, how many
 * there are. A server's hub has many connections, a client's one.
 *
 * Invariant: every id in the table belongs to a connection in `conns`, and leaves with it. A
 * connection is in `ready` when it may have packets to write; who is pulled goes to the end. */

/* Of the ids that we draw. Short headers do not tell the length, so it is the same for all. */
enum { HUB_ID_BYTES = 12, HUB_MAGIC = 0x71687562 };

struct hub {
    uint32_t magic;
    struct datagram_engine engine;
    struct quic_config config;
    const ngtcp2_callbacks *callbacks; /* NULL: conn_callbacks; tests put lies in between */
    bool is_server;
    bool draining;     /* nothing new is taken, */
    uint64_t drain_ns; /* since then */
    uint8_t token_key[32], reset_key[32];
    struct table ids;
    struct conn_id *last; /* found; NULL: none, or it is gone */
    struct list conns, ready;
    size_t n_live;       /* connections with an application or about to get one */
    size_t n_handshakes; /* those of them that are half open */
    char problem[256];   /* why the last connection ended; a client shows it */
    struct grave grave;
};

struct conn_id {
    struct list link; /* quic_conn.ids */
    struct quic_conn *conn;
    ngtcp2_cid cid;
};

/* 0 or a negative err. config is copied. */
int hub_init(struct hub *h, const struct quic_config *config, bool is_server);
void hub_fini(struct hub *h);
struct hub *hub_of(const struct datagram_engine *e);

/* Draws an id that is not in use and names our worker; 0 or ERR_SYSTEM. */
int hub_draw_id(struct hub *h, ngtcp2_cid *ret_cid);
/* 0, ERR_EXISTS or ERR_NO_MEMORY. */
int hub_id_add(struct quic_conn *c, const ngtcp2_cid *cid);
void hub_id_remove(struct quic_conn *c, const ngtcp2_cid *cid);
void hub_ids_clear(struct quic_conn *c);
struct quic_conn *hub_find(struct hub *h, const uint8_t *id, size_t n);

/* c may have something to write: it will be pulled. */
void hub_ready(struct quic_conn *c);

/* Must another worker have got this? Then silence is right, a stateless reset is not. */
bool hub_is_foreign(const struct hub *h, uint8_t first_byte);

#endif
