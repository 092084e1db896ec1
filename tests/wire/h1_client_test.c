/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "join.h"
#include "proto/h1/h1.h"
#include "visit.h"

/* An upstream written by hand against the HTTP/1.1 client: what it gets to read, word by
 * word, and what becomes of its answers, good and evil. Bytes are cut anywhere. */

enum { SCRATCH = 16384, SEEDS = 6, VISITS = 3 };

struct world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct peer peer;
    struct http_client *client;
    struct join *join;
    struct task owner;
    struct visit visits[VISITS];
    uint8_t scratch[SCRATCH];
};

/* The client is freed with its engine: its owner forgets it as soon as it hears of that. */
static void owner_run(struct task *task, uint32_t events) {
    if (events & CLIENT_GONE)
        container_of(task, struct world, owner)->client = NULL;
}

static struct world *world_new(uint64_t seed) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    turn_init(&w->turn);
    turn_begin(&w->turn, SECOND_NS, 1);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    http_env_init(&w->env, &w->turn, &w->chunks);
    w->env.limits = &w->limits;
    w->env.scratch = w->scratch;
    w->env.scratch_bytes = SCRATCH;
    w->peer.version = HTTP_1_1;
    task_init(&w->owner, &w->turn, owner_run);
    w->client = h1_client_new(&w->env, &w->peer, &w->owner);
    visit_env(&w->env, w->client);
    w->join = join_new(&w->turn, w->client->engine, NULL, seed);
    join_room(w->join, 1 << 20);
    return w;
}

