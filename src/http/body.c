/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/body.h"

#include "base/check.h"
#include "base/err.h"

/* The chunks from `first` on hold [acked, written); `unsent` is NULL when sent == written.
 * A chunk goes back to the pool when its last byte is acked, so an idle body has none. */

/* Less room than this at a chunk's end is left alone: reads into it would be too small. */
enum { BODY_LEAST = 1024 };

static void wake(struct task *task, uint32_t events) {
    if (task && events)
        task_wake(task, events);
}

void body_init(struct body *b, struct chunk_pool *pool, uint32_t limit) {
    *b = (struct body){.pool = pool, .limit = limit};
}

static void put_all(struct body *b, struct chunk *chunk) {
    for (struct chunk *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_put(b->pool, chunk);
    }
}

static void hold(struct body *b, size_t n) {
    if (b->budget)
        b->budget->held += n;
}

static void let_go(struct body *b, size_t n) {
    if (b->budget)
        b->budget->held -= n;
}

void body_fini(struct body *b) {
    body_leave_budget(b);
    put_all(b, b->first);
    b->first = b->last = b->unsent = NULL;
    b->producer = b->consumer = NULL;
}

size_t body_unsent(const struct body *b) {
    return (size_t)(b->written - b->sent);
}

void body_join_budget(struct body *b, struct body_budget *budget) {
    b->budget = budget;
    hold(b, body_unsent(b));
}

void body_leave_budget(struct body *b) {
    let_go(b, body_unsent(b));
    b->budget = NULL;
}

/* The most unsent bytes as things stand. */
static size_t limit_now(const struct body *b) {
    const struct body_budget *budget = b->budget;
    if (!budget)
        return b->limit;
    size_t left = budget->held < budget->limit ? budget->limit - budget->held : 0;
    size_t most = body_unsent(b) + left;
    if (most < CHUNK_ROOM)
        most = CHUNK_ROOM;
    return most < b->limit ? most : b->limit;
}

size_t body_room(const struct body *b) {
    size_t unsent = body_unsent(b), limit = limit_now(b);
    return b->state == BODY_OPEN && unsent < limit ? limit - unsent : 0;
}

bool body_at_end(const struct body *b) {
    return b->state == BODY_COMPLETE && b->sent == b->written;
}

static struct chunk *chunk_with_room(struct body *b, size_t wanted) {
    size_t least = wanted < BODY_LEAST ? wanted : BODY_LEAST;
    if (b->last && CHUNK_ROOM - b->last->end >= least)
        return b->last;
    struct chunk *chunk = chunk_get(b->pool);
    if (!chunk)
        return NULL;
    if (b->last)
        b->last->next = chunk;
    else
        b->first = chunk;
    b->last = chunk;
    return chunk;
}

/* Chunks behind the last are empty: reserved, and given back by the commit. */
int body_reserve_more(struct body *b, size_t most, struct iovec *iov, int n) {
    size_t room = body_room(b), given = CHUNK_ROOM - b->last->end;
    int pieces = 0;
    if (most < room)
        room = most;
    for (struct chunk *c = b->last; pieces < n && given < room; c = c->next) {
        c->next = chunk_get(b->pool);
        if (!c->next)
            break;
        size_t piece = room - given < CHUNK_ROOM ? room - given : CHUNK_ROOM;
        iov[pieces++] = (struct iovec){c->next->data, piece};
        given += piece;
    }
    return pieces;
}

/* A reservation that was not used leaves an empty chunk at the end. */
static void drop_empty_last(struct body *b) {
    struct chunk *empty = b->last, *before = NULL;
    if (!empty || empty->begin != empty->end)
        return;
    for (struct chunk *c = b->first; c != empty; c = c->next)
        before = c;
    if (before)
        before->next = NULL;
    else
        b->first = NULL;
    b->last = before;
    chunk_put(b->pool, empty);
}

struct span body_reserve(struct body *b) {
    size_t room = body_room(b);
    struct chunk *chunk = room > 0 ? chunk_with_room(b, room) : NULL;
    if (!chunk) {
        b->room_armed = b->state == BODY_OPEN;
        return (struct span){NULL, 0};
    }
    size_t space = CHUNK_ROOM - chunk->end;
    return (struct span){chunk->data + chunk->end, space < room ? space : room};
}

static void fill_reserved(struct body *b, size_t n) {
    while (n > 0) {
        size_t space = CHUNK_ROOM - b->last->end, piece = n < space ? n : space;
        b->last->end += (uint32_t)piece;
        n -= piece;
        if (n > 0) {
            check(b->last->next);
            b->last = b->last->next;
        }
    }
    put_all(b, b->last->next);
    b->last->next = NULL;
}

void body_commit(struct body *b, size_t n) {
    if (!b->last && n == 0)
        return;
    check(n <= body_room(b) && b->last);
    if (n > 0 && !b->unsent) {
        b->unsent = b->last;
        b->unsent_at = b->last->end;
    }
    fill_reserved(b, n);
    if (n == 0) {
        drop_empty_last(b);
        return;
    }
    b->written += n;
    hold(b, n);
    wake(b->consumer, END_DATA);
}

static void count_dropped(struct body *b, size_t n) {
    b->written += n;
    b->sent += n;
    b->acked += n;
    b->dropped += n;
}

