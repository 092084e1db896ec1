/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/absence.h"

#include "gateway/config/config_objects.h"
#include "sys/listening.h"

static const char loopback[] = "127.0.0.1", loopback6[] = "::1";

static size_t add(struct addr *to, struct str ip, uint16_t port) {
    return addr_from_ip(ip, port, to) == 0 && addr_is_loopback(to);
}

/* Where an origin is reached, if that is on this machine; at most two. */
static size_t addresses_of(const struct uri *uri, struct str url, struct addr to[2]) {
    if (str_eq(uri->scheme, STR("unix")))
        return addr_parse(url, to) == 0;
    if (!str_eq(uri->host, STR("localhost")) && !str_ends(uri->host, STR(".localhost")))
        return add(to, uri->host, uri->port);
    return add(to, str_of(loopback), uri->port) + add(to + 1, str_of(loopback6), uri->port);
}

/* Many a server that is told "localhost" listens on one of its two addresses only. */
static bool listens_beside(const struct addr *a, struct addr *ret_there) {
    const char *other = a->sa.sa_family == AF_INET ? loopback6 : loopback;

    return a->sa.sa_family != AF_UNIX && add(ret_there, str_of(other), addr_port(a)) &&
           machine_listens(ret_there);
}

static void look_at(const struct uri *uri, struct str url, struct log *log) {
    struct addr a[2], there;
    char text[ADDR_TEXT];
    size_t n = addresses_of(uri, url, a);

    for (size_t i = 0; i < n; i++)
        if (machine_listens(&a[i]))
            return;
    if (n == 1 && listens_beside(&a[0], &there))
        log_warn(log,
                 "upstream " STR_FMT ": nothing listens there yet, but something does on %s: if "
                 "that is meant, write localhost, which is both",
                 STR_ARG(url), addr_text(&there, text));
    else if (n > 0)
        log_warn(log,
                 "upstream " STR_FMT
                 ": nothing listens there yet; start it, h3gw need not be started again",
                 STR_ARG(url));
}

void absence_tell(const struct config *c, struct log *log) {
    for (size_t i = 0; i < c->n_upstreams; i++) {
        const struct config_upstream *u = c->upstreams[i];
        for (size_t j = 0; j < u->n_uris; j++)
            look_at(&u->uris[j], u->options.url.v[j], log);
    }
}
