/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/entrance.h"

#include <stdio.h>

#include "base/err.h"
#include "gateway/host.h"

struct search {
    const struct config *config;
    const struct address *address;
    struct entrance *entrance;
};

static bool is_taken(const struct address *a, struct str host) {
    for (size_t i = 0; i < a->n_servers; i++)
        if (a->servers[i]->any_host || hosts_fit(&a->servers[i]->options.hosts, host))
            return true;
    return false;
}

/* What is answered on that host, "/" if it can be; p NULL: nothing. */
static struct str routed_path(const struct config *c, struct str host) {
    struct str path = {0};

    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *r = c->routes[i];
        if (hosts_fit(&r->options.hosts, host) && (!path.p || str_eq(r->match, STR("/"))))
            path = r->match;
    }
    return path;
}

static void set_host(struct entrance *e, struct str host) {
    snprintf(e->host, sizeof(e->host), str_find(host, ':') < 0 ? STR_FMT : "[" STR_FMT "]",
             STR_ARG(host));
}

static bool leads_in(struct search *s, struct str host) {
    struct str path = routed_path(s->config, host);

    if (!path.p || !is_taken(s->address, host))
        return false;
    set_host(s->entrance, host);
    s->entrance->path = path;
    return true;
}

/* Of a wildcard any name will do. */
static bool one_leads_in(struct search *s, const struct strs *hosts, bool wildcards) {
    for (size_t i = 0; i < hosts->n; i++) {
        struct str host = hosts->v[i];
        bool wildcard = str_starts(host, STR("*"));
        char name[ENTRANCE_HOST];
        if (wildcard) {
            snprintf(name, sizeof(name), "www%.*s", (int)host.n - 1, host.p + 1);
            host = str_of(name);
        }
        if (wildcard == wildcards && leads_in(s, host))
            return true;
    }
    return false;
}

static bool servers_name_leads_in(struct search *s, bool wildcards) {
    for (size_t i = 0; i < s->address->n_servers; i++)
        if (one_leads_in(s, &s->address->servers[i]->options.hosts, wildcards))
            return true;
    return false;
}

static bool routes_name_leads_in(struct search *s) {
    for (size_t i = 0; i < s->config->n_routes; i++) {
        const struct strs *hosts = &s->config->routes[i]->options.hosts;
        if (one_leads_in(s, hosts, false) || one_leads_in(s, hosts, true))
            return true;
    }
    return false;
}

/* The resolver knows localhost and all below it, and for that these two addresses (RFC 6761 6.3).
 */
static bool is_found(const struct entrance *e, const struct addr *where) {
    struct str host = str_of(e->host), ip = str_of(e->ip);
    struct addr literal;

    if (addr_from_ip(host, 0, &literal) == 0)
        return true;
    return (str_eq(host, STR("localhost")) || str_ends(host, STR(".localhost"))) &&
           (addr_is_any(where) || str_eq(ip, STR("127.0.0.1")) || str_eq(ip, STR("[::1]")));
}

void entrance_find(const struct config *c, const struct address *a, struct entrance *ret_entrance) {
    struct search s = {c, a, ret_entrance};
    bool any = addr_is_any(&a->addr);
    char ip[ADDR_TEXT];

    *ret_entrance = (struct entrance){.path = STR("/")};
    addr_ip_text(&a->addr, ip);
    if (any)
        snprintf(ip, sizeof(ip), a->addr.sa.sa_family == AF_INET ? "127.0.0.1" : "::1");
    snprintf(ret_entrance->ip, sizeof(ip), strchr(ip, ':') ? "[%s]" : "%s", ip);
    struct str otherwise = any || addr_is_loopback(&a->addr) ? STR("localhost") : str_of(ip);
    if (!servers_name_leads_in(&s, false) && !leads_in(&s, otherwise) &&
        !routes_name_leads_in(&s) && !servers_name_leads_in(&s, true))
        set_host(ret_entrance, otherwise);
    ret_entrance->found = is_found(ret_entrance, &a->addr);
}
