/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "http/body.h"

/* Two tasks that gather the bits that they were woken with. */
struct listener {
    struct task task;
    uint32_t heard;
};

struct pair {
    struct turn turn;
    struct chunk_pool pool;
    struct body body;
    struct listener producer, consumer;
};

static void listener_run(struct task *task, uint32_t events) {
    container_of(task, struct listener, task)->heard |= events;
}

static void pair_start(struct pair *p, uint32_t limit) {
    body_init(&p->body, &p->pool, limit);
    p->body.producer = &p->producer.task;
    p->body.consumer = &p->consumer.task;
}

static int setup(void **state) {
    struct pair *p = test_calloc(1, sizeof(*p));
    turn_init(&p->turn);
    chunk_pool_init(&p->pool, 4);
    task_init(&p->producer.task, &p->turn, listener_run);
    task_init(&p->consumer.task, &p->turn, listener_run);
    pair_start(p, 1000);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    struct pair *p = *state;
    body_fini(&p->body);
    body_fini(&p->body);
    task_fini(&p->producer.task);
    task_fini(&p->consumer.task);
    turn_fini(&p->turn);
    chunk_pool_fini(&p->pool);
    test_free(p);
    return 0;
}

static uint32_t heard(struct pair *p, struct listener *listener) {
    turn_run(&p->turn, 100);
    uint32_t events = listener->heard;
    listener->heard = 0;
    return events;
}

static char zeros[65536];

static void carries_bytes(void **state) {
    struct pair *p = *state;
    char to[100];
    assert_int_equal(body_write(&p->body, "hello ", 6), 6);
    assert_int_equal(body_write(&p->body, "world", 5), 5);
    assert_int_equal(heard(p, &p->consumer), END_DATA);
    assert_int_equal(body_unsent(&p->body), 11);
    assert_int_equal(body_read(&p->body, to, 8), 8);
    assert_int_equal(heard(p, &p->producer), END_WANT);
    assert_int_equal(body_read(&p->body, to + 8, 92), 3);
    assert_memory_equal(to, "hello world", 11);
    assert_int_equal(p->pool.n_live, 0);
    assert_false(body_at_end(&p->body));
    body_finish(&p->body);
    assert_true(body_at_end(&p->body));
    assert_int_equal(heard(p, &p->consumer), END_DATA);
    assert_int_equal(body_write(&p->body, "x", 1), 0);  /* it is over */
    assert_int_equal(heard(p, &p->producer), END_ROOM); /* the last credit can be taken */
    assert_int_equal(body_take_credit(&p->body), 11);
}

static void holds_the_producer_back(void **state) {
    struct pair *p = *state;
    assert_int_equal(body_room(&p->body), 1000);
    assert_int_equal(body_write(&p->body, zeros, 1500), 1000);
    assert_int_equal(body_room(&p->body), 0);
    assert_int_equal(body_write(&p->body, zeros, 1), 0);
    assert_null(body_reserve(&p->body).p);
    body_sent(&p->body, 100);
    assert_int_equal(heard(p, &p->producer), 0);
    assert_int_equal(body_room(&p->body), 100);
    body_sent(&p->body, 400); /* half-empty, and more than a quarter is credit */
    assert_int_equal(heard(p, &p->producer), END_ROOM);
    assert_int_equal(body_take_credit(&p->body), 500);
    assert_int_equal(body_take_credit(&p->body), 0);
    body_sent(&p->body, 240);
    assert_int_equal(heard(p, &p->producer), 0); /* neither armed nor a quarter */
    body_sent(&p->body, 10);
    assert_int_equal(heard(p, &p->producer), END_ROOM);
    body_acked(&p->body, 750);
}

static void reserves_in_place(void **state) {
    struct pair *p = *state;
    struct iovec iov[4];
    struct span room = body_reserve(&p->body);
    assert_int_equal(room.n, 1000);
    memcpy(room.p, "abc", 3);
    body_commit(&p->body, 3);
    assert_int_equal(body_peek(&p->body, iov, 4), 1);
    assert_ptr_equal(iov[0].iov_base, room.p);
    assert_int_equal(iov[0].iov_len, 3);
    assert_int_equal(body_reserve(&p->body).n, 997);
    body_commit(&p->body, 0);
    body_sent(&p->body, 3);
    assert_int_equal(body_peek(&p->body, iov, 4), 0);
    body_acked(&p->body, 3);
    assert_int_equal(p->pool.n_live, 0);
    assert_int_equal(body_reserve(&p->body).n, 1000);
    assert_int_equal(p->pool.n_live, 1);
    body_commit(&p->body, 0); /* nothing came: the chunk goes back */
    assert_int_equal(p->pool.n_live, 0);
}

