/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void owner_run(struct task *task, uint32_t events) {
    container_of(task, struct scene, owner)->owner_events |= events;
}

static void env_init(struct scene *s, struct http_env *env, uint8_t *scratch) {
    http_env_init(env, &s->turn, &s->chunks);
    env->limits = &s->limits;
    env->scratch = scratch;
    env->scratch_bytes = SCRATCH;
}

void scene_init(struct scene *s, enum http_version version) {
    turn_init(&s->turn);
    turn_begin(&s->turn, 1000 * SECOND_NS, 1800000000);
    chunk_pool_init(&s->chunks, 4);
    http_limits_default(&s->limits);
    env_init(s, &s->client_env, s->scratch[0]);
    env_init(s, &s->server_env, s->scratch[1]);
    s->client_peer.version = s->server_peer.version = version;
    site_env(&s->server_env, &s->site);
    task_init(&s->owner, &s->turn, owner_run);
}

void scene_fini(struct scene *s) {
    task_fini(&s->owner);
    while (turn_run(&s->turn, SIZE_MAX)) {
    }
    assert_int_equal(s->client_env.n_exchanges, 0);
    assert_int_equal(s->server_env.n_exchanges, 0);
    assert_int_equal(s->site.live, 0);
    turn_fini(&s->turn);
    chunk_pool_fini(&s->chunks);
}

struct visit *scene_start(struct scene *s, int i, const char *path) {
    s->visits[i].path = path;
    visit_start(&s->visits[i], &s->client_env, &s->client_peer);
    return &s->visits[i];
}

bool scene_all_over(void *scene) {
    struct scene *s = scene;
    for (int i = 0; i < VISITS; i++)
        if (s->visits[i].path && !s->visits[i].over)
            return false;
    return true;
}
