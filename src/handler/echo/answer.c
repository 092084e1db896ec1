/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "handler/echo/endpoint.h"
#include "http/reply.h"
#include "http/uri.h"

/* What every endpoint ends with. */

void echo_finish(struct echo *e) {
    e->answered = true;
    buf_fini(&e->body);
    buf_fini(&e->out);
    /* e goes with the exchange: nothing may be queued for it then. */
    task_fini(&e->end.task);
}

void echo_abort(struct echo *e, enum reason reason) {
    exchange_reset(&e->end, reason);
    echo_finish(e);
}

void echo_reply(struct echo *e, int status, struct str type, struct str body) {
    struct exchange *x = e->end.x;

    /* The reply copies, then the end is retired: body may be in e->body. */
    reply(x, status, type, body);
    echo_finish(e);
}

void echo_error(struct echo *e, int status, struct str detail) {
    reply_error(e->end.x, status, detail);
    echo_finish(e);
}

void echo_json(struct echo *e, struct json *j, struct json_value *value) {
    struct buf text;

    buf_init(&text);
    if (json_print(j, value, JSON_PRETTY | JSON_SORTED, &text) || text.failed)
        echo_error(e, 503, STR("out of memory"));
    else
        echo_reply(e, 200, STR("application/json"), buf_view(&text));
    buf_fini(&text);
    json_fini(j);
}

void echo_stream(struct echo *e, int status, struct str type, int64_t length) {
    struct exchange *x = e->end.x;
    bool empty = response_has_no_body(x->request.method, status);

    if (fields_set(&x->response.fields, STR("content-type"), type)) {
        echo_error(e, 503, STR("out of memory"));
        return;
    }
    x->response.status = status;
    x->response.content_length = status == 204 ? LENGTH_UNKNOWN : length;
    e->begin_ns = x->env->turn->now_ns;
    exchange_respond(x);
    body_stop(&x->request.body, REASON_UPSTREAM_DONE);
    if (empty)
        echo_stream_end(e);
    else
        e->step(e);
}

void echo_stream_end(struct echo *e) {
    body_finish(&e->end.x->response.body);
    exchange_leave(&e->end);
    echo_finish(e);
}

void echo_wait(struct echo *e, uint64_t at_ns) {
    if (task_at(&e->end.task, at_ns))
        echo_abort(e, REASON_NO_MEMORY);
}

bool echo_number(struct echo *e, const char *name, struct range range, double *ret_value) {
    struct str text = STR("");
    double value = range.standard;
    char *end;

    if (query_get(&e->end.x->arena, e->query, str_of(name), &text) == ERR_NO_MEMORY) {
        echo_error(e, 503, STR("out of memory"));
        return false;
    }
    if (text.n) {
        value = strtod(text.p, &end);
        if (end != text.p + text.n || !(value >= range.low && value <= range.high)) {
            struct str detail =
                arena_format(&e->end.x->arena, "%s must be a number from %.15g to %.15g", name,
                             range.low, range.high);
            echo_error(e, 400, detail.p ? detail : STR("not a number"));
            return false;
        }
    }
    *ret_value = value;
    return true;
}
