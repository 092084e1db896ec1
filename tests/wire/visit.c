/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "visit.h"

#include <stdio.h>

#include "base/err.h"
#include "http/reply.h"

uint8_t pattern_at(uint64_t i) {
    return (uint8_t)(i * 131 + (i >> 8) * 7 + 3);
}

static void copy_str(char *to, size_t cap, struct str s) {
    snprintf(to, cap, "%.*s", (int)s.n, s.n ? s.p : "");
}

/* Writes more of the pattern up to `to`; true when it is all written, or never will be. */
static bool write_pattern(struct body *b, uint64_t *at, uint64_t to) {
    while (*at < to) {
        uint8_t piece[1000];
        size_t n = to - *at < sizeof(piece) ? (size_t)(to - *at) : sizeof(piece);
        for (size_t i = 0; i < n; i++)
            piece[i] = pattern_at(*at + i);
        ptrdiff_t taken = body_write(b, piece, n);
        if (taken < 0)
            body_abort(b, REASON_NO_MEMORY);
        if (taken <= 0)
            return taken < 0;
        *at += (uint64_t)taken;
    }
    return true;
}

static bool check_pattern(struct body *b, uint64_t *at) {
    uint8_t piece[3000];
    size_t n;
    bool right = true;
    while ((n = body_read(b, piece, sizeof(piece))) > 0)
        for (size_t i = 0; i < n; i++)
            right &= piece[i] == pattern_at((*at)++);
    return right;
}

/* ---- the visit ---- */

static void visit_over(struct visit *v, enum reason reason) {
    v->over = true;
    v->reason = reason;
}

static void visit_send(struct visit *v) {
    struct message *m = &v->x->request;
    if (m->body.state == BODY_STOPPED) {
        v->stopped = true;
        return;
    }
    if (m->body.state != BODY_OPEN || !write_pattern(&m->body, &v->taken, v->body_bytes) ||
        v->endless)
        return;
    if (v->trailers && fields_add(&m->trailers, STR("x-sum"), STR("from the client")) != 0)
        body_abort(&m->body, REASON_NO_MEMORY);
    else
        body_finish(&m->body);
}

static void visit_read(struct visit *v) {
    struct message *m = &v->x->response;
    if (v->status == 0 || v->paused)
        return;
    if (!check_pattern(&m->body, &v->received))
        v->wrong = true;
    if (!body_at_end(&m->body))
        return;
    struct fields *trailers = exchange_take_trailers(v->x);
    copy_str(v->trailer, sizeof(v->trailer), fields_get(trailers, STR("x-sum")));
    v->complete = true;
    v->stopped |= v->x->request.body.state == BODY_STOPPED;
    exchange_leave(&v->end);
    visit_over(v, REASON_NONE);
}

static void visit_head(struct visit *v) {
    struct informational *info;
    while ((info = exchange_take_informational(v->x))) {
        v->informed = info->status;
        v->n_informed++;
        copy_str(v->hint, sizeof(v->hint), fields_get(&info->fields, STR("link")));
    }
    struct message *m = exchange_take_head(v->x);
    if (!m)
        return;
    v->status = m->status;
    v->length = m->content_length;
    copy_str(v->count, sizeof(v->count), fields_get(&m->fields, STR("x-count")));
}

static void visit_run(struct task *task, uint32_t events) {
    struct visit *v = container_of(end_of(task), struct visit, end);
    if (!v->end.x)
        return;
    if (events & END_HEAD)
        visit_head(v);
    if (events & END_RESET) {
        visit_over(v, v->x->reason);
        exchange_leave(&v->end);
        return;
    }
    visit_send(v);
    visit_read(v);
}

static void visit_route(struct exchange *x) {
    struct http_client *client = x->env->owner;
    if (client->ops->open(client, x, false) != 0)
        reply(x, 503, STR("text/plain"), STR(""));
}

void visit_env(struct http_env *env, struct http_client *client) {
    env->route = visit_route;
    env->owner = client;
}

static int fill_in(struct visit *v, struct message *m) {
    const char *method = v->method ? v->method : v->body_bytes || v->endless ? "POST" : "GET";
    m->method = str_of(method);
    m->scheme = STR("https");
    m->authority = STR("test.example");
    m->path = str_of(v->path);
    if (v->body_bytes && !v->no_length)
        m->content_length = (int64_t)v->body_bytes;
    int err = 0;
    if (v->field_name)
        err = fields_add(&m->fields, str_of(v->field_name), str_of(v->field_value));
    if (v->expect && err == 0)
        err = fields_add(&m->fields, STR("expect"), STR("100-continue"));
    return err;
}

