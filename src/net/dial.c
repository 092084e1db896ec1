/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "net/resolve.h"
#include "sys/sock.h"

/*
 *   ASK --> CONNECT --> OVER
 */
enum state {
    ASK,     /* the resolver has the name */
    CONNECT, /* attempts run, the next address gets one when its time comes */
    OVER,    /* fd or err */
};

enum { DIAL_MAGIC = 0x6469616c, HOST = 256 };
#define STAGGER_NS (250 * (uint64_t)MS_NS)

struct attempt {
    struct loop_watch watch;
    struct dial *dial;
    const struct addr *addr;
    bool running;
};

struct dial {
    uint32_t magic;
    enum state state;
    struct grave grave;
    struct task task;
    struct loop *loop;
    struct task *owner;
    struct query *query;
    char host[HOST];
    uint64_t deadline_ns;
    bool datagram;
    struct addr addrs[DIAL_ADDRS];
    struct attempt attempts[DIAL_ADDRS];
    int n_addrs, n_started, n_running;
    int fd, err;
    char problem[HOST + ADDR_TEXT + 64];
};

/* ---- ends ---- */

static void stop_attempt(struct attempt *a) {
    if (!a->running)
        return;
    a->running = false;
    a->dial->n_running--;
    loop_watch_fini(&a->watch);
}

static void stop_all(struct dial *d) {
    for (int i = 0; i < d->n_started; i++) {
        int fd = d->attempts[i].watch.fd;
        bool running = d->attempts[i].running;
        stop_attempt(&d->attempts[i]);
        if (running)
            close(fd);
    }
}

static void over(struct dial *d, int err) {
    d->state = OVER;
    d->err = err;
    stop_all(d);
    task_stop_timer(&d->task);
    query_free(d->query);
    d->query = NULL;
    task_wake(d->owner, DIAL_DONE);
}

static void tell(struct dial *d, const char *what, const struct addr *addr) {
    char text[ADDR_TEXT];
    (void)snprintf(d->problem, sizeof(d->problem), "%s (%s)", what,
                   addr ? addr_text(addr, text) : d->host);
}

static void connected(struct dial *d, int fd) {
    d->fd = fd;
    d->problem[0] = '\0';
    over(d, 0);
}

/* ---- connecting ---- */

static const char *why(int number) {
    switch (number) {
    case ECONNREFUSED: return "connection refused";
    case ENOENT: return "there is no such socket";
    case EACCES:
    case EPERM: return "permission denied";
    case ETIMEDOUT: return "no answer";
    case ENETUNREACH:
    case EHOSTUNREACH: return "no route there";
    case EAGAIN: return "its queue is full";
    default: return strerror(number);
    }
}

static void start_next(struct dial *d);

static void attempt_failed(struct dial *d, const struct addr *addr, int number) {
    d->err = number == EMFILE || number == ENFILE ? ERR_LIMIT : sock_err(number);
    tell(d, why(number), addr);
}

/* The next one does not wait when one has failed. */
static void go_on(struct dial *d) {
    if (d->state != CONNECT)
        return;
    if (d->n_started < d->n_addrs)
        start_next(d);
    else if (d->n_running == 0)
        over(d, d->err);
}

static void on_ready(struct loop_watch *watch, int events) {
    struct attempt *a = container_of(watch, struct attempt, watch);
    struct dial *d = a->dial;
    int fd = watch->fd, number = sock_error(fd);
    (void)events;
    check_magic(d, DIAL_MAGIC);
    stop_attempt(a);
    if (number == 0) {
        connected(d, fd);
        return;
    }
    close(fd);
    attempt_failed(d, a->addr, number);
    go_on(d);
}

static int watch_attempt(struct dial *d, struct attempt *a, int fd) {
    int err = loop_watch_init(&a->watch, d->loop, fd, on_ready);
    if (err != 0) {
        close(fd);
        return err;
    }
    a->running = true;
    d->n_running++;
    loop_watch_set(&a->watch, LOOP_WRITE);
    return 0;
}

static void set_timer(struct dial *d) {
    uint64_t at = d->deadline_ns, now = loop_turn(d->loop)->now_ns;
    if (d->state == CONNECT && d->n_started < d->n_addrs && now + STAGGER_NS < at)
        at = now + STAGGER_NS;
    if (task_at(&d->task, at) != 0)
        over(d, ERR_NO_MEMORY);
}

