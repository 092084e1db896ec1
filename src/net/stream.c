/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/log.h"
#include "http/reason.h"
#include "sys/sock.h"

/*
 *   NEW --> OPEN --> LINGER --> ENDED
 *     |      |                    ^
 *     +------+--------------------+   (reset, write timeout, net_stream_close)
 */
enum state {
    NEW,    /* no engine yet */
    OPEN,   /* the engine talks */
    LINGER, /* FIN is sent and the engine gone; input is thrown away until the peer has ours, as
             * closing over unread bytes would make the kernel send a reset */
    ENDED,  /* buried */
};

enum {
    STREAM_MAGIC = 0x73747265,
    READS_A_LAP = 4,
    PIECES = 64,
    ROOM_PIECES = 9, /* 128 KiB in chunks, as much as a body mostly holds */
    LINGER_BYTES = 256 * 1024,
    FLUSH = 1u << 8, /* our own wake: the socket takes bytes again */
};
#define LINGER_NS SECOND_NS

/* While nobody reads a socket a reset is not heard of, so it is asked for this often. */
#define LOOK_NS SECOND_NS

struct net_stream {
    uint32_t magic;
    enum state state;
    struct list link;
    struct grave grave;
    struct task task;
    struct loop_watch watch;
    struct net_stream_config config;
    struct stream_engine *engine;
    struct peer peer;
    size_t linger_left;
    bool blocked; /* the kernel takes no more output */
    bool full;    /* the engine takes no more input */
    bool fin_received, fin_sent;
    bool dead;   /* the connection is over; only what had come before is still read */
    bool reset;  /* and what came had no end: the kernel says so once, then it tells of a FIN */
    bool failed; /* filled said so: no more input, and the end after the output */
};

static struct net_stream *stream_of_task(struct task *task) {
    struct net_stream *s = container_of(task, struct net_stream, task);
    check_magic(s, STREAM_MAGIC);
    return s;
}

struct net_stream *net_stream_of(struct list *link) {
    struct net_stream *s = container_of(link, struct net_stream, link);
    check_magic(s, STREAM_MAGIC);
    return s;
}

struct peer *net_stream_peer(struct net_stream *s) {
    return &s->peer;
}

void *net_stream_tag(const struct net_stream *s) {
    return s->config.tag;
}

static bool reads(const struct net_stream *s) {
    bool wanted = s->state == LINGER || (s->state == OPEN && !s->full && !s->failed);
    return wanted && !s->fin_received;
}

static void watch_again(struct net_stream *s) {
    bool read = reads(s);
    loop_watch_set(&s->watch, (read ? LOOP_READ : 0) | (s->blocked ? LOOP_WRITE : 0));
    /* without memory for it the next write finds out */
    if (s->state == OPEN && !read && !s->blocked && s->task.heap_slot == 0)
        (void)task_at(&s->task, loop_turn(s->config.loop)->now_ns + LOOK_NS);
}

/* ---- ends ---- */

static void stream_free(struct grave *grave) {
    struct net_stream *s = container_of(grave, struct net_stream, grave);
    peer_fini(&s->peer);
    s->magic = 0;
    free(s);
}

static void free_engine(struct net_stream *s, int reason) {
    struct stream_engine *engine = s->engine;
    s->engine = NULL;
    if (!engine)
        return;
    if (s->config.released)
        s->config.released(s->config.context, s);
    engine->ops->free(engine, reason);
}

static void end(struct net_stream *s, int reason) {
    if (s->state == ENDED)
        return;
    s->state = ENDED;
    task_fini(&s->task);
    loop_watch_fini(&s->watch);
    close(s->config.fd);
    free_engine(s, reason);
    list_remove(&s->link);
    if (s->config.ended)
        s->config.ended(s->config.context, s);
    turn_bury(loop_turn(s->config.loop), &s->grave, stream_free);
}

static void send_fin(struct net_stream *s) {
    if (s->fin_sent)
        return;
    s->fin_sent = true;
    (void)shutdown(s->config.fd, SHUT_WR);
}

