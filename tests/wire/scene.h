/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_SCENE_H
#define TESTS_WIRE_SCENE_H

#include "visit.h"

/* What stands around a conversation between our client and our server: time, memory, limits, an
 * http_env for each side, visits that ask and the site that answers. The connection is the
 * test's own. */

enum { VISITS = 8, SCRATCH = 16384 };

struct carrier;

struct scene {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env client_env, server_env;
    struct peer client_peer, server_peer;
    struct site site;
    struct http_client *client; /* the test makes it, with owner */
    struct task owner;
    uint32_t owner_events; /* all that it heard */
    struct visit visits[VISITS];
    uint8_t scratch[2][SCRATCH];
    const struct carrier *carrier; /* conversations.h */
};

void scene_init(struct scene *s, enum http_version version);
/* When the connection is gone: asserts that nothing is left alive. */
void scene_fini(struct scene *s);

struct visit *scene_start(struct scene *s, int i, const char *path);
bool scene_all_over(void *scene); /* have all visits ended? */

#endif
