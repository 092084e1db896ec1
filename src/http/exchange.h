/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/peer.h"
#include "base/turn.h"
#include "http/env.h"
#include "http/message.h"
#include "http/reason.h"

/* One request and its response between two ends.
 *
 *          front  --- request.body --->  back        front: speaks with the client
 *          front  <--- response.body --  back        back:  answers
 *
 * Ends never call one another: what one does wakes the other's task with end_event bits
 * (http/body.h). An end is in the exchange while end->x is set: it ends its part with
 * exchange_leave (all done) or exchange_reset (it cannot go on). When both have left the
 * exchange is buried. An end checks END_RESET first, and end->x before it does anything:
 * a manager may have taken the exchange away (exchange_recall).
 *
 * The back end is the router first (inside the exchange); route() hands over to a handler;
 * a handler may lend the exchange on to a client stream and stay its manager. */

struct end {
    struct task task;
    struct exchange *x; /* NULL: not in an exchange */
};

struct informational {
    struct list link;
    int status; /* 100..199, not 101 */
    struct fields fields;
};

/* Run in order; the request side before route(), the response side when the front takes. */
struct hook {
    const char *name;
    int (*request)(struct exchange *x); /* 0, or the status to refuse with */
    void (*informational)(struct exchange *x, struct informational *info);
    int (*response)(struct exchange *x); /* 0, or a negative err: the exchange is reset */
    void (*trailers)(struct exchange *x, struct fields *trailers);
    void (*end)(struct exchange *x); /* when the front has left; peer is still there */
};

struct exchange {
    uint32_t magic;
    struct http_env *env;
    struct list link; /* env->exchanges */
    struct grave grave;
    const struct peer *peer; /* of the client; NULL once the front has left */
    struct end *front, *back, *manager;
    struct end router;
    struct message request, response;
    struct list informational;
    struct arena arena;
    enum reason reason; /* why it ended; REASON_NONE while well */
    bool started, responded, head_taken, trailers_taken, vetoed;
    unsigned n_informed; /* informational heads so far: their memory goes with the exchange */
    int refusal;         /* the status that takes the place of any other answer; 0: none */
    const char *refusal_problem; /* NULL: reason says all */
    bool yielding;               /* whoever answers is to go, so that the refusal can be told */
    bool tunnel; /* after 101 or a 2xx to CONNECT: the bodies are the two directions */

    /* For hooks and logs; times in turn->now_ns, 0: not reached. */
    uint64_t begin_ns, request_end_ns, upstream_ns, response_ns;
    const void *route; /* gateway/ knows its type */
    struct str route_name, upstream_name, alt_svc, request_id;
    struct str client_path; /* as it came, where a route has rewritten it */
    unsigned attempts;
};

void end_init(struct end *e, struct turn *turn, void (*run)(struct task *, uint32_t events));
struct end *end_of(struct task *task);

/* ---- the front ---- */
/* NULL when memory ends. The bodies are ready; fill in request, then start. */
struct exchange *exchange_new(struct http_env *env, struct end *front, const struct peer *peer);
void exchange_start(struct exchange *x); /* the request head is complete */
/* The response head, after the hooks; NULL: none yet. Taken once. */
struct message *exchange_take_head(struct exchange *x);
/* An answer says why nobody goes on, as if the back end, which is reset before, had given it:
 * status and problem (static; NULL: reason's text). false: a head was taken, or it is the second
 * time. */
bool exchange_refuse(struct end *front, enum reason reason, int status, const char *problem);
/* The next informational head after the hooks, NULL: none. Valid until the front leaves.
 * None come after the head. */
struct informational *exchange_take_informational(struct exchange *x);
/* Trailers after the hooks; n may be 0. To be called at the body's end. */
struct fields *exchange_take_trailers(struct exchange *x);

/* ---- the back ---- */
/* back answers from now on; wakes it with END_HEAD|END_DATA|… as things stand. The present
 * back end, or manager, is retired: x NULL, task_fini, never woken again. A client stream
 * that it was lent to is recalled first. */
void exchange_take(struct exchange *x, struct end *back);
/* The same, but the present back end stays as manager until back has responded; then it
 * is retired without a word, and so it is when the front goes. */
void exchange_lend(struct exchange *x, struct end *back);
/* manager: takes the exchange back; the client stream finds end->x NULL and END_RESET. */
void exchange_recall(struct exchange *x);
/* A client stream cannot answer: while nothing was responded and there is a manager, it
 * gets the exchange back with END_BACK and x->reason; otherwise exchange_reset. */
void exchange_fail(struct end *back, enum reason reason);
/* The connection of a client stream is gone; reason may be REASON_NONE. Whole: the response is,
 * and was handed over; head_came: some of it. */
void exchange_lose(struct end *back, bool head_came, bool whole, enum reason reason);
/* Queues 1xx; 0, ERR_NO_MEMORY, or ERR_LIMIT (more than 16 not taken: dropped). */
int exchange_inform(struct exchange *x, int status, const struct fields *fields);
void exchange_respond(struct exchange *x); /* response's head is complete; manager goes */
/* May the request be sent once more (untouched head, no request byte consumed)? */
bool exchange_replayable(const struct exchange *x);

/* ---- both ---- */
/* In which the request came: HTTP/1.0 is a message's, not its connection's. */
enum http_version exchange_version(const struct exchange *x);
/* Idempotent; the end hooks run when the front leaves. An end in x's arena calls task_fini
 * as well: what is still queued for it must not outlive x. The other end hears nothing of it
 * (END_STOP, if the leaver wanted no more of its body, was said before); would it wait for
 * ever, this is a reset. */
void exchange_leave(struct end *e);
/* Aborts what e produced, stops what it consumed, wakes the other with END_RESET; e leaves. */
void exchange_reset(struct end *e, enum reason reason);

#endif
