/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/mux/stream.h"

void mux_init(struct mux *m, const struct mux_ops *ops, struct http_env *env,
              const struct peer *peer, bool server) {
    *m = (struct mux){.ops = ops, .env = env, .peer = peer, .server = server};
    m->idle_ns = env->turn->now_ns;
    m->responses.limit = env->limits->conn_buffer_bytes;
    list_init(&m->streams);
}

void mux_tell_owner(struct mux *m, uint32_t events) {
    if (!m->server && m->client.owner)
        task_wake(m->client.owner, events);
}

void mux_tell_gone(struct mux *m) {
    if (m->server || !m->client.usable)
        return;
    m->client.usable = false;
    mux_tell_owner(m, CLIENT_GONE);
}

void mux_end(struct mux *m, enum reason reason, bool flushed) {
    m->failed = true;
    mux_tell_gone(m);
    list_each(&m->streams, at, next) {
        struct mux_stream *s = list_entry(at, struct mux_stream, link);
        if (s->end.x && m->server)
            mux_front_gone(s, reason, flushed);
        else if (s->end.x)
            mux_back_gone(s, reason);
        mux_stream_bury(s);
    }
}
