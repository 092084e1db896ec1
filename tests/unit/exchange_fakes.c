/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange_fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct world *world_of(struct http_env *env) {
    return container_of(env, struct world, env);
}

static void route(struct exchange *x) {
    struct world *w = world_of(x->env);
    if (w->route_to)
        exchange_take(x, &w->route_to->end);
}

void world_start(struct world *w) {
    *w = (struct world){0};
    turn_init(&w->turn);
    chunk_pool_init(&w->pool, 8);
    http_env_init(&w->env, &w->turn, &w->pool);
    http_limits_default(&w->limits);
    w->env.limits = &w->limits;
    w->env.hooks = w->hooks;
    w->env.route = route;
}

void world_run(struct world *w) {
    for (int laps = 0; turn_run(&w->turn, 3); laps++)
        assert_true(laps < 100000);
}

void world_end(struct world *w) {
    world_run(w);
    assert_int_equal(w->env.n_exchanges, 0);
    assert_true(list_empty(&w->env.exchanges));
    assert_int_equal(w->pool.n_live, 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->pool);
}

static void front_send(struct fake_front *f, struct body *body) {
    if (body->state != BODY_OPEN)
        return;
    ptrdiff_t n = body_write(body, f->to_send.p, f->to_send.n);
    assert_true(n >= 0);
    f->to_send = (struct str){f->to_send.p + n, f->to_send.n - (size_t)n};
    if (f->to_send.n == 0 && !f->holds)
        body_finish(body);
}

static void front_receive(struct fake_front *f, struct exchange *x) {
    char bytes[1000];
    size_t n;
    while (!f->takes_nothing && (n = body_read(&x->response.body, bytes, sizeof(bytes))) > 0)
        buf_add(&f->got, bytes, n);
}

static void front_finish(struct fake_front *f, struct exchange *x) {
    if (!x->head_taken || !body_at_end(&x->response.body) || x->request.body.state == BODY_OPEN)
        return;
    struct fields *trailers = exchange_take_trailers(x);
    for (size_t i = 0; i < trailers->n; i++)
        buf_format(&f->trailers, STR_FMT "=" STR_FMT, STR_ARG(trailers->v[i].name),
                   STR_ARG(trailers->v[i].value));
    f->done = true;
    exchange_leave(&f->end);
}

static void front_run(struct task *task, uint32_t events) {
    struct fake_front *f = (struct fake_front *)end_of(task);
    struct exchange *x = f->end.x;
    f->heard |= events;
    if (!x)
        return;
    if (events & END_RESET) {
        f->reset = x->reason;
        exchange_leave(&f->end);
        return;
    }
    struct informational *info;
    while ((info = exchange_take_informational(x)))
        buf_format(&f->heads, "%d ", info->status);
    struct message *head = exchange_take_head(x);
    if (head)
        buf_format(&f->heads, "%d ", head->status);
    front_send(f, &x->request.body);
    if (x->head_taken)
        front_receive(f, x);
    front_finish(f, x);
}

void fake_front_start(struct world *w, struct fake_front *f, const char *method, struct str body) {
    static const struct peer peer = {.version = HTTP_2};
    *f = (struct fake_front){.to_send = body};
    end_init(&f->end, &w->turn, front_run);
    struct exchange *x = exchange_new(&w->env, &f->end, &peer);
    assert_non_null(x);
    x->request.method = str_of(method);
    x->request.scheme = STR("https");
    x->request.authority = STR("example.org");
    x->request.path = STR("/");
    exchange_start(x);
    task_wake(&f->end.task, END_ROOM);
}

void fake_front_end(struct fake_front *f) {
    assert_null(f->end.x);
    task_fini(&f->end.task);
    buf_fini(&f->got);
    buf_fini(&f->heads);
    buf_fini(&f->trailers);
}

static void back_respond(struct fake_back *b, struct exchange *x) {
    struct fields fields;
    fields_init(&fields, &x->arena);
    assert_int_equal(fields_add(&fields, STR("link"), STR("</x>")), 0);
    for (int i = 0; i < b->informs; i++)
        exchange_inform(x, 103, &fields);
    x->response.status = 200;
    exchange_respond(x);
}

/* As fast as the response body takes it. */
static void back_echo(struct fake_back *b, struct exchange *x) {
    struct body *from = &x->request.body, *to = &x->response.body;
    struct iovec iov;
    if (!x->responded)
        back_respond(b, x);
    while (body_peek(from, &iov, 1) == 1) {
        ptrdiff_t n = body_write(to, iov.iov_base, iov.iov_len);
        assert_true(n >= 0);
        if (n == 0)
            return;
        body_sent(from, (size_t)n);
        body_acked(from, (size_t)n);
    }
    if (!body_at_end(from))
        return;
    if (b->trailer)
        assert_int_equal(fields_add(&x->response.trailers, STR("check"), STR("sum")), 0);
    body_finish(to);
    exchange_leave(&b->end);
}

static void back_run(struct task *task, uint32_t events) {
    struct fake_back *b = (struct fake_back *)end_of(task);
    struct exchange *x = b->end.x;
    b->runs++;
    b->heard |= events;
    b->was_reset = b->was_reset || (events & END_RESET);
    b->came_back = b->came_back || (events & END_BACK);
    if (!x || (events & END_RESET)) {
        exchange_leave(&b->end);
        return;
    }
    switch (b->mode) {
    case FAKE_ECHO: back_echo(b, x); break;
    case FAKE_IDLE: break;
    case FAKE_FAIL: exchange_fail(&b->end, REASON_UPSTREAM_CONNECT); break;
    case FAKE_RESET: exchange_reset(&b->end, REASON_UPSTREAM_CUT); break;
    case FAKE_LEAVE: exchange_leave(&b->end); break;
    case FAKE_LEND:
        if (x->back == &b->end && !(events & END_BACK))
            exchange_lend(x, &b->other->end);
        break;
    }
}

void fake_back_init(struct world *w, struct fake_back *b, enum fake_mode mode) {
    *b = (struct fake_back){.mode = mode};
    end_init(&b->end, &w->turn, back_run);
}
