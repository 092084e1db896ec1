/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/exchange.h"

#include <stdlib.h>

#include "base/err.h"

/* Who is in the exchange, and when they go:
 *
 *   new --> front, back = router --start--> router runs the hooks and route()
 *   take: back := handler            lend: manager := back, back := client stream
 *   fail, recall: back := manager    respond: the manager goes
 *   leave, reset: front or back := NULL; when both are, the exchange is buried
 *   refuse: reset back; when it has gone, back := router, which answers
 */

enum {
    EXCHANGE_MAGIC = 0x65786368,
    EXCHANGE_BYTES = 4096, /* the struct and the first block of its arena, in one piece */
    INFORMATIONAL_WAITING = 16,
    INFORMATIONAL_TOTAL = 128,
};

void end_init(struct end *e, struct turn *turn, void (*run)(struct task *, uint32_t events)) {
    *e = (struct end){0};
    task_init(&e->task, turn, run);
}

struct end *end_of(struct task *task) {
    return container_of(task, struct end, task);
}

static void free_exchange(struct grave *grave) {
    struct exchange *x = container_of(grave, struct exchange, grave);
    check_magic(x, EXCHANGE_MAGIC);
    body_fini(&x->request.body);
    body_fini(&x->response.body);
    arena_fini(&x->arena);
    x->magic = 0;
    free(x);
}

static void bury_when_empty(struct exchange *x) {
    if (x->front || x->back)
        return;
    task_fini(&x->router.task);
    list_remove(&x->link);
    x->env->n_exchanges--;
    turn_bury(x->env->turn, &x->grave, free_exchange);
}

static const struct hook *const *hooks_of(const struct exchange *x) {
    static const struct hook *const none[] = {NULL};
    return x->env->hooks ? x->env->hooks : none;
}

/* Out, without a word: handlers live in the arena, so no wake may reach them later. */
static void retire(struct end *e) {
    if (!e)
        return;
    e->x = NULL;
    task_fini(&e->task);
}

static void drop_manager(struct exchange *x) {
    retire(x->manager);
    x->manager = NULL;
}

/* The back end and its share of the bodies. */
static void set_back(struct exchange *x, struct end *back) {
    x->back = back;
    x->request.body.consumer = back ? &back->task : NULL;
    x->response.body.producer = back ? &back->task : NULL;
    if (back)
        back->x = x;
}

static int request_hooks(struct exchange *x) {
    int status = 0;
    for (const struct hook *const *h = hooks_of(x); *h && status == 0; h++)
        if ((*h)->request)
            status = (*h)->request(x);
    return status;
}

/* The back end until route() has found a better one. */
static void router_run(struct task *task, uint32_t events) {
    struct end *router = end_of(task);
    struct exchange *x = router->x;
    if (!x)
        return;
    if (events & END_RESET) {
        exchange_leave(router);
        return;
    }
    if (!(events & END_HEAD))
        return;
    if (x->refusal) {
        x->env->tell_refusal(x);
        return;
    }
    int status = request_hooks(x);
    if (router->x && status != 0)
        x->env->refuse(x, status, STR(""));
    else if (router->x && x->env->route)
        x->env->route(x);
    if (router->x && x->back == router)
        exchange_reset(router, REASON_INTERNAL);
}

static void init_message(struct exchange *x, struct message *m) {
    m->content_length = LENGTH_UNKNOWN;
    fields_init(&m->fields, &x->arena);
    fields_init(&m->trailers, &x->arena);
    body_init(&m->body, x->env->chunks, x->env->limits->body_buffer_bytes);
}

struct exchange *exchange_new(struct http_env *env, struct end *front, const struct peer *peer) {
    _Static_assert(sizeof(struct exchange) < EXCHANGE_BYTES / 2, "little is left for the arena");
    struct exchange *x = malloc(EXCHANGE_BYTES);
    if (!x)
        return NULL;
    *x = (struct exchange){.magic = EXCHANGE_MAGIC, .env = env, .peer = peer, .front = front};
    arena_init(&x->arena, x + 1, EXCHANGE_BYTES - sizeof(*x));
    init_message(x, &x->request);
    init_message(x, &x->response);
    list_init(&x->informational);
    list_append(&env->exchanges, &x->link);
    env->n_exchanges++;
    x->begin_ns = env->turn->now_ns;
    front->x = x;
    x->request.body.producer = &front->task;
    x->response.body.consumer = &front->task;
    end_init(&x->router, env->turn, router_run);
    set_back(x, &x->router);
    return x;
}

void exchange_start(struct exchange *x) {
    check_magic(x, EXCHANGE_MAGIC);
    if (x->started)
        return;
    x->started = true;
    if (x->back)
        task_wake(&x->back->task, END_HEAD);
}

