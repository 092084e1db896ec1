/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_json.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/turn.h"

struct json_value *dump_json_text(struct json *j, struct str text) {
    struct json_value *value = NULL;
    int err = json_parse(j, text, (struct json_limits){text.n, 32}, &value);

    check(err == 0 || err == ERR_NO_MEMORY);
    if (err)
        j->failed = true;
    return err ? NULL : value;
}

struct json_value *dump_json_any(struct json *j, struct str type) {
    struct json_value *any = json_object(j);
    char url[160];
    int n = snprintf(url, sizeof url, "type.googleapis.com/" STR_FMT, STR_ARG(type));

    check(n > 0 && (size_t)n < sizeof url);
    json_add_str(j, any, STR("@type"), (struct str){url, (size_t)n});
    return any;
}

struct dump_typed dump_json_typed(struct json *j, struct str name, struct str type) {
    struct dump_typed t = {json_object(j), dump_json_any(j, type)};

    json_add_str(j, t.outer, STR("name"), name);
    json_add(j, t.outer, STR("typedConfig"), t.config);
    return t;
}

struct json_value *dump_json_duration(struct json *j, uint64_t ns) {
    unsigned long long s = ns / SECOND_NS, rest_ms = ns % SECOND_NS / MS_NS;
    char text[40];

    snprintf(text, sizeof text, rest_ms ? "%llu.%03llus" : "%llus", s, rest_ms);
    return json_str(j, str_of(text));
}

struct json_value *dump_json_address(struct json *j, struct str address, uint16_t port, bool udp) {
    struct json_value *whole = json_object(j);
    struct json_value *socket = json_add_object(j, whole, STR("socketAddress"));

    if (udp)
        json_add_str(j, socket, STR("protocol"), STR("UDP"));
    json_add_str(j, socket, STR("address"), address);
    json_add_u64(j, socket, STR("portValue"), port);
    return whole;
}

struct json_value *dump_json_source(struct json *j) {
    return dump_json_text(j, STR("{\"ads\": {}, \"resourceApiVersion\": \"V3\"}"));
}
