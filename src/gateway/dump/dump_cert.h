/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_CERT_H
#define GATEWAY_DUMP_CERT_H

#include "base/arena.h"
#include "gateway/config/config.h"
#include "gateway/identity.h"

/* The certificates that the servers of a configuration show, and who signs those of their
 * clients, as istioctl's secrets. They are only looked at: what the local CA has not made yet
 * is "warming", as what Envoy still waits for. What cannot be read is not valid. */

struct dump_cert {
    struct str name;
    bool is_ca; /* not shown, but trusted */
    bool there; /* cert and pem are */
    struct cert cert;
    struct buf pem;
};

struct dump_certs {
    struct arena arena;
    int64_t now_s;
    struct dump_cert *v;
    size_t n;
};

/* It blocks (files). 0 or ERR_NO_MEMORY; then there is nothing to fini. */
int dump_certs_load(struct dump_certs *d, struct config *c, place_env *env, int64_t now_s);
/* Of a running gateway: what it shows. identities as c->servers. 0 or ERR_NO_MEMORY. */
int dump_certs_of(struct dump_certs *d, const struct config *c, const struct identity *identities,
                  int64_t now_s);
void dump_certs_fini(struct dump_certs *d);

/* Of that name; NULL: there is none. */
const struct dump_cert *dump_certs_find(const struct dump_certs *d, struct str name);
bool dump_cert_is_valid(const struct dump_cert *cert, int64_t now_s);

/* envoy.admin.v3.SecretsConfigDump; the private keys are never in it. */
struct json;
struct json_value;
struct json_value *dump_certs_json(struct json *j, const struct dump_certs *d);

#endif
