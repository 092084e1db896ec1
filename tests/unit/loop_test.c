/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "sys/loop.h"

static bool no_room;

/* In place of libc's: a user's share of watches may be used up. */
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    if (no_room) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

struct counter {
    struct task task;
    struct loop *loop;
    uint32_t events;
    int runs;
    bool stop;
};

static void on_task(struct task *task, uint32_t events) {
    struct counter *c = container_of(task, struct counter, task);
    c->events |= events;
    c->runs++;
    if (c->stop)
        loop_stop(c->loop);
}

struct fixture {
    struct turn turn;
    struct loop *loop;
    struct counter counter;
};

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){0};
    turn_init(&f.turn);
    f.loop = loop_new(&f.turn);
    assert_non_null(f.loop);
    f.counter.loop = f.loop;
    task_init(&f.counter.task, &f.turn, on_task);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    task_fini(&f->counter.task);
    loop_free(f->loop);
    turn_fini(&f->turn);
    return 0;
}

static void reads_the_clock(void **state) {
    struct fixture *f = *state;
    uint64_t before = f->turn.now_ns;
    assert_true(before > 0);
    assert_true(f->turn.wall_s > 1500000000);
    loop_lap(f->loop, 1000);
    assert_true(f->turn.now_ns > before);
}

static void timers_in_order_and_not_early(void **state) {
    struct fixture *f = *state;
    uint64_t at = f->turn.now_ns + 300000;
    assert_int_equal(task_at(&f->counter.task, at), 0);
    f->counter.stop = true;
    loop_run(f->loop);
    assert_true(f->turn.now_ns >= at);
    assert_int_equal(f->counter.events, TASK_TIMER);
    /* An earlier one after a later one. */
    assert_int_equal(task_at(&f->counter.task, f->turn.now_ns + 3600 * SECOND_NS), 0);
    loop_lap(f->loop, 1000);
    assert_int_equal(task_at(&f->counter.task, f->turn.now_ns + 200000), 0);
    loop_run(f->loop);
    assert_int_equal(f->counter.runs, 2);
}

static void does_not_wait_for_queued_tasks(void **state) {
    struct fixture *f = *state;
    task_wake(&f->counter.task, 4);
    loop_lap(f->loop, UINT64_MAX);
    assert_int_equal(f->counter.events, 4);
}

struct pipe_end {
    struct loop_watch watch;
    int got, calls;
    char bytes[16];
};

static void on_ready(struct loop_watch *watch, int events) {
    struct pipe_end *end = container_of(watch, struct pipe_end, watch);
    end->got |= events;
    end->calls++;
    if (events & LOOP_READ)
        (void)!read(watch->fd, end->bytes, sizeof(end->bytes));
}

static void watches(void **state) {
    struct fixture *f = *state;
    struct pipe_end in = {0}, out = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(loop_watch_init(&in.watch, f->loop, fds[0], on_ready), 0);
    assert_int_equal(loop_watch_init(&out.watch, f->loop, fds[1], on_ready), 0);
    loop_lap(f->loop, 0);
    assert_int_equal(in.calls + out.calls, 0);
    loop_watch_set(&in.watch, LOOP_READ);
    loop_watch_set(&out.watch, LOOP_WRITE);
    loop_lap(f->loop, SECOND_NS);
    assert_int_equal(out.got, LOOP_WRITE);
    assert_int_equal(in.calls, 0);
    loop_watch_set(&out.watch, 0);
    assert_int_equal(write(fds[1], "hey", 3), 3);
    loop_lap(f->loop, SECOND_NS);
    assert_int_equal(in.got, LOOP_READ);
    assert_memory_equal(in.bytes, "hey", 3);
    assert_int_equal(out.calls, 1);
    loop_watch_fini(&in.watch);
    loop_watch_fini(&in.watch);
    loop_watch_fini(&out.watch);
    close(fds[0]);
    close(fds[1]);
}

/* What the kernel says of the loop's timer. */
static bool timer_is_set(void) {
    DIR *dir = opendir("/proc/self/fdinfo");
    bool found = false, is_set = false;
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir)) && !found;) {
        unsigned long long s, ns;
        char text[512] = "", *at;
        int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        close(fd);
        at = n > 0 ? strstr(text, "it_value: (") : NULL;
        found = at && sscanf(at, "it_value: (%llu, %llu)", &s, &ns) == 2;
        is_set = found && s + ns > 0;
    }
    closedir(dir);
    assert_true(found);
    return is_set;
}

/* To set it costs a system call. */
static void sets_no_timer_in_vain(void **state) {
    struct fixture *f = *state;
    struct pipe_end in = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(loop_watch_init(&in.watch, f->loop, fds[0], on_ready), 0);
    loop_watch_set(&in.watch, LOOP_READ);
    assert_int_equal(task_at(&f->counter.task, f->turn.now_ns + 3600 * SECOND_NS), 0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(write(fds[1], "hey", 3), 3);
        loop_lap(f->loop, UINT64_MAX);
        assert_int_equal(in.calls, i);
        assert_false(timer_is_set());
    }
    assert_int_equal(task_at(&f->counter.task, f->turn.now_ns), 0);
    loop_lap(f->loop, UINT64_MAX);
    assert_int_equal(f->counter.events, TASK_TIMER);
    assert_false(timer_is_set());
    loop_watch_fini(&in.watch);
    close(fds[0]);
    close(fds[1]);
}