/* What the kernel still has to send goes nowhere. */
static void cut(struct net_stream *s, int reason) {
    struct linger none = {.l_onoff = 1};
    (void)setsockopt(s->config.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    end(s, reason);
}

static void linger(struct net_stream *s) {
    send_fin(s);
    uint64_t until_ns = loop_turn(s->config.loop)->now_ns + LINGER_NS;
    if (s->fin_received || task_at(&s->task, until_ns) != 0) {
        end(s, 0);
        return;
    }
    s->state = LINGER;
    s->linger_left = LINGER_BYTES;
    s->blocked = false;
    free_engine(s, 0);
    watch_again(s);
}

static void drop_input(struct net_stream *s) {
    char dropped[16384];
    ssize_t n = recv(s->config.fd, dropped, sizeof(dropped), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || (size_t)n >= s->linger_left)
        end(s, 0);
    else
        s->linger_left -= (size_t)n;
}

/* ---- input ---- */

static void take_fin(struct net_stream *s) {
    s->fin_received = true;
    s->engine->ops->end_of_input(s->engine);
    task_wake(&s->task, FLUSH);
}

/* Into all the room that there is, as each recv has its price. ret_room: how much that was. */
static ssize_t receive(struct net_stream *s, struct span room, size_t *ret_room) {
    const struct stream_engine_ops *ops = s->engine->ops;
    struct iovec iov[ROOM_PIECES] = {{room.p, room.n}};
    int n = 1;
    if (ops->more_room)
        n += ops->more_room(s->engine, iov + 1, ROOM_PIECES - 1);
    *ret_room = 0;
    for (int i = 0; i < n; i++)
        *ret_room += iov[i].iov_len;
    if (n == 1)
        return recv(s->config.fd, room.p, room.n, MSG_DONTWAIT);
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n};
    return recvmsg(s->config.fd, &message, MSG_DONTWAIT);
}

static void fill(struct net_stream *s, size_t n) {
    const struct stream_engine_ops *ops = s->engine->ops;
    if (n == 0 && !ops->more_room)
        return;
    if (ops->filled(s->engine, n) != 0) {
        s->failed = true;
        task_wake(&s->task, FLUSH);
    }
}

/* One recv. false: that was all for now. */
static bool read_some(struct net_stream *s) {
    struct span room = s->engine->ops->room(s->engine);
    s->full = room.n == 0;
    if (s->full)
        return false;
    size_t all;
    ssize_t n = receive(s, room, &all);
    bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
    if ((n < 0 && !later) || (n == 0 && s->reset)) {
        end(s, 0);
        return false;
    }
    fill(s, later ? 0 : (size_t)n);
    if (n == 0)
        take_fin(s);
    return !s->failed && n > 0 && (size_t)n == all;
}

static void read_all(struct net_stream *s) {
    for (int i = 0; i < READS_A_LAP && read_some(s); i++)
        ;
    if (s->state == OPEN && s->dead && s->fin_received)
        end(s, 0);
    else if (s->state == OPEN)
        watch_again(s);
}

static void on_ready(struct loop_watch *watch, int events) {
    struct net_stream *s = container_of(watch, struct net_stream, watch);
    check_magic(s, STREAM_MAGIC);
    if (events & LOOP_WRITE) {
        s->blocked = false;
        task_wake(&s->task, FLUSH);
        watch_again(s);
    }
    if (!(events & LOOP_READ))
        return;
    if (s->state == LINGER)
        drop_input(s);
    else if (s->state == OPEN && !s->fin_received)
        read_all(s);
}

/* ---- output ---- */

static void block(struct net_stream *s) {
    uint64_t timeout = s->engine->patient ? 0 : s->config.write_timeout_ns;
    s->blocked = true;
    task_stop_timer(&s->task);
    watch_again(s);
    if (timeout > 0 && task_at(&s->task, loop_turn(s->config.loop)->now_ns + timeout) != 0)
        end(s, REASON_NO_MEMORY);
}

/* Bytes, or the FIN behind them. */
static bool is_unread(const struct net_stream *s) {
    char byte;
    ssize_t n = recv(s->config.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n == 0 && !s->reset);
}

/* The peer reads no more, but what it has said before may wait to be read: in an upstream's
 * case all of it, in laps and as there is room. */
