/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/addr.h"
#include "handler/echo/endpoint.h"
#include "tls/digest.h"

/* /h3gw: what this very connection agreed on; what HTTP/3 brings is seen here. */

static void add_text(struct json *j, struct json_value *object, const char *key, const char *text) {
    struct str s = str_of(text);

    json_add(j, object, str_of(key), s.n ? json_str(j, s) : json_null(j));
}

static void add_tls(struct json *j, struct json_value *object, const struct peer *p) {
    struct json_value *tls = json_add_object(j, object, STR("tls"));

    add_text(j, tls, "version", p->tls_version);
    add_text(j, tls, "cipher", p->cipher);
    add_text(j, tls, "group", p->group);
    add_text(j, tls, "sni", p->sni);
    json_add_bool(j, tls, STR("resumed"), p->resumed);
    json_add_bool(j, tls, STR("early_data"), p->early_data);
}

static void add_certificate(struct json *j, struct json_value *object, const struct peer *p) {
    char hex[65];

    if (!p->cert) {
        json_add_null(j, object, STR("client_certificate"));
        return;
    }
    struct json_value *cert = json_add_object(j, object, STR("client_certificate"));
    add_text(j, cert, "subject", p->cert->subject);
    hex_encode(p->cert->sha256, sizeof p->cert->sha256, hex);
    add_text(j, cert, "sha256", hex);
}

static void add_quic(struct json *j, struct json_value *object, const struct peer *p) {
    struct quic_stats s = {0};
    char hex[41], version[16];

    if (!p->quic_stats) {
        json_add_null(j, object, STR("quic"));
        return;
    }
    p->quic_stats(p, &s);
    struct json_value *quic = json_add_object(j, object, STR("quic"));
    hex_encode(s.connection_id, s.connection_id_n, hex);
    snprintf(version, sizeof version, "0x%08x", s.version);
    add_text(j, quic, "version", version);
    add_text(j, quic, "connection_id", hex);
    json_add(j, quic, STR("smoothed_rtt_ms"), json_real(j, (double)s.smoothed_rtt_ns / 1e6));
    json_add(j, quic, STR("min_rtt_ms"), json_real(j, (double)s.min_rtt_ns / 1e6));
    json_add_u64(j, quic, STR("congestion_window"), s.congestion_window);
    json_add_u64(j, quic, STR("bytes_in_flight"), s.bytes_in_flight);
    json_add_u64(j, quic, STR("packets_sent"), s.packets_sent);
    json_add_u64(j, quic, STR("packets_received"), s.packets_received);
    json_add_u64(j, quic, STR("packets_lost"), s.packets_lost);
}

void answer_facts(struct echo *e) {
    const struct peer *p = e->end.x->peer;
    char text[ADDR_TEXT];
    struct json j;

    json_init(&j);
    struct json_value *object = json_object(&j);
    add_text(&j, object, "protocol", http_version_short(p->version));
    add_text(&j, object, "alpn", p->alpn);
    add_text(&j, object, "client", addr_text(&p->remote, text));
    add_text(&j, object, "server", addr_text(&p->local, text));
    json_add(&j, object, STR("handshake_ms"), json_real(&j, (double)p->handshake_ns / 1e6));
    add_tls(&j, object, p);
    add_certificate(&j, object, p);
    add_quic(&j, object, p);
    echo_json(e, &j, object);
}
