/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_JSON_H
#define GATEWAY_DUMP_JSON_H

#include "base/json.h"

/* What Envoy's objects are made of, in proto3 JSON. Makers return NULL when memory ended, and
 * the document has failed then. */

/* A constant part, as it is written in Envoy's files. */
struct json_value *dump_json_text(struct json *j, struct str text);

/* {"name": …, "typedConfig": {"@type": "type.googleapis.com/…", …}}: the inner object is filled
 * by the caller. name empty: there is none, as of an Any that stands alone. */
struct dump_typed {
    struct json_value *outer, *config;
};
struct dump_typed dump_json_typed(struct json *j, struct str name, struct str type);
struct json_value *dump_json_any(struct json *j, struct str type);

/* google.protobuf.Duration: "15s", "0.250s". */
struct json_value *dump_json_duration(struct json *j, uint64_t ns);

/* envoy.config.core.v3.Address */
struct json_value *dump_json_address(struct json *j, struct str address, uint16_t port, bool udp);

/* {"ads": {}, …}: where Envoy would get the rest from. */
struct json_value *dump_json_source(struct json *j);

#endif
