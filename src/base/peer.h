/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_PEER_H
#define BASE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

/* Facts about a connection. net/ fills in the addresses, tls/ and quic/ what the
 * handshake agreed on; constant once the handshake is done. Lives as long as its
 * connection; strings point into static storage or into the arrays here, and what few
 * connections have or is long is memory of its own.
 * (In base, not http, because tls/ and http/ are strangers.) */

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11, HTTP_2 = 20, HTTP_3 = 30 };

struct quic_stats {
    uint32_t version;
    uint64_t smoothed_rtt_ns, min_rtt_ns;
    uint64_t congestion_window, bytes_in_flight;
    uint64_t packets_sent, packets_received, packets_lost;
    uint8_t connection_id[20];
    uint8_t connection_id_n;
};

/* The certificate that the peer showed. */
struct peer_cert {
    char subject[256];
    uint8_t sha256[32];
};

/* Zeroed at first. */
struct peer {
    struct addr local, remote;
    enum http_version version;
    bool secure; /* TLS or QUIC */

    char alpn[16];
    char *sni;               /* lower case; NULL: none was sent */
    const char *tls_version; /* "TLSv1.3"; NULL when not secure */
    const char *cipher;      /* "TLS_AES_128_GCM_SHA256" */
    char group[32];          /* "X25519MLKEM768" */
    bool resumed, early_data;
    uint64_t handshake_ns; /* how long it took */

    struct peer_cert *cert; /* NULL: none */
    const void *server;     /* the [server] that the handshake chose; gateway/ knows its type */
    void *keeper;           /* who counts the connection, from its beginning to its end; likewise */

    /* Live numbers of a QUIC connection; NULL over TCP. */
    void (*quic_stats)(const struct peer *peer, struct quic_stats *ret_stats);
    void *connection; /* for quic_stats */
};

/* 0 or ERR_NO_MEMORY; empty is none. */
int peer_set_sni(struct peer *peer, const char *sni);
void peer_fini(struct peer *peer); /* what it owns; idempotent */

/* "h1", "h2", "h3" as in x-forwarded-proto-version. */
const char *http_version_short(enum http_version v);
/* "HTTP/1.1", "HTTP/2.0", "HTTP/3.0" as access logs print it. */
const char *http_version_text(enum http_version v);

#endif