/* What was reserved and not filled goes back, whatever was committed. */
static void reserves_many_pieces(void **state) {
    static const size_t commits[] = {0, 1, CHUNK_ROOM - 7, 2 * CHUNK_ROOM, 3 * CHUNK_ROOM};
    struct pair *p = *state;
    p->body.limit = 3 * CHUNK_ROOM;
    for (size_t i = 0; i < sizeof(commits) / sizeof(commits[0]); i++) {
        struct iovec iov[4];
        size_t n = commits[i];
        struct span room = body_reserve(&p->body);
        assert_int_equal(room.n, CHUNK_ROOM);
        assert_int_equal(body_reserve_more(&p->body, CHUNK_ROOM, iov, 4), 0); /* no more wanted */
        assert_int_equal(body_reserve_more(&p->body, SIZE_MAX, iov, 4), 2);
        assert_int_equal(iov[0].iov_len, CHUNK_ROOM);
        assert_int_equal(iov[1].iov_len, CHUNK_ROOM);
        assert_int_equal(p->pool.n_live, 3);
        memset(room.p, 'a', room.n);
        memset(iov[0].iov_base, 'b', iov[0].iov_len);
        memset(iov[1].iov_base, 'c', iov[1].iov_len);
        body_commit(&p->body, n);
        assert_int_equal(body_unsent(&p->body), n);
        assert_int_equal(p->pool.n_live, (n + CHUNK_ROOM - 1) / CHUNK_ROOM);
        for (size_t at = 0; at < n; at++) {
            char c;
            assert_int_equal(body_read(&p->body, &c, 1), 1);
            assert_int_equal(c, "abc"[at / CHUNK_ROOM]);
        }
        assert_int_equal(p->pool.n_live, 0);
    }
}

/* The first piece is what is left of a chunk, the last as much as the limit leaves. */
static void reserves_behind_bytes(void **state) {
    struct pair *p = *state;
    struct iovec iov[4];
    p->body.limit = 2 * CHUNK_ROOM;
    assert_int_equal(body_write(&p->body, zeros, 1500), 1500);
    assert_int_equal(body_reserve(&p->body).n, CHUNK_ROOM - 1500);
    assert_int_equal(body_reserve_more(&p->body, SIZE_MAX, iov, 4), 1);
    assert_int_equal(iov[0].iov_len, CHUNK_ROOM);
    body_commit(&p->body, 2 * CHUNK_ROOM - 1500);
    assert_int_equal(body_room(&p->body), 0);
    assert_int_equal(body_peek(&p->body, iov, 4), 2);
    body_sent(&p->body, 2 * CHUNK_ROOM);
    body_acked(&p->body, 2 * CHUNK_ROOM);
    assert_int_equal(p->pool.n_live, 0);
}

static void keeps_bytes_until_acked(void **state) {
    struct pair *p = *state;
    struct iovec iov;
    assert_int_equal(body_write(&p->body, "abcdef", 6), 6);
    assert_int_equal(body_peek(&p->body, &iov, 1), 1);
    body_sent(&p->body, 6);
    assert_int_equal(body_write(&p->body, "ghi", 3), 3);
    assert_memory_equal(iov.iov_base, "abcdef", 6);
    body_acked(&p->body, 2);
    assert_memory_equal((char *)iov.iov_base + 2, "cdef", 4);
    body_acked(&p->body, 4);
    assert_int_equal(body_peek(&p->body, &iov, 1), 1);
    assert_memory_equal(iov.iov_base, "ghi", 3);
    assert_int_equal(iov.iov_len, 3);
}

static void stops(void **state) {
    struct pair *p = *state;
    struct iovec iov;
    assert_int_equal(body_write(&p->body, "abcdef", 6), 6);
    assert_int_equal(body_peek(&p->body, &iov, 1), 1);
    body_sent(&p->body, 2);
    heard(p, &p->producer);
    body_stop(&p->body, REASON_UPSTREAM_DONE);
    assert_int_equal(heard(p, &p->producer), END_STOP | END_ROOM);
    assert_int_equal(p->body.state, BODY_STOPPED);
    assert_int_equal(p->body.reason, REASON_UPSTREAM_DONE);
    assert_int_equal(body_peek(&p->body, &iov, 1), 0);
    assert_int_equal(body_take_credit(&p->body), 6); /* dropped is taken */
    assert_int_equal(body_write(&p->body, zeros, 5000), 5000);
    assert_int_equal(body_take_credit(&p->body), 5000);
    assert_int_equal(p->body.dropped, 5004);
    assert_int_equal(body_room(&p->body), 0);
    assert_memory_equal(iov.iov_base, "ab", 2); /* sent, not acked */
    assert_int_equal(p->pool.n_live, 1);
    body_acked(&p->body, 2);
    assert_int_equal(p->pool.n_live, 0);
    body_finish(&p->body);
    body_abort(&p->body, REASON_CLIENT_GONE);
    assert_int_equal(p->body.state, BODY_STOPPED);
}

