/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/tunnel.h"

#include <stdlib.h>

#include "base/err.h"
#include "http/reason.h"
#include "net/stream.h"

/*
 *   DIALING --> JOINED --> CUT
 *      |           |
 *      +-----------+--> LAST
 */
enum state {
    DIALING, /* the client's first bytes wait; a failed dial is followed by one to the next origin
              */
    JOINED,  /* both streams are there */
    LAST,    /* only the client's is: what is in its pipe still goes, then it ends */
    CUT,     /* the client's stream is to be reset */
};

enum { TUNNEL_MAGIC = 0x74756e6e, PIPE = 64 * 1024 };

/* What came in on one side and has not left on the other: a ring. Empty, it has no memory. */
struct pipe {
    uint8_t *p;
    size_t begin, n;
    bool ended; /* by a FIN, or as nobody is left to take or give more */
    bool full;  /* its producer waits for ENGINE_ROOM */
};

struct side {
    struct stream_engine base;
    struct tunnel *tunnel;
    struct side *other;
    struct pipe *in, *out; /* as its own stream sees it */
};

struct tunnel {
    uint32_t magic;
    enum state state;
    struct grave grave;
    struct task task; /* of the dial, and behind it of the idle timeout */
    struct tunnel_config config;
    struct side client, upstream;
    struct pipe up, down;
    struct origin *origin;
    struct dial *dial;
    struct list streams; /* the upstream's, or none */
    size_t n_dials;
    uint64_t used_ns; /* when the last byte went by */
};

static struct tunnel *tunnel_of(const struct stream_engine *base) {
    struct tunnel *t = container_of(base, struct side, base)->tunnel;
    check_magic(t, TUNNEL_MAGIC);
    return t;
}

static struct turn *turn_of(const struct tunnel *t) {
    return loop_turn(t->config.loop);
}

/* ---- pipes ---- */

static struct span pipe_room(struct pipe *p) {
    struct span none = {NULL, 0};
    p->full = p->n == PIPE;
    if (p->full || p->ended)
        return none;
    if (!p->p)
        p->p = malloc(PIPE);
    if (!p->p)
        return none;
    if (p->n == 0)
        p->begin = 0;
    size_t end = (p->begin + p->n) % PIPE;
    return (struct span){p->p + end, end < p->begin ? p->begin - end : PIPE - end};
}

static int pipe_pieces(const struct pipe *p, struct iovec *iov, int n) {
    size_t first = p->n < PIPE - p->begin ? p->n : PIPE - p->begin;
    if (n <= 0 || p->n == 0)
        return 0;
    iov[0] = (struct iovec){p->p + p->begin, first};
    if (n == 1 || first == p->n)
        return 1;
    iov[1] = (struct iovec){p->p, p->n - first};
    return 2;
}

static void pipe_clear(struct pipe *p) {
    free(p->p);
    p->p = NULL;
    p->n = p->begin = 0;
}

/* true: its producer waits, and there is room for it again. */
static bool pipe_drop(struct pipe *p, size_t bytes) {
    check(bytes <= p->n);
    p->begin = (p->begin + bytes) % PIPE;
    p->n -= bytes;
    if (p->n == 0)
        pipe_clear(p);
    return p->full && p->n <= PIPE / 2;
}

static bool pipe_is_done(const struct pipe *p) {
    return p->ended && p->n == 0;
}

/* ---- ends ---- */

static void cut(struct tunnel *t) {
    t->state = CUT;
    engine_wake(&t->client.base, ENGINE_STATUS);
}

static struct net_stream *stream_of(struct tunnel *t) {
    return list_empty(&t->streams) ? NULL : net_stream_of(t->streams.next);
}

/* The idle timeout begins anew. */
static int use(struct tunnel *t) {
    t->used_ns = turn_of(t)->now_ns;
    return task_at(&t->task, t->used_ns + t->config.idle_timeout_ns);
}

/* From here on nobody listens to the client. */
static void end_after_output(struct tunnel *t) {
    t->state = LAST;
    pipe_clear(&t->up);
    t->up.ended = t->down.ended = true;
    if (use(t) != 0)
        cut(t);
    engine_wake(&t->client.base, ENGINE_OUTPUT | ENGINE_STATUS);
}

