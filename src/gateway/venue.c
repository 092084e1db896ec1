/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/venue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "gateway/generation.h"

static int make_context(struct venue *v, struct generation *g, enum tls_transport transport,
                        struct log *log) {
    struct site_set *set = transport == TLS_QUIC ? &v->udp_sites : &v->tcp_sites;
    struct tls_server *servers = calloc(set->n + 1, sizeof *servers);
    struct tls_server_config config = {
        .transport = transport,
        .alpn = transport == TLS_QUIC ? "h3" : "h2,http/1.1",
        .servers = servers,
        .n_servers = set->n,
        .choose = site_choose,
        .issue = site_issue,
        .context = set,
        .keylog = generation_keylog(g),
        .secret = g->secrets->tickets,
    };
    char problem[256] = "";
    int err = ERR_NO_MEMORY;

    for (size_t i = 0; servers && i < set->n; i++)
        servers[i] = site_tls(set->v[i]);
    if (servers)
        err = tls_server_context_new(&config, transport == TLS_QUIC ? &v->quic_tls : &v->tcp_tls,
                                     problem, sizeof problem);
    free(servers);
    if (err)
        log_error(log, "%s", problem[0] ? problem : err_text(err));
    return err;
}

static int add_site(struct venue *v, struct generation *g, const struct config_server *server,
                    struct log *log) {
    struct site *site = &v->sites[v->all_sites.n];

    site->neighbours = &v->all_sites;
    site->server = server;
    site->identity = &g->identities[server->index];
    v->all_sites.v[v->all_sites.n++] = site;
    if (config_passthrough(server))
        return 0;
    v->tcp_sites.v[v->tcp_sites.n++] = site;
    if (v->address->udp && config_http3(&g->config, server))
        v->udp_sites.v[v->udp_sites.n++] = site;
    return issuer_init(&site->issuer, server, site->identity, log);
}

/* Who has heard of a mirror that is no more is told so (RFC 7838 3.1). */
static void announce(struct venue *v, const struct config *c) {
    uint64_t max_age_ns = c->gateway.alt_svc_max_age_ns;

    for (size_t i = 0; i < v->all_sites.n; i++) {
        struct site *site = &v->sites[i];
        check(site->server);
        if (site->server->had_mirror)
            snprintf(site->alt_svc, sizeof site->alt_svc, "clear");
    }
    for (size_t i = 0; i < v->udp_sites.n; i++) {
        struct site *site = v->udp_sites.v[i];
        check(site);
        unsigned long long port = site->server->options.advertise;
        snprintf(site->alt_svc, sizeof site->alt_svc, "h3=\":%llu\"; ma=%llu",
                 port ? port : addr_port(&v->address->addr),
                 (unsigned long long)(max_age_ns / SECOND_NS));
    }
}

int venue_init(struct venue *v, struct outfit *outfit, const struct address *address,
               struct generation *g, struct log *log) {
    size_t n = address->n_servers + 1;
    int err = 0;

    *v = (struct venue){.outfit = outfit, .address = address};
    if (!address->tcp || address->plain)
        return 0;
    v->sites = calloc(n, sizeof *v->sites);
    v->all_sites.v = calloc(n, sizeof(struct site *));
    v->tcp_sites.v = calloc(n, sizeof(struct site *));
    v->udp_sites.v = calloc(n, sizeof(struct site *));
    v->all_sites.all = v->tcp_sites.all = v->udp_sites.all = &v->all_sites;
    if (!v->sites || !v->all_sites.v || !v->tcp_sites.v || !v->udp_sites.v)
        return ERR_NO_MEMORY;
    for (size_t i = 0; !err && i < address->n_servers; i++)
        err = add_site(v, g, address->servers[i], log);
    announce(v, &g->config);
    if (!err && v->tcp_sites.n)
        err = make_context(v, g, TLS_TCP, log);
    if (!err && v->udp_sites.n)
        err = make_context(v, g, TLS_QUIC, log);
    return err;
}

void venue_withdraw(struct venue *v) {
    for (size_t i = 0; i < v->udp_sites.n; i++)
        v->udp_sites.v[i]->alt_svc[0] = '\0';
}

void venue_fini(struct venue *v) {
    tls_context_free(v->tcp_tls);
    tls_context_free(v->quic_tls);
    for (size_t i = 0; i < v->tcp_sites.n; i++)
        issuer_fini(&v->tcp_sites.v[i]->issuer);
    free(v->sites);
    free(v->all_sites.v);
    free(v->tcp_sites.v);
    free(v->udp_sites.v);
    *v = (struct venue){0};
}
