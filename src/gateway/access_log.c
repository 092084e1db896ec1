/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/access_line.h"
#include "gateway/outfit.h"

enum { FORMAT_TEXT, FORMAT_JSON }; /* of the option access-log-format */

static void write_lines(struct access_log *a) {
    size_t at = 0;

    while (at < a->lines.n) {
        ssize_t n = write(a->to.fd, a->lines.p + at, a->lines.n - at);
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

static int open_file(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

void access_log_reopen(struct access_log *a) {
    int fd;

    if (!a->to.path)
        return;
    fd = open_file(a->to.path);
    if (fd < 0) {
        if (!a->lost)
            log_warn(a->log, "access log %s: %s; the file as it was is written on", a->to.path,
                     strerror(errno));
        a->lost = true;
        return;
    }
    a->lost = false;
    close(a->to.fd);
    a->to.fd = fd;
}

/* Is what the name stands for another file by now, or none? */
static bool was_moved(const struct access_log *a) {
    struct stat ours, now;

    if (fstat(a->to.fd, &ours) || !S_ISREG(ours.st_mode))
        return false;
    return stat(a->to.path, &now) || now.st_dev != ours.st_dev || now.st_ino != ours.st_ino;
}

static void flush_run(struct task *task, uint32_t events) {
    struct access_log *a = container_of(task, struct access_log, flush);
    uint64_t now_ns = task->turn->now_ns;

    (void)events;
    if (a->to.path && now_ns - a->looked_ns >= SECOND_NS) {
        a->looked_ns = now_ns;
        if (was_moved(a))
            access_log_reopen(a);
    }
    write_lines(a);
}

void access_log_init(struct access_log *a, struct turn *turn, struct log *log) {
    *a = (struct access_log){.log = log, .to.fd = -1};
    buf_init(&a->lines);
    task_init(&a->flush, turn, flush_run);
}

static int open_path(struct access_log_target *to, struct str path, struct log *log) {
    to->path = strdup(path.p);
    if (!to->path)
        return ERR_NO_MEMORY;
    to->fd = open_file(to->path);
    if (to->fd >= 0)
        return 0;
    log_error(log, "access log %s: %s", to->path, strerror(errno));
    access_log_target_close(to);
    return ERR_SYSTEM;
}

int access_log_target_open(struct access_log_target *to, const struct config *config,
                           struct log *log) {
    struct str path = config->gateway.access_log;

    *to = (struct access_log_target){.fd = -1,
                                     .json = config->gateway.access_log_format == FORMAT_JSON};
    if (!config->access_log_given)
        path = isatty(STDOUT_FILENO) ? STR("-") : STR("off");
    if (str_eq(path, STR("off")) || path.n == 0)
        return 0;
    if (!str_eq(path, STR("-")))
        return open_path(to, path, log);
    to->fd = STDOUT_FILENO;
    return 0;
}

void access_log_target_close(struct access_log_target *to) {
    if (to->path && to->fd >= 0)
        close(to->fd);
    free(to->path);
    *to = (struct access_log_target){.fd = -1};
}

void access_log_use(struct access_log *a, struct access_log_target *to) {
    if (a->to.fd >= 0)
        write_lines(a);
    access_log_target_close(&a->to);
    a->to = *to;
    *to = (struct access_log_target){.fd = -1};
    a->failing = a->lost = false;
}

void access_log_fini(struct access_log *a) {
    struct access_log_target none = {.fd = -1};

    access_log_use(a, &none);
    task_fini(&a->flush);
    buf_fini(&a->lines);
}

static void on_end(struct exchange *x) {
    struct access_log *a = &outfit_of(x)->worker->access_log;
    size_t whole = a->lines.n;

    if (a->to.fd < 0)
        return;
    if (a->to.json)
        access_line_json(&a->lines, x);
    else
        access_line_text(&a->lines, x);
    if (a->lines.failed)
        buf_cut(&a->lines, whole);
    task_wake(&a->flush, 1);
}

const struct hook access_log_hook = {.name = "access-log", .end = on_end};
