/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/log.h"
#include "http/reason.h"
#include "sys/sock.h"

enum { LISTENER_MAGIC = 0x6c697374, ACCEPTS_A_LAP = 64 };

/* Out of descriptors or memory: rests this long, so that a freed one is used soon. */
#define REST_NS (SECOND_NS / 5)

struct listener {
    uint32_t magic;
    struct listener_config config;
    struct addr addr;
    int fd; /* -1: closed, draining */
    struct loop_watch watch;
    struct task task; /* its timer ends a rest */
    struct list streams;
    size_t n_streams;
    bool started, resting;
    uint64_t told_ns; /* when the log heard last of a rest */
    struct grave grave;
};

static bool is_full(const struct listener *l) {
    uint32_t most = l->config.limits.max_streams;
    return most > 0 && l->n_streams >= most;
}

static void watch_again(struct listener *l) {
    if (l->fd >= 0 && l->started)
        loop_watch_set(&l->watch, !l->resting && !is_full(l) ? LOOP_READ : 0);
}

static void on_ended(void *context, struct net_stream *stream) {
    struct listener *l = context;
    check_magic(l, LISTENER_MAGIC);
    census_leave(l->config.census, net_stream_tag(stream));
    if (l->config.ended)
        l->config.ended(l->config.context, net_stream_peer(stream));
    l->n_streams--;
    watch_again(l);
}

static void rest(struct listener *l, int number) {
    uint64_t now = loop_turn(l->config.loop)->now_ns;
    if (l->told_ns == 0 || now - l->told_ns >= SECOND_NS) {
        char text[ADDR_TEXT];
        l->told_ns = now;
        log_warn(l->config.log, "%s: no connection can be accepted now: %s",
                 addr_text(&l->addr, text), strerror(number));
    }
    l->resting = task_at(&l->task, now + REST_NS) == 0;
    watch_again(l);
}

static void on_task(struct task *task, uint32_t events) {
    struct listener *l = container_of(task, struct listener, task);
    (void)events;
    l->resting = false;
    watch_again(l);
}

static void take(struct listener *l, int fd, struct census_client *client) {
    struct net_stream_config config = {.loop = l->config.loop,
                                       .fd = fd,
                                       .log = l->config.log,
                                       .owner = &l->streams,
                                       .write_timeout_ns = l->config.limits.write_timeout_ns,
                                       .ended = on_ended,
                                       .context = l,
                                       .tag = client};
    if (l->addr.sa.sa_family != AF_UNIX)
        sock_no_delay(fd);
    struct net_stream *stream = net_stream_new(&config);
    if (!stream) {
        census_leave(l->config.census, client);
        return;
    }
    l->n_streams++;
    struct stream_engine *engine = l->config.accept(l->config.context, net_stream_peer(stream));
    if (!engine || net_stream_start(stream, engine) != 0)
        net_stream_close(stream, REASON_REFUSED);
}

/* true: there may be more. */
static bool accept_one(struct listener *l) {
    struct addr from = {.n = sizeof(from.un)};
    struct census_client *client;
    int fd = accept4(l->fd, &from.sa, &from.n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && census_enter(l->config.census, &from, &client) == 0) {
        take(l, fd, client);
        return true;
    }
    if (fd >= 0) {
        close(fd);
        return true;
    }
    switch (errno) {
    case EAGAIN: return false;
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM: /* a firewall's word */
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH: return true; /* that one went away before it was accepted */
    default: rest(l, errno); return false;
    }
}

static void accept_all(struct listener *l) {
    for (int i = 0; i < ACCEPTS_A_LAP && !is_full(l); i++)
        if (!accept_one(l))
            break;
    watch_again(l);
}

static void on_ready(struct loop_watch *watch, int events) {
    struct listener *l = container_of(watch, struct listener, watch);
    (void)events;
    check_magic(l, LISTENER_MAGIC);
    accept_all(l);
}

int listener_open(const struct listener_config *config, struct listener **ret_listener) {
    struct sock_bind wanted = {.addr = config->addr, .type = SOCK_STREAM};
    int fd, err = sock_bind(&wanted, &fd);
    if (!err)
        err = listener_adopt(config, fd, ret_listener);
    if (!err)
        listener_start(*ret_listener);
    return err;
}

int listener_adopt(const struct listener_config *config, int fd, struct listener **ret_listener) {
    struct listener *l = calloc(1, sizeof(*l));
    int err = l ? loop_watch_init(&l->watch, config->loop, fd, on_ready) : ERR_NO_MEMORY;
    if (err != 0) {
        close(fd);
        free(l);
        return err;
    }
    l->fd = fd;
    l->magic = LISTENER_MAGIC;
    l->config = *config;
    sock_names(l->fd, &l->addr, NULL);
    list_init(&l->streams);
    task_init(&l->task, loop_turn(config->loop), on_task);
    *ret_listener = l;
    return 0;
}

void listener_start(struct listener *l) {
    check_magic(l, LISTENER_MAGIC);
    l->started = true;
    watch_again(l);
}

const struct addr *listener_addr(const struct listener *l) {
    return &l->addr;
}

void listener_limit(struct listener *l, const struct listener_limits *limits) {
    check_magic(l, LISTENER_MAGIC);
    l->config.limits = *limits;
    watch_again(l);
}

size_t listener_streams(const struct listener *l) {
    return l->n_streams;
}

static void close_socket(struct listener *l) {
    if (l->fd < 0)
        return;
    loop_watch_fini(&l->watch);
    task_fini(&l->task);
    close(l->fd);
    l->fd = -1;
}

void listener_drain(struct listener *l) {
    check_magic(l, LISTENER_MAGIC);
    /* Who is in the queue has a connection as far as it knows: closing would reset it. */
    if (l->fd >= 0)
        accept_all(l);
    close_socket(l);
    list_each(&l->streams, at, next)
        net_stream_drain(net_stream_of(at));
}

static void listener_bury(struct grave *grave) {
    struct listener *l = container_of(grave, struct listener, grave);
    l->magic = 0;
    free(l);
}

void listener_free(struct listener *l) {
    if (!l)
        return;
    check_magic(l, LISTENER_MAGIC);
    close_socket(l);
    while (!list_empty(&l->streams))
        net_stream_close(net_stream_of(l->streams.next), REASON_SHUTDOWN);
    turn_bury(loop_turn(l->config.loop), &l->grave, listener_bury);
}
