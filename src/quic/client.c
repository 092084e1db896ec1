/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/client.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "quic/conn.h"
#include "quic/crypto.h"

/* The client's engine: one connection and what is left to tell of it. */

struct client {
    struct hub hub;         /* first */
    struct quic_conn *conn; /* valid while it is in hub.conns */
    bool was_open;
};

static struct client *client_of(const struct datagram_engine *e) {
    struct hub *h = hub_of(e);
    check(!h->is_server);
    return container_of(h, struct client, hub);
}

static struct quic_conn *conn_of(const struct client *client) {
    return list_empty(&client->hub.conns) ? NULL : client->conn;
}

/* A server that does not speak our version tells which it does; once only (RFC 9368 4). */
static int try_again(struct quic_conn *c, int rv) {
    if (rv != NGTCP2_ERR_RECV_VERSION_NEGOTIATION || c->tried_again || c->version_offered == 0)
        return rv;
    c->tried_again = true;
    return conn_start_client(c, c->version_offered) == 0 ? 0 : NGTCP2_ERR_NOMEM;
}

static void take_packet(struct client *client, struct span packet, const struct datagram *d) {
    struct quic_conn *c = conn_of(client);
    if (!c || packet.n == 0)
        return;
    int rv = try_again(c, conn_read(c, packet, d));
    if (rv != 0)
        conn_fail(c, rv);
    if (c->state == CONN_OPEN)
        client->was_open = true;
    conn_settle(c);
}

static void take(struct datagram_engine *e, struct datagram *d) {
    struct client *client = client_of(e);
    size_t segment = d->segment > 0 ? d->segment : d->n;
    for (size_t at = 0; at < d->n; at += segment) {
        size_t n = d->n - at < segment ? d->n - at : segment;
        take_packet(client, (struct span){d->data + at, n}, d);
    }
}

static bool pull(struct datagram_engine *e, struct datagram *d, size_t max_segments) {
    return hub_pull(&client_of(e)->hub, d, max_segments);
}

static void drain(struct datagram_engine *e) {
    hub_drain(&client_of(e)->hub);
}

static bool idle(const struct datagram_engine *e) {
    const struct client *client = client_of(e);
    return client->hub.n_live == 0 && list_empty(&client->hub.ready);
}

static void end(struct datagram_engine *e) {
    conn_end_all(hub_of(e));
}

static void client_free(struct grave *grave) {
    struct client *client = container_of(grave, struct client, hub.grave);
    hub_fini(&client->hub);
    free(client);
}

static void free_engine(struct datagram_engine *e) {
    struct client *client = client_of(e);
    struct quic_conn *c = conn_of(client);
    e->driver = NULL;
    if (c)
        conn_bury(c);
    turn_bury(client->hub.config.turn, &client->hub.grave, client_free);
}

static const struct datagram_engine_ops ops = {
    .take = take,
    .pull = pull,
    .drain = drain,
    .end = end,
    .idle = idle,
    .free = free_engine,
};

struct datagram_engine *client_new(const struct quic_config *config, const struct addr *local,
                                   const struct addr *remote, const char *host, uint32_t version) {
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    if (hub_init(&client->hub, config, false) != 0) {
        free(client);
        return NULL;
    }
    client->hub.engine.ops = &ops;
    crypto_prepare(config->tls, false);
    struct conn_goal goal = {local, remote, host, version};
    if (conn_new_client(&client->hub, &goal, &client->conn) != 0) {
        turn_bury(config->turn, &client->hub.grave, client_free);
        return NULL;
    }
    return &client->hub.engine;
}

struct datagram_engine *quic_client_new(const struct quic_config *config, const struct addr *local,
                                        const struct addr *remote, const char *host) {
    return client_new(config, local, remote, host, NGTCP2_PROTO_VER_V1);
}

struct quic_conn *quic_client_conn(struct datagram_engine *e) {
    return conn_of(client_of(e));
}

const char *quic_client_error(const struct datagram_engine *e) {
    return client_of(e)->hub.problem;
}

bool quic_client_handshake_done(const struct datagram_engine *e) {
    return client_of(e)->was_open;
}
