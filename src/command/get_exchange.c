/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "command/command.h"
#include "command/get_parts.h"
#include "http/validate.h"

/* ---- the request ---- */

static int add_given_fields(const struct getter *g, struct message *m) {
    const struct args *args = g->options->args;

    for (size_t i = 0; i < args->n_given; i++) {
        struct str name, value = args->given[i].value;
        if (strcmp(args->table->rows[args->given[i].row].name, "header") != 0)
            continue;
        str_cut(&value, ':', &name);
        name = str_trim(name);
        value = str_trim(value);
        bool credential = str_ieq(name, STR("authorization")) || str_ieq(name, STR("cookie"));
        if (g->away && (credential || str_ieq(name, STR("host"))))
            continue;
        if (str_ieq(name, STR("host")))
            m->authority = value;
        else if (!str_ieq(name, STR("content-length")) && fields_add(&m->fields, name, value))
            return ERR_NO_MEMORY;
    }
    return 0;
}

static bool sends_data(const struct getter *g) {
    return g->options->has_data && !g->as_get;
}

static int add_own_fields(const struct getter *g, struct message *m) {
    struct fields *f = &m->fields;

    if (!fields_has(f, STR("user-agent")) &&
        fields_add(f, STR("user-agent"), STR("h3gw/" H3GW_VERSION)))
        return ERR_NO_MEMORY;
    if (!fields_has(f, STR("accept")) && fields_add(f, STR("accept"), STR("*/*")))
        return ERR_NO_MEMORY;
    if (sends_data(g) && !fields_has(f, STR("content-type")))
        return fields_add(f, STR("content-type"), STR("application/x-www-form-urlencoded"));
    return 0;
}

static int fill_request(struct getter *g) {
    const struct get_options *o = g->options;
    struct message *m = &g->x->request;

    m->method = o->method.n && !g->as_get ? o->method : sends_data(g) ? STR("POST") : STR("GET");
    m->scheme = g->uri.scheme;
    m->authority = g->uri.authority;
    m->path = g->uri.path;
    if (sends_data(g))
        m->content_length = o->data_length;
    else
        body_finish(&m->body);
    return add_given_fields(g, m) || add_own_fields(g, m) ? ERR_NO_MEMORY : 0;
}

/* A redirect or the next URL sends the file once more. */
static int rewind_data(struct getter *g) {
    const struct get_options *o = g->options;

    if (o->data_fd < 0 || !sends_data(g))
        return 0;
    if (g->data_read && (o->data_begin < 0 || lseek(o->data_fd, o->data_begin, SEEK_SET) < 0)) {
        get_fail(g, "the data cannot be read a second time: put it into a file");
        return ERR_INVALID;
    }
    g->data_read = true;
    return 0;
}

void get_exchange_open(struct getter *g) {
    int err;

    if (rewind_data(g))
        return;
    end_init(&g->front, &g->turn, get_front_run);
    g->data_at = 0;
    g->x = exchange_new(&g->http, &g->front, g->peer);
    if (!g->x || fill_request(g)) {
        get_fail(g, "out of memory");
        return;
    }
    if (g->options->verbose)
        get_show_request(g);
    exchange_start(g->x);
    err = g->client->ops->open(g->client, g->x, false);
    if (err) {
        get_fail(g, "the connection takes no request: %s", err_text(err));
        return;
    }
    g->state = GET_RECEIVING;
    task_wake(&g->front.task, END_ROOM);
}

/* ---- its body ---- */

static void feed_text(struct getter *g) {
    struct str data = g->options->data;
    struct body *b = &g->x->request.body;
    ptrdiff_t n = body_write(b, data.p + g->data_at, data.n - g->data_at);

    if (n < 0) {
        get_fail(g, "out of memory");
        return;
    }
    g->data_at += (size_t)n;
    if (g->data_at == data.n)
        body_finish(b);
}

static void feed_file(struct getter *g) {
    struct body *b = &g->x->request.body;
    struct span span;

    while (b->state == BODY_OPEN && (span = body_reserve(b)).n > 0) {
        ssize_t n = read(g->options->data_fd, span.p, span.n);
        if (n < 0) {
            get_fail(g, "cannot read the data: %s", strerror(errno));
            return;
        }
        if (n == 0)
            body_finish(b);
        else
            body_commit(b, (size_t)n);
    }
}

static void feed(struct getter *g) {
    body_take_credit(&g->x->request.body);
    if (g->x->request.body.state != BODY_OPEN)
        return;
    if (g->options->data_fd >= 0)
        feed_file(g);
    else
        feed_text(g);
}

/* ---- the response ---- */

static void show_informational(struct getter *g) {
    struct informational *info;

    while ((info = exchange_take_informational(g->x)))
        if (g->options->verbose)
            get_show_head(g, info->status, &info->fields);
}

static int write_out(struct getter *g, const struct iovec *iov) {
    size_t at = 0;

    while (at < iov->iov_len) {
        ssize_t n = write(g->options->out_fd, (char *)iov->iov_base + at, iov->iov_len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            get_fail(g, "cannot write the response: %s", strerror(errno));
            return ERR_SYSTEM;
        }
        at += (size_t)n;
    }
    return 0;
}

static void receive(struct getter *g) {
    struct body *b = &g->x->response.body;
    struct iovec iov;

    while (body_peek(b, &iov, 1) == 1) {
        if (g->location.n == 0 && write_out(g, &iov))
            return;
        body_sent(b, iov.iov_len);
        body_acked(b, iov.iov_len);
    }
    if (b->state == BODY_ABORTED) {
        get_fail(g, "the response was cut off after %llu bytes: %s", (unsigned long long)b->sent,
                 reason_text(b->reason));
    } else if (body_at_end(b)) {
        struct fields *trailers = exchange_take_trailers(g->x);
        if (g->options->verbose && trailers)
            get_show_trailers(trailers);
        if (g->options->verbose)
            get_show_times(g);
        get_done(g);
    }
}

void get_front_run(struct task *task, uint32_t events) {
    struct getter *g = container_of(end_of(task), struct getter, front);
    struct message *m;

    if (!g->front.x || g->state != GET_RECEIVING)
        return;
    show_informational(g);
    m = exchange_take_head(g->x);
    if (m) {
        g->head_seen = true;
        get_learn(g, m);
        get_redirect(g, m);
        if (g->options->verbose)
            get_show_head(g, m->status, &m->fields);
    }
    if (g->head_seen)
        receive(g);
    if (g->state != GET_RECEIVING)
        return;
    if (events & END_RESET)
        get_fail(g, "no %sresponse: %s", g->head_seen ? "whole " : "", reason_text(g->x->reason));
    else
        feed(g);
}
