/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/env.h"

#include "http/reply.h"

static const struct http_limits defaults = {
    .body_buffer_bytes = 128 * 1024,
    .head_bytes = 64 * 1024,
    .fields = 256,
    .request_body_bytes = 0,
    .streams = 128,
    .requests = 0,
    .resets = 1000,
    .continuations = 8,
    .control_frames = 10000,
    .settings_entries = 32,
    .glitches = 1000,
    .conn_window_bytes = 1024 * 1024,
    .conn_buffer_bytes = 1024 * 1024,
    .header_timeout_ns = 15 * SECOND_NS,
    .idle_timeout_ns = 120 * SECOND_NS,
    .body_timeout_ns = 60 * SECOND_NS,
    .write_timeout_ns = 30 * SECOND_NS,
    .response_body_timeout_ns = 0,
};

void http_limits_default(struct http_limits *limits) {
    *limits = defaults;
}

void http_env_init(struct http_env *env, struct turn *turn, struct chunk_pool *chunks) {
    *env = (struct http_env){.turn = turn,
                             .chunks = chunks,
                             .limits = &defaults,
                             .refuse = reply_error,
                             .tell_refusal = reply_refusal};
    list_init(&env->exchanges);
}
