/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h1_drive.h"

#include "base/check.h"

enum { SENT_MOST = 1 << 16, PIECES = 3 };

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

static void run_all(struct h1_drive *d) {
    while (turn_run(&d->turn, SIZE_MAX))
        ;
}

static void settle(struct h1_drive *d) {
    struct iovec iov[4];
    int n;
    do {
        run_all(d);
        n = d->is_deaf ? 0 : d->engine->ops->pull(d->engine, iov, 4);
        size_t bytes = 0;
        for (int i = 0; i < n; i++) {
            if (d->sent.n < SENT_MOST)
                buf_add(&d->sent, iov[i].iov_base, iov[i].iov_len);
            bytes += iov[i].iov_len;
        }
        d->engine->ops->pulled(d->engine, bytes);
    } while (n > 0);
    run_all(d);
}

static bool is_done(const struct h1_drive *d) {
    return d->engine->ops->status(d->engine) >= ENGINE_DONE;
}

static void pass_time(struct h1_drive *d, int times) {
    for (; times > 0 && !is_done(d); times--) {
        uint64_t next_ns = turn_next_ns(&d->turn);
        if (next_ns != UINT64_MAX)
            turn_begin(&d->turn, next_ns, 1);
        settle(d);
    }
}

/* As much as there is room for, in several places. Negative: the engine wants no more. */
static ptrdiff_t give(struct h1_drive *d, const uint8_t *p, size_t n) {
    struct span room = d->engine->ops->room(d->engine);
    struct iovec iov[PIECES] = {{room.p, room.n}};
    int pieces = room.n == 0 ? 0 : 1;
    size_t at = 0;
    if (pieces > 0)
        pieces += d->engine->ops->more_room(d->engine, iov + 1, PIECES - 1);
    for (int i = 0; i < pieces; i++) {
        size_t take = iov[i].iov_len < n - at ? iov[i].iov_len : n - at;
        memcpy(iov[i].iov_base, p + at, take);
        at += take;
    }
    return at > 0 && d->engine->ops->filled(d->engine, at) != 0 ? -1 : (ptrdiff_t)at;
}

/* Until three times nothing was taken in a row. */
static void say(struct h1_drive *d, const uint8_t *p, size_t n, size_t piece) {
    int stalls = 0;
    while (n > 0 && stalls < 3 && !is_done(d)) {
        ptrdiff_t taken = give(d, p, piece > 0 && n > piece ? piece : n);
        if (taken < 0)
            break;
        settle(d);
        if (taken == 0)
            pass_time(d, 1);
        stalls = taken > 0 ? 0 : stalls + 1;
        p += taken;
        n -= (size_t)taken;
    }
}

void h1_drive_run(struct h1_drive *d, const uint8_t *p, size_t n, uint8_t how) {
    size_t half = how & H1_DRAINS ? n / 2 : n;
    d->is_deaf = how & H1_DEAF;
    settle(d);
    say(d, p, half, how & H1_PIECE);
    if (how & H1_DRAINS)
        d->engine->ops->drain(d->engine);
    say(d, p + half, n - half, how & H1_PIECE);
    if (how & (H1_WAITS | H1_DEAF))
        pass_time(d, 5);
    d->engine->ops->end_of_input(d->engine);
    settle(d);
    pass_time(d, 5);
}

void h1_drive_fini(struct h1_drive *d) {
    d->engine->ops->free(d->engine, 0);
    run_all(d);
    check(d->env.n_exchanges == 0);
    turn_fini(&d->turn);
    chunk_pool_fini(&d->chunks);
    buf_fini(&d->sent);
}
