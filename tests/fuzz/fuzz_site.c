/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz_world.h"

#include <string.h>

#include "http/reply.h"

enum { LARGE_BYTES = 40000, LATER_S = 20 };

struct answer {
    struct end end;
    char what; /* the path's first letter; others echo */
    bool begun;
    size_t said;
};

static struct answer *answer_of(struct task *task) {
    return container_of(end_of(task), struct answer, end);
}

static void begin(struct answer *a, struct exchange *x) {
    if (a->what == 'h')
        (void)exchange_inform(x, 103, &x->request.fields);
    x->response.status = 200;
    fields_copy(&x->response.fields, &x->request.fields);
    exchange_respond(x);
    a->begun = true;
}

static void copy_body(struct body *in, struct body *out) {
    struct span to;
    size_t n = 1;
    while (n > 0 && (to = body_reserve(out)).n > 0)
        body_commit(out, n = body_read(in, to.p, to.n));
}

/* Whether all is said. */
static bool say_much(struct answer *a, struct body *in, struct body *out) {
    struct span to;
    body_stop(in, REASON_UPSTREAM_DONE);
    while (a->said < LARGE_BYTES && (to = body_reserve(out)).n > 0) {
        size_t n = to.n < LARGE_BYTES - a->said ? to.n : LARGE_BYTES - a->said;
        memset(to.p, 'x', n);
        body_commit(out, n);
        a->said += n;
    }
    return a->said == LARGE_BYTES || out->state != BODY_OPEN;
}

static bool echo(struct exchange *x) {
    struct body *in = &x->request.body, *out = &x->response.body;
    if (out->state == BODY_STOPPED)
        body_stop(in, REASON_UPSTREAM_DONE);
    copy_body(in, out);
    if (!body_at_end(in) && in->state != BODY_STOPPED)
        return false;
    fields_copy(&x->response.trailers, &x->request.trailers);
    return true;
}

static void leave(struct answer *a) {
    exchange_leave(&a->end);
    task_fini(&a->end.task);
}

static void answer_run(struct task *task, uint32_t events) {
    struct answer *a = answer_of(task);
    struct exchange *x = a->end.x;
    if (!x || (events & END_RESET)) {
        leave(a);
        return;
    }
    if (a->what == 'l' && !a->begun && !(events & TASK_TIMER))
        return;
    if (!a->begun)
        begin(a, x);
    if (!(a->what == 'm' ? say_much(a, &x->request.body, &x->response.body) : echo(x)))
        return;
    if (a->what == 'b') {
        exchange_reset(&a->end, REASON_UPSTREAM_CUT);
    } else {
        body_finish(&x->response.body);
    }
    leave(a);
}

void fuzz_route(struct exchange *x) {
    struct answer *a = arena_zalloc(&x->arena, sizeof(*a));
    struct str path = message_path_only(&x->request);
    if (!a || str_eq(path, STR("/reply"))) {
        reply(x, 200, STR("text/plain"), STR("hello"));
        return;
    }
    a->what = path.n > 1 ? path.p[1] : '\0';
    end_init(&a->end, x->env->turn, answer_run);
    exchange_take(x, &a->end);
    if (a->what == 'l')
        check(task_at(&a->end.task, x->env->turn->now_ns + LATER_S * SECOND_NS) == 0);
    task_wake(&a->end.task, END_DATA);
}
