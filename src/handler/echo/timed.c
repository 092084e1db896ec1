/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "handler/echo/endpoint.h"

/* The endpoints that take their time, or send one piece after the other. */

enum { MAX_DELAY_S = 10, MAX_LINES = 100, MAX_DRIP = 10 << 20, DRIP_STEP = 4096 };
static const uint64_t drip_tick_ns = MS_NS;

void answer_delay(struct echo *e) {
    char number[32] = {0}, *end;
    double delay_s;

    memcpy(number, e->rest.p, e->rest.n < sizeof number ? e->rest.n : sizeof number - 1);
    delay_s = strtod(number, &end);
    if (end == number || *end || !(delay_s >= 0)) {
        echo_error(e, 404, STR("write /delay/3, in seconds"));
        return;
    }
    if (delay_s > MAX_DELAY_S)
        delay_s = MAX_DELAY_S;
    e->later = answer_post;
    echo_wait(e, e->end.x->env->turn->now_ns + (uint64_t)(delay_s * 1e9));
}

/* ---- /stream/N ---- */

static void next_line(struct echo *e) {
    struct json j;

    json_init(&j);
    struct json_value *object = json_object(&j);
    json_add(&j, object, STR("args"), shape_args(e, &j));
    json_add(&j, object, STR("headers"), shape_headers(e, &j));
    json_add_u64(&j, object, STR("id"), e->done++);
    json_add(&j, object, STR("origin"), shape_origin(e, &j));
    json_add(&j, object, STR("url"), shape_url(e, &j));
    if (json_print(&j, object, JSON_COMPACT | JSON_NEWLINE, &e->out))
        e->out.failed = true;
    json_fini(&j);
}

static void stream_step(struct echo *e) {
    struct body *b = &e->end.x->response.body;

    for (;;) {
        if (e->out.n == 0 && e->done == e->total) {
            echo_stream_end(e);
            return;
        }
        if (e->out.n == 0)
            next_line(e);
        ptrdiff_t n = e->out.failed ? -1 : body_write(b, e->out.p, e->out.n);
        if (n < 0) {
            echo_abort(e, REASON_NO_MEMORY);
            return;
        }
        buf_drop(&e->out, (size_t)n);
        if (e->out.n > 0)
            return;
    }
}

void answer_stream(struct echo *e) {
    if (str_to_u64(e->rest, &e->total)) {
        echo_error(e, 404, STR("write /stream/20"));
        return;
    }
    if (e->total > MAX_LINES)
        e->total = MAX_LINES;
    e->step = stream_step;
    echo_stream(e, 200, STR("application/json"), LENGTH_UNKNOWN);
}

/* ---- /drip ---- */

static uint64_t due(const struct echo *e) {
    uint64_t passed_ns = e->end.x->env->turn->now_ns - e->begin_ns;

    if (e->interval_ns == 0 || passed_ns / e->interval_ns >= e->total)
        return e->total;
    return passed_ns / e->interval_ns + 1;
}

static void drip_step(struct echo *e) {
    static const char stars[64] =
        "****************************************************************";
    struct body *b = &e->end.x->response.body;
    uint64_t until = due(e);

    while (e->done < until) {
        uint64_t want = until - e->done;
        ptrdiff_t n = body_write(b, stars, want < sizeof stars ? want : sizeof stars);
        if (n < 0) {
            echo_abort(e, REASON_NO_MEMORY);
            return;
        }
        if (n == 0)
            return;
        e->done += (uint64_t)n;
    }
    if (e->done == e->total) {
        echo_stream_end(e);
        return;
    }
    uint64_t at_ns = e->begin_ns + e->done * e->interval_ns;
    uint64_t soonest_ns = e->end.x->env->turn->now_ns + drip_tick_ns;
    echo_wait(e, at_ns > soonest_ns ? at_ns : soonest_ns);
}

static void drip_begin(struct echo *e) {
    double code = 200;

    if (!echo_number(e, "code", (struct range){200, 200, 599}, &code))
        return;
    e->step = drip_step;
    echo_stream(e, (int)code, STR("application/octet-stream"), (int64_t)e->total);
}

void answer_drip(struct echo *e) {
    double bytes, duration_s, delay_s, code;

    if (!echo_number(e, "numbytes", (struct range){10, 1, MAX_DRIP}, &bytes) ||
        !echo_number(e, "duration", (struct range){2, 0, 3600}, &duration_s) ||
        !echo_number(e, "delay", (struct range){0, 0, 3600}, &delay_s) ||
        !echo_number(e, "code", (struct range){200, 200, 599}, &code))
        return;
    e->total = (uint64_t)bytes;
    e->interval_ns = (uint64_t)(duration_s * 1e9 / bytes);
    e->later = drip_begin;
    echo_wait(e, e->end.x->env->turn->now_ns + (uint64_t)(delay_s * 1e9));
}
