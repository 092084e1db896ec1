/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_CONN_H
#define QUIC_CONN_H

#include <ngtcp2/ngtcp2.h>

#include "base/engine.h"
#include "base/list.h"
#include "base/peer.h"
#include "base/turn.h"
#include "quic/crypto.h"
#include "quic/hub.h"
#include "quic/quic.h"

/* One QUIC connection.
 *
 *   HANDSHAKE --> OPEN --> ENDING --> CLOSING --> GONE
 *       |           |         ^          ^
 *       +-----------+---------+          |       (an error, quic_close: with a last packet)
 *       +-----------+------> DRAINING ---+---->  (the peer closed: silently)
 *       +-----------+--------------------------> (idle, no answer: at once)
 *
 * ngtcp2's callbacks record on the struct, quic_* functions too; the connection's task frees.
 * The application is called from HANDSHAKE (client) or OPEN on, and never from ENDING on. */

enum conn_state {
    CONN_HANDSHAKE, /* keys are being agreed on */
    CONN_OPEN,      /* streams run */
    CONN_ENDING,    /* the end is recorded; its packet is yet to be written */
    CONN_CLOSING,   /* all is freed but the ids and the last packet, which answers stragglers */
    CONN_DRAINING,  /* the same, but nothing is ever sent */
    CONN_GONE,      /* out of the hub, buried */
};

/* The wish to close: the first one wins. */
struct conn_close {
    bool wanted, is_app;
    uint64_t code;
    char text[64];
};

enum { CONN_MAGIC = 0x71636e6e, CONN_FAREWELL_BYTES = 1280, CONN_ACT = 1u << 0 };

struct quic_conn {
    uint32_t magic;
    enum conn_state state;
    struct hub *hub;
    struct list link, ready, ids; /* hub->conns, hub->ready; of conn_id */
    struct task task;
    struct grave grave;

    ngtcp2_conn *q;           /* NULL from CLOSING on */
    void *tls;                /* a server has none once its handshake is done */
    struct quic_trace *trace; /* trace.h */
    struct crypto_link crypto;
    struct quic_app *app;
    struct peer peer;
    struct census_client *client; /* NULL: not counted */
    uint64_t begin_ns, heard_ns;  /* heard_ns: a packet came, or the drain began */
    int ifindex;

    bool app_open, rests;                     /* app->opened was called: pull; conn_rest was */
    bool app_drained, begun, stateless_reset; /* config.began was called; the peer ended it so */
    struct conn_close close;

    /* CLOSING: the last packet, and when the next straggler gets it again. */
    uint8_t *farewell;
    size_t farewell_n;
    uint32_t stragglers;
    bool answer;
    struct addr local, remote; /* where the farewell went; a client's path before it */

    /* A client's, for another try after Version Negotiation. */
    char *host;
    uint32_t version, version_offered;
    bool tried_again;
};

/* What a server knows of a connection when its first packet came. */
struct conn_first {
    const ngtcp2_pkt_hd *hd;
    ngtcp2_cid original_dcid;     /* hd->dcid, or what was there before the Retry */
    ngtcp2_token_type token_type; /* UNKNOWN: no valid token */
    const struct datagram *d;
};

/* Where a client wants to go. */
struct conn_goal {
    const struct addr *local, *remote;
    const char *host;
    uint32_t version;
};

static inline bool conn_lives(const struct quic_conn *c) {
    return c->state < CONN_ENDING && c->q;
}

/* ---- state.c: states and ends ---- */
void conn_set_state(struct quic_conn *c, enum conn_state state);
/* Records the wish; the task carries it out. */
void conn_want_close(struct quic_conn *c, bool is_app, uint64_t code, const char *text);
/* Ends it as an error of ngtcp2 says (or as it was wished). */
void conn_fail(struct quic_conn *c, int liberr);
void conn_rest(struct quic_conn *c);   /* when nothing came for a while: keys without schedules */
void conn_settle(struct quic_conn *c); /* after every call into ngtcp2: wishes, the timer */
/* The application, the keys and ngtcp2's state go; ids and farewell stay. */
void conn_strip(struct quic_conn *c);
void conn_bury(struct quic_conn *c);
void hub_drain(struct hub *h);    /* nothing new is taken, and what was begun is finished */
void conn_end_all(struct hub *h); /* at once; the peers' last packets are to be pulled */

/* ---- callbacks.c ---- */
extern const ngtcp2_callbacks conn_callbacks;

/* ---- write.c ---- */
/* The next datagrams of whoever is ready: as datagram_engine_ops.pull. */
bool hub_pull(struct hub *h, struct datagram *d, size_t max_segments);

/* ---- conn.c ---- */
int conn_new_server(struct hub *h, const struct conn_first *first, struct quic_conn **ret_conn);
int conn_new_client(struct hub *h, const struct conn_goal *goal, struct quic_conn **ret_conn);
/* A client starts anew with another version. 0 or a negative err. */
int conn_start_client(struct quic_conn *c, uint32_t version);
/* One UDP payload. 0, or ngtcp2's error: the caller ends with conn_fail and conn_settle. */
int conn_read(struct quic_conn *c, struct span packet, const struct datagram *d);
/* For tests: key update, and a client's new local address. ngtcp2's error codes. */
int conn_update_key(struct quic_conn *c);
int conn_migrate(struct quic_conn *c, const struct addr *local);

#endif
