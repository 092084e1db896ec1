/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/qlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "sys/file.h"

/* ngtcp2's records have at most 4 KiB. */
enum { BUFFER_BYTES = 16 * 1024, ID_BYTES = 20 };

/* Bits of the task. */
enum { DIRTY = 1 << 0, LAST = 1 << 1 };

struct trace {
    struct quic_trace base;
    struct qlog *qlog;
    struct list link;  /* qlog->traces */
    struct list dirty; /* qlog->dirty, while there are records */
    uint8_t *records;  /* BUFFER_BYTES; NULL while there are none: idle connections hold nothing */
    size_t n;
    int fd;    /* -1: not opened yet */
    bool lost; /* its rest is */
    char id[2 * ID_BYTES + 1];
};

/* ---- files ---- */

static void drop(struct trace *t) {
    free(t->records);
    t->records = NULL;
    t->n = 0;
    list_remove(&t->dirty);
}

/* Whoever repeats an id, which honest clients draw at random, gets no second file. */
static void give_up(struct trace *t, const char *path) {
    struct qlog *q = t->qlog;
    bool repeated = errno == EEXIST;
    enum log_level level = q->failing || repeated ? LOG_DEBUG : LOG_WARN;

    log_at(q->log, level, "qlog %s: %s; its rest is lost (told once, until one can be written)",
           path, strerror(errno));
    q->failing |= !repeated;
    t->lost = true;
}

static ssize_t write_some(struct trace *t, const char *path, size_t at) {
    ssize_t n;

    if (t->fd < 0)
        t->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (t->fd < 0)
        return -1;
    do
        n = write(t->fd, t->records + at, t->n - at);
    while (n < 0 && errno == EINTR);
    return n;
}

static void flush(struct trace *t) {
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s.sqlog", t->qlog->folder, t->id);
    for (size_t at = 0; at < t->n && !t->lost;) {
        ssize_t n = write_some(t, path, at);
        if (n < 0)
            give_up(t, path);
        else
            at += (size_t)n;
    }
    if (t->n > 0 && !t->lost)
        t->qlog->failing = false;
    drop(t);
}

/* Once more behind all that is queued already: then the turn's packets are written, and what
 * turned out to be none is gone. */
static void flush_run(struct task *task, uint32_t events) {
    struct qlog *q = container_of(task, struct qlog, flush);

    if (!(events & LAST)) {
        task_wake(task, LAST);
        return;
    }
    list_each(&q->dirty, at, next)
        flush(list_entry(at, struct trace, dirty));
}

/* ---- what QUIC calls ---- */

static struct quic_trace *begin(struct quic_qlog *keeper, const uint8_t *id, size_t n) {
    struct qlog *q = container_of(keeper, struct qlog, keeper);
    struct trace *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    check(n <= ID_BYTES);
    *t = (struct trace){.base.keeper = keeper, .qlog = q, .fd = -1};
    list_init(&t->dirty);
    list_append(&q->traces, &t->link);
    for (size_t i = 0; i < n; i++)
        snprintf(t->id + 2 * i, 3, "%02x", id[i]);
    return &t->base;
}

/* Memory ended: that record is lost. */
static bool has_room(struct trace *t) {
    if (t->records || t->lost)
        return !t->lost;
    t->records = malloc(BUFFER_BYTES);
    if (!t->records)
        return false;
    list_append(&t->qlog->dirty, &t->dirty);
    task_wake(&t->qlog->flush, DIRTY);
    return true;
}

static void take_record(struct quic_trace *base, const void *p, size_t n) {
    struct trace *t = container_of(base, struct trace, base);

    check(n <= BUFFER_BYTES);
    if (t->n + n > BUFFER_BYTES)
        flush(t);
    if (!has_room(t))
        return;
    memcpy(t->records + t->n, p, n);
    t->n += n;
}

static void end(struct quic_trace *base, bool keep) {
    struct trace *t = container_of(base, struct trace, base);

    if (keep)
        flush(t);
    drop(t);
    if (t->fd >= 0)
        close(t->fd);
    list_remove(&t->link);
    free(t);
}

/* ---- life ---- */

void qlog_init(struct qlog *q, struct turn *turn, struct log *log) {
    *q = (struct qlog){.keeper = {begin, take_record, end}, .log = log};
    list_init(&q->traces);
    list_init(&q->dirty);
    task_init(&q->flush, turn, flush_run);
}

int qlog_open(struct qlog *q, struct str folder) {
    if (folder.n == 0)
        return 0;
    if (folder.n > PATH_MAX / 2)
        errno = ENAMETOOLONG;
    else if (!file_make_folders(folder.p, 0700) && !access(folder.p, W_OK | X_OK))
        q->folder = folder.p;
    if (q->folder)
        return 0;
    log_error(q->log, "qlog %s: %s; name a folder that can be written, or a new one", folder.p,
              strerror(errno));
    return ERR_SYSTEM;
}

void qlog_fini(struct qlog *q) {
    check(list_empty(&q->traces));
    task_fini(&q->flush);
}
