/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "echo.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { ROOM = 5000 };

struct echo {
    struct stream_engine base;
    struct grave grave;
    struct turn *turn;
    struct buf data;
    size_t hold;
    struct echo_seen *seen;
    bool drained, ended;
    uint8_t room[ROOM];
};

static struct echo *echo_of(const struct stream_engine *e) {
    return container_of(e, struct echo, base);
}

static struct span echo_room(struct stream_engine *base) {
    struct echo *e = echo_of(base);
    size_t n = e->hold > e->data.n && !e->seen->deaf ? e->hold - e->data.n : 0;
    return (struct span){e->room, n < ROOM ? n : ROOM};
}

static int echo_filled(struct stream_engine *base, size_t n) {
    struct echo *e = echo_of(base);
    buf_add(&e->data, e->room, n);
    check(!e->data.failed);
    e->seen->received += n;
    engine_wake(base, ENGINE_OUTPUT);
    return 0;
}

static void echo_end_of_input(struct stream_engine *base) {
    struct echo *e = echo_of(base);
    check(!e->ended); /* told once */
    e->ended = e->seen->end_of_input = true;
    engine_wake(base, ENGINE_STATUS);
}

static int echo_pull(struct stream_engine *base, struct iovec *iov, int n) {
    struct echo *e = echo_of(base);
    if (n == 0 || e->data.n == 0)
        return 0;
    iov[0] = (struct iovec){e->data.p, e->data.n};
    return 1;
}

static void echo_pulled(struct stream_engine *base, size_t bytes) {
    struct echo *e = echo_of(base);
    buf_drop(&e->data, bytes);
    engine_wake(base, ENGINE_ROOM);
}

static enum engine_status echo_status(const struct stream_engine *base) {
    const struct echo *e = echo_of(base);
    bool over = e->ended || e->drained;
    if (e->seen->cut && e->data.n == 0)
        return ENGINE_CUT;
    return over && e->data.n == 0 ? ENGINE_DONE : ENGINE_OPEN;
}

static void echo_drain(struct stream_engine *base) {
    echo_of(base)->drained = true;
    engine_wake(base, ENGINE_STATUS);
}

static void echo_bury(struct grave *grave) {
    struct echo *e = container_of(grave, struct echo, grave);
    e->seen->live--;
    buf_fini(&e->data);
    free(e);
}

static void echo_free(struct stream_engine *base, int reason) {
    struct echo *e = echo_of(base);
    e->seen->freed_reason = reason;
    turn_bury(e->turn, &e->grave, echo_bury);
}

static const struct stream_engine_ops echo_ops = {
    .room = echo_room,
    .filled = echo_filled,
    .end_of_input = echo_end_of_input,
    .pull = echo_pull,
    .pulled = echo_pulled,
    .status = echo_status,
    .drain = echo_drain,
    .free = echo_free,
};

struct stream_engine *echo_new(struct turn *turn, size_t hold_bytes, struct echo_seen *seen) {
    struct echo *e = calloc(1, sizeof(*e));
    check(e);
    buf_init(&e->data);
    if (buf_reserve(&e->data, hold_bytes) != 0) { /* now: tests/alloc lets later ones fail */
        free(e);
        return NULL;
    }
    e->base.ops = &echo_ops;
    e->turn = turn;
    e->hold = hold_bytes;
    e->seen = seen;
    seen->live++;
    seen->freed_reason = -1;
    return &e->base;
}

/* ---- talker ---- */

struct talking {
    struct stream_engine base;
    struct grave grave;
    struct turn *turn;
    struct talker *t;
    uint8_t room[ROOM];
    uint8_t out[2][20000]; /* two pieces, so that they have to be joined */
};

static struct talking *talking_of(const struct stream_engine *e) {
    return container_of(e, struct talking, base);
}

static uint8_t pattern(uint64_t at) {
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static struct span talker_room(struct stream_engine *base) {
    struct talking *k = talking_of(base);
    return (struct span){k->room, k->t->paused ? 0 : ROOM};
}

static int talker_filled(struct stream_engine *base, size_t n) {
    struct talking *k = talking_of(base);
    for (size_t i = 0; i < n; i++)
        if (k->room[i] != pattern(k->t->received + i))
            k->t->wrong = true;
    k->t->received += n;
    engine_wake(base, ENGINE_STATUS);
    return 0;
}

static void talker_end_of_input(struct stream_engine *base) {
    talking_of(base)->t->end_of_input = true;
    engine_wake(base, ENGINE_STATUS);
}

static int talker_pull(struct stream_engine *base, struct iovec *iov, int n) {
    struct talking *k = talking_of(base);
    uint64_t at = k->t->sent;
    int pieces = 0;
    for (; pieces < 2 && pieces < n && at < k->t->bytes; pieces++) {
        size_t most = pieces == 0 ? 9 : sizeof(k->out[1]); /* as HTTP/2 frames come */
        uint64_t left = k->t->bytes - at;
        size_t take = left < most ? (size_t)left : most;
        for (size_t i = 0; i < take; i++)
            k->out[pieces][i] = pattern(at + i);
        iov[pieces] = (struct iovec){k->out[pieces], take};
        at += take;
    }
    return pieces;
}

static void talker_pulled(struct stream_engine *base, size_t bytes) {
    talking_of(base)->t->sent += bytes;
}

static enum engine_status talker_status(const struct stream_engine *base) {
    const struct talker *t = talking_of(base)->t;
    if (t->sent < t->bytes || t->stay)
        return ENGINE_OPEN;
    if (t->received >= t->bytes && (!t->half_close || t->end_of_input))
        return ENGINE_DONE;
    return t->half_close ? ENGINE_SHUT_WRITE : ENGINE_OPEN;
}

static void talker_drain(struct stream_engine *base) {
    talking_of(base)->t->stay = false;
    engine_wake(base, ENGINE_STATUS);
}

static void talker_bury(struct grave *grave) {
    struct talking *k = container_of(grave, struct talking, grave);
    k->t->live--;
    free(k);
}

static void talker_free(struct stream_engine *base, int reason) {
    struct talking *k = talking_of(base);
    k->t->freed_reason = reason;
    turn_bury(k->turn, &k->grave, talker_bury);
}

static const struct stream_engine_ops talker_ops = {
    .room = talker_room,
    .filled = talker_filled,
    .end_of_input = talker_end_of_input,
    .pull = talker_pull,
    .pulled = talker_pulled,
    .status = talker_status,
    .drain = talker_drain,
    .free = talker_free,
};

struct stream_engine *talker_new(struct turn *turn, struct talker *t) {
    struct talking *k = calloc(1, sizeof(*k));
    check(k);
    k->base.ops = &talker_ops;
    k->turn = turn;
    k->t = t;
    t->live++;
    t->freed_reason = -1;
    return &k->base;
}

void talker_resume(struct stream_engine *e) {
    talking_of(e)->t->paused = false;
    engine_wake(e, ENGINE_ROOM);
}
