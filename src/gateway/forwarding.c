/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/forwarding.h"

#include "base/err.h"
#include "gateway/outfit.h"
#include "tls/digest.h"

enum { SERVER_OURS, SERVER_PASS }; /* of the option server-header */

static struct str via_version(enum http_version v) {
    switch (v) {
    case HTTP_1_0: return STR("1.0 h3gw");
    case HTTP_2: return STR("2 h3gw");
    case HTTP_3: return STR("3 h3gw");
    default: return STR("1.1 h3gw");
    }
}

/* The port that the client used, as far as it said so. */
static struct str port_text(struct exchange *x) {
    struct str host;
    uint16_t port = 0;

    if (authority_split(x->request.authority, &host, &port) || port == 0)
        port = x->request.authority.n ? 443 : addr_port(&x->peer->local);
    return arena_u64(&x->arena, port);
}

/* fields_append_list for what lives as long as the exchange: mostly it is the first. */
static int append(struct fields *f, struct str name, struct str value) {
    return fields_has(f, name) ? fields_append_list(f, name, value)
                               : fields_add_static(f, name, value);
}

static int add_forwarded(struct exchange *x, struct str ip) {
    bool ip6 = str_find(ip, ':') >= 0;
    struct str host = x->request.authority;
    struct str text = arena_format(&x->arena, "for=%s" STR_FMT "%s;%s" STR_FMT "%sproto=https",
                                   ip6 ? "\"[" : "", STR_ARG(ip), ip6 ? "]\"" : "",
                                   host.n ? "host=\"" : "", STR_ARG(host), host.n ? "\";" : "");

    return text.p ? append(&x->request.fields, STR("forwarded"), text) : ERR_NO_MEMORY;
}

/* HTTP/1.0 may come without Host; what such a client says of it is not to be believed. */
static int forwarded_host(struct exchange *x) {
    struct str name = STR("x-forwarded-host");

    if (x->request.authority.n > 0)
        return fields_set_static(&x->request.fields, name, x->request.authority);
    fields_remove(&x->request.fields, name);
    return 0;
}

/* Who the client is, as its certificate says and the handshake has checked; Envoy's form. */
static int client_cert(struct exchange *x) {
    const struct peer_cert *cert = x->peer->cert;
    char hash[65], subject[2 * sizeof cert->subject];

    hex_encode(cert->sha256, sizeof cert->sha256, hash);
    str_escape(str_of(cert->subject), subject, sizeof subject);
    struct str text = arena_format(&x->arena, "Hash=%s;Subject=\"%s\"", hash, subject);
    return text.p ? fields_add_static(&x->request.fields, STR("x-forwarded-client-cert"), text)
                  : ERR_NO_MEMORY;
}

static int forwarded_fields(struct exchange *x) {
    struct fields *f = &x->request.fields;
    char text[ADDR_TEXT];
    struct str ip = arena_str(&x->arena, str_of(addr_ip_text(&x->peer->remote, text)));
    struct str port = port_text(x), version = str_of(http_version_short(x->peer->version));

    if (!ip.p || !port.p || forwarded_host(x) || append(f, STR("x-forwarded-for"), ip) ||
        fields_set_static(f, STR("x-forwarded-proto"), STR("https")) ||
        fields_set_static(f, STR("x-forwarded-port"), port) ||
        fields_set_static(f, STR("x-forwarded-proto-version"), version) ||
        append(f, STR("via"), via_version(exchange_version(x))))
        return ERR_NO_MEMORY;
    /* Who says so himself is not to be believed. Early-Data stays where it
     * came (RFC 8470 5.1). */
    fields_remove(f, STR("x-forwarded-client-cert"));
    if (x->peer->cert && client_cert(x))
        return ERR_NO_MEMORY;
    if (x->peer->early_data && fields_set_static(f, STR("early-data"), STR("1")))
        return ERR_NO_MEMORY;
    return outfit_of(x)->config->gateway.forwarded ? add_forwarded(x, ip) : 0;
}

static struct str uuid_text(struct arena *arena, const uint8_t bytes[16]) {
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    enum { TEXT = 36 };
    char *text = arena_alloc(arena, TEXT + 1), *at = text;

    for (size_t i = 0; text && i < sizeof groups; i++) {
        hex_encode(bytes, groups[i], at);
        bytes += groups[i];
        at += (size_t)groups[i] * 2;
        *at++ = '-';
    }
    return (struct str){text, text ? TEXT : 0};
}

