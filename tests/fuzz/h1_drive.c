/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h1_drive.h"

#include "base/check.h"

enum { SENT_MOST = 1 << 16 };

void h1_drive_init(struct h1_drive *d) {
    *d = (struct h1_drive){.peer.version = HTTP_1_1};
    turn_init(&d->turn);
    turn_begin(&d->turn, SECOND_NS, 1);
    chunk_pool_init(&d->chunks, 4);
    http_limits_default(&d->limits);
    d->limits.body_buffer_bytes = 700; /* bodies get full */
    d->limits.head_bytes = 1000;
    d->limits.fields = 12;
    d->limits.request_body_bytes = 5000;
    http_env_init(&d->env, &d->turn, &d->chunks);
    d->env.limits = &d->limits;
    d->env.scratch = d->scratch;
    d->env.scratch_bytes = sizeof(d->scratch);
    buf_init(&d->sent);
}

static void settle(struct h1_drive *d) {
    struct iovec iov[4];
    int n;
    do {
        while (turn_run(&d->turn, SIZE_MAX))
            ;
        n = d->engine->ops->pull(d->engine, iov, 4);
        size_t bytes = 0;
        for (int i = 0; i < n; i++) {
            if (d->sent.n < SENT_MOST)
                buf_add(&d->sent, iov[i].iov_base, iov[i].iov_len);
            bytes += iov[i].iov_len;
        }
        d->engine->ops->pulled(d->engine, bytes);
    } while (n > 0);
    while (turn_run(&d->turn, SIZE_MAX))
        ;
}

static bool is_done(const struct h1_drive *d) {
    return d->engine->ops->status(d->engine) >= ENGINE_DONE;
}

static void pass_time(struct h1_drive *d) {
    uint64_t next_ns = turn_next_ns(&d->turn);
    if (next_ns != UINT64_MAX)
        turn_begin(&d->turn, next_ns, 1);
    settle(d);
}

void h1_drive_run(struct h1_drive *d, const uint8_t *p, size_t n, size_t piece) {
    size_t stalls = 0;
    settle(d);
    while (n > 0 && stalls < 3 && !is_done(d)) {
        struct span room = d->engine->ops->room(d->engine);
        size_t take = room.n < n ? room.n : n;
        if (piece > 0 && take > piece)
            take = piece;
        if (take > 0) {
            memcpy(room.p, p, take);
            if (d->engine->ops->filled(d->engine, take) != 0)
                break;
            settle(d);
        } else {
            pass_time(d);
        }
        stalls = take > 0 ? 0 : stalls + 1;
        p += take;
        n -= take;
    }
    d->engine->ops->end_of_input(d->engine);
    settle(d);
    for (int i = 0; i < 5 && !is_done(d); i++)
        pass_time(d);
}

void h1_drive_fini(struct h1_drive *d) {
    d->engine->ops->free(d->engine, 0);
    while (turn_run(&d->turn, SIZE_MAX))
        ;
    check(d->env.n_exchanges == 0);
    turn_fini(&d->turn);
    chunk_pool_fini(&d->chunks);
    buf_fini(&d->sent);
}