static void stops_what_is_complete_in_silence(void **state) {
    struct pair *p = *state;
    assert_int_equal(body_write(&p->body, "abc", 3), 3);
    body_finish(&p->body);
    body_stop(&p->body, REASON_CLIENT_GONE);
    assert_int_equal(p->body.state, BODY_COMPLETE);
    assert_true(body_at_end(&p->body));
    assert_int_equal(heard(p, &p->producer), END_ROOM);
    assert_int_equal(body_take_credit(&p->body), 3);
    assert_int_equal(p->pool.n_live, 0);
}

static void aborts(void **state) {
    struct pair *p = *state;
    char to[3];
    assert_int_equal(body_write(&p->body, "abc", 3), 3);
    heard(p, &p->consumer);
    body_abort(&p->body, REASON_UPSTREAM_CUT);
    body_finish(&p->body);
    assert_int_equal(heard(p, &p->consumer), END_DATA);
    assert_int_equal(p->body.state, BODY_ABORTED);
    assert_int_equal(p->body.reason, REASON_UPSTREAM_CUT);
    assert_int_equal(body_read(&p->body, to, 3), 3); /* what came may still be passed on */
    assert_false(body_at_end(&p->body));
}

static void spans_chunks(void **state) {
    struct pair *p = *state;
    struct iovec iov[8];
    body_fini(&p->body);
    pair_start(p, 1 << 20);
    assert_int_equal(body_write(&p->body, zeros, 50000), 50000);
    assert_int_equal(p->pool.n_live, 4);
    assert_int_equal(body_peek(&p->body, iov, 8), 4);
    assert_int_equal(body_peek(&p->body, iov, 2), 2);
    body_sent(&p->body, CHUNK_ROOM); /* exactly to a border */
    assert_int_equal(body_peek(&p->body, iov, 8), 3);
    assert_int_equal(iov[0].iov_len, CHUNK_ROOM);
    body_acked(&p->body, CHUNK_ROOM);
    assert_int_equal(p->pool.n_live, 3);
    body_stop(&p->body, REASON_CLIENT_GONE);
    assert_int_equal(p->pool.n_live, 0);
}

/* A body against plain counters: byte number i is i modulo 251. */
struct model {
    uint64_t written, sent, acked, credited;
};

static void check_peek(const struct body *body, const struct model *m, const struct iovec *iov,
                       int n) {
    uint64_t at = m->sent;
    for (int i = 0; i < n; i++) {
        const uint8_t *p = iov[i].iov_base;
        assert_true(iov[i].iov_len > 0);
        for (size_t k = 0; k < iov[i].iov_len; k++)
            assert_int_equal(p[k], at++ % 251);
    }
    assert_true(n == 64 || at == m->written);
    assert_int_equal(body_unsent(body), m->written - m->sent);
}

static void fill(uint8_t *p, uint64_t from, size_t n) {
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)((from + i) % 251);
}

static void produce(struct body *body, struct model *m, unsigned *seed) {
    static uint8_t bytes[40000];
    size_t n = (size_t)rand_r(seed) % (rand_r(seed) % 4 ? 600 : sizeof(bytes));
    if (rand_r(seed) % 2) {
        fill(bytes, m->written, n);
        size_t room = body_room(body);
        ptrdiff_t taken = body_write(body, bytes, n);
        assert_int_equal(taken, n < room ? n : room);
        m->written += (uint64_t)taken;
        return;
    }
    struct span room = body_reserve(body);
    assert_true(room.n <= body_room(body));
    assert_int_equal(room.n == 0, body_room(body) == 0);
    n = n < room.n ? n : room.n;
    fill(room.p, m->written, n);
    if (room.n > 0)
        body_commit(body, n);
    m->written += n;
}

static void consume(struct body *body, struct model *m, unsigned *seed) {
    struct iovec iov[64];
    int n = body_peek(body, iov, 64);
    check_peek(body, m, iov, n);
    size_t sent = (size_t)rand_r(seed) % (m->written - m->sent + 1);
    body_sent(body, sent);
    m->sent += sent;
    if (rand_r(seed) % 8 == 0)
        sent = m->sent - m->acked;
    else
        sent = (size_t)rand_r(seed) % (m->sent - m->acked + 1);
    body_acked(body, sent);
    m->acked += sent;
}

