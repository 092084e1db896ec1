/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "base/check.h"
#include "base/err.h"

/* libev's timers know milliseconds and the wall clock, pacing wants less: the heap's first
 * goes into a timerfd. It is set when a time before the one it is set to is wanted, or it
 * has fired, and no socket is ready; one that is too early costs a lap.
 *
 * Signals and the posts of other threads come through descriptors too, not through libev's
 * own, which falls silent for ever when a write to it fails or the kernel refuses to watch it. */

enum {
    LOOP_MAGIC = 0x6c6f6f70,
    TASKS_A_LAP = 4096, /* then sockets are looked at again; a request takes four */
    SIGNALS_MOST = 31,
};

static const double retry_s = 0.1;

struct loop {
    uint32_t magic;
    struct turn *turn;
    struct ev_loop *ev;
    ev_check check;
    struct loop_watch timer; /* -1: no fd */
    uint64_t timer_set_ns;   /* UINT64_MAX: not set */
    bool tasks_left, stopped;
    bool told;           /* a watch of something, since this was cleared */
    struct list refused; /* watches that the kernel had no room for, maybe the timer's too */
    ev_timer retry;

    struct loop_watch signals; /* -1: no fd */
    int signal_numbers[SIGNALS_MOST], n_signals;
    struct task *signal_task;

    struct loop_watch posts; /* -1: no fd */
    struct task *post_task;
    atomic_uint posted;
};

static uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void read_clock(struct loop *loop) {
    turn_begin(loop->turn, clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME) / SECOND_NS);
}

/* Right after the wait and before all others: it has the highest priority. */
static void on_check(struct ev_loop *ev, ev_check *watcher, int events) {
    (void)ev;
    (void)events;
    read_clock(watcher->data);
}

static void on_timer(struct loop_watch *watch, int events) {
    struct loop *loop = watch->loop;
    uint64_t times;
    (void)events;
    if (read(watch->fd, &times, sizeof(times)) > 0)
        loop->timer_set_ns = UINT64_MAX;
}

static void retry_soon(struct loop *loop) {
    if (ev_is_active(&loop->retry))
        return;
    ev_timer_set(&loop->retry, retry_s, 0);
    ev_timer_start(loop->ev, &loop->retry);
}

