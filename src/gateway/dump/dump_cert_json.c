/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_cert.h"
#include "gateway/dump/dump_json.h"
#include "tls/digest.h"

static struct json_value *bytes(struct json *j, struct str pem) {
    struct json_value *o = json_object(j);
    struct buf text;

    buf_init(&text);
    base64_encode(&text, pem);
    if (text.failed)
        j->failed = true;
    json_add_str(j, o, STR("inlineBytes"), buf_view(&text));
    buf_fini(&text);
    return o;
}

/* envoy.extensions.transport_sockets.tls.v3.Secret */
static struct json_value *secret(struct json *j, const struct dump_cert *cert) {
    struct json_value *o =
        dump_json_any(j, STR("envoy.extensions.transport_sockets.tls.v3.Secret"));
    struct json_value *inner;

    json_add_str(j, o, STR("name"), cert->name);
    if (cert->is_ca) {
        inner = json_add_object(j, o, STR("validationContext"));
        json_add(j, inner, STR("trustedCa"), bytes(j, buf_view(&cert->pem)));
        return o;
    }
    inner = json_add_object(j, o, STR("tlsCertificate"));
    json_add(j, inner, STR("certificateChain"), bytes(j, buf_view(&cert->pem)));
    json_add(j, inner, STR("privateKey"), bytes(j, STR("[redacted]")));
    return o;
}

static struct json_value *dynamic_secret(struct json *j, const struct dump_cert *cert) {
    struct json_value *o = json_object(j);

    json_add_str(j, o, STR("name"), cert->name);
    if (cert->there)
        json_add(j, o, STR("secret"), secret(j, cert));
    return o;
}

static void add_all(struct json *j, const struct dump_certs *d, bool there, struct str key,
                    struct json_value *to) {
    struct json_value *all = NULL;

    for (size_t i = 0; i < d->n; i++) {
        if (d->v[i].there != there)
            continue;
        if (!all)
            all = json_add_array(j, to, key);
        json_push(j, all, dynamic_secret(j, &d->v[i]));
    }
}

struct json_value *dump_certs_json(struct json *j, const struct dump_certs *d) {
    struct json_value *o = json_object(j);

    add_all(j, d, true, STR("dynamicActiveSecrets"), o);
    add_all(j, d, false, STR("dynamicWarmingSecrets"), o);
    return o;
}