void visit_start(struct visit *v, struct http_env *env, const struct peer *peer) {
    end_init(&v->end, env->turn, visit_run);
    v->length = -2;
    v->x = exchange_new(env, &v->end, peer);
    if (!v->x) {
        visit_over(v, REASON_NO_MEMORY);
        return;
    }
    if (fill_in(v, &v->x->request) != 0) {
        exchange_reset(&v->end, REASON_NO_MEMORY);
        visit_over(v, REASON_NO_MEMORY);
        return;
    }
    if (!v->body_bytes && !v->endless && !v->trailers)
        body_finish(&v->x->request.body);
    exchange_start(v->x);
    task_wake(&v->end.task, END_WANT);
}

void visit_resume(struct visit *v) {
    v->paused = false;
    if (v->end.x)
        task_wake(&v->end.task, END_DATA);
}

void visit_cancel(struct visit *v) {
    exchange_reset(&v->end, REASON_CLIENT_CANCEL);
    visit_over(v, REASON_CLIENT_CANCEL);
}

/* ---- the site ---- */

struct page {
    struct end end;
    struct site *site;
    uint64_t written, to, read;
    bool finish, sent_head, wrong;
    void (*serve)(struct page *p, struct exchange *x, uint32_t events);
};

static void page_leave(struct page *p) {
    p->site->live--;
    exchange_leave(&p->end);
    task_fini(&p->end.task);
}

static void page_reset(struct page *p, enum reason reason) {
    p->site->live--;
    exchange_reset(&p->end, reason);
    task_fini(&p->end.task);
}

/* Said so that the other side never takes it for a whole message. */
static bool out_of_memory(struct page *p, int err) {
    if (err != 0)
        page_reset(p, REASON_NO_MEMORY);
    return err != 0;
}

static void page_run(struct task *task, uint32_t events) {
    struct page *p = container_of(end_of(task), struct page, end);
    struct exchange *x = p->end.x;
    if (!x || (events & END_RESET)) {
        p->site->resets++;
        p->site->last_reset = x ? x->reason : REASON_NONE;
        page_leave(p);
        return;
    }
    p->serve(p, x, events);
}

static void head(struct page *p, struct exchange *x, int status, int64_t length) {
    if (p->sent_head)
        return;
    p->sent_head = true;
    x->response.status = status;
    x->response.content_length = length;
    exchange_respond(x);
}

static bool done(const struct exchange *x) {
    return x->request.body.state != BODY_OPEN && x->response.body.state != BODY_OPEN;
}

/* Reads and counts; false while more may come. */
static bool take_request(struct page *p, struct exchange *x) {
    struct body *b = &x->request.body;
    if (p->site->paused)
        return false;
    if (!check_pattern(b, &p->read))
        p->wrong = true;
    p->site->received = p->read;
    return b->state == BODY_STOPPED || body_at_end(b);
}

static void serve_bytes(struct page *p, struct exchange *x, uint32_t events) {
    (void)events;
    head(p, x, 200, x->response.content_length);
    bool all = write_pattern(&x->response.body, &p->written, p->to);
    if (all)
        body_finish(&x->response.body);
    take_request(p, x);
    if (done(x))
        page_leave(p);
}

static void serve_cut(struct page *p, struct exchange *x, uint32_t events) {
    (void)events;
    head(p, x, 200, message_query(&x->request).n > 0 ? LENGTH_UNKNOWN : 1000000);
    if (write_pattern(&x->response.body, &p->written, p->to) && body_unsent(&x->response.body) == 0)
        page_reset(p, REASON_UPSTREAM_CUT);
}

static void serve_echo(struct page *p, struct exchange *x, uint32_t events) {
    (void)events;
    struct body *in = &x->request.body, *out = &x->response.body;
    head(p, x, 200, LENGTH_UNKNOWN);
    struct span to;
    while (body_unsent(in) > 0 && (to = body_reserve(out)).n > 0)
        body_commit(out, body_read(in, to.p, to.n));
    if (body_unsent(in) > 0 && body_room(out) > 0) {
        out_of_memory(p, ERR_NO_MEMORY);
        return;
    }
    if (!body_at_end(in) ||
        out_of_memory(p, fields_copy(&x->response.trailers, &x->request.trailers)))
        return;
    body_finish(out);
    page_leave(p);
}