/* A UUID of version 4 (RFC 9562 5.4). */
static int request_id(struct exchange *x) {
    struct str name = STR("x-request-id");
    uint8_t b[16];

    x->request_id = fields_get(&x->request.fields, name);
    if (x->request_id.n > 0)
        return 0;
    memcpy(b, worker_random(outfit_of(x)->worker, sizeof b), sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    x->request_id = uuid_text(&x->arena, b);
    return x->request_id.p ? fields_set_static(&x->request.fields, name, x->request_id)
                           : ERR_NO_MEMORY;
}

enum { ID = 3, SPAN = ID + 32 + 1, FLAGS = SPAN + 16, TEXT = FLAGS + 3 }; /* 00-ID-SPAN-00 */

/* n lower-case hexadecimal digits at i, and behind them a '-' or the end. */
static bool is_hex_part(struct str s, size_t i, size_t n) {
    for (size_t end = i + n; i < end; i++)
        if (s.p[i] == '\0' || !strchr("0123456789abcdef", s.p[i]))
            return false;
    return i == s.n || s.p[i] == '-';
}

static bool is_zero_part(struct str s, size_t i, size_t n) {
    return strspn(s.p + i, "0") >= n;
}

/* W3C Trace Context 3.2.2: later versions may have more behind the flags. */
static bool valid_traceparent(struct str s) {
    if (s.n < TEXT || !is_hex_part(s, 0, 2) || !is_hex_part(s, ID, 32) ||
        !is_hex_part(s, SPAN, 16) || !is_hex_part(s, FLAGS + 1, 2))
        return false;
    if (str_starts(s, STR("ff")) || (str_starts(s, STR("00")) && s.n > TEXT))
        return false;
    return !is_zero_part(s, ID, 32) && !is_zero_part(s, SPAN, 16);
}

/* Is there a trace to pass on? A traceparent that nobody can read goes, and what hangs on it. */
static bool trace_came(struct fields *f) {
    struct str parent = STR("traceparent");

    if (fields_count(f, parent) == 1 && valid_traceparent(fields_get(f, parent)))
        return true;
    fields_remove(f, parent);
    fields_remove(f, STR("tracestate"));
    return fields_has(f, STR("b3")) || fields_has(f, STR("x-b3-traceid")) ||
           fields_has(f, STR("x-b3-sampled"));
}

/* A trace is passed on as it came, or started, not sampled: W3C Trace Context and B3. */
static int trace(struct exchange *x) {
    struct fields *f = &x->request.fields;
    char *text;

    if (trace_came(f))
        return 0;
    const uint8_t *random = worker_random(outfit_of(x)->worker, 24);
    text = arena_alloc(&x->arena, TEXT + 1);
    if (!text)
        return ERR_NO_MEMORY;
    memcpy(text, "00-", ID);
    hex_encode(random, 16, text + ID);
    text[SPAN - 1] = '-';
    hex_encode(random + 16, 8, text + SPAN);
    memcpy(text + FLAGS, "-00", 4);
    if (fields_add_static(f, STR("traceparent"), (struct str){text, TEXT}) ||
        fields_add_static(f, STR("x-b3-traceid"), (struct str){text + ID, 32}) ||
        fields_add_static(f, STR("x-b3-spanid"), (struct str){text + SPAN, 16}) ||
        fields_add_static(f, STR("x-b3-sampled"), STR("0")))
        return ERR_NO_MEMORY;
    return 0;
}

static int on_request(struct exchange *x) {
    return forwarded_fields(x) || request_id(x) || trace(x) ? 503 : 0;
}

static int upstream_fields(struct exchange *x) {
    struct fields *f = &x->response.fields;
    uint64_t ms = (x->response_ns - x->upstream_ns) / MS_NS;
    struct str text = arena_u64(&x->arena, ms);

    if (!text.p || fields_set_static(f, STR("x-h3gw-upstream-service-time"), text))
        return ERR_NO_MEMORY;
    return append(f, STR("via"), via_version(x->response.version));
}

/* The worker's text is another one in a second. */
static int add_date(struct exchange *x, struct worker *w) {
    struct str date = arena_str(&x->arena, worker_date(w));

    return date.p ? fields_add_static(&x->response.fields, STR("date"), date) : ERR_NO_MEMORY;
}

/* What was refused before it had a route is answered by its site all the same; behind a 421 clients
 * have to pass over it (RFC 7838 6). */
static struct str alt_svc_of(const struct exchange *x) {
    const struct site *site = x->peer->server;
    bool by_route = x->alt_svc.n > 0 || !site || x->response.status == 421;

    return by_route ? x->alt_svc : str_of(site->alt_svc);
}

static int on_response(struct exchange *x) {
    struct fields *f = &x->response.fields;
    const struct outfit *o = outfit_of(x);
    struct str alt_svc = alt_svc_of(x);
    bool pass = o->config->gateway.server_header == SERVER_PASS && fields_has(f, STR("server"));

    if (!pass && fields_set_static(f, STR("server"), STR("h3gw")))
        return ERR_NO_MEMORY;
    if (!fields_has(f, STR("date")) && add_date(x, o->worker))
        return ERR_NO_MEMORY;
    /* An upstream's own alt-svc would send the client past us. */
    fields_remove(f, STR("alt-svc"));
    if (alt_svc.n && fields_add_static(f, STR("alt-svc"), alt_svc))
        return ERR_NO_MEMORY;
    return x->upstream_ns ? upstream_fields(x) : 0;
}

const struct hook forwarding_hook = {
    .name = "forwarding",
    .request = on_request,
    .response = on_response,
};
