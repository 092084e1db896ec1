/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic_pair.h"

#include <string.h>

#include "base/check.h"
#include "certs.h"

void quic_pair_contexts(const char *chain_pem, const char *ca_pem, struct tls_context **ret_server,
                        struct tls_context **ret_client) {
    char problem[256] = "";
    struct tls_server shown = {.cert_pem = str_of(chain_pem), .key_pem = str_of(local_key)};
    struct tls_server_config server = {
        .transport = TLS_QUIC, .alpn = "h3", .servers = &shown, .n_servers = 1};
    struct tls_client_config client = {
        .transport = TLS_QUIC, .alpn = "h3", .ca_pem = str_of(ca_pem)};
    check(tls_server_context_new(&server, ret_server, problem, sizeof(problem)) == 0);
    check(tls_client_context_new(&client, ret_client, problem, sizeof(problem)) == 0);
}

static void config_init(struct quic_pair *q, struct quic_config *c, void *accept_context) {
    quic_config_default(c);
    c->turn = q->turn;
    c->context = accept_context;
    memset(c->secret, 7, sizeof(c->secret));
}

void quic_pair_init(struct quic_pair *q, struct turn *turn, void *accept_context) {
    *q = (struct quic_pair){.turn = turn};
    quic_pair_contexts(local_crt, ca_crt, &q->server_tls, &q->client_tls);
    config_init(q, &q->client_config, accept_context);
    config_init(q, &q->server_config, accept_context);
    q->client_config.tls = q->client_tls;
    q->server_config.tls = q->server_tls;
}

void quic_pair_join(struct quic_pair *q, uint64_t seed) {
    struct addr a = net_sim_addr(NET_SIM_A), b = net_sim_addr(NET_SIM_B);
    q->server = quic_server_new(&q->server_config);
    q->client = quic_client_new(&q->client_config, &a, &b, "localhost");
    check(q->server && q->client);
    q->net = net_sim_new(q->turn, q->client, q->server, seed);
}

void quic_pair_end(struct quic_pair *q) {
    net_sim_free(q->net);
    q->net = NULL;
}

void quic_pair_fini(struct quic_pair *q) {
    tls_context_free(q->client_tls);
    tls_context_free(q->server_tls);
}