static void agrees_with_a_model(void **state) {
    struct pair *p = *state;
    const uint32_t limits[] = {1, 100, 5000, 20000, 100000};
    unsigned seed = 5;
    for (size_t round = 0; round < sizeof(limits) / sizeof(limits[0]); round++) {
        struct model m = {0};
        body_fini(&p->body);
        pair_start(p, limits[round]);
        for (int step = 0; step < 1500; step++) {
            if (rand_r(&seed) % 2)
                produce(&p->body, &m, &seed);
            else
                consume(&p->body, &m, &seed);
            if (rand_r(&seed) % 10 == 0)
                m.credited += body_take_credit(&p->body);
            assert_true(m.credited <= m.sent);
            assert_true(p->body.written <= p->body.sent + limits[round]);
            turn_run(&p->turn, 10);
        }
        body_sent(&p->body, m.written - m.sent);
        body_acked(&p->body, m.written - m.acked);
        assert_int_equal(m.credited + body_take_credit(&p->body), m.written);
        assert_int_equal(p->pool.n_live, 0);
    }
}

/* Whoever is told of room after a short write is told before the consumer starves. */
static void never_forgets_a_waiting_producer(void **state) {
    struct pair *p = *state;
    unsigned seed = 9;
    body_fini(&p->body);
    pair_start(p, 777);
    bool waits = false;
    for (uint64_t moved = 0; moved < 300000;) {
        if (!waits)
            waits = body_write(&p->body, zeros, 333) < 333;
        struct iovec iov;
        if (body_peek(&p->body, &iov, 1) == 1) {
            size_t n = 1 + (size_t)rand_r(&seed) % iov.iov_len;
            body_sent(&p->body, n);
            body_acked(&p->body, n);
            moved += n;
        } else {
            assert_false(waits); /* empty, and nobody told the producer */
        }
        if (heard(p, &p->producer) & END_ROOM)
            waits = false;
    }
}

/* Over the budget each body still has a chunk's room, and is woken by its own reader alone. */
static void shares_a_budget(void **state) {
    struct pair *p = *state;
    struct body_budget budget = {.limit = 50000};
    struct body other;
    body_fini(&p->body);
    pair_start(p, 40000);
    body_init(&other, &p->pool, 40000);
    body_join_budget(&p->body, &budget);
    body_join_budget(&other, &budget);
    assert_int_equal(body_write(&p->body, zeros, 65536), 40000); /* its own limit */
    assert_int_equal(body_write(&other, zeros, 5000), 5000);
    assert_int_equal(body_room(&other), CHUNK_ROOM - 5000); /* more than the 5000 left */
    assert_int_equal(body_write(&other, zeros, 65536), CHUNK_ROOM - 5000);
    assert_int_equal(budget.held, 40000 + CHUNK_ROOM);
    body_sent(&p->body, 20000); /* half-empty; the budget has 13632 left for both */
    assert_int_equal(body_room(&p->body), 50000 - 20000 - CHUNK_ROOM);
    assert_int_equal(body_room(&other), 50000 - 20000 - CHUNK_ROOM);
    assert_int_equal(body_write(&p->body, zeros, 65536), 50000 - 20000 - CHUNK_ROOM);
    assert_int_equal(budget.held, 50000);
    (void)heard(p, &p->producer);
    body_sent(&p->body, 14000); /* not yet: others may have the rest */
    assert_int_equal(body_room(&p->body), 14000);
    body_stop(&other, REASON_CLIENT_GONE);
    assert_int_equal(budget.held, 50000 - 14000 - CHUNK_ROOM);
    body_sent(&p->body, 1);
    assert_int_equal(heard(p, &p->producer) & END_ROOM, END_ROOM);
    body_leave_budget(&p->body);
    assert_int_equal(budget.held, 0);
    assert_int_equal(body_room(&p->body), 40000 - body_unsent(&p->body));
    body_acked(&p->body, 34001);
    body_fini(&other);
}

/* What is kept for QUIC to ask for again is nobody's to count. */
static void keeps_without_a_budget(void **state) {
    struct pair *p = *state;
    struct body_budget budget = {.limit = 50000};
    struct body kept;
    body_join_budget(&p->body, &budget);
    assert_int_equal(body_write(&p->body, zeros, 1000), 1000);
    body_sent(&p->body, 600);
    assert_int_equal(budget.held, 400);
    body_keep(&p->body, &kept);
    assert_int_equal(budget.held, 0);
    body_fini(&kept);
    body_fini(&p->body);
    assert_int_equal(budget.held, 0);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_PAIR(carries_bytes),
        WITH_PAIR(holds_the_producer_back),
        WITH_PAIR(reserves_in_place),
        WITH_PAIR(reserves_many_pieces),
        WITH_PAIR(reserves_behind_bytes),
        WITH_PAIR(keeps_bytes_until_acked),
        WITH_PAIR(stops),
        WITH_PAIR(stops_what_is_complete_in_silence),
        WITH_PAIR(aborts),
        WITH_PAIR(spans_chunks),
        WITH_PAIR(agrees_with_a_model),
        WITH_PAIR(never_forgets_a_waiting_producer),
        WITH_PAIR(shares_a_budget),
        WITH_PAIR(keeps_without_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
