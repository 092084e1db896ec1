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
#include "sys/process.h"
#include "sys/sock.h"

enum { LISTENER_MAGIC = 0x6c697374, ACCEPTS_A_LAP = 64 };

/* So long, so that what is freed elsewhere is used soon. */
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
    struct grave grave;
};

static void watch_again(struct listener *l) {
    if (l->fd >= 0 && l->started)
        loop_watch_set(&l->watch, l->resting ? 0 : LOOP_READ);
}

static uint64_t now_of(const struct listener *l) {
    return loop_turn(l->config.loop)->now_ns;
}

static void leave(struct listener *l, struct census_client *client) {
    census_leave(l->config.census, client);
    quota_leave(l->config.quota);
}

static void on_ended(void *context, struct net_stream *stream) {
    struct listener *l = context;
    check_magic(l, LISTENER_MAGIC);
    leave(l, net_stream_tag(stream));
    if (l->config.ended)
        l->config.ended(l->config.context, net_stream_peer(stream));
    l->n_streams--;
    l->resting = false; /* it was in a quota, and had a descriptor */
    watch_again(l);
}

static void rest(struct listener *l) {
    l->resting = task_at(&l->task, now_of(l) + REST_NS) == 0;
    watch_again(l);
}

static void rest_as_full(struct listener *l) {
    char text[ADDR_TEXT];
    log_seldom(l->config.log, LOG_WARN, LOG_WAITING, now_of(l),
               "%s: clients wait until one of the TCP connections ends: there are as many as %s "
               "allows, %u",
               addr_text(&l->addr, text), l->config.quota->name, l->config.quota->most);
    rest(l);
}

static void rest_without(struct listener *l, int number) {
    char text[ADDR_TEXT], advice[PROCESS_ADVICE];
    bool ours = number == EMFILE;
    log_seldom(l->config.log, LOG_WARN, LOG_DESCRIPTORS, now_of(l),
               "%s: no connection can be accepted now: %s%s%s", addr_text(&l->addr, text),
               strerror(number), ours ? ": " : "", ours ? process_fds_advice(advice) : "");
    rest(l);
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
                                       .write_timeout_ns = l->config.write_timeout_ns,
                                       .ended = on_ended,
                                       .context = l,
                                       .tag = client};
    struct net_stream *stream = net_stream_new(&config);
    if (!stream) {
        leave(l, client);
        return;
    }
    l->n_streams++;
    struct stream_engine *engine = l->config.accept(l->config.context, net_stream_peer(stream));
    if (!engine || net_stream_start(stream, engine) != 0)
        net_stream_close(stream, REASON_REFUSED);
}

/* Of those in the quota. */
static void let_in(struct listener *l, int fd, const struct addr *from) {
    struct census_client *client;
    int err = census_enter(l->config.census, from, &client);
    if (err == 0) {
        take(l, fd, client);
        return;
    }
    if (err == ERR_LIMIT)
        census_tell(l->config.census, l->config.log, from, now_of(l));
    quota_leave(l->config.quota);
    close(fd);
}

/* true: there may be more. */
static bool not_accepted(struct listener *l) {
    switch (errno) {
    case EAGAIN: return false;
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM: /* a firewall's word */
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH: return true; /* that one went away before it was accepted */
    default: rest_without(l, errno); return false;
    }
}

static bool accept_one(struct listener *l) {
    struct addr from = {.n = sizeof(from.un)};
    if (!quota_enter(l->config.quota))
        return false;
    int fd = accept4(l->fd, &from.sa, &from.n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        let_in(l, fd, &from);
        return true;
    }
    bool more = not_accepted(l);
    quota_leave(l->config.quota);
    return more;
}

static void accept_all(struct listener *l) {
    for (int i = 0; i < ACCEPTS_A_LAP; i++)
        if (!accept_one(l))
            break;
}

static void on_ready(struct loop_watch *watch, int events) {
    struct listener *l = container_of(watch, struct listener, watch);
    (void)events;
    check_magic(l, LISTENER_MAGIC);
    if (quota_is_full(l->config.quota, 1))
        rest_as_full(l);
    else
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

void listener_write_timeout(struct listener *l, uint64_t ns) {
    check_magic(l, LISTENER_MAGIC);
    l->config.write_timeout_ns = ns;
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
