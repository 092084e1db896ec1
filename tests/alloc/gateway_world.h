/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_ALLOC_GATEWAY_WORLD_H
#define TESTS_ALLOC_GATEWAY_WORLD_H

#include "gateway/gateway.h"
#include "unit/folder.h"

/* A whole gateway in the test's process: the test is its control thread, the workers have theirs.
 * Its files are in the folder of the test; there may be one gateway at a time. */

enum { SAID = 16384 };

struct gateway_world {
    struct gateway g;
    struct log log;
    struct configurer configurer;
    const char *path; /* of the configuration that is read next */
    char said[SAID];  /* what the log heard, a line each */
    size_t n_said;
    struct buf errors;
};

/* The folder is the home of the CA, the sockets and all that is named FOLDER in a file's text. */
void gateway_world_init(struct gateway_world *w, struct folder *folder);
void gateway_world_write(struct folder *folder, const char *name, const char *text);

/* gateway_start, with what it says; then it counts as serving. */
int gateway_world_start(struct gateway_world *w, const char *path);
/* change_next. */
int gateway_world_reload(struct gateway_world *w, const char *path);
/* What of old generations is left goes. */
void gateway_world_settle(struct gateway_world *w);
void gateway_world_stop(struct gateway_world *w);

/* Each worker listens on what the present generation wants, with its venues, and on nothing
 * else; the monitors do; renewal is planned, and files are watched. */
void gateway_world_check(struct gateway_world *w);
/* Asks plain HTTP, which redirects to where the present generation has HTTPS. */
void gateway_world_ask(struct gateway_world *w);

#endif
