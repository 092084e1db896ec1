/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz_world.h"

/* ---- the fronts: they read and throw away ---- */

static void front_run(struct task *task, uint32_t events) {
    struct end *e = end_of(task);
    struct exchange *x = e->x;
    char sink[512];
    if (!x)
        return;
    if (events & END_RESET) {
        exchange_leave(e);
        return;
    }
    while (exchange_take_informational(x)) {
    }
    exchange_take_head(x);
    while (body_read(&x->response.body, sink, sizeof(sink)) > 0) {
    }
    if (body_at_end(&x->response.body)) {
        exchange_take_trailers(x);
        exchange_leave(e);
    }
}

void fuzz_open(struct fuzz_world *w, struct http_client *client) {
    static const char *const methods[FUZZ_FRONTS] = {"GET", "POST", "HEAD"};
    for (int i = 0; i < FUZZ_FRONTS; i++) {
        struct exchange *x = exchange_new(&w->env, &w->fronts[i], &w->peer);
        check(x);
        x->request.method = str_of(methods[i]);
        x->request.scheme = STR("https");
        x->request.authority = STR("a.example");
        x->request.path = STR("/");
        if (i != 1)
            body_finish(&x->request.body);
        else
            body_write(&x->request.body, "some bytes", 10);
        if (client->ops->open(client, x, false) != 0)
            exchange_reset(&w->fronts[i], REASON_CLIENT_CANCEL);
    }
}

/* ---- the world ---- */

void fuzz_world_init(struct fuzz_world *w) {
    *w = (struct fuzz_world){0};
    turn_init(&w->turn);
    turn_begin(&w->turn, SECOND_NS, 1);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    w->limits.resets = 20;
    w->limits.fields = 20;
    w->limits.request_body_bytes = 3000;
    w->limits.body_buffer_bytes = 8192; /* smaller than what /much says */
    http_env_init(&w->env, &w->turn, &w->chunks);
    w->env.limits = &w->limits;
    w->env.route = fuzz_route;
    w->env.scratch = w->scratch;
    w->env.scratch_bytes = FUZZ_SCRATCH;
    for (int i = 0; i < FUZZ_FRONTS; i++)
        end_init(&w->fronts[i], &w->turn, front_run);
}

void fuzz_turn(struct fuzz_world *w) {
    while (turn_run(&w->turn, 100)) {
    }
}

void fuzz_later(struct fuzz_world *w, uint64_t ns) {
    turn_begin(&w->turn, w->turn.now_ns + ns, 1);
    fuzz_turn(w);
}

void fuzz_world_fini(struct fuzz_world *w) {
    for (int i = 0; i < FUZZ_FRONTS; i++) {
        if (w->fronts[i].x)
            exchange_reset(&w->fronts[i], REASON_CLIENT_GONE);
        task_fini(&w->fronts[i].task);
    }
    fuzz_turn(w);
    check(w->env.n_exchanges == 0);
    peer_fini(&w->peer);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
}

static void take_output(struct stream_engine *e) {
    struct iovec iov[4];
    int n;
    while ((n = e->ops->pull(e, iov, 4)) > 0) {
        size_t bytes = 0;
        for (int i = 0; i < n; i++)
            bytes += iov[i].iov_len;
        e->ops->pulled(e, bytes);
    }
}

void fuzz_feed(struct fuzz_world *w, struct stream_engine *e, const uint8_t *p, size_t n,
               uint8_t seed) {
    size_t at = 0, step = 1 + (size_t)seed * seed;
    while (at < n && e->ops->status(e) == ENGINE_OPEN) {
        struct span room = e->ops->room(e);
        size_t piece = n - at < step ? n - at : step;
        if (piece > room.n)
            piece = room.n;
        if (piece == 0)
            break;
        memcpy(room.p, p + at, piece);
        at += piece;
        if (e->ops->filled(e, piece) != 0)
            break;
        fuzz_turn(w);
        if ((seed & 1) || at >= n)
            take_output(e);
        fuzz_turn(w);
    }
    fuzz_later(w, 61 * SECOND_NS);
    take_output(e);
    if (seed & 2)
        e->ops->drain(e);
    if (seed & 4)
        e->ops->end_of_input(e);
    fuzz_later(w, 61 * SECOND_NS);
    take_output(e);
    e->ops->free(e, 0);
    fuzz_turn(w);
}
