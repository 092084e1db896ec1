/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/site.h"

#include "gateway/host.h"

enum { TLS_SIMPLE, TLS_MUTUAL, TLS_OPTIONAL_MUTUAL }; /* of the option tls */

static size_t fit(const struct site *site, struct str host) {
    static const struct strs any = {0};

    return hosts_fit(site->server->any_host ? &any : &site->server->options.hosts, host);
}

struct site *site_of_host(const struct site_set *set, struct str host) {
    struct site *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; i < set->n; i++) {
        size_t one = fit(set->v[i], host);
        if (one > best_fit) {
            best = set->v[i];
            best_fit = one;
        }
    }
    return best;
}

static bool takes_anybody(const struct site *site) {
    bool asks =
        site->server->options.tls == TLS_MUTUAL || site->server->options.tls == TLS_OPTIONAL_MUTUAL;

    return !asks && fit(site, STR("")) > 0;
}

static int index_of(const struct site_set *set, const struct site *site) {
    for (size_t i = 0; i < set->n; i++)
        if (set->v[i] == site)
            return (int)i;
    return -1;
}

struct site *site_of_sni(const struct site_set *set, const char *sni) {
    struct site *site = sni[0] ? site_of_host(set->all, str_of(sni)) : NULL;

    for (size_t i = 0; !site && i < set->n; i++)
        if (takes_anybody(set->v[i]))
            site = set->v[i];
    return site ? site : set->v[0];
}

int site_choose(void *context, const char *sni) {
    const struct site_set *set = context;

    return index_of(set, site_of_sni(set, sni));
}

int site_issue(void *context, size_t index, const char *sni, struct tls_pair *ret_pair) {
    const struct site_set *set = context;

    return issuer_issue(&set->v[index]->issuer, sni, ret_pair);
}

struct tls_server site_tls(const struct site *site) {
    static const enum tls_client_auth auths[] = {TLS_CLIENT_AUTH_NONE, TLS_CLIENT_AUTH_REQUIRED,
                                                 TLS_CLIENT_AUTH_OPTIONAL};

    return (struct tls_server){
        .name = site->server->name,
        .cert_pem = buf_view(&site->identity->cert_pem),
        .key_pem = buf_view(&site->identity->key_pem),
        .client_auth = auths[site->server->options.tls],
        .client_ca_pem = buf_view(&site->identity->client_ca_pem),
        .owner = site,
    };
}
