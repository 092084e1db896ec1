/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include "base/buf.h"
#include "base/log.h"
#include "base/turn.h"
#include "http/exchange.h"

/* One line a request, combined-like, with duration and upstream; what a peer sent is escaped.
 * Lines of a turn are written at once; a full disk costs lines and one warning, no request. */

struct config;

struct access_log {
    struct log *log;
    struct task flush;
    struct buf lines;
    int fd;       /* -1: off */
    bool owned;   /* to be closed */
    bool failing; /* told already */
};

extern const struct hook access_log_hook;

void access_log_init(struct access_log *a, struct turn *turn, struct log *log);
/* As access-log says; when it says nothing, standard output if that is a terminal. */
int access_log_open(struct access_log *a, const struct config *config);
void access_log_fini(struct access_log *a); /* writes what is left */

#endif