static void hand_to(struct exchange *x, struct end *back) {
    const struct body *request = &x->request.body, *response = &x->response.body;
    uint32_t events = x->started ? END_HEAD : 0;
    if (body_unsent(request) > 0 || request->state != BODY_OPEN)
        events |= END_DATA;
    if (response->state == BODY_STOPPED)
        events |= END_STOP;
    if (!x->front)
        events |= END_RESET;
    set_back(x, back);
    task_wake(&back->task, events);
}

void exchange_take(struct exchange *x, struct end *back) {
    check_magic(x, EXCHANGE_MAGIC);
    exchange_recall(x);
    if (x->back != back)
        retire(x->back);
    hand_to(x, back);
}

void exchange_lend(struct exchange *x, struct end *back) {
    check_magic(x, EXCHANGE_MAGIC);
    check(!x->manager && x->back);
    x->manager = x->back;
    x->reason = REASON_NONE;
    hand_to(x, back);
}

/* What a client stream has begun to write of a response that is none now. */
static void clear_response(struct exchange *x) {
    struct message *m = &x->response;
    m->status = 0;
    m->content_length = LENGTH_UNKNOWN;
    fields_init(&m->fields, &x->arena);
    fields_init(&m->trailers, &x->arena);
}

static struct end *return_to_manager(struct exchange *x) {
    struct end *before = x->back;
    clear_response(x);
    before->x = NULL;
    set_back(x, x->manager);
    x->manager = NULL;
    return before;
}

void exchange_recall(struct exchange *x) {
    check_magic(x, EXCHANGE_MAGIC);
    if (x->manager && x->back)
        task_wake(&return_to_manager(x)->task, END_RESET);
}

void exchange_fail(struct end *back, enum reason reason) {
    struct exchange *x = back->x;
    if (!x)
        return;
    if (back != x->back || !x->manager || x->responded) {
        exchange_reset(back, reason);
        return;
    }
    return_to_manager(x);
    x->reason = reason;
    task_wake(&x->back->task, END_BACK);
}

void exchange_lose(struct end *back, bool head_came, bool whole, enum reason reason) {
    if (whole)
        exchange_leave(back);
    else if (reason != REASON_NONE)
        exchange_fail(back, reason);
    else
        exchange_fail(back, head_came ? REASON_UPSTREAM_CUT : REASON_UPSTREAM_CLOSED);
}

static size_t informational_waiting(const struct exchange *x) {
    size_t n = 0;
    list_each(&x->informational, at, next)
        n++;
    return n;
}

int exchange_inform(struct exchange *x, int status, const struct fields *fields) {
    if (x->responded || !x->front)
        return 0;
    if (x->n_informed >= INFORMATIONAL_TOTAL || informational_waiting(x) >= INFORMATIONAL_WAITING)
        return ERR_LIMIT;
    struct informational *info = arena_zalloc(&x->arena, sizeof(*info));
    if (!info)
        return ERR_NO_MEMORY;
    info->status = status;
    fields_init(&info->fields, &x->arena);
    if (fields && fields_copy(&info->fields, fields) != 0)
        return ERR_NO_MEMORY;
    list_append(&x->informational, &info->link);
    x->n_informed++;
    task_wake(&x->front->task, END_HEAD);
    return 0;
}

void exchange_respond(struct exchange *x) {
    check_magic(x, EXCHANGE_MAGIC);
    check(!x->responded);
    x->responded = true;
    x->response_ns = x->env->turn->now_ns;
    drop_manager(x);
    if (x->front)
        task_wake(&x->front->task, END_HEAD | END_DATA);
}

bool exchange_replayable(const struct exchange *x) {
    return !x->responded && x->request.body.sent == 0;
}

/* A response hook refused: as if either end had reset; both find out in the turn. */
static void veto(struct exchange *x) {
    x->vetoed = true;
    x->reason = REASON_INTERNAL;
    body_abort(&x->response.body, REASON_INTERNAL);
    body_stop(&x->request.body, REASON_INTERNAL);
    if (x->back)
        task_wake(&x->back->task, END_RESET);
    if (x->front)
        task_wake(&x->front->task, END_RESET);
}

struct message *exchange_take_head(struct exchange *x) {
    check_magic(x, EXCHANGE_MAGIC);
    if (!x->responded || x->head_taken || x->vetoed || x->yielding)
        return NULL;
    for (const struct hook *const *h = hooks_of(x); *h; h++) {
        if ((*h)->response && (*h)->response(x) != 0) {
            veto(x);
            return NULL;
        }
    }
    x->head_taken = true;
    return &x->response;
}

struct informational *exchange_take_informational(struct exchange *x) {
    check_magic(x, EXCHANGE_MAGIC);
    if (x->head_taken || list_empty(&x->informational))
        return NULL;
    struct informational *info = list_entry(x->informational.next, struct informational, link);
    list_remove(&info->link);
    for (const struct hook *const *h = hooks_of(x); *h; h++)
        if ((*h)->informational)
            (*h)->informational(x, info);
    return info;
}

