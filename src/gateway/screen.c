/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/screen.h"

#include "gateway/entrance.h"
#include "net/listener.h"

/* The address that stands for all. */
static const struct address *first(const struct gateway *g) {
    for (size_t i = 0; i < g->now->addresses.n; i++)
        if (g->now->addresses.v[i].tcp)
            return &g->now->addresses.v[i];
    return &g->now->addresses.v[0];
}

static void authority(const struct address *b, const struct entrance *e, struct buf *to) {
    buf_format(to, "%s:%u", e->host, addr_port(&b->addr));
}

static void url(const struct address *b, const struct entrance *e, struct buf *to) {
    buf_str(to, STR("https://"));
    authority(b, e, to);
    buf_str(to, e->path);
}

static bool ends_tls(const struct address *b) {
    for (size_t i = 0; i < b->n_servers; i++)
        if (!config_passthrough(b->servers[i]))
            return true;
    return false;
}

static void listeners(const struct gateway *g, struct buf *to) {
    for (size_t i = 0; i < g->now->addresses.n; i++) {
        const struct address *b = &g->now->addresses.v[i];
        char text[ADDR_TEXT];
        if (!b->tcp || b->plain)
            continue;
        buf_format(to, "  listening  %-22s TCP%s%s\n", addr_text(&b->addr, text),
                   ends_tls(b) ? " h2, http/1.1" : ", passed through", b->udp ? "; UDP h3" : "");
    }
}

static void page(const struct monitor_listener *l, const char *what, struct buf *to) {
    const struct addr *addr = monitor_addr(l);
    char text[ADDR_TEXT];

    if (addr)
        buf_format(to, "  %-9s  http://%s%s\n", what, addr_text(addr, text), l->pages[0].path);
}

static void plain(const struct gateway *g, struct buf *to) {
    for (size_t i = 0; i < g->now->addresses.n; i++) {
        const struct address *a = &g->now->addresses.v[i];
        char text[ADDR_TEXT];
        if (a->tcp && a->plain)
            buf_format(to, "  redirects  %-22s plain HTTP to HTTPS\n", addr_text(&a->addr, text));
    }
    page(&g->health, "health", to);
    page(&g->stats, "stats", to);
}

static void answer(const struct config_route *r, struct buf *to) {
    switch (r->answer) {
    case ROUTE_ECHO: buf_str(to, STR("the built-in httpbin")); break;
    case ROUTE_REDIRECT:
        buf_format(to, "redirect to " STR_FMT, STR_ARG(r->options.redirect));
        break;
    case ROUTE_RESPOND: buf_format(to, "status %u", (unsigned)r->options.respond); break;
    case ROUTE_TUNNEL:
    case ROUTE_PROXY:
        for (size_t j = 0; j < r->upstream->options.url.n; j++)
            buf_format(to, "%s" STR_FMT, j ? ", " : "", STR_ARG(r->upstream->options.url.v[j]));
    }
}

static void routes(const struct gateway *g, struct buf *to) {
    const struct config *c = &g->now->config;

    for (size_t i = 0; i < c->n_routes; i++) {
        const struct config_route *r = c->routes[i];
        const struct strs *hosts = &r->options.hosts;
        bool whole = hosts->n == 0 && !r->exact && str_eq(r->match, STR("/"));
        buf_format(to, "  %-9s  ", i ? "" : "answers");
        for (size_t j = 0; j < hosts->n; j++)
            buf_format(to, "%s" STR_FMT, j ? ", " : "", STR_ARG(hosts->v[j]));
        if (!whole)
            buf_format(to, STR_FMT "%s -> ", STR_ARG(r->match), r->exact ? " (exactly)" : "");
        answer(r, to);
        buf_char(to, '\n');
    }
}

static bool any_open(const struct gateway *g) {
    for (size_t i = 0; i < g->now->addresses.n; i++)
        if (g->now->addresses.v[i].tcp && !addr_is_loopback(&g->now->addresses.v[i].addr))
            return true;
    return false;
}

static void certificates(const struct gateway *g, const struct entrance *e, struct buf *to) {
    bool first_one = true;

    for (size_t i = 0; i < g->now->n_identities; i++) {
        const struct identity *id = &g->now->identities[i];
        const struct config_server *s = g->now->config.servers[i];
        if (config_passthrough(s))
            continue;
        bool is_first = first_one;
        first_one = false;
        if (!id->automatic) {
            buf_format(to, "  shows      " STR_FMT "\n", STR_ARG(s->credential->options.cert));
            continue;
        }
        if (!is_first)
            continue;
        struct str path = buf_view(&id->ca.cert_path);
        buf_format(to, "  CA         " STR_FMT " (%s%s)\n", STR_ARG(path),
                   id->ca.fresh ? "made just now, " : "",
                   id->ca_trusted ? "trusted by this machine" : "not trusted by this machine");
        buf_format(to, "  try        curl --cacert " STR_FMT " ", STR_ARG(path));
        if (!e->found) {
            buf_str(to, STR("--resolve "));
            authority(first(g), e, to);
            buf_format(to, ":%s ", e->ip);
        }
        url(first(g), e, to);
        buf_char(to, '\n');
    }
}

static bool on_ipv6(const struct gateway *g, uint16_t port) {
    for (size_t i = 0; i < g->now->addresses.n; i++)
        if (g->now->addresses.v[i].udp && g->now->addresses.v[i].addr.sa.sa_family == AF_INET6 &&
            addr_port(&g->now->addresses.v[i].addr) == port)
            return true;
    return false;
}

/* Chrome's QUIC tries one address only, and for localhost that is ::1. */
static void resolver_rule(const struct gateway *g, const struct entrance *e, struct buf *to) {
    bool misses =
        str_ends(str_of(e->host), STR("localhost")) && !on_ipv6(g, addr_port(&first(g)->addr));

    if (!e->found || misses)
        buf_format(to, " --host-resolver-rules='MAP %s %s'", e->host, e->ip);
}

/* Chrome refuses QUIC for roots that are not built in, trusted or not: two flags are needed, and
 * the second has no effect without a profile folder of its own. */
static void browser(const struct gateway *g, const struct entrance *e, struct buf *to) {
    const struct address *b = first(g);

    if (!b->udp || g->now->identities[0].spki_hash.n == 0)
        return;
    buf_str(to, STR("  browser    chromium --user-data-dir=$(mktemp -d) "
                    "--origin-to-force-quic-on="));
    authority(b, e, to);
    buf_format(to, " --ignore-certificate-errors-spki-list=" STR_FMT,
               STR_ARG(buf_view(&g->now->identities[0].spki_hash)));
    resolver_rule(g, e, to);
    buf_char(to, ' ');
    url(b, e, to);
    buf_char(to, '\n');
}

void screen_print(const struct gateway *g, bool colour, struct buf *to) {
    struct entrance e;

    entrance_find(&g->now->config, first(g), &e);
    buf_format(to, "%sh3gw serves ", colour ? "\033[1m" : "");
    url(first(g), &e, to);
    buf_format(to, "%s\n", colour ? "\033[0m" : "");
    listeners(g, to);
    plain(g, to);
    routes(g, to);
    certificates(g, &e, to);
    browser(g, &e, to);
    if (any_open(g))
        buf_str(to, STR("  note       open to the network, not only to this machine\n"));
    buf_str(to, STR("  stop       Ctrl-C\n"));
}