static void idle_for_too_long(struct tunnel *t) {
    struct net_stream *stream = stream_of(t);
    char remote[ADDR_TEXT];
    log_info(t->config.log, "%s: its tunnel to " STR_FMT " was idle for too long",
             addr_text(&t->config.peer->remote, remote), STR_ARG(origin_name(t->origin)));
    cut(t);
    if (stream)
        net_stream_reset(stream, REASON_UPSTREAM_TIMEOUT);
}

/* ---- the verbs of both sides ---- */

static struct span side_room(struct stream_engine *base) {
    struct side *s = container_of(base, struct side, base);
    struct tunnel *t = tunnel_of(base);
    struct span room = pipe_room(s->in);
    if (room.n == 0 && !s->in->full && !s->in->ended && t->state != CUT)
        cut(t); /* out of memory */
    return room;
}

static int side_filled(struct stream_engine *base, size_t n) {
    struct side *s = container_of(base, struct side, base);
    struct tunnel *t = tunnel_of(base);
    if (s->in->ended)
        return 0;
    s->in->n += n;
    t->used_ns = turn_of(t)->now_ns;
    engine_wake(&s->other->base, ENGINE_OUTPUT);
    return 0;
}

static void side_end_of_input(struct stream_engine *base) {
    struct side *s = container_of(base, struct side, base);
    s->in->ended = true;
    engine_wake(&s->other->base, ENGINE_OUTPUT | ENGINE_STATUS);
}

static int side_pull(struct stream_engine *base, struct iovec *iov, int n) {
    const struct side *s = container_of(base, struct side, base);
    return tunnel_of(base)->state == CUT ? 0 : pipe_pieces(s->out, iov, n);
}

static void side_pulled(struct stream_engine *base, size_t bytes) {
    struct side *s = container_of(base, struct side, base);
    struct tunnel *t = tunnel_of(base);
    t->used_ns = turn_of(t)->now_ns;
    uint32_t events = pipe_drop(s->out, bytes) ? ENGINE_ROOM : 0;
    if (pipe_is_done(s->out))
        events |= ENGINE_STATUS;
    if (events)
        engine_wake(&s->other->base, events);
}

static enum engine_status side_status(const struct stream_engine *base) {
    const struct side *s = container_of(base, struct side, base);
    if (tunnel_of(base)->state == CUT)
        return ENGINE_CUT;
    if (!pipe_is_done(s->out))
        return ENGINE_OPEN;
    return pipe_is_done(s->in) ? ENGINE_DONE : ENGINE_SHUT_WRITE;
}

static void side_drain(struct stream_engine *base) {
    (void)base;
}

/* ---- dialing ---- */

static void tell(const struct tunnel *t, const char *problem) {
    const struct peer *peer = t->config.peer;
    char remote[ADDR_TEXT];
    log_warn(t->config.log, "%s, for \"%s\": upstream " STR_FMT ": %s",
             addr_text(&peer->remote, remote), peer->sni ? peer->sni : "",
             STR_ARG(origin_name(t->origin)), problem);
}

/* The client hears an alert. */
static void refuse(struct tunnel *t) {
    static const uint8_t internal_error[] = {21, 3, 3, 0, 2, 2, 80}; /* RFC 8446 5.1, 6 */
    struct span room = pipe_room(&t->down);
    if (room.n >= sizeof(internal_error)) {
        memcpy(room.p, internal_error, sizeof(internal_error));
        t->down.n = sizeof(internal_error);
    }
    end_after_output(t);
}

static int dial(struct tunnel *t) {
    t->n_dials++;
    t->dial = upstream_dial(t->config.upstream, &t->task, &t->origin);
    return t->dial ? 0 : ERR_NO_MEMORY;
}