static void world_free(struct world *w) {
    join_free(w->join);
    task_fini(&w->owner);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    assert_int_equal(w->env.n_exchanges, 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    free(w);
}

static void quiet(struct world *w) {
    join_run(w->join, SECOND_NS, NULL, NULL);
}

/* What the upstream has read since the last time. */
static const char *heard(struct world *w) {
    static char text[4096];
    struct buf *read = join_read(w->join, JOIN_B);
    snprintf(text, sizeof(text), "%.*s", (int)read->n, read->n ? (char *)read->p : "");
    buf_reset(read);
    return text;
}

static struct visit *ask(struct world *w, int i, const char *path) {
    w->visits[i].path = path;
    visit_start(&w->visits[i], &w->env, &w->peer);
    quiet(w);
    return &w->visits[i];
}

static void answer_n(struct world *w, const char *text, size_t n) {
    join_write(w->join, JOIN_B, text, n);
    quiet(w);
}

static void answer(struct world *w, const char *text) {
    answer_n(w, text, strlen(text));
}

static void test_what_is_asked(void **state) {
    (void)state;
    static const struct {
        struct visit visit;
        const char *text;
    } rows[] = {
        {{.path = "/"}, "GET / HTTP/1.1\r\nhost: test.example\r\n\r\n"},
        {{.path = "/x?y", .method = "DELETE"},
         "DELETE /x?y HTTP/1.1\r\nhost: test.example\r\n\r\n"},
        {{.path = "/", .method = "POST"},
         "POST / HTTP/1.1\r\nhost: test.example\r\ncontent-length: 0\r\n\r\n"},
        {{.path = "/", .field_name = "te", .field_value = "trailers"},
         "GET / HTTP/1.1\r\nhost: test.example\r\nte: trailers\r\nconnection: te\r\n\r\n"},
        {{.path = "/", .body_bytes = 2},
         "POST / HTTP/1.1\r\nhost: test.example\r\ncontent-length: 2\r\n\r\n\x03\x86"},
        {{.path = "/", .body_bytes = 2, .no_length = true, .trailers = true},
         "POST / HTTP/1.1\r\nhost: test.example\r\ntransfer-encoding: chunked\r\n\r\n"
         "2\r\n\x03\x86\r\n0\r\nx-sum: from the client\r\n\r\n"},
        /* behind a length there is no place for the trailers that are announced; others are dropped
         */
        {{.path = "/",
          .body_bytes = 2,
          .trailers = true,
          .field_name = "trailer",
          .field_value = "a"},
         "POST / HTTP/1.1\r\nhost: test.example\r\ntrailer: a\r\ntransfer-encoding: chunked\r\n\r\n"
         "2\r\n\x03\x86\r\n0\r\nx-sum: from the client\r\n\r\n"},
        {{.path = "/", .body_bytes = 2, .trailers = true},
         "POST / HTTP/1.1\r\nhost: test.example\r\ncontent-length: 2\r\n\r\n\x03\x86"},
        /* what no field can be is never written */
        {{.path = "/", .field_name = "evil", .field_value = "a\r\nevil: b"},
         "GET / HTTP/1.1\r\nhost: test.example\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world *w = world_new(i);
        w->visits[0] = rows[i].visit;
        ask(w, 0, rows[i].visit.path);
        assert_string_equal(heard(w), rows[i].text);
        world_free(w);
    }
}

static void test_what_cannot_be_asked(void **state) {
    (void)state;
    static const struct visit rows[] = {
        {.path = "/a b"},
        {.path = "/a\r\nx: y"},
        {.path = "/", .method = "GET / HTTP/1.1\r\nx:"},
        {.path = "", .method = "CONNECT"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world *w = world_new(i);
        w->visits[0] = rows[i];
        assert_int_equal(ask(w, 0, rows[i].path)->status, 503);
        assert_string_equal(heard(w), "");
        assert_true(client_can_open(w->client)); /* nothing has happened */
        world_free(w);
    }
}

/* Good answers: the body is the first bytes of the visits' pattern, 03 86 09 8c. */
static void test_good_answers(void **state) {
    (void)state;
    static const struct {
        const char *method, *text;
        int status;
        uint64_t received;
        bool reused;
    } rows[] = {
#define OK "HTTP/1.1 200 OK\r\n"
        {"GET", OK "Content-Length: 3\r\n\r\n\x03\x86\x09", 200, 3, true},
        {"GET", OK "Content-Length: 0\r\n\r\n", 200, 0, true},
        {"GET", OK "Transfer-Encoding: chunked\r\n\r\n2\r\n\x03\x86\r\n1;x=y\r\n\x09\r\n0\r\n\r\n",
         200, 3, true},
        {"GET", OK "Connection: close\r\nContent-Length: 3\r\n\r\n\x03\x86\x09", 200, 3, false},
        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n\x03\x86\x09", 200, 3, false},
        {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 200, 0,
         true},
        {"HEAD", OK "Content-Length: 3\r\n\r\n", 200, 0, true},
        {"HEAD", OK "Transfer-Encoding: chunked\r\n\r\n", 200, 0, true},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0, true},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", 304, 0, true},
        {"GET", "HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n", 299, 0, true},
        {"GET",
         "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK
         "Content-Length: 0\r\n\r\n",
         200, 0, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct world *w = world_new(seed);
            w->visits[0].method = rows[i].method;
            struct visit *v = ask(w, 0, "/");
            answer(w, rows[i].text);
            if (!v->complete)
                print_error("%s\n", rows[i].text);
            assert_true(v->complete && !v->wrong);
            assert_int_equal(v->status, rows[i].status);
            assert_int_equal(v->received, rows[i].received);
            assert_int_equal(w->client != NULL, rows[i].reused);
            world_free(w);
        }
    }
}

static void test_fields_that_end_here(void **state) {
    (void)state;
    struct world *w = world_new(1);
    struct visit *v = ask(w, 0, "/");
    answer(w, OK "Content-Length: 0\r\nX-Count: gone\r\nConnection: X-Count\r\n\r\n");
    assert_true(v->complete);
    assert_string_equal(v->count, "");
    world_free(w);
}

static void test_until_the_end_of_the_connection(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world *w = world_new(seed);
        struct visit *v = ask(w, 0, "/");
        answer(w, OK "\r\n\x03\x86\x09");
        assert_false(v->over);
        join_finish(w->join, JOIN_B);
        quiet(w);
        assert_true(v->complete);
        assert_int_equal(v->received, 3);
        assert_null(w->client);
        world_free(w);
    }
}

/* The client that asked must learn that something is wrong: before the head by an exchange
 * that fails, after it by one that never ends cleanly. */
static void test_evil_answers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum reason reason;
        bool fin;
    } rows[] = {
        {"", REASON_UPSTREAM_CLOSED, true},
        {"HTTP/1.1 2", REASON_UPSTREAM_CUT, true},
        {"HTTP/1.1 103 X\r\n\r\n", REASON_UPSTREAM_CUT, true},
        {OK "Content-Length: 3\r\n\r\n\x03\x86", REASON_UPSTREAM_CUT, true},
        {OK "Transfer-Encoding: chunked\r\n\r\n2\r\n\x03\x86\r\n", REASON_UPSTREAM_CUT, true},
        {OK "Transfer-Encoding: chunked\r\n\r\n2\r\n\x03\x86\r\n0\r\n", REASON_UPSTREAM_CUT, true},
#define EVIL(text) {text, REASON_UPSTREAM_PROTOCOL, false}
        EVIL(OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        EVIL(OK "Transfer-Encoding: chunked\r\n\r\n2\r\n\x03\x86\x09\r\n0\r\n\r\n"),
        EVIL(OK "Transfer-Encoding: gzip\r\n\r\n"),
        EVIL(OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        EVIL(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        EVIL("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        EVIL(OK "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        EVIL(OK "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
        EVIL(OK "Content-Length: 0, 0\r\n\r\n"),
        EVIL(OK "Content-Length: -1\r\n\r\n"),
        EVIL(OK "X : y\r\n\r\n"),
        EVIL(OK "X: y\r\n z\r\n\r\n"),
        EVIL(OK "X: y\n\r\n"),
        EVIL(OK "X: \x01\r\n\r\n"),
        EVIL("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        EVIL("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        EVIL("HTTP/1.1 099 X\r\n\r\n"),
        EVIL("HTTP/1.1 20 X\r\n\r\n"),
        EVIL("HTTP/1.1 2000 X\r\n\r\n"),
        EVIL("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        EVIL("\r\nHTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"),
        EVIL("ICY 200 OK\r\nContent-Length: 0\r\n\r\n"),
        EVIL("SSH-2.0-OpenSSH_9.2\r\n"),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct world *w = world_new(seed);
            struct visit *v = ask(w, 0, "/");
            join_write(w->join, JOIN_B, rows[i].text, strlen(rows[i].text));
            if (rows[i].fin)
                join_finish(w->join, JOIN_B);
            quiet(w);
            if (!v->over || v->reason != rows[i].reason)
                print_error("%s\nover %d reason %s\n", rows[i].text, v->over,
                            reason_name(v->reason));
            assert_true(v->over && !v->complete);
            assert_int_equal(v->reason, rows[i].reason);
            assert_null(w->client);
            assert_true(join_ended(w->join, JOIN_A));
            world_free(w);
        }
    }
}

static void test_a_head_without_end(void **state) {
    (void)state;
    struct world *w = world_new(1);
    struct visit *v = ask(w, 0, "/");
    answer(w, OK);
    for (int i = 0; i < 10000 && !v->over; i++)
        answer(w, "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
    assert_int_equal(v->reason, REASON_UPSTREAM_TOO_LARGE);
    world_free(w);
}

static void test_informational_heads_without_end(void **state) {
    (void)state;
    struct world *w = world_new(1);
    struct visit *v = ask(w, 0, "/");
    for (int i = 0; i < 1000 && !v->over; i++)
        answer(w, "HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_int_equal(v->reason, REASON_UPSTREAM_PROTOCOL);
    world_free(w);
}

/* Response splitting, response queue poisoning: the second response is never ours. */
static void test_bytes_after_the_end(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world *w = world_new(seed);
        struct visit *v = ask(w, 0, "/");
        answer(w, OK "Content-Length: 0\r\n\r\n" OK "Content-Length: 3\r\n\r\nbad");
        assert_true(v->complete);
        assert_null(w->client);
        world_free(w);

        w = world_new(seed);
        ask(w, 0, "/");
        answer(w, OK "Content-Length: 0\r\n\r\n");
        assert_true(client_can_open(w->client));
        answer(w, seed % 2 ? "\r" : "H"); /* a byte between the requests is enough */
        assert_null(w->client);
        world_free(w);
    }
}

static void test_idle_close(void **state) {
    (void)state;
    struct world *w = world_new(1);
    ask(w, 0, "/");
    answer(w, OK "Content-Length: 0\r\n\r\n");
    join_finish(w->join, JOIN_B);
    quiet(w);
    assert_null(w->client);
    world_free(w);
}

static bool has_body(void *world) {
    struct buf *read = join_read(((struct world *)world)->join, JOIN_B);
    return read->n > 4 && memcmp(read->p + read->n - 2, "\x03\x86", 2) == 0;
}

static struct visit *ask_expecting(struct world *w) {
    w->visits[0].body_bytes = 2;
    w->visits[0].path = "/";
    visit_start(&w->visits[0], &w->env, &w->peer);
    w->visits[0].x->request.expect_continue = true;
    quiet(w);
    return &w->visits[0];
}

static void test_expect_continue(void **state) {
    (void)state;
    static const char head[] = "POST / HTTP/1.1\r\nhost: test.example\r\nexpect: 100-continue\r\n"
                               "content-length: 2\r\n\r\n";
    struct world *w = world_new(1);
    struct visit *v = ask_expecting(w);
    assert_string_equal(heard(w), head);
    answer(w, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_string_equal(heard(w), "\x03\x86");
    answer(w, OK "Content-Length: 0\r\n\r\n");
    assert_true(v->complete && w->client);
    world_free(w);

    w = world_new(1); /* who never says 100 gets the body a second later */
    v = ask_expecting(w);
    assert_false(has_body(w));
    assert_true(join_run(w->join, 2 * SECOND_NS, has_body, w));
    world_free(w);

    w = world_new(1); /* and who refuses never gets it */
    v = ask_expecting(w);
    answer(w, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(v->status, 413);
    assert_true(v->complete);
    assert_string_equal(heard(w), head);
    assert_null(w->client);
    world_free(w);
}

static void test_cancelled_requests_end_the_connection(void **state) {
    (void)state;
    for (int when = 0; when < 3; when++) {
        struct world *w = world_new(1);
        struct visit *v = ask(w, 0, "/");
        if (when == 1)
            answer(w, "HTTP/1.1 20");
        if (when == 2)
            answer(w, OK "Content-Length: 5\r\n\r\n\x03\x86");
        visit_cancel(v);
        quiet(w);
        assert_null(w->client);
        assert_true(join_ended(w->join, JOIN_A));
        world_free(w);
    }
}

/* ---- a body that pauses ---- */

static bool never(void *context) {
    (void)context;
    return false;
}

static void wait_seconds(struct world *w, uint64_t seconds) {
    uint64_t end_ns = w->turn.now_ns + seconds * SECOND_NS;
    join_run(w->join, seconds * SECOND_NS, never, NULL);
    turn_begin(&w->turn, end_ns, 1);
}

static void assert_paused_too_long(struct world *w, const struct visit *v) {
    assert_true(v->over && !v->complete);
    assert_int_equal(v->reason, REASON_UPSTREAM_BODY_TIMEOUT);
    assert_null(w->client); /* what comes late must not be the next response */
    assert_true(join_ended(w->join, JOIN_A));
}

static void test_a_body_that_pauses(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {OK "Content-Length: 4\r\n\r\n", "\x03", "\x86"},
        {OK "Transfer-Encoding: chunked\r\n\r\n", "1\r\n\x03\r\n", "1\r\n\x86\r\n"},
        {OK "\r\n", "\x03", "\x86"},
    };
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct world *w = world_new(i);
        w->limits.response_body_timeout_ns = i % 2 ? 5 * SECOND_NS : 0;
        struct visit *v = ask(w, 0, "/");
        wait_seconds(w, 100); /* its head is not the body's business */
        for (int part = 0; part < 3; part++) {
            answer(w, rows[i / 2][part]);
            wait_seconds(w, 4);
            assert_false(v->over);
        }
        assert_int_equal(v->received, 2);
        wait_seconds(w, i % 2 ? 2 : 1000000);
        if (i % 2)
            assert_paused_too_long(w, v);
        else
            assert_false(v->over);
        world_free(w);
    }
}

static void answer_pattern(struct world *w, const char *head, size_t n) {
    char body[20000];
    assert_true(n <= sizeof(body));
    for (size_t i = 0; i < n; i++)
        body[i] = (char)pattern_at(i);
    answer(w, head);
    answer_n(w, body, n);
}

/* As the client takes nothing, be there room for no byte more or bytes that wait. */
static void test_a_body_that_we_do_not_take_is_not_late(void **state) {
    (void)state;
    for (size_t n = 16384; n < 16386; n++) {
        for (int chunked = 0; chunked < 2; chunked++) {
            struct world *w = world_new(n);
            w->limits.response_body_timeout_ns = 5 * SECOND_NS;
            w->limits.body_buffer_bytes = 16384;
            w->visits[0].paused = true;
            struct visit *v = ask(w, 0, "/");
            answer_pattern(w,
                           chunked ? OK "Transfer-Encoding: chunked\r\n\r\n8000\r\n"
                                   : OK "Content-Length: 20000\r\n\r\n",
                           n);
            wait_seconds(w, 100);
            visit_resume(v);
            wait_seconds(w, 4);
            assert_false(v->over || v->wrong);
            assert_int_equal(v->received, n);
            wait_seconds(w, 2);
            assert_paused_too_long(w, v);
            world_free(w);
        }
    }
}

/* Who answers before it has all of the request may wait for the rest. */
static void test_a_body_behind_an_upload_is_not_late(void **state) {
    (void)state;
    struct world *w = world_new(1);
    w->limits.response_body_timeout_ns = 5 * SECOND_NS;
    w->visits[0].endless = true;
    struct visit *v = ask(w, 0, "/");
    answer(w, OK "Content-Length: 4\r\n\r\n\x03");
    wait_seconds(w, 100);
    assert_false(v->over);
    body_finish(&v->x->request.body);
    wait_seconds(w, 4);
    assert_false(v->over);
    wait_seconds(w, 2);
    assert_paused_too_long(w, v);
    world_free(w);
}

static void test_between_bodies_nothing_is_late(void **state) {
    (void)state;
    struct world *w = world_new(1);
    w->limits.response_body_timeout_ns = 5 * SECOND_NS;
    for (int i = 0; i < 2; i++) {
        struct visit *v = ask(w, i, "/");
        answer(w, OK "Content-Length: 2\r\n\r\n\x03\x86");
        assert_true(v->complete);
        wait_seconds(w, 100);
        assert_non_null(w->client);
    }
    world_free(w);
}

/* A handler that lends the exchange gets it back when the connection fails. */
struct manager {
    struct end end;
    struct world *world;
    uint32_t events;
    enum reason reason;
};

static void manager_run(struct task *task, uint32_t events) {
    struct manager *m = container_of(end_of(task), struct manager, end);
    m->events |= events;
    if (m->end.x && (events & END_BACK)) {
        m->reason = m->end.x->reason;
        exchange_reset(&m->end, m->reason);
    }
}

static struct manager manager;

static void manager_route(struct exchange *x) {
    struct world *w = container_of(x->env, struct world, env);
    end_init(&manager.end, x->env->turn, manager_run);
    exchange_take(x, &manager.end);
    assert_int_equal(w->client->ops->open(w->client, x, true), 0);
}

static void test_lent_exchanges_come_back(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum reason reason;
    } rows[] = {{"", REASON_UPSTREAM_CLOSED}, {"HTTP", REASON_UPSTREAM_CUT}};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_new(1);
        w->env.route = manager_route;
        manager = (struct manager){0};
        struct visit *v = ask(w, 0, "/");
        answer(w, rows[i].text);
        join_finish(w->join, JOIN_B);
        quiet(w);
        assert_true(manager.events & END_BACK);
        assert_int_equal(manager.reason, rows[i].reason);
        assert_int_equal(v->reason, rows[i].reason);
        task_fini(&manager.end.task);
        world_free(w);
    }
    struct world *w = world_new(1); /* or when it takes it back itself */
    w->env.route = manager_route;
    manager = (struct manager){0};
    struct visit *v = ask(w, 0, "/");
    exchange_recall(v->x);
    exchange_reset(&manager.end, REASON_UPSTREAM_TIMEOUT);
    quiet(w);
    assert_int_equal(v->reason, REASON_UPSTREAM_TIMEOUT);
    assert_null(w->client);
    task_fini(&manager.end.task);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked),
        cmocka_unit_test(test_what_cannot_be_asked),
        cmocka_unit_test(test_good_answers),
        cmocka_unit_test(test_fields_that_end_here),
        cmocka_unit_test(test_until_the_end_of_the_connection),
        cmocka_unit_test(test_evil_answers),
        cmocka_unit_test(test_a_head_without_end),
        cmocka_unit_test(test_informational_heads_without_end),
        cmocka_unit_test(test_bytes_after_the_end),
        cmocka_unit_test(test_idle_close),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_cancelled_requests_end_the_connection),
        cmocka_unit_test(test_a_body_that_pauses),
        cmocka_unit_test(test_a_body_that_we_do_not_take_is_not_late),
        cmocka_unit_test(test_a_body_behind_an_upload_is_not_late),
        cmocka_unit_test(test_between_bodies_nothing_is_late),
        cmocka_unit_test(test_lent_exchanges_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
