/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/to_https.h"

#include "base/err.h"
#include "gateway/outfit.h"
#include "http/authority.h"
#include "http/reply.h"

enum { HTTPS_PORT = 443 };

/* Where clients reach the first server that has this host; 0: none has. */
static uint16_t port_for(const struct outfit *o, struct str host) {
    for (size_t i = 0; i < o->generation->addresses.n; i++) {
        const struct venue *v = &o->venues[i];
        const struct site *site = v->sites ? site_of_host(&v->all_sites, host) : NULL;
        if (!site)
            continue;
        uint64_t advertised = site->server->options.advertise;
        return advertised ? (uint16_t)advertised : addr_port(&v->address->addr);
    }
    return 0;
}

static struct str location(struct exchange *x, struct str host, uint16_t port) {
    bool ip6 = str_find(host, ':') >= 0;
    struct str path = x->request.path, root = STR("/"), suffix = {"", 0};

    if (!str_starts(path, root))
        path = root;
    if (port != HTTPS_PORT)
        suffix = arena_format(&x->arena, ":%u", port);
    if (!suffix.p)
        return suffix;
    return arena_format(&x->arena, "https://%s" STR_FMT "%s" STR_FMT STR_FMT, ip6 ? "[" : "",
                        STR_ARG(host), ip6 ? "]" : "", STR_ARG(suffix), STR_ARG(path));
}

void to_https(struct exchange *x) {
    struct str host, to;
    uint16_t port;

    if (authority_split(x->request.authority, &host, &port)) {
        reply_error(x, 400,
                    STR("this is plain HTTP; without a valid Host it cannot be said "
                        "where the same is over HTTPS"));
        return;
    }
    port = port_for(outfit_of(x), host);
    if (!port) {
        reply_error(x, 400, STR("this is plain HTTP, and no server here has this name for HTTPS"));
        return;
    }
    to = location(x, host, port);
    if (!to.p || fields_set_static(&x->response.fields, STR("location"), to))
        reply_error(x, 503, STR("out of memory"));
    else
        reply(x, 308, STR(""), STR(""));
}
