/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "h1_drive.h"
#include "http/client.h"
#include "http/exchange.h"
#include "http/validate.h"
#include "proto/h1/h1.h"

/* An HTTP/1.1 client and an upstream that says anything. Input: a byte that says how
 * (h1_drive.h), a byte that chooses the request, then the bytes.
 *
 * Beyond crashes: what reaches the asking side is a response that every version can carry,
 * and it ends cleanly only when all of it came. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asker {
    struct end end;
    uint64_t received;
    int64_t length; /* promised; LENGTH_UNKNOWN */
    bool has_head, no_body;
};

static void check_fields(const struct fields *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        const struct field *f = &fields->v[i];
        check(valid_field_name(f->name) && valid_field_value(f->value));
        check(!field_is_hop_by_hop(f->name) && !str_eq(f->name, STR("content-length")));
    }
}

static void take_heads(struct asker *a, struct exchange *x) {
    struct informational *info;
    while ((info = exchange_take_informational(x))) {
        check(info->status >= 100 && info->status < 200 && info->status != 101);
        check_fields(&info->fields);
    }
    struct message *m = exchange_take_head(x);
    if (!m)
        return;
    check(m->status >= 200);
    check_fields(&m->fields);
    a->has_head = true;
    a->length = m->content_length;
    a->no_body = response_has_no_body(x->request.method, m->status);
}

static void asker_run(struct task *task, uint32_t events) {
    struct asker *a = (struct asker *)end_of(task);
    struct exchange *x = a->end.x;
    if (!x)
        return;
    if (events & END_RESET) {
        exchange_leave(&a->end);
        return;
    }
    take_heads(a, x);
    if (!a->has_head || !a->end.x)
        return;
    uint8_t bytes[500];
    size_t n;
    while ((n = body_read(&x->response.body, bytes, sizeof(bytes))) > 0)
        a->received += n;
    if (!body_at_end(&x->response.body))
        return;
    check_fields(exchange_take_trailers(x));
    check(a->no_body ? a->received == 0 : a->length < 0 || a->received == (uint64_t)a->length);
    exchange_leave(&a->end);
}

static void route(struct exchange *x) {
    struct http_client *c = x->env->owner;
    check(c->ops->open(c, x, false) == 0);
}

static void ask(struct h1_drive *d, struct asker *a, uint8_t kind) {
    *a = (struct asker){.length = LENGTH_UNKNOWN};
    end_init(&a->end, &d->turn, asker_run);
    struct exchange *x = exchange_new(&d->env, &a->end, &d->peer);
    check(x);
    struct message *m = &x->request;
    m->method = kind & 1 ? STR("HEAD") : kind & 2 ? STR("POST") : STR("GET");
    m->scheme = STR("http");
    m->path = STR("/");
    m->authority = STR("a");
    m->expect_continue = kind & 4;
    if (kind & 2)
        body_write(&m->body, "hello", 5);
    if (!(kind & 8))
        body_finish(&m->body);
    exchange_start(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct h1_drive d;
    struct asker a;
    if (size < 2)
        return 0;
    h1_drive_init(&d);
    struct http_client *c = h1_client_new(&d.env, &d.peer, NULL);
    check(c);
    d.engine = c->engine;
    d.env.route = route;
    d.env.owner = c;
    ask(&d, &a, data[1]);
    h1_drive_run(&d, data + 2, size - 2, data[0]);
    if (a.end.x)
        exchange_reset(&a.end, REASON_CLIENT_CANCEL);
    task_fini(&a.end.task);
    h1_drive_fini(&d);
    return 0;
}
