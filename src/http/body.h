/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/chunk.h"
#include "base/str.h"
#include "base/turn.h"
#include "http/reason.h"

/* The bytes of one message: one producer, one consumer, one worker.
 *
 *     acked <= sent <= written <= sent + limit
 *
 * Bytes stay until acked, as QUIC may ask for them again; who sends on TCP acks at once.
 * Nothing else holds a producer back: credit (WINDOW_UPDATE, MAX_STREAM_DATA, reading an
 * h1 socket) is returned only for what body_take_credit tells. */

enum body_state {
    BODY_OPEN,
    BODY_COMPLETE, /* all is written: the end follows the last byte */
    BODY_ABORTED,  /* by the producer: the end never comes, see reason */
    BODY_STOPPED,  /* by the consumer: it wants no more, writes are dropped */
};

/* The bits that body and exchange wake an end with (http/exchange.h). */
enum end_event {
    END_HEAD = 1u << 0,  /* a head or an informational head can be taken */
    END_DATA = 1u << 1,  /* consumer: bytes came, or the body ended in some way */
    END_ROOM = 1u << 2,  /* producer: room after a short write, or credit to take */
    END_WANT = 1u << 3,  /* producer: the consumer began to read */
    END_STOP = 1u << 4,  /* producer: the consumer wants no more */
    END_RESET = 1u << 5, /* the exchange is over: clean up and leave */
    END_BACK = 1u << 6,  /* manager: the exchange came back to you unanswered */
};

/* What several bodies hold unsent together, those of one connection's responses say. Above the
 * limit each is still let a chunk, so none waits for another to be read, and no wake goes from
 * body to body. */
struct body_budget {
    size_t limit, held;
};

struct body {
    struct chunk_pool *pool;
    struct body_budget *budget; /* NULL: only the body's own limit counts */
    struct chunk *first, *last; /* unacked and unsent bytes */
    struct chunk *unsent;       /* where the next unsent byte is; NULL: at the end */
    uint32_t unsent_at;         /* offset of it in unsent's data */
    uint32_t limit;             /* most unsent bytes */
    uint64_t written, sent, acked, credited;
    uint64_t dropped; /* of sent: bytes that the consumer never saw, as it stopped */
    enum body_state state;
    enum reason reason;
    bool room_armed, wanted;
    struct task *producer, *consumer; /* who hears; may be NULL */
};

void body_init(struct body *b, struct chunk_pool *pool, uint32_t limit);
void body_fini(struct body *b); /* gives all chunks back */
/* The budget outlives the body, or body_leave_budget is called before it ends: by the consumer
 * who lent it, and by a producer whose peer was granted the whole limit and keeps to that. */
void body_join_budget(struct body *b, struct body_budget *budget);
void body_leave_budget(struct body *b);

/* ---- the producer ---- */
size_t body_room(const struct body *b); /* bytes that a write takes now; 0 unless OPEN */
/* Room in place: at most one chunk, n 0 when there is none (END_ROOM is armed) or memory
 * ended. Fill it and commit before anything else is done with the body; commit 0
 * when nothing came, so that an idle body holds no chunk. */
struct span body_reserve(struct body *b);
/* More of it, behind what body_reserve just gave, to be filled in this order and committed as one:
 * at most n pieces, their number; most: how many bytes are wanted with the first piece. */
int body_reserve_more(struct body *b, size_t most, struct iovec *iov, int n);
void body_commit(struct body *b, size_t n);
/* How many bytes were taken; fewer than n arms END_ROOM. In STOPPED all are taken and
 * dropped. ERR_NO_MEMORY when a chunk was not to be had and nothing was taken. */
ptrdiff_t body_write(struct body *b, const void *p, size_t n);
void body_finish(struct body *b);                    /* OPEN -> COMPLETE */
void body_abort(struct body *b, enum reason reason); /* OPEN -> ABORTED */
/* Bytes that the consumer took since the last call, for window updates. END_ROOM comes
 * when they reach a quarter of the limit. Dropped bytes count as taken. */
size_t body_take_credit(struct body *b);

/* ---- the consumer ---- */
/* Unsent bytes in place: the number of pieces; the first call wakes the producer with
 * END_WANT. Pieces stay valid until acked. */
int body_peek(struct body *b, struct iovec *iov, int n);
void body_sent(struct body *b, size_t n);  /* of what peek gave */
void body_acked(struct body *b, size_t n); /* of what was sent: chunks go back */
size_t body_unsent(const struct body *b);
bool body_at_end(const struct body *b); /* COMPLETE and all sent */
/* OPEN -> STOPPED; unsent bytes go. A COMPLETE body stays so: its producer has nothing to
 * stop, and hears only of the credit. */
void body_stop(struct body *b, enum reason reason);
/* For a consumer that leaves while what it has sent may still be asked for: all chunks move to
 * kept, unsent bytes go, and kept is the caller's, to be acked or ended with body_fini. */
void body_keep(struct body *b, struct body *kept);
/* Both at once: for those who keep nothing. Copies up to n bytes out. */
size_t body_read(struct body *b, void *to, size_t n);

#endif
