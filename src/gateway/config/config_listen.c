/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "gateway/config/config_parts.h"

/* Addresses and host patterns as they are written. */

static int add_listen(struct config *c, struct config_listens *to, struct config_listen listen) {
    struct config_listen *v = arena_alloc(&c->arena, (to->n + 1) * sizeof *v);

    if (!v)
        return ERR_NO_MEMORY;
    if (to->n)
        memcpy(v, to->v, to->n * sizeof *v);
    v[to->n++] = listen;
    to->v = v;
    return 0;
}

/* A name that stands for an IPv6 and an IPv4 address: V6ONLY sockets, so one for each. */
static int add_pair(struct config *c, struct config_listens *to, bool any,
                    struct config_listen listen) {
    uint16_t port = addr_port(&listen.addr);
    int err = addr_from_ip(any ? STR("0.0.0.0") : STR("127.0.0.1"), port, &listen.addr);

    if (!err)
        err = add_listen(c, to, listen);
    listen.optional = true;
    if (!err)
        err = addr_from_ip(any ? STR("::") : STR("::1"), port, &listen.addr);
    return err ? err : add_listen(c, to, listen);
}

static int port_parse(struct str text, uint16_t *ret_port) {
    uint64_t port;

    if (str_to_u64(text, &port) || port > 65535)
        return ERR_INVALID;
    *ret_port = (uint16_t)port;
    return 0;
}

int config_check_listen(struct config *c, struct config_place place, const char *key,
                        struct str text, struct config_listens *to) {
    struct config_listen listen = {.text = text, .place = place};
    struct str localhost = STR("localhost:");
    struct str port_text = text;
    uint16_t port;

    if (str_starts(text, localhost))
        port_text = (struct str){text.p + localhost.n, text.n - localhost.n};
    else if (str_starts(text, STR(":")))
        port_text = (struct str){text.p + 1, text.n - 1};
    if (!port_parse(port_text, &port)) {
        bool any = port_text.p == text.p + 1;
        addr_from_ip(STR("::"), port, &listen.addr);
        return add_pair(c, to, any, listen);
    }
    if (!addr_parse(text, &listen.addr) && listen.addr.sa.sa_family != AF_UNIX)
        return add_listen(c, to, listen);
    config_error(c, place,
                 "%s: \"" STR_FMT "\" is not ADDR:PORT: write 127.0.0.1:8443, [::1]:8443, "
                 "localhost:8443, or :8443 for every address",
                 key, STR_ARG(text));
    return 0;
}

static bool valid_host_pattern(struct str host) {
    if (str_starts(host, STR("*.")))
        host = (struct str){host.p + 2, host.n - 2};
    if (str_eq(host, STR("*")))
        return true;
    if (host.n == 0 || host.n > 253)
        return false;
    for (size_t i = 0; i < host.n; i++) {
        unsigned char ch = (unsigned char)host.p[i];
        bool fine = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                    (ch >= '0' && ch <= '9') || ch == '-' || ch == '.' || ch == '_' || ch == ':';
        if (!fine)
            return false;
    }
    return true;
}

void config_check_hosts(struct config *c, struct config_place place, const struct strs *hosts) {
    if (hosts->n > CONFIG_MAX_HOSTS)
        config_error(
            c, config_at_item(place, "hosts", CONFIG_MAX_HOSTS),
            "hosts: more than %d names: they have to fit into one certificate, so make it two "
            "sections",
            CONFIG_MAX_HOSTS);
    for (size_t i = 0; i < hosts->n; i++)
        if (!valid_host_pattern(hosts->v[i]))
            config_error(c, config_at_item(place, "hosts", i),
                         "hosts: \"" STR_FMT "\" is no host name: write it in ASCII "
                         "(xn--… for other letters), as app.test or *.app.test",
                         STR_ARG(hosts->v[i]));
}
