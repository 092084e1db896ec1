/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h1/conn.h"

enum { H1_MAGIC = 0x68747031 };

void h1_conn_init(struct h1_conn *c, const struct h1_role *role, struct http_env *env,
                  const struct peer *peer) {
    *c = (struct h1_conn){.magic = H1_MAGIC, .role = role, .env = env, .peer = peer};
    buf_init(&c->pending);
    h1_sender_init(&c->out);
    c->heard_ns = h1_conn_now(c);
}

void h1_conn_fini(struct h1_conn *c) {
    task_fini(&c->end.task);
    h1_receiver_fini(&c->in);
    h1_sender_fini(&c->out);
    buf_fini(&c->pending);
    c->magic = 0;
}

uint64_t h1_conn_now(const struct h1_conn *c) {
    return c->env->turn->now_ns;
}

bool h1_conn_listens(const struct h1_conn *c) {
    return !c->blocked && c->pending.n == 0;
}

void h1_conn_output(struct h1_conn *c) {
    if (!h1_sender_pending(&c->out))
        return;
    if (c->sent_ns == 0)
        c->sent_ns = h1_conn_now(c);
    engine_wake(&c->engine, ENGINE_OUTPUT);
}

void h1_conn_set_status(struct h1_conn *c, enum engine_status status) {
    if (c->status == status || c->status == ENGINE_CUT)
        return;
    c->status = status;
    engine_wake(&c->engine, ENGINE_STATUS);
}

void h1_conn_close(struct h1_conn *c) {
    h1_receiver_let_go(&c->in);
    c->linger_ns = h1_conn_now(c) + (uint64_t)H1_LINGER_MS * MS_NS;
    if (c->status < ENGINE_DONE)
        h1_conn_set_status(c, c->eof ? ENGINE_DONE : ENGINE_SHUT_WRITE);
    h1_conn_output(c);
}

void h1_conn_cut(struct h1_conn *c) {
    bool looks_whole = c->out.framing == H1_UNTIL_EOF;
    h1_receiver_let_go(&c->in);
    h1_sender_reset(&c->out);
    h1_conn_set_status(c, looks_whole ? ENGINE_CUT : ENGINE_DONE);
}

void h1_conn_next(struct h1_conn *c) {
    h1_receiver_reset(&c->in);
    h1_sender_reset(&c->out);
    c->received = c->broken = false;
    c->sent_ns = 0;
    c->heard_ns = h1_conn_now(c);
}
