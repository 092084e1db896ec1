/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/echo/echo.h"

#include "base/err.h"
#include "handler/echo/table.h"
#include "http/reply.h"

enum {
    ECHO_MAGIC = 0x6563686f,
    MAX_BODY = 16 << 20, /* of a request that is to be echoed whole; more is 413 */
};

/* ---- the request's body ---- */

static void answer(struct echo *e) {
    e->answered = true;
    e->endpoint->answer(e);
}

static void collect(struct echo *e) {
    struct body *b = &e->end.x->request.body;
    struct iovec iov;

    while (e->endpoint->with_body && body_peek(b, &iov, 1) == 1) {
        buf_add(&e->body, iov.iov_base, iov.iov_len);
        body_sent(b, iov.iov_len);
        body_acked(b, iov.iov_len);
        if (e->body.failed || e->body.n > MAX_BODY)
            break;
    }
    if (e->body.failed)
        echo_error(e, 503, STR("out of memory"));
    else if (e->body.n > MAX_BODY)
        echo_error(e, 413, STR("the echo holds a request of at most 16 MiB"));
    else if (!e->endpoint->with_body || body_at_end(b))
        answer(e);
}

static void go_on(struct echo *e, uint32_t events) {
    void (*later)(struct echo *) = e->later;

    if (later && (events & TASK_TIMER)) {
        e->later = NULL;
        later(e);
    } else if (!later && e->step) {
        e->step(e);
    }
}

static void echo_run(struct task *task, uint32_t events) {
    struct echo *e = container_of(end_of(task), struct echo, end);

    check_magic(e, ECHO_MAGIC);
    if (!e->end.x)
        return;
    if (events & (END_RESET | END_STOP)) {
        echo_abort(e, e->end.x->reason ? e->end.x->reason : REASON_CLIENT_CANCEL);
    } else if (!e->answered) {
        collect(e);
    } else if (events & (END_ROOM | TASK_TIMER)) {
        go_on(e, events);
    }
}

/* ---- which endpoint ---- */

static const struct endpoint *find(struct str path) {
    const struct endpoint *best = NULL;
    size_t best_n = 0;

    for (size_t i = 0; i < n_endpoints; i++) {
        struct str p = str_of(endpoints[i].path);
        bool prefix = p.n > 1 && p.p[p.n - 1] == '/';
        bool fits = prefix ? str_starts(path, p) : str_eq(path, p);
        if (fits && p.n > best_n) {
            best = &endpoints[i];
            best_n = p.n;
        }
    }
    return best;
}

static bool allows(const struct endpoint *p, struct str method) {
    if (!p->methods || str_eq(method, STR("OPTIONS")))
        return true;
    bool get = str_eq(str_of(p->methods), STR("GET"));
    return str_eq(method, str_of(p->methods)) || (get && str_eq(method, STR("HEAD")));
}

static struct str allowed(const struct endpoint *p) {
    if (!p || !p->methods)
        return STR("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    if (str_eq(str_of(p->methods), STR("GET")))
        return STR("GET, HEAD, OPTIONS");
    if (str_eq(str_of(p->methods), STR("POST")))
        return STR("POST, OPTIONS");
    if (str_eq(str_of(p->methods), STR("PUT")))
        return STR("PUT, OPTIONS");
    return str_eq(str_of(p->methods), STR("PATCH")) ? STR("PATCH, OPTIONS")
                                                    : STR("DELETE, OPTIONS");
}

/* Any page of any origin may try the echo, as with httpbin. What the request says lives as long as
 * the response. */
static int cors(struct exchange *x, bool preflight) {
    struct fields *q = &x->request.fields, *f = &x->response.fields;
    struct str origin = fields_get(q, STR("origin"));
    struct str wanted = fields_get(q, STR("access-control-request-headers"));

    if (fields_add_static(f, STR("access-control-allow-origin"), origin.n ? origin : STR("*")) ||
        fields_add_static(f, STR("access-control-allow-credentials"), STR("true")))
        return ERR_NO_MEMORY;
    if (!preflight)
        return 0;
    if (fields_add_static(f, STR("access-control-allow-methods"),
                          STR("GET, POST, PUT, DELETE, PATCH, OPTIONS")) ||
        fields_add_static(f, STR("access-control-max-age"), STR("3600")))
        return ERR_NO_MEMORY;
    return wanted.n ? fields_add_static(f, STR("access-control-allow-headers"), wanted) : 0;
}

static void refuse(struct exchange *x, const struct endpoint *p) {
    if (!p) {
        reply_error(x, 404, STR("the built-in httpbin has nothing here; / lists what it has"));
        return;
    }
    if (fields_add(&x->response.fields, STR("allow"), allowed(p)))
        reply_error(x, 503, STR("out of memory"));
    else
        reply_error(x, 405, STR("this endpoint is for another method, see Allow"));
}

static void options_reply(struct exchange *x, const struct endpoint *p) {
    if (fields_add(&x->response.fields, STR("allow"), allowed(p)))
        reply_error(x, 503, STR("out of memory"));
    else
        reply(x, 200, STR("text/html; charset=utf-8"), STR(""));
}

static void start(struct exchange *x, const struct endpoint *p, struct str path) {
    struct echo *e = arena_zalloc(&x->arena, sizeof *e);
    size_t n = strlen(p->path);

    if (!e) {
        reply_error(x, 503, STR("out of memory"));
        return;
    }
    e->magic = ECHO_MAGIC;
    e->endpoint = p;
    e->rest = (struct str){path.p + n, path.n - n};
    e->query = message_query(&x->request);
    e->table = endpoints;
    e->n_table = n_endpoints;
    buf_init(&e->body);
    buf_init(&e->out);
    end_init(&e->end, x->env->turn, echo_run);
    exchange_take(x, &e->end);
}

void echo_open(struct exchange *x) {
    struct str path = message_path_only(&x->request);
    const struct endpoint *p = find(path);
    bool options_ = method_is(&x->request, "OPTIONS");

    if (cors(x, options_)) {
        reply_error(x, 503, STR("out of memory"));
    } else if (options_) {
        options_reply(x, p);
    } else if (!p || !allows(p, x->request.method)) {
        refuse(x, p);
    } else {
        start(x, p, path);
    }
}