static void serve_count(struct page *p, struct exchange *x, uint32_t events) {
    (void)events;
    if (!take_request(p, x))
        return;
    struct str count =
        arena_format(&x->arena, "%llu%s", (unsigned long long)p->read, p->wrong ? " wrong" : "");
    if (out_of_memory(p, count.n == 0 ? ERR_NO_MEMORY : 0) ||
        out_of_memory(p, fields_add(&x->response.fields, STR("x-count"), count)) ||
        out_of_memory(p, fields_copy(&x->response.trailers, &x->request.trailers)))
        return;
    head(p, x, 200, LENGTH_UNKNOWN);
    body_finish(&x->response.body);
    page_leave(p);
}

static void serve_nothing(struct page *p, struct exchange *x, uint32_t events) {
    (void)x, (void)events;
    take_request(p, x);
}

static void serve_early(struct page *p, struct exchange *x, uint32_t events) {
    (void)events;
    head(p, x, 200, 5);
    write_pattern(&x->response.body, &p->written, 5);
    body_finish(&x->response.body);
    body_stop(&x->request.body, REASON_UPSTREAM_DONE);
    page_leave(p);
}

static void serve_refuse(struct page *p, struct exchange *x, uint32_t events) {
    (void)x, (void)events;
    page_reset(p, REASON_REFUSED);
}

static void serve_empty(struct page *p, struct exchange *x, uint32_t events) {
    (void)events;
    head(p, x, 204, LENGTH_UNKNOWN);
    body_finish(&x->response.body);
    page_leave(p);
}

static void prepare(struct page *p, struct exchange *x) {
    struct str path = x->request.path;
    unsigned long long n = 0;
    char text[64];
    copy_str(text, sizeof(text), path);
    p->serve = serve_bytes;
    p->to = 5;
    x->response.content_length = 5;
    if (sscanf(text, "/bytes/%llu", &n) == 1) {
        p->to = n;
        x->response.content_length = (int64_t)n;
    } else if (sscanf(text, "/chunks/%llu", &n) == 1) {
        p->to = n;
        x->response.content_length = LENGTH_UNKNOWN;
    } else if (sscanf(text, "/cut/%llu", &n) == 1) {
        p->to = n;
        p->serve = serve_cut;
    }
}

static int add_extras(struct exchange *x, struct str path) {
    if (str_eq(path, STR("/hints"))) {
        struct fields hint;
        fields_init(&hint, &x->arena);
        if (fields_add(&hint, STR("link"), STR("</style.css>")) != 0 ||
            exchange_inform(x, 103, &hint) != 0 || exchange_inform(x, 103, &hint) != 0)
            return ERR_NO_MEMORY;
    }
    if (str_eq(path, STR("/trailers")) || str_eq(path, STR("/only-trailers")))
        return fields_add(&x->response.trailers, STR("x-sum"), STR("from the server"));
    return 0;
}

static void copy_fields(struct site *site, const struct fields *from) {
    size_t n = 0;
    site->fields[0] = '\0';
    for (size_t i = 0; i < from->n && n < sizeof(site->fields); i++)
        n += (size_t)snprintf(site->fields + n, sizeof(site->fields) - n, STR_FMT ": " STR_FMT "\n",
                              STR_ARG(from->v[i].name), STR_ARG(from->v[i].value));
}

static void site_route(struct exchange *x) {
    static const struct {
        const char *path;
        void (*serve)(struct page *, struct exchange *, uint32_t);
    } pages[] = {
        {"/echo", serve_echo},   {"/count", serve_count},   {"/never", serve_nothing},
        {"/early", serve_early}, {"/refuse", serve_refuse}, {"/empty", serve_empty},
    };
    struct page *p = arena_zalloc(&x->arena, sizeof(*p));
    struct str path = x->request.path;
    if (!p || add_extras(x, path) != 0) {
        reply_error(x, 503, STR("out of memory"));
        return;
    }
    p->site = x->env->owner;
    p->site->live++;
    p->site->started++;
    copy_str(p->site->host, sizeof(p->site->host), x->request.authority);
    copy_str(p->site->method, sizeof(p->site->method), x->request.method);
    copy_str(p->site->cookie, sizeof(p->site->cookie),
             fields_get(&x->request.fields, STR("cookie")));
    copy_fields(p->site, &x->request.fields);
    prepare(p, x);
    if (str_eq(path, STR("/only-trailers"))) {
        p->to = 0;
        x->response.content_length = LENGTH_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (str_eq(path, str_of(pages[i].path)))
            p->serve = pages[i].serve;
    if (method_is(&x->request, "HEAD"))
        p->to = 0;
    end_init(&p->end, x->env->turn, page_run);
    exchange_take(x, &p->end);
}

void site_env(struct http_env *env, struct site *site) {
    env->route = site_route;
    env->owner = site;
}
