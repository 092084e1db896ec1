/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/worker.h"

static void write_lines(struct access_log *a) {
    size_t at = 0;

    while (at < a->lines.n) {
        ssize_t n = write(a->fd, a->lines.p + at, a->lines.n - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (!a->failing)
                log_warn(a->log, "access log: %s; lines are lost until it can be written again",
                         strerror(errno));
            a->failing = true;
            break;
        }
        a->failing = false;
        at += (size_t)n;
    }
    buf_reset(&a->lines);
}

static void flush_run(struct task *task, uint32_t events) {
    (void)events;
    write_lines(container_of(task, struct access_log, flush));
}

void access_log_init(struct access_log *a, struct turn *turn, struct log *log) {
    *a = (struct access_log){.log = log, .fd = -1};
    buf_init(&a->lines);
    task_init(&a->flush, turn, flush_run);
}

int access_log_open(struct access_log *a, const struct config *config) {
    struct str path = config->gateway.access_log;

    if (!config->access_log_given)
        path = isatty(STDOUT_FILENO) ? STR("-") : STR("off");
    if (str_eq(path, STR("off")) || path.n == 0)
        return 0;
    if (str_eq(path, STR("-"))) {
        a->fd = STDOUT_FILENO;
        return 0;
    }
    a->fd = open(path.p, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    a->owned = a->fd >= 0;
    if (a->fd >= 0)
        return 0;
    log_error(a->log, "access log %s: %s", path.p, strerror(errno));
    return ERR_SYSTEM;
}

void access_log_fini(struct access_log *a) {
    if (a->fd >= 0)
        write_lines(a);
    if (a->owned)
        close(a->fd);
    a->fd = -1;
    task_fini(&a->flush);
    buf_fini(&a->lines);
}

enum { ESCAPED = 1024 }; /* of each thing that a peer sent; longer ones are cut */

static void add_escaped(struct buf *b, struct str s) {
    char text[ESCAPED];
    size_t n = str_escape(s, text, sizeof text);

    if (n == 0)
        buf_char(b, '-');
    buf_add(b, text, n);
}

static void add_quoted(struct buf *b, struct str s) {
    buf_str(b, STR(" \""));
    add_escaped(b, s);
    buf_char(b, '"');
}

static int status_of(const struct exchange *x) {
    if (x->head_taken)
        return x->response.status;
    return reason_status(x->reason);
}

static void add_line(struct buf *b, const struct exchange *x) {
    const struct message *q = &x->request;
    char text[ADDR_TEXT], date[DATE_TEXT];
    uint64_t took_us = (x->env->turn->now_ns - x->begin_ns) / 1000;

    buf_format(b, "%s - - [%s] \"", addr_ip_text(&x->peer->remote, text),
               date_clf(x->env->turn->wall_s, date));
    add_escaped(b, q->method);
    buf_char(b, ' ');
    add_escaped(b, q->path);
    buf_format(b, " %s\" %d %llu", http_version_text(x->peer->version), status_of(x),
               (unsigned long long)(x->response.body.sent - x->response.body.dropped));
    add_quoted(b, fields_get(&q->fields, STR("referer")));
    add_quoted(b, fields_get(&q->fields, STR("user-agent")));
    buf_format(b, " %llu.%03llums ", (unsigned long long)(took_us / 1000),
               (unsigned long long)(took_us % 1000));
    add_escaped(b, q->authority);
    buf_char(b, ' ');
    add_escaped(b, x->upstream_name);
    if (x->reason != REASON_NONE)
        buf_format(b, " %s", reason_name(x->reason));
    buf_char(b, '\n');
}

static void on_end(struct exchange *x) {
    struct access_log *a = &worker_of(x)->access_log;

    if (a->fd < 0)
        return;
    add_line(&a->lines, x);
    if (a->lines.failed)
        buf_reset(&a->lines);
    task_wake(&a->flush, 1);
}

const struct hook access_log_hook = {.name = "access-log", .end = on_end};
