/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include "base/buf.h"
#include "base/log.h"
#include "base/turn.h"
#include "http/exchange.h"

/* One line a request (access_line.h). Lines of a turn are written at once; a full disk costs lines
 * and one warning, no request. A file that was renamed or removed is opened anew, at most a
 * second later, as log rotation without a signal wants it; at once with SIGUSR1. Each worker has
 * a log and a descriptor of its own; lines are whole all the same, as files are appended to. */

struct config;

/* Where lines go. */
struct access_log_target {
    int fd; /* -1: off */
    bool json;
    char *path; /* NULL: off or standard output */
};

struct access_log {
    struct log *log;
    struct task flush;
    struct buf lines;
    struct access_log_target to;
    uint64_t looked_ns;
    bool failing, lost; /* told already: it cannot be written, or opened anew */
};

extern const struct hook access_log_hook;

void access_log_init(struct access_log *a, struct turn *turn, struct log *log);
/* As access-log says; when it says nothing, standard output if that is a terminal. 0, or a negative
 * err told in the log. */
int access_log_target_open(struct access_log_target *to, const struct config *config,
                           struct log *log);
void access_log_target_close(struct access_log_target *to);
/* From now on; takes it over. */
void access_log_use(struct access_log *a, struct access_log_target *to);
void access_log_reopen(struct access_log *a);
void access_log_fini(struct access_log *a); /* writes what is left */

#endif