/* Starts attempts until one is under way. */
static void start_next(struct dial *d) {
    while (d->n_started < d->n_addrs) {
        struct attempt *a = &d->attempts[d->n_started];
        int fd = -1;
        *a = (struct attempt){.dial = d, .addr = &d->addrs[d->n_started++]};
        int err = sock_connect(a->addr, &fd);
        if (err == 0) {
            connected(d, fd);
            return;
        }
        if (err == ERR_AGAIN && watch_attempt(d, a, fd) == 0)
            break;
        attempt_failed(d, a->addr, errno);
    }
    if (d->n_running == 0)
        over(d, d->err);
    else
        set_timer(d);
}

/* RFC 8305 4: by turns, beginning with what the resolver likes best. */
static void interleave(struct dial *d, const struct addr *from, int n) {
    int next[2] = {0, 0}; /* of the first one's family, of the other */
    for (int i = 0; i < n; i++) {
        int side = i % 2;
        for (int tries = 0; tries < 2; tries++, side = 1 - side) {
            while (next[side] < n &&
                   (from[next[side]].sa.sa_family == from[0].sa.sa_family) != (side == 0))
                next[side]++;
            if (next[side] < n)
                break;
        }
        d->addrs[d->n_addrs++] = from[next[side]++];
    }
}

static void take_answer(struct dial *d) {
    const struct addr *addrs;
    int n;
    int err = query_result(d->query, &addrs, &n);
    if (err != 0) {
        tell(d, query_problem(d->query), NULL);
        over(d, err);
        return;
    }
    interleave(d, addrs, n);
    if (d->datagram) {
        over(d, 0);
        return;
    }
    d->state = CONNECT;
    start_next(d);
}

static void on_task(struct task *task, uint32_t events) {
    struct dial *d = container_of(task, struct dial, task);
    check_magic(d, DIAL_MAGIC);
    if (d->state == ASK && (events & QUERY_DONE)) {
        take_answer(d);
        return;
    }
    if (d->state == OVER || !(events & TASK_TIMER))
        return;
    if (loop_turn(d->loop)->now_ns >= d->deadline_ns) {
        tell(d, "it took too long", d->n_started > 0 ? &d->addrs[d->n_started - 1] : NULL);
        over(d, ERR_TIMEOUT);
    } else if (d->state == CONNECT) {
        start_next(d);
    }
}

/* ---- life ---- */

static int begin(struct dial *d, const struct dial_config *config) {
    if (config->unix_path.n > 0) {
        struct addr *a = &d->addrs[0];
        if (config->unix_path.n >= sizeof(a->un.sun_path))
            return ERR_INVALID;
        a->un = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(a->un.sun_path, config->unix_path.p, config->unix_path.n);
        a->n = sizeof(a->un);
        d->n_addrs = 1;
        d->state = CONNECT;
        start_next(d);
        return 0;
    }
    if (config->host.n >= sizeof(d->host))
        return ERR_INVALID;
    memcpy(d->host, config->host.p, config->host.n);
    d->query = query_start(config->resolver, d->host, config->port, &d->task);
    if (!d->query)
        return ERR_NO_MEMORY;
    set_timer(d);
    return 0;
}

struct dial *dial_start(const struct dial_config *config) {
    struct dial *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->magic = DIAL_MAGIC;
    d->loop = config->loop;
    d->owner = config->task;
    d->datagram = config->datagram;
    d->fd = -1;
    uint64_t now = loop_turn(d->loop)->now_ns;
    d->deadline_ns = config->timeout_ns > 0 ? now + config->timeout_ns : UINT64_MAX;
    task_init(&d->task, loop_turn(d->loop), on_task);
    int err = begin(d, config);
    if (err == ERR_NO_MEMORY) {
        dial_free(d);
        return NULL;
    }
    if (err != 0) {
        (void)snprintf(d->problem, sizeof(d->problem), "the name is too long");
        over(d, err);
    }
    return d;
}

int dial_take_fd(struct dial *d) {
    check_magic(d, DIAL_MAGIC);
    int fd = d->fd;
    if (fd < 0)
        return d->err != 0 ? d->err : ERR_AGAIN;
    d->fd = -1;
    d->err = ERR_CLOSED; /* taken */
    return fd;
}

const struct addr *dial_addrs(const struct dial *d, int *ret_n) {
    check_magic(d, DIAL_MAGIC);
    *ret_n = d->n_addrs;
    return d->addrs;
}

const char *dial_problem(const struct dial *d) {
    return d->problem;
}

static void dial_bury(struct grave *grave) {
    struct dial *d = container_of(grave, struct dial, grave);
    d->magic = 0;
    free(d);
}

void dial_free(struct dial *d) {
    if (!d)
        return;
    check_magic(d, DIAL_MAGIC);
    stop_all(d);
    query_free(d->query);
    d->query = NULL;
    if (d->fd >= 0)
        close(d->fd);
    task_fini(&d->task);
    turn_bury(loop_turn(d->loop), &d->grave, dial_bury);
}
