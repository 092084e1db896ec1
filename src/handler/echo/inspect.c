/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/echo/endpoint.h"

/* The endpoints that show the request itself. */

static struct json_value *begin(struct echo *e, struct json *j) {
    json_init(j);
    struct json_value *object = json_object(j);
    json_add(j, object, STR("args"), shape_args(e, j));
    json_add(j, object, STR("headers"), shape_headers(e, j));
    json_add(j, object, STR("origin"), shape_origin(e, j));
    json_add(j, object, STR("url"), shape_url(e, j));
    return object;
}

void answer_get(struct echo *e) {
    struct json j;
    struct json_value *object = begin(e, &j);

    echo_json(e, &j, object);
}

void answer_post(struct echo *e) {
    struct json j;
    struct json_value *object = begin(e, &j);

    shape_body(e, &j, object);
    echo_json(e, &j, object);
}

void answer_anything(struct echo *e) {
    struct json j;
    struct json_value *object = begin(e, &j);

    shape_body(e, &j, object);
    json_add_str(&j, object, STR("method"), e->end.x->request.method);
    echo_json(e, &j, object);
}

void answer_headers(struct echo *e) {
    struct json j;

    json_init(&j);
    struct json_value *object = json_object(&j);
    json_add(&j, object, STR("headers"), shape_headers(e, &j));
    echo_json(e, &j, object);
}

void answer_ip(struct echo *e) {
    struct json j;

    json_init(&j);
    struct json_value *object = json_object(&j);
    json_add(&j, object, STR("origin"), shape_origin(e, &j));
    echo_json(e, &j, object);
}

void answer_user_agent(struct echo *e) {
    struct json j;
    struct str agent = fields_get(&e->end.x->request.fields, STR("user-agent"));

    json_init(&j);
    struct json_value *object = json_object(&j);
    json_add(&j, object, STR("user-agent"), agent.p ? json_str(&j, agent) : json_null(&j));
    echo_json(e, &j, object);
}
