/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_names.h"

uint16_t dump_route_port(const struct config_server *s, uint16_t port) {
    return s->options.advertise ? (uint16_t)s->options.advertise : port;
}

struct str dump_route_name(struct arena *a, const struct config_server *s, uint16_t port) {
    struct str space = s->options.namespace;

    return arena_format(a, "https.%u.https." STR_FMT "%s" STR_FMT, dump_route_port(s, port),
                        STR_ARG(s->name), space.n ? "." : "", STR_ARG(space));
}

struct str dump_cluster_name(struct arena *a, const struct config_upstream *u) {
    return arena_format(a, "outbound|%u||" STR_FMT, u->n_uris ? u->uris[0].port : 0,
                        STR_ARG(u->name));
}

struct str dump_credential_name(struct arena *a, const struct config_credential *o) {
    return arena_format(a, "kubernetes://" STR_FMT, STR_ARG(o->name));
}

struct str dump_client_ca_name(struct arena *a, const struct config_credential *o) {
    return arena_format(a, "kubernetes://" STR_FMT "-cacert", STR_ARG(o->name));
}

struct str dump_secret_name(struct arena *a, const struct config_server *s) {
    if (dump_is_given(s))
        return dump_credential_name(a, s->credential);
    return arena_format(a, "local-ca://" STR_FMT, STR_ARG(s->name));
}

bool dump_is_given(const struct config_server *s) {
    return s->credential && s->credential->options.cert.n > 0;
}
