/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/utf8.h"
#include "handler/echo/endpoint.h"
#include "tls/digest.h"

struct json_value *shape_bytes(struct json *j, struct str bytes) {
    struct json_value *value;
    struct buf url;

    if (utf8_valid(bytes))
        return json_str(j, bytes);
    buf_init(&url);
    buf_str(&url, STR("data:application/octet-stream;base64,"));
    base64_encode(&url, bytes);
    j->failed |= url.failed;
    value = json_str(j, buf_view(&url));
    buf_fini(&url);
    return value;
}

struct str shape_made(struct json *j, struct str text) {
    j->failed |= !text.p;
    return text;
}

void shape_add(struct json *j, struct json_value *object, struct str name,
               struct json_value *value) {
    struct json_value *before = json_get(object, name);

    if (!before) {
        json_add(j, object, name, value);
    } else if (json_type(before) == JSON_ARRAY) {
        json_push(j, before, value);
    } else {
        struct json_value *list = json_array(j);
        json_push(j, list, json_str(j, json_text(before)));
        json_push(j, list, value);
        json_set(j, object, name, list);
    }
}