static void was_lost(struct net_stream *s, int error) {
    bool unheard = !s->fin_received && !s->failed;
    s->fin_sent = true;
    s->reset = error != EPIPE; /* this is a reset behind a FIN */
    s->dead = unheard && s->config.hear_out && sock_is_over(s->config.fd) && is_unread(s);
    if (s->dead)
        task_stop_timer(&s->task);
    if (unheard)
        read_all(s);
    if (!s->dead)
        end(s, 0);
}

/* One sendmsg. false: nothing more goes now, or nothing is there. */
static bool write_some(struct net_stream *s) {
    struct iovec iov[PIECES];
    size_t all = 0;
    int n = s->engine->ops->pull(s->engine, iov, PIECES);
    for (int i = 0; i < n; i++)
        all += iov[i].iov_len;
    if (all == 0)
        return false;
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n};
    ssize_t sent = sendmsg(s->config.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
        was_lost(s, errno);
        return false;
    }
    if (sent > 0) {
        task_stop_timer(&s->task);
        s->engine->ops->pulled(s->engine, (size_t)sent);
    }
    if (sent < 0 || (size_t)sent < all)
        block(s);
    else
        watch_again(s);
    return s->state == OPEN && !s->blocked;
}

static void look_at_status(struct net_stream *s) {
    enum engine_status status = s->engine->ops->status(s->engine);
    if (status == ENGINE_CUT)
        cut(s, 0);
    else if (status == ENGINE_DONE || s->failed)
        linger(s);
    else if (status == ENGINE_SHUT_WRITE)
        send_fin(s);
}

static void flush(struct net_stream *s) {
    if (s->blocked)
        return;
    if (!s->dead && write_some(s))
        task_wake(&s->task, FLUSH); /* others first */
    else if (s->state == OPEN && !s->blocked)
        look_at_status(s);
}

static void time_is_over(struct net_stream *s) {
    int stalled = s->config.stalled_reason, error = 0;
    if (s->state == LINGER)
        end(s, 0);
    else if (s->blocked)
        cut(s, stalled ? stalled : REASON_CLIENT_STALLED);
    else if (!reads(s) && (error = sock_error(s->config.fd)) != 0)
        was_lost(s, error);
    else
        watch_again(s);
}

static void on_task(struct task *task, uint32_t events) {
    struct net_stream *s = stream_of_task(task);
    if (events & TASK_TIMER)
        time_is_over(s);
    if (s->state != OPEN)
        return;
    if ((events & ENGINE_STATUS) && s->engine->ops->status(s->engine) == ENGINE_CUT) {
        cut(s, 0);
        return;
    }
    /* Asking for room is also what makes the engine go on with what it kept. */
    if ((events & ENGINE_ROOM) && !s->failed) {
        s->full = s->engine->ops->room(s->engine).n == 0;
        watch_again(s);
    }
    flush(s);
}

/* ---- life ---- */

struct net_stream *net_stream_new(const struct net_stream_config *config) {
    struct net_stream *s = calloc(1, sizeof(*s));
    if (!s) {
        close(config->fd);
        return NULL;
    }
    s->magic = STREAM_MAGIC;
    s->config = *config;
    task_init(&s->task, loop_turn(config->loop), on_task);
    if (loop_watch_init(&s->watch, config->loop, config->fd, on_ready) != 0) {
        task_fini(&s->task);
        close(config->fd);
        free(s);
        return NULL;
    }
    sock_names(config->fd, &s->peer.local, &s->peer.remote);
    list_init(&s->link);
    list_append(config->owner, &s->link);
    return s;
}

int net_stream_start(struct net_stream *s, struct stream_engine *engine) {
    check_magic(s, STREAM_MAGIC);
    check(s->state == NEW);
    s->engine = engine;
    s->state = OPEN;
    engine_drive(engine, &s->task);
    task_wake(&s->task, FLUSH);
    watch_again(s);
    return 0;
}

void net_stream_drain(struct net_stream *s) {
    check_magic(s, STREAM_MAGIC);
    if (s->state != OPEN)
        return;
    s->engine->ops->drain(s->engine);
    task_wake(&s->task, FLUSH);
}

void net_stream_close(struct net_stream *s, int reason) {
    check_magic(s, STREAM_MAGIC);
    end(s, reason);
}

void net_stream_reset(struct net_stream *s, int reason) {
    check_magic(s, STREAM_MAGIC);
    if (s->state != ENDED)
        cut(s, reason);
}