static int join(struct tunnel *t, int fd) {
    struct net_stream_config config = {
        .loop = t->config.loop,
        .fd = fd,
        .log = t->config.log,
        .owner = &t->streams,
        .hear_out = true,
    };
    struct net_stream *stream = net_stream_new(&config);
    if (!stream)
        return ERR_NO_MEMORY;
    t->state = JOINED;
    if (net_stream_start(stream, &t->upstream.base) == 0 && use(t) == 0)
        return 0;
    cut(t);
    net_stream_reset(stream, REASON_NO_MEMORY);
    return 0;
}

/* What is wrong, or NULL. Where no descriptor is left another origin is no better. */
static const char *go_on(struct tunnel *t, struct dial *over, int fd) {
    if (fd >= 0)
        return join(t, fd) == 0 ? NULL : "out of memory";
    if (fd == ERR_LIMIT || t->n_dials >= upstream_origins(t->config.upstream))
        return dial_problem(over);
    return dial(t) == 0 ? NULL : "out of memory";
}

static void dialed(struct tunnel *t) {
    struct dial *over = t->dial;
    int fd = upstream_dialed(t->origin, over);
    t->dial = NULL;
    const char *problem = go_on(t, over, fd);
    if (problem && (fd != ERR_LIMIT || log_due(t->config.log, LOG_OVERLOADED, turn_of(t)->now_ns)))
        tell(t, problem);
    if (problem)
        refuse(t);
    dial_free(over);
}

static void on_task(struct task *task, uint32_t events) {
    struct tunnel *t = container_of(task, struct tunnel, task);
    check_magic(t, TUNNEL_MAGIC);
    if ((events & DIAL_DONE) && t->state == DIALING)
        dialed(t);
    if (!(events & TASK_TIMER) || (t->state != JOINED && t->state != LAST))
        return;
    uint64_t until_ns = t->used_ns + t->config.idle_timeout_ns;
    if (turn_of(t)->now_ns >= until_ns || task_at(task, until_ns) != 0)
        idle_for_too_long(t);
}

/* ---- life ---- */

static void tunnel_bury(struct grave *grave) {
    struct tunnel *t = container_of(grave, struct tunnel, grave);
    pipe_clear(&t->up);
    pipe_clear(&t->down);
    t->magic = 0;
    free(t);
}

/* Its stream has ended. After its FIN the client gets what is left, and only then the end: a
 * server that closes while its client still says goodbye resets the connection. */
static void free_upstream_side(struct stream_engine *base, int reason) {
    struct tunnel *t = tunnel_of(base);
    (void)reason;
    base->driver = NULL;
    if (t->state != JOINED)
        return;
    if (t->down.ended)
        end_after_output(t);
    else
        cut(t);
}

static void free_client_side(struct stream_engine *base, int reason) {
    struct tunnel *t = tunnel_of(base);
    struct net_stream *stream = stream_of(t);
    bool whole = pipe_is_done(&t->up) && pipe_is_done(&t->down);
    base->driver = NULL;
    t->state = CUT;
    if (stream && whole)
        net_stream_close(stream, reason);
    else if (stream)
        net_stream_reset(stream, reason);
    dial_free(t->dial);
    t->dial = NULL;
    task_fini(&t->task);
    turn_bury(turn_of(t), &t->grave, tunnel_bury);
}

#define SIDE_OPS \
    .room = side_room, .filled = side_filled, .end_of_input = side_end_of_input, \
    .pull = side_pull, .pulled = side_pulled, .status = side_status, .drain = side_drain

static const struct stream_engine_ops client_ops = {SIDE_OPS, .free = free_client_side};
static const struct stream_engine_ops upstream_ops = {SIDE_OPS, .free = free_upstream_side};

struct stream_engine *tunnel_new(const struct tunnel_config *config) {
    struct tunnel *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->magic = TUNNEL_MAGIC;
    t->config = *config;
    list_init(&t->streams);
    t->client = (struct side){{&client_ops, NULL, true}, t, &t->upstream, &t->up, &t->down};
    t->upstream = (struct side){{&upstream_ops, NULL, true}, t, &t->client, &t->down, &t->up};
    task_init(&t->task, turn_of(t), on_task);
    if (dial(t) != 0) {
        task_fini(&t->task);
        free(t);
        return NULL;
    }
    return &t->client.base;
}
