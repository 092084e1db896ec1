/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "h1_drive.h"
#include "http/reply.h"
#include "http/validate.h"
#include "proto/h1/h1.h"

/* An HTTP/1.1 server and a client that says anything. Input: a byte with the size of the
 * pieces it comes in, then the bytes.
 *
 * Beyond crashes: a request that gets through is one that every version would let through. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Streams the request's body back. */
struct echo {
    struct end end;
};

static void echo_run(struct task *task, uint32_t events) {
    struct end *e = end_of(task);
    if (!e->x || (events & END_RESET)) {
        exchange_leave(e);
        task_fini(task);
        return;
    }
    struct body *from = &e->x->request.body, *to = &e->x->response.body;
    struct span room;
    if (to->state == BODY_STOPPED) /* for a HEAD */
        body_stop(from, REASON_UPSTREAM_DONE);
    while (body_unsent(from) > 0 && (room = body_reserve(to)).n > 0)
        body_commit(to, body_read(from, room.p, room.n));
    if (!body_at_end(from) && from->state != BODY_STOPPED)
        return;
    check(fields_copy(&e->x->response.trailers, &e->x->request.trailers) == 0);
    body_finish(to);
    exchange_leave(e);
    task_fini(task);
}

static void check_request(const struct exchange *x) {
    const struct message *m = &x->request;
    check(request_problem(m, false) == NULL);
    for (size_t i = 0; i < m->fields.n; i++) {
        const struct field *f = &m->fields.v[i];
        check(valid_field_name(f->name) && valid_field_value(f->value));
        check(!field_is_hop_by_hop(f->name) && !str_eq(f->name, STR("host")));
        check(!str_eq(f->name, STR("content-length")));
    }
}

static void route(struct exchange *x) {
    check_request(x);
    if (!str_starts(x->request.path, STR("/e"))) {
        reply(x, 200, STR("text/plain"), STR("hello\n"));
        return;
    }
    struct echo *echo = arena_zalloc(&x->arena, sizeof(*echo));
    check(echo);
    end_init(&echo->end, x->env->turn, echo_run);
    exchange_take(x, &echo->end);
    x->response.status = 200;
    exchange_respond(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct h1_drive d;
    if (size == 0)
        return 0;
    h1_drive_init(&d);
    d.env.route = route;
    d.engine = h1_server_new(&d.env, &d.peer);
    check(d.engine);
    h1_drive_run(&d, data + 1, size - 1, data[0]);
    h1_drive_fini(&d);
    return 0;
}