static void set_timer(struct loop *loop, uint64_t at_ns) {
    if (at_ns == UINT64_MAX || at_ns >= loop->timer_set_ns)
        return;
    struct itimerspec when = {.it_value = {(time_t)(at_ns / SECOND_NS), (long)(at_ns % SECOND_NS)}};
    if (timerfd_settime(loop->timer.fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
        loop->timer_set_ns = at_ns;
    else
        retry_soon(loop); /* or it would sleep until a socket wakes it */
}

/* The kernel may be out of memory, or of its user's share of watches. */
static void on_retry(struct ev_loop *ev, ev_timer *retry, int events) {
    struct loop *loop = retry->data;
    (void)events;
    list_each(&loop->refused, at, next) {
        struct loop_watch *watch = list_entry(at, struct loop_watch, link);
        list_remove(at);
        ev_io_start(ev, watch->io);
    }
}

/* libev has stopped it. */
static void was_refused(struct loop_watch *watch) {
    struct loop *loop = watch->loop;
    if (watch->events == 0)
        return;
    list_remove(&watch->link);
    list_append(&loop->refused, &watch->link);
    retry_soon(loop);
}

/* Takes fd, the loop's own, or -1. */
static int watch_own(struct loop *loop, struct loop_watch *watch, int fd,
                     void (*ready)(struct loop_watch *, int)) {
    if (fd < 0)
        return ERR_SYSTEM;
    int err = loop_watch_init(watch, loop, fd, ready);
    if (err) {
        close(fd);
        watch->fd = -1;
    } else {
        loop_watch_set(watch, LOOP_READ);
    }
    return err;
}

static void unwatch_own(struct loop_watch *watch) {
    loop_watch_fini(watch);
    if (watch->fd >= 0)
        close(watch->fd);
}

static void start(struct loop *loop) {
    ev_timer_init(&loop->retry, on_retry, retry_s, 0);
    loop->retry.data = loop;
    ev_check_init(&loop->check, on_check);
    ev_set_priority(&loop->check, EV_MAXPRI);
    loop->check.data = loop;
    ev_check_start(loop->ev, &loop->check);
    read_clock(loop);
}

struct loop *loop_new(struct turn *turn) {
    struct loop *loop = calloc(1, sizeof(*loop));
    struct ev_loop *ev = loop ? ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV) : NULL;
    if (!ev) {
        free(loop);
        return NULL;
    }
    *loop = (struct loop){.magic = LOOP_MAGIC, .turn = turn, .ev = ev, .timer_set_ns = UINT64_MAX};
    loop->timer.fd = loop->signals.fd = loop->posts.fd = -1;
    list_init(&loop->refused);
    start(loop);
    if (watch_own(loop, &loop->timer, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
                  on_timer)) {
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop) {
    if (!loop)
        return;
    check_magic(loop, LOOP_MAGIC);
    unwatch_own(&loop->signals);
    unwatch_own(&loop->posts);
    unwatch_own(&loop->timer);
    ev_timer_stop(loop->ev, &loop->retry);
    ev_check_stop(loop->ev, &loop->check);
    ev_loop_destroy(loop->ev);
    loop->magic = 0;
    free(loop);
}

struct turn *loop_turn(struct loop *loop) {
    return loop->turn;
}

/* ---- watches ---- */

static void on_io(struct ev_loop *ev, ev_io *io, int events) {
    struct loop_watch *watch = io->data;
    int ready = (events & EV_READ ? LOOP_READ : 0) | (events & EV_WRITE ? LOOP_WRITE : 0);
    (void)ev;
    watch->loop->told = true;
    if (events & EV_ERROR) {
        was_refused(watch);
        return;
    }
    /* libev gives what poll said; an error is told to whoever waits for anything. */
    watch->ready(watch, ready & watch->events);
}

int loop_watch_init(struct loop_watch *watch, struct loop *loop, int fd,
                    void (*ready)(struct loop_watch *, int)) {
    check_magic(loop, LOOP_MAGIC);
    ev_io *io = malloc(sizeof(*io));
    if (!io)
        return ERR_NO_MEMORY;
    ev_io_init(io, on_io, fd, 0);
    io->data = watch;
    *watch = (struct loop_watch){.loop = loop, .fd = fd, .ready = ready, .io = io};
    list_init(&watch->link);
    return 0;
}

void loop_watch_set(struct loop_watch *watch, int events) {
    if (!watch->io || watch->events == events)
        return;
    ev_io *io = watch->io;
    watch->events = events;
    list_remove(&watch->link);
    ev_io_stop(watch->loop->ev, io);
    if (events == 0)
        return;
    ev_io_set(io, watch->fd,
              (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
    ev_io_start(watch->loop->ev, io);
}

void loop_watch_fini(struct loop_watch *watch) {
    if (!watch->io)
        return;
    list_remove(&watch->link);
    ev_io_stop(watch->loop->ev, watch->io);
    free(watch->io);
    watch->io = NULL;
    watch->events = 0;
}

/* ---- signals and other threads ---- */

static void on_signal(struct loop_watch *watch, int events) {
    struct loop *loop = watch->loop;
    struct signalfd_siginfo got;
    (void)events;
    while (read(watch->fd, &got, sizeof(got)) == sizeof(got))
        for (int i = 0; i < loop->n_signals; i++)
            if (got.ssi_signo == (uint32_t)loop->signal_numbers[i])
                task_wake(loop->signal_task, 1u << i);
}

int loop_signals(struct loop *loop, const int *signals, int n, struct task *task) {
    sigset_t set;
    check_magic(loop, LOOP_MAGIC);
    check(loop->signals.fd < 0 && n > 0 && n <= SIGNALS_MOST);
    sigemptyset(&set);
    for (int i = 0; i < n; i++) {
        loop->signal_numbers[i] = signals[i];
        sigaddset(&set, signals[i]);
    }
    loop->n_signals = n;
    loop->signal_task = task;
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return watch_own(loop, &loop->signals, signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
                     on_signal);
}

/* The read comes first: what is posted after it makes the descriptor ready again. */
static void on_post(struct loop_watch *watch, int events) {
    struct loop *loop = watch->loop;
    uint64_t times;
    (void)events;
    if (read(watch->fd, &times, sizeof(times)) > 0)
        task_wake(loop->post_task, atomic_exchange(&loop->posted, 0));
}

int loop_post_init(struct loop *loop, struct task *task) {
    check_magic(loop, LOOP_MAGIC);
    check(!loop->post_task);
    loop->post_task = task;
    return watch_own(loop, &loop->posts, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), on_post);
}

/* EAGAIN: 2^64 - 2 posts wait to be read, so it is ready. */
void loop_post(struct loop *loop, uint32_t events) {
    const uint64_t one = 1;
    atomic_fetch_or(&loop->posted, events);
    while (write(loop->posts.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        check(errno != EBADF);
}

/* ---- laps ---- */

/* I/O of others, before the first lap say, may have woken tasks. */
static bool has_work(const struct loop *loop) {
    const struct turn *t = loop->turn;
    return loop->tasks_left || turn_has_tasks(t) || turn_next_ns(t) <= t->now_ns;
}

static uint64_t wait_until_ns(const struct loop *loop, uint64_t max_wait_ns) {
    uint64_t now = loop->turn->now_ns, at = turn_next_ns(loop->turn);
    return max_wait_ns < UINT64_MAX - now && now + max_wait_ns < at ? now + max_wait_ns : at;
}

/* true: there was something, or something is to be done by now. */
static bool look(struct loop *loop) {
    loop->told = false;
    (void)ev_run(loop->ev, EVRUN_NOWAIT);
    return loop->told || has_work(loop);
}

/* Setting the timer is dear, a tenth of the CPU time when QUIC paces a large body, and in vain
 * when a socket is ready: so before it is set there is a look. It is not set for most laps, as
 * the heap's first is seldom earlier than what it is set to. */
static void wait_for_any(struct loop *loop, uint64_t max_wait_ns) {
    if (wait_until_ns(loop, max_wait_ns) < loop->timer_set_ns) {
        if (look(loop))
            return;
        set_timer(loop, wait_until_ns(loop, max_wait_ns));
    }
    (void)ev_run(loop->ev, EVRUN_ONCE);
}

void loop_lap(struct loop *loop, uint64_t max_wait_ns) {
    check_magic(loop, LOOP_MAGIC);
    if (max_wait_ns == 0 || has_work(loop))
        (void)ev_run(loop->ev, EVRUN_NOWAIT);
    else
        wait_for_any(loop, max_wait_ns);
    loop->tasks_left = turn_run(loop->turn, TASKS_A_LAP);
}

void loop_run(struct loop *loop) {
    for (loop->stopped = false; !loop->stopped;)
        loop_lap(loop, UINT64_MAX);
}

void loop_stop(struct loop *loop) {
    loop->stopped = true;
}
