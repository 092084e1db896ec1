/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "join.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { ROOM_PIECES = 3 };

/* What travels towards a side. */
struct pipe {
    struct buf bytes;
    bool fin_sent, fin_told;
};

struct side {
    struct join *join;
    struct task driver;
    struct stream_engine *engine; /* NULL: the test's, or it has ended */
    struct stream_engine *kept;   /* has ended, and waits for join_free */
    struct pipe in;
    struct buf read; /* of a side without engine */
    uint64_t sent;
    int error;
    bool had_engine, ended, reset;
};

struct join {
    struct turn *turn;
    struct side sides[2];
    uint64_t random;
    size_t room;
    bool whole, moved, keep;
    void (*tap)(void *context, int from, uint8_t *p, size_t n);
    void *tap_context;
};

static struct side *other(struct side *s) {
    return &s->join->sides[s == &s->join->sides[JOIN_A] ? JOIN_B : JOIN_A];
}

static int index_of(const struct side *s) {
    return s == &s->join->sides[JOIN_A] ? JOIN_A : JOIN_B;
}

/* xorshift64*: the runs have to be the same everywhere. */
static uint64_t draw(struct join *j, uint64_t below) {
    j->random ^= j->random >> 12;
    j->random ^= j->random << 25;
    j->random ^= j->random >> 27;
    return (j->random * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

/* A length from 1 to most: often tiny, often all. */
static size_t cut(struct join *j, size_t most) {
    if (j->whole || most <= 1)
        return most;
    uint64_t kind = draw(j, 4);
    if (kind == 0)
        return most;
    if (kind == 1)
        return 1 + draw(j, most < 8 ? most : 8);
    return 1 + draw(j, most);
}

static void on_driver(struct task *task, uint32_t events) {
    struct side *s = container_of(task, struct side, driver);
    (void)events;
    s->join->moved = true; /* the loop below looks at everything anyway */
}

struct join *join_new(struct turn *turn, struct stream_engine *a, struct stream_engine *b,
                      uint64_t seed) {
    struct join *j = calloc(1, sizeof(*j));
    check(j);
    j->turn = turn;
    j->whole = seed == 0;
    j->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    j->room = 4096;
    struct stream_engine *engines[] = {a, b};
    for (int i = 0; i < 2; i++) {
        struct side *s = &j->sides[i];
        s->join = j;
        s->engine = engines[i];
        s->had_engine = s->engine != NULL;
        task_init(&s->driver, turn, on_driver);
        buf_init(&s->in.bytes);
        check(buf_reserve(&s->in.bytes, 2 * j->room) ==
              0); /* now: tests/alloc lets later ones fail */
        buf_init(&s->read);
        if (s->engine)
            engine_drive(s->engine, &s->driver);
    }
    return j;
}

void join_whole(struct join *j) {
    j->whole = true;
}

void join_room(struct join *j, size_t bytes) {
    j->room = bytes;
}

void join_tap(struct join *j, void (*tap)(void *, int, uint8_t *, size_t), void *context) {
    j->tap = tap;
    j->tap_context = context;
}

static void end(struct side *s) {
    struct stream_engine *engine = s->engine;
    s->engine = NULL;
    s->ended = true;
    other(s)->in.fin_sent = true;
    task_fini(&s->driver);
    if (s->join->keep)
        s->kept = engine;
    else
        engine->ops->free(engine, 0);
    s->join->moved = true;
}

/* What is sent to it is as if the kernel took it. */
static bool reads_no_more(const struct side *s) {
    return s->ended || s->error;
}

static void send_bytes(struct side *s, const void *p, size_t n) {
    struct buf *to = &other(s)->in.bytes;
    size_t at = to->n;
    s->sent += n;
    if (reads_no_more(other(s)))
        return;
    buf_add(to, p, n);
    check(!to->failed);
    if (s->join->tap)
        s->join->tap(s->join->tap_context, index_of(s), to->p + at, n);
}

/* true: something was written, or the side ended. */
static bool push(struct side *s) {
    struct pipe *to = &other(s)->in;
    struct iovec iov[8];
    if (!s->engine)
        return false;
    int n = s->engine->ops->pull(s->engine, iov, 8);
    size_t all = 0, free_bytes = s->join->room > to->bytes.n ? s->join->room - to->bytes.n : 0;
    for (int i = 0; i < n; i++)
        all += iov[i].iov_len;
    if (all == 0) {
        enum engine_status status = s->engine->ops->status(s->engine);
        if (status == ENGINE_SHUT_WRITE && !to->fin_sent) {
            to->fin_sent = true;
            return true;
        }
        s->reset = status == ENGINE_CUT;
        if (status >= ENGINE_DONE || s->error)
            end(s);
        return s->engine == NULL;
    }
    if (reads_no_more(other(s)))
        free_bytes = all;
    size_t take = free_bytes < all ? free_bytes : all;
    if (take == 0)
        return false;
    take = cut(s->join, take);
    for (size_t i = 0, left = take; left > 0; i++) {
        size_t piece = iov[i].iov_len < left ? iov[i].iov_len : left;
        send_bytes(s, iov[i].iov_base, piece);
        left -= piece;
    }
    s->engine->ops->pulled(s->engine, take);
    return true;
}

static bool take_raw(struct side *s) {
    struct pipe *in = &s->in;
    if (s->had_engine || in->bytes.n == 0)
        return false;
    buf_add(&s->read, in->bytes.p, in->bytes.n);
    buf_reset(&in->bytes);
    return true;
}

/* As net/stream.c asks: the number of pieces. */
static int rooms(struct side *s, struct iovec iov[ROOM_PIECES]) {
    const struct stream_engine_ops *ops = s->engine->ops;
    struct span room = ops->room(s->engine);
    if (room.n == 0)
        return 0;
    iov[0] = (struct iovec){room.p, room.n};
    return ops->more_room ? 1 + ops->more_room(s->engine, iov + 1, ROOM_PIECES - 1) : 1;
}

static void scatter(struct buf *from, size_t n, const struct iovec *to) {
    for (size_t piece; n > 0; to++, n -= piece) {
        piece = n < to->iov_len ? n : to->iov_len;
        memcpy(to->iov_base, from->p, piece);
        buf_drop(from, piece);
    }
}

static bool feed(struct side *s) {
    struct pipe *in = &s->in;
    if (!s->engine)
        return take_raw(s);
    if (in->bytes.n == 0) {
        if (!in->fin_sent || in->fin_told)
            return false;
        in->fin_told = true;
        s->engine->ops->end_of_input(s->engine);
        return true;
    }
    if (s->error)
        return false;
    struct iovec iov[ROOM_PIECES];
    int pieces = rooms(s, iov);
    size_t take = 0;
    for (int i = 0; i < pieces; i++)
        take += iov[i].iov_len;
    take = take < in->bytes.n ? take : in->bytes.n;
    if (take == 0)
        return false;
    take = cut(s->join, take);
    scatter(&in->bytes, take, iov);
    int err = s->engine->ops->filled(s->engine, take);
    if (err != 0)
        s->error = err;
    return true;
}

/* Rooms are asked for without input as well: that is how an engine goes on with what it kept. */
static void ask_rooms(struct join *j) {
    for (int i = 0; i < 2; i++)
        if (j->sides[i].engine && !j->sides[i].error)
            (void)j->sides[i].engine->ops->room(j->sides[i].engine);
}

static bool move(struct join *j) {
    bool moved = false;
    int first = j->whole ? 0 : (int)draw(j, 2);
    ask_rooms(j);
    for (int i = 0; i < 2; i++) {
        struct side *s = &j->sides[(first + i) % 2];
        moved |= push(s);
        moved |= feed(s);
    }
    return moved;
}

bool join_run(struct join *j, uint64_t max_ns, bool (*done)(void *), void *context) {
    uint64_t end_ns = j->turn->now_ns + max_ns;
    for (;;) {
        j->moved = false;
        bool moved = move(j);
        bool left = turn_run(j->turn, SIZE_MAX);
        if (done && done(context))
            return true;
        if (moved || left || j->moved)
            continue;
        if (!done)
            return true;
        uint64_t next = turn_next_ns(j->turn);
        if (next > end_ns)
            return false;
        turn_begin(j->turn, next, j->turn->wall_s);
    }
}

bool join_ended(const struct join *j, int side) {
    return j->sides[side].ended;
}

bool join_was_reset(const struct join *j, int side) {
    return j->sides[side].reset;
}

int join_error(const struct join *j, int side) {
    return j->sides[side].error;
}

uint64_t join_bytes(const struct join *j, int from) {
    return j->sides[from].sent;
}

void join_write(struct join *j, int side, const void *p, size_t n) {
    send_bytes(&j->sides[side], p, n);
}

void join_finish(struct join *j, int side) {
    other(&j->sides[side])->in.fin_sent = true;
}

struct buf *join_read(struct join *j, int side) {
    return &j->sides[side].read;
}

bool join_finished(const struct join *j, int side) {
    return j->sides[side].in.fin_sent && j->sides[side].in.bytes.n == 0;
}

void join_cut(struct join *j, int side) {
    j->sides[side].in.fin_sent = true;
}

void join_keep(struct join *j) {
    j->keep = true;
}

void join_free(struct join *j) {
    j->keep = false;
    for (int i = 0; i < 2; i++) {
        struct side *s = &j->sides[i];
        if (s->kept)
            s->kept->ops->free(s->kept, 0);
        if (s->engine)
            end(s);
        task_fini(&s->driver);
        buf_fini(&s->in.bytes);
        buf_fini(&s->read);
    }
    (void)turn_run(j->turn, SIZE_MAX);
    free(j);
}
