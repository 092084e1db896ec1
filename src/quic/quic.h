/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_QUIC_H
#define QUIC_QUIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/census.h"
#include "base/engine.h"
#include "base/log.h"
#include "base/peer.h"
#include "base/quota.h"
#include "base/str.h"
#include "base/turn.h"
#include "tls/context.h"

/* QUIC (RFC 9000, 9001, 9002, 9368, 9369) on ngtcp2: datagrams <-> streams. It never learns
 * what its application is; h3 is one, tests bring an echo. */

struct quic_conn;
struct quic_counters;
struct quic_qlog;

/* ---- what QUIC asks of the application above it ---- */
struct quic_app {
    const struct quic_app_ops *ops;
};

struct quic_out {
    int64_t stream_id; /* -1: nothing but what QUIC itself has to send */
    bool fin;          /* after these pieces */
    int n;
    struct iovec iov[16];
};

struct quic_app_ops {
    /* Streams can be opened and written now (server: 0.5-RTT keys; client: handshake done).
     * 0, or a negative err: the connection is closed with an internal error. */
    int (*opened)(struct quic_app *app);
    /* Stream data in order. Credit is given back with quic_credit only. 0, or negative: the
     * app has called quic_close itself, or it is closed with an internal error. */
    int (*recv)(struct quic_app *app, int64_t stream_id, const uint8_t *p, size_t n, bool fin);
    /* The next stream data to write. Called in the pull loop until stream_id is -1; not again
     * for a stream that was told blocked. 0 or negative as recv. */
    int (*pull)(struct quic_app *app, struct quic_out *out);
    /* n bytes of the last pull went into packets; called with n = 0 too when only FIN did. */
    int (*sent)(struct quic_app *app, int64_t stream_id, size_t n);
    void (*acked)(struct quic_app *app, int64_t stream_id, uint64_t n);
    void (*blocked)(struct quic_app *app, int64_t stream_id);   /* by flow control */
    void (*unblocked)(struct quic_app *app, int64_t stream_id); /* MAX_STREAM_DATA came */
    void (*shut)(struct quic_app *app, int64_t stream_id);      /* write side is closed for us */
    void (*reset)(struct quic_app *app, int64_t stream_id, uint64_t code);  /* RESET_STREAM */
    void (*stop)(struct quic_app *app, int64_t stream_id, uint64_t code);   /* STOP_SENDING */
    void (*closed)(struct quic_app *app, int64_t stream_id, uint64_t code); /* both sides */
    void (*more_streams)(struct quic_app *app); /* the peer allows more bidi streams */
    void (*drain)(struct quic_app *app);        /* GOAWAY; idle() turns true when all is done */
    bool (*idle)(const struct quic_app *app);   /* no live streams: the connection may close */
    uint64_t done_code; /* of the CONNECTION_CLOSE of a drained connection that is idle */
    /* The connection is gone; reason is an enum reason as an int (quic/ gives 0: none). Frees
     * the app, in the turn; quic_* may still be called from it, and do nothing. */
    void (*free)(struct quic_app *app, int reason);
};

/* ---- what the application asks of QUIC; all only record, the turn sends ---- */
void quic_wake(struct quic_conn *conn);
/* The new stream's id, or ERR_LIMIT: the peer allows no more now, ERR_NO_MEMORY. */
int64_t quic_open_bidi(struct quic_conn *conn);
int64_t quic_open_uni(struct quic_conn *conn);
uint64_t quic_bidi_left(const struct quic_conn *conn); /* how many quic_open_bidi would give */
/* The app took n bytes of a stream: MAX_STREAM_DATA and MAX_DATA. */
void quic_credit(struct quic_conn *conn, int64_t stream_id, uint64_t n);
void quic_credit_conn(struct quic_conn *conn, uint64_t n); /* no more of that stream is wanted */
void quic_reset_stream(struct quic_conn *conn, int64_t stream_id, uint64_t code);
void quic_stop_sending(struct quic_conn *conn, int64_t stream_id, uint64_t code);
void quic_allow_stream(struct quic_conn *conn); /* one more bidi stream for the peer */
/* CONNECTION_CLOSE with an application code; text is cut at 64 bytes. */
void quic_close(struct quic_conn *conn, uint64_t code, const char *text);
const struct peer *quic_peer(const struct quic_conn *conn);
struct turn *quic_turn(const struct quic_conn *conn);

/* ---- the engines ---- */
enum quic_cc { QUIC_CUBIC, QUIC_RENO, QUIC_BBR };
enum quic_retry { QUIC_RETRY_AUTO, QUIC_RETRY_ALWAYS, QUIC_RETRY_OFF };

struct quic_config {
    struct turn *turn;
    struct log *log;
    struct tls_context *tls; /* of TLS_QUIC; a server's may choose by SNI */
    /* The application of a new connection, after the handshake chose the ALPN. peer lives as
     * long as the connection. NULL refuses. */
    struct quic_app *(*accept)(void *context, struct quic_conn *conn, const struct peer *peer);
    /* A server's connection begins to use tls, and does so no more; each once. NULL: not told. */
    void (*began)(void *context, struct peer *peer), (*ended)(void *context, struct peer *peer);
    void *context;
    enum quic_cc cc;
    enum quic_retry retry;
    uint8_t secret[32];       /* tokens and stateless resets are derived from it */
    uint32_t worker, workers; /* our ids: first byte % workers == worker; 0 workers: 1 */
    uint32_t stream_window_bytes, conn_window_bytes; /* initial flow-control credit */
    uint32_t streams;                                /* bidi streams that a peer may have open */
    struct quota *handshakes, *conns; /* full of half-open ones: Retry; four times: refusal */
    struct census *census; /* of the clients whose handshake is done; these three: or NULL */
    uint64_t idle_timeout_ns, handshake_timeout_ns;
    struct quic_counters *counters; /* quic/counters.h; NULL: nothing is counted */
    struct quic_qlog *qlog;         /* quic/qlog.h; NULL: none is written */
    size_t max_udp_payload;         /* 0: path MTU discovery decides; the most we send */
    bool early_data;
};

void quic_config_default(struct quic_config *config);

/* The server's connection table on one UDP socket. config is copied. NULL: no memory. */
struct datagram_engine *quic_server_new(const struct quic_config *config);
size_t quic_server_conns(const struct datagram_engine *e);
size_t quic_server_handshakes(const struct datagram_engine *e); /* those that are half open */
/* For connections to come; others keep theirs. Turn, log, secret, workers and counts stay. */
void quic_server_use(struct datagram_engine *e, const struct quic_config *config);

/* One client connection; host is checked against the certificate and sent as SNI (not when
 * it is a literal address). accept is called at once, before the handshake, to make the app.
 * ret_conn for h3_client_new's caller. */
struct datagram_engine *quic_client_new(const struct quic_config *config, const struct addr *local,
                                        const struct addr *remote, const char *host);
struct quic_conn *quic_client_conn(struct datagram_engine *e);
/* Why a client connection failed or ended, for messages; "" while it is well. */
const char *quic_client_error(const struct datagram_engine *e);
bool quic_client_handshake_done(const struct datagram_engine *e);

#endif