ptrdiff_t body_write(struct body *b, const void *p, size_t n) {
    const uint8_t *from = p;
    size_t taken = 0;
    if (b->state == BODY_STOPPED) {
        count_dropped(b, n);
        return (ptrdiff_t)n;
    }
    while (taken < n) {
        struct span to = body_reserve(b);
        if (to.n == 0)
            break;
        size_t piece = n - taken < to.n ? n - taken : to.n;
        memcpy(to.p, from + taken, piece);
        body_commit(b, piece);
        taken += piece;
    }
    if (taken == 0 && n > 0 && body_room(b) > 0)
        return ERR_NO_MEMORY;
    return (ptrdiff_t)taken;
}

/* What is left of a body that ended must be credited too, or a connection's window shrinks
 * with every message. */
static bool last_credit_due(const struct body *b) {
    return b->state != BODY_OPEN && b->sent == b->written && b->sent > b->credited;
}

static void end(struct body *b, enum body_state state, enum reason reason) {
    if (b->state != BODY_OPEN)
        return;
    b->state = state;
    b->reason = reason;
    wake(b->consumer, END_DATA);
    wake(b->producer, last_credit_due(b) ? END_ROOM : 0);
}

void body_finish(struct body *b) {
    end(b, BODY_COMPLETE, REASON_NONE);
}

void body_abort(struct body *b, enum reason reason) {
    end(b, BODY_ABORTED, reason);
}

size_t body_take_credit(struct body *b) {
    size_t credit = (size_t)(b->sent - b->credited);
    b->credited = b->sent;
    return credit;
}

int body_peek(struct body *b, struct iovec *iov, int n) {
    if (!b->wanted) {
        b->wanted = true;
        wake(b->producer, END_WANT);
    }
    int pieces = 0;
    uint32_t at = b->unsent_at;
    for (struct chunk *c = b->unsent; c && pieces < n; c = c->next) {
        if (at < c->end)
            iov[pieces++] = (struct iovec){c->data + at, c->end - at};
        at = c->next ? c->next->begin : 0;
    }
    return pieces;
}

/* What the producer should know now that `taken` more bytes are gone. */
static void tell_taken(struct body *b, size_t taken) {
    uint64_t credit = b->sent - b->credited, before = credit - taken;
    bool credit_due = before < b->limit / 4 && credit >= b->limit / 4;
    bool room_due = b->room_armed && body_unsent(b) <= limit_now(b) / 2;
    if (room_due)
        b->room_armed = false;
    if (credit_due || room_due || last_credit_due(b))
        wake(b->producer, END_ROOM);
}

static void step_unsent(struct body *b, size_t n) {
    while (n > 0) {
        check(b->unsent);
        size_t here = b->unsent->end - b->unsent_at;
        if (n < here) {
            b->unsent_at += (uint32_t)n;
            return;
        }
        n -= here;
        b->unsent = b->unsent->next;
        b->unsent_at = b->unsent ? b->unsent->begin : 0;
    }
}

void body_sent(struct body *b, size_t n) {
    check(n <= body_unsent(b));
    if (n == 0)
        return;
    step_unsent(b, n);
    b->sent += n;
    let_go(b, n);
    if (b->sent == b->written)
        b->unsent = NULL;
    tell_taken(b, n);
}

void body_acked(struct body *b, size_t n) {
    check(n <= b->sent - b->acked);
    b->acked += n;
    while (b->first) {
        struct chunk *c = b->first;
        size_t here = c->end - c->begin, step = n < here ? n : here;
        c->begin += (uint32_t)step;
        n -= step;
        if (c->begin < c->end)
            break;
        b->first = c->next;
        chunk_put(b->pool, c);
    }
    if (!b->first)
        b->last = NULL;
}

static void drop_unsent(struct body *b) {
    struct chunk *from = b->unsent;
    if (!from)
        return;
    size_t n = body_unsent(b);
    put_all(b, from->next);
    from->next = NULL;
    from->end = b->unsent_at;
    b->last = from;
    b->unsent = NULL;
    b->sent += n;
    b->acked += n;
    b->dropped += n;
    let_go(b, n);
    drop_empty_last(b);
}

void body_stop(struct body *b, enum reason reason) {
    uint32_t events = 0;
    drop_unsent(b);
    b->room_armed = false;
    if (b->state == BODY_OPEN) {
        b->state = BODY_STOPPED;
        b->reason = reason;
        events |= END_STOP;
    }
    if (b->sent > b->credited)
        events |= END_ROOM;
    wake(b->producer, events);
}

void body_keep(struct body *b, struct body *kept) {
    *kept = *b;
    kept->producer = kept->consumer = NULL;
    drop_unsent(kept);
    kept->budget = NULL;
    kept->state = BODY_STOPPED;
    b->first = b->last = b->unsent = NULL;
    b->sent = b->acked = b->written;
}

size_t body_read(struct body *b, void *to, size_t n) {
    uint8_t *at = to;
    struct iovec iov;
    while (n > 0 && body_peek(b, &iov, 1) == 1) {
        size_t piece = n < iov.iov_len ? n : iov.iov_len;
        memcpy(at, iov.iov_base, piece);
        body_sent(b, piece);
        body_acked(b, piece);
        at += piece;
        n -= piece;
    }
    return (size_t)(at - (uint8_t *)to);
}