struct fields *exchange_take_trailers(struct exchange *x) {
    check_magic(x, EXCHANGE_MAGIC);
    bool first = !x->trailers_taken;
    x->trailers_taken = true;
    for (const struct hook *const *h = hooks_of(x); *h && first; h++)
        if ((*h)->trailers)
            (*h)->trailers(x, &x->response.trailers);
    return &x->response.trailers;
}

enum http_version exchange_version(const struct exchange *x) {
    return x->request.version ? x->request.version : x->peer->version;
}

static void front_leaves(struct exchange *x, enum reason reason) {
    drop_manager(x);
    x->request.body.producer = x->response.body.consumer = NULL;
    body_abort(&x->request.body, reason);
    body_stop(&x->response.body, reason);
    body_leave_budget(&x->response.body);
    for (const struct hook *const *h = hooks_of(x); *h; h++)
        if ((*h)->end)
            (*h)->end(x);
    x->front = NULL;
    x->peer = NULL;
}

static void back_leaves(struct exchange *x, enum reason reason) {
    set_back(x, NULL);
    drop_manager(x);
    body_abort(&x->response.body, reason);
    body_stop(&x->request.body, reason);
}

/* ---- refusing ---- */

/* What is left of a response that nobody has seen goes; the next one is written in its place. */
static void renew_response(struct exchange *x) {
    struct body *body = &x->response.body, before = *body;
    clear_response(x);
    body_fini(body);
    body_init(body, before.pool, before.limit);
    body->consumer = before.consumer;
    if (before.budget)
        body_join_budget(body, before.budget);
}

/* The client may go on with its request: it is thrown away, like that of any early answer. */
static void drop_request(struct exchange *x) {
    struct body *body = &x->request.body;
    body_stop(body, x->reason);
    if (body->state == BODY_ABORTED)
        body->state = BODY_STOPPED;
}

static void answer_refusal(struct exchange *x) {
    x->yielding = x->responded = x->vetoed = false;
    x->upstream_ns = 0; /* the answer is ours */
    drop_request(x);
    renew_response(x);
    task_fini(&x->router.task);
    end_init(&x->router, x->env->turn, router_run);
    set_back(x, &x->router);
    task_wake(&x->router.task, END_HEAD);
}

bool exchange_refuse(struct end *front, enum reason reason, int status, const char *problem) {
    struct exchange *x = front->x;
    check_magic(x, EXCHANGE_MAGIC);
    if (x->head_taken || x->refusal)
        return false;
    if (x->reason == REASON_NONE)
        x->reason = reason;
    x->refusal = status ? status : 500;
    x->refusal_problem = problem;
    drop_manager(x);
    if (!x->back || x->back == &x->router) {
        answer_refusal(x);
        return true;
    }
    x->yielding = true;
    body_abort(&x->request.body, reason);
    body_stop(&x->response.body, reason);
    task_wake(&x->back->task, END_RESET);
    return true;
}

/* The back end of a refused exchange goes, and makes room for the refusal. */
static bool yields(struct exchange *x, struct end *e) {
    if (!x->yielding || e != x->back || !x->front)
        return false;
    e->x = NULL;
    answer_refusal(x);
    return true;
}

/* Would the other end wait for ever? Then this is no leaving but a reset. */
static bool would_strand(const struct exchange *x, const struct end *e) {
    bool response_open = !x->responded || x->response.body.state == BODY_OPEN;
    if (e == x->front)
        return x->back && (response_open || x->request.body.state == BODY_OPEN);
    return e == x->back && x->front && response_open;
}

void exchange_leave(struct end *e) {
    struct exchange *x = e->x;
    if (!x)
        return;
    check_magic(x, EXCHANGE_MAGIC);
    if (yields(x, e))
        return;
    if (would_strand(x, e)) {
        exchange_reset(e, e == x->front ? REASON_CLIENT_GONE : REASON_INTERNAL);
        return;
    }
    e->x = NULL;
    if (e == x->manager)
        x->manager = NULL;
    else if (e == x->front)
        front_leaves(x, REASON_CLIENT_GONE);
    else
        back_leaves(x, REASON_UPSTREAM_DONE);
    bury_when_empty(x);
}

void exchange_reset(struct end *e, enum reason reason) {
    struct exchange *x = e->x;
    if (!x)
        return;
    check_magic(x, EXCHANGE_MAGIC);
    if (yields(x, e))
        return;
    if (e == x->manager)
        exchange_recall(x);
    /* The first says why. What comes after it is what that led to: an end that was reset itself,
     * or a client that gives up its upload as the answer is an error. */
    if (x->reason == REASON_NONE)
        x->reason = reason;
    e->x = NULL;
    struct end *other = e == x->front ? x->back : x->front;
    if (other)
        task_wake(&other->task, END_RESET);
    if (e == x->front)
        front_leaves(x, reason);
    else
        back_leaves(x, reason);
    bury_when_empty(x);
}