struct alarm {
    struct loop_watch watch;
    struct counter *counter;
};

static void set_alarm(struct loop_watch *watch, int events) {
    struct alarm *a = container_of(watch, struct alarm, watch);
    struct task *task = &a->counter->task;
    (void)events;
    loop_watch_set(watch, 0);
    assert_int_equal(task_at(task, task->turn->now_ns + 200000), 0);
}

static void timer_that_input_sets(void **state) {
    struct fixture *f = *state;
    struct alarm a = {.counter = &f->counter};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(loop_watch_init(&a.watch, f->loop, fds[1], set_alarm), 0);
    loop_watch_set(&a.watch, LOOP_WRITE);
    assert_int_equal(task_at(&f->counter.task, f->turn.now_ns + 3600 * SECOND_NS), 0);
    f->counter.stop = true;
    loop_run(f->loop);
    assert_int_equal(f->counter.events, TASK_TIMER);
    loop_watch_fini(&a.watch);
    close(fds[0]);
    close(fds[1]);
}

static void hang_up_is_ready(void **state) {
    struct fixture *f = *state;
    struct pipe_end in = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(loop_watch_init(&in.watch, f->loop, fds[0], on_ready), 0);
    loop_watch_set(&in.watch, LOOP_READ);
    close(fds[1]);
    loop_lap(f->loop, SECOND_NS);
    assert_int_equal(in.got, LOOP_READ);
    loop_watch_fini(&in.watch);
    close(fds[0]);
}

static void signals(void **state) {
    struct fixture *f = *state;
    const int wanted[] = {SIGUSR1, SIGUSR2};
    assert_int_equal(loop_signals(f->loop, wanted, 2, &f->counter.task), 0);
    f->counter.stop = true;
    assert_int_equal(raise(SIGUSR2), 0);
    loop_run(f->loop);
    assert_int_equal(f->counter.events, 2);
}

static void *poster(void *context) {
    for (int i = 0; i < 3; i++)
        loop_post(context, 1u << i);
    return NULL;
}

static void posts_from_another_thread(void **state) {
    struct fixture *f = *state;
    pthread_t thread;
    assert_int_equal(loop_post_init(f->loop, &f->counter.task), 0);
    assert_int_equal(pthread_create(&thread, NULL, poster, f->loop), 0);
    while (f->counter.events != 7)
        loop_lap(f->loop, UINT64_MAX);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A watch that libev cannot take back makes it begin anew: it watches all again, or cannot. */
static void make_libev_forget(struct fixture *f) {
    struct pipe_end in = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(loop_watch_init(&in.watch, f->loop, fds[0], on_ready), 0);
    loop_watch_set(&in.watch, LOOP_READ);
    loop_lap(f->loop, 0);
    loop_watch_set(&in.watch, 0);
    assert_int_equal(write(fds[1], "hey", 3), 3);
    no_room = true;
    for (int i = 0; i < 3; i++)
        loop_lap(f->loop, 0);
    no_room = false;
    assert_int_equal(in.calls, 0);
    loop_watch_fini(&in.watch);
    close(fds[0]);
    close(fds[1]);
}

static void posts_arrive_after_the_kernel_had_no_room(void **state) {
    struct fixture *f = *state;
    assert_int_equal(loop_post_init(f->loop, &f->counter.task), 0);
    make_libev_forget(f);
    loop_post(f->loop, 4);
    f->counter.stop = true;
    loop_run(f->loop);
    assert_int_equal(f->counter.events, 4);
}

static void signals_arrive_after_the_kernel_had_no_room(void **state) {
    struct fixture *f = *state;
    const int wanted[] = {SIGUSR1, SIGUSR2};
    assert_int_equal(loop_signals(f->loop, wanted, 2, &f->counter.task), 0);
    make_libev_forget(f);
    assert_int_equal(raise(SIGUSR1), 0);
    f->counter.stop = true;
    loop_run(f->loop);
    assert_int_equal(f->counter.events, 1);
}

static void timers_fire_after_the_kernel_had_no_room(void **state) {
    struct fixture *f = *state;
    make_libev_forget(f);
    assert_int_equal(task_at(&f->counter.task, f->turn.now_ns + 200000), 0);
    f->counter.stop = true;
    loop_run(f->loop);
    assert_int_equal(f->counter.events, TASK_TIMER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_the_clock),
        TEST(timers_in_order_and_not_early),
        TEST(does_not_wait_for_queued_tasks),
        TEST(watches),
        TEST(sets_no_timer_in_vain),
        TEST(timer_that_input_sets),
        TEST(hang_up_is_ready),
        TEST(signals),
        TEST(posts_from_another_thread),
        TEST(posts_arrive_after_the_kernel_had_no_room),
        TEST(signals_arrive_after_the_kernel_had_no_room),
        TEST(timers_fire_after_the_kernel_had_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
