/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_ASK_H
#define COMMAND_ASK_H

#include <stdbool.h>

#include "base/buf.h"

/* Asks a running gateway over its admin (gateway/control.h has the pages). Blocks. */

struct ask {
    const char *command; /* our own name, for messages */
    const char *where; /* --admin: ADDR:PORT, unix:PATH or a process id; NULL: the one that runs */
    bool needs_none;   /* the command has --config, and then no gateway need run */
};

/* method and path with query; appends the body of the answer. The status; or a negative err, told
 * on stderr: nobody runs, several do, or the connection failed. */
int ask(const struct ask *a, const char *method, const char *path, struct buf *body);

/* The same, and then waits until the gateway has ended. */
int ask_to_end(const struct ask *a, const char *method, const char *path, struct buf *body);

#define ASK_FLAG \
    { \
        "admin", 0, ARGS_VALUE, "ADDR:PORT|unix:PATH|PID", \
            "which gateway, when several run; without it the one that does", NULL \
    }

#endif
