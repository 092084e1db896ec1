/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handler/proxy.h"
#include "loopback.h"
#include "sys/sock.h"

/* Requests that wait for the one connection that an upstream may have, and leave at moments that
 * no client can hit. Everything is real but the clients' side; the upstream is a socket in the
 * test's own hands. */

enum { ASKERS = 3 };

struct queue;

/* The front of one request, which wants no more of its answer than that it came. */
struct asker {
    struct end end;
    struct queue *q;
    bool answered, was_reset;
};

struct queue {
    struct turn turn;
    struct loop *loop;
    struct resolver *resolver;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env http;
    struct log log;
    struct uri uri;
    struct upstream_config config;
    struct proxy_config proxy;
    struct upstream *upstream;
    struct asker askers[ASKERS];
    struct task spinner; /* runs in every lap, between the others */
    struct asker *leaver;
    int listener, fd; /* the upstream's: of the one connection, or -1 */
    uint8_t scratch[16384];
    char heard[4096];
    size_t n_heard;
};

static void say_nothing(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log, (void)level, (void)line, (void)n;
}

static void route(struct exchange *x) {
    struct queue *q = x->env->owner;
    proxy_open(x, q->upstream, &q->proxy);
}

static int set_up(void **state) {
    static struct queue queue;
    struct queue *q = &queue;
    *q = (struct queue){.log = {.level = LOG_INFO, .write = say_nothing}, .fd = -1};
    turn_init(&q->turn);
    q->loop = loop_new(&q->turn);
    q->resolver = resolver_new(q->loop, &q->log);
    assert_true(q->loop && q->resolver);
    chunk_pool_init(&q->chunks, 4);
    http_env_init(&q->http, &q->turn, &q->chunks);
    http_limits_default(&q->limits);
    q->http.limits = &q->limits;
    q->http.scratch = q->scratch;
    q->http.scratch_bytes = sizeof(q->scratch);
    q->http.log = &q->log;
    q->http.route = route;
    q->http.owner = q;
    q->uri = loopback_listen("http", &q->listener);
    q->config = (struct upstream_config){.name = STR("one at a time"),
                                         .uris = &q->uri,
                                         .n_uris = 1,
                                         .max_connections = 1,
                                         .connect_timeout_ns = 60 * SECOND_NS,
                                         .idle_timeout_ns = 3600 * SECOND_NS};
    q->proxy = (struct proxy_config){.response_timeout_ns = 3600 * SECOND_NS, .max_attempts = 2};
    struct upstream_env env = {q->loop, q->resolver, &q->http, &q->log};
    q->upstream = upstream_new(&env, &q->config);
    assert_non_null(q->upstream);
    *state = q;
    return 0;
}

static int tear_down(void **state) {
    struct queue *q = *state;
    for (int i = 0; i < ASKERS; i++)
        exchange_reset(&q->askers[i].end, REASON_CLIENT_GONE);
    loop_lap(q->loop, 0);
    task_fini(&q->spinner);
    upstream_free(q->upstream);
    loop_lap(q->loop, 0);
    loop_lap(q->loop, 0);
    for (int i = 0; i < ASKERS; i++)
        task_fini(&q->askers[i].end.task);
    assert_int_equal(q->http.n_exchanges, 0);
    resolver_free(q->resolver);
    loop_lap(q->loop, 0);
    chunk_pool_fini(&q->chunks);
    loop_free(q->loop);
    turn_fini(&q->turn);
    close(q->listener);
    if (q->fd >= 0)
        close(q->fd);
    return 0;
}

#define WAIT(q, condition) LOOPBACK_WAIT((q)->loop, condition)

/* ---- the clients ---- */

static void asker_run(struct task *task, uint32_t events) {
    struct asker *a = (struct asker *)end_of(task);
    struct exchange *x = a->end.x;
    if (!x)
        return;
    a->was_reset = events & END_RESET;
    if (!a->was_reset && !exchange_take_head(x))
        return;
    a->answered = !a->was_reset;
    exchange_leave(&a->end);
}

static void ask(struct queue *q, int i, const char *path) {
    static const struct peer peer = {.version = HTTP_2};
    struct asker *a = &q->askers[i];
    a->q = q;
    end_init(&a->end, &q->turn, asker_run);
    struct exchange *x = exchange_new(&q->http, &a->end, &peer);
    assert_non_null(x);
    x->request.method = STR("GET");
    x->request.scheme = STR("https");
    x->request.authority = STR("example.org");
    x->request.path = str_of(path);
    x->request.content_length = 0;
    body_finish(&x->request.body);
    exchange_start(x);
}

/* ---- the upstream ---- */

static bool hears(struct queue *q, const char *text) {
    if (q->fd < 0)
        q->fd = accept4(q->listener, NULL, NULL, SOCK_NONBLOCK);
    ssize_t n = q->fd < 0 ? 0
                          : recv(q->fd, q->heard + q->n_heard, sizeof(q->heard) - q->n_heard - 1,
                                 MSG_DONTWAIT);
    q->n_heard += n > 0 ? (size_t)n : 0;
    return strstr(q->heard, text) != NULL;
}

static void answer(struct queue *q) {
    static const char text[] = "HTTP/1.1 204 No Content\r\n\r\n";
    assert_int_equal(send(q->fd, text, sizeof(text) - 1, MSG_NOSIGNAL), sizeof(text) - 1);
}

/* The first is on the connection, the two others wait for it. */
static void fill(struct queue *q) {
    ask(q, 0, "/first");
    WAIT(q, hears(q, "GET /first "));
    ask(q, 1, "/second");
    ask(q, 2, "/third");
    loop_lap(q->loop, 0);
}

static void expect_third_only(struct queue *q) {
    WAIT(q, hears(q, "GET /third "));
    assert_true(q->askers[0].answered);
    answer(q);
    WAIT(q, q->askers[2].answered);
    assert_null(strstr(q->heard, "/second"));
    assert_int_equal(upstream_numbers(q->upstream, 0).connects, 1);
}

/* ---- tests ---- */

static void one_after_the_other(void **state) {
    struct queue *q = *state;
    fill(q);
    answer(q);
    WAIT(q, hears(q, "GET /second "));
    assert_null(strstr(q->heard, "/third"));
    answer(q);
    WAIT(q, hears(q, "GET /third "));
    answer(q);
    WAIT(q, q->askers[2].answered);
    assert_true(q->askers[0].answered && q->askers[1].answered);
    assert_int_equal(upstream_numbers(q->upstream, 0).connects, 1);
}

static void who_waits_leaves(void **state) {
    struct queue *q = *state;
    fill(q);
    exchange_reset(&q->askers[1].end, REASON_CLIENT_CANCEL);
    answer(q);
    expect_third_only(q);
}

/* Behind the connection's task, which has found a waiter for it, and before the waiter's own. */
static void leave_when_granted(struct task *task, uint32_t events) {
    struct queue *q = container_of(task, struct queue, spinner);
    (void)events;
    if (upstream_numbers(q->upstream, 0).idle == 1) {
        exchange_reset(&q->leaver->end, REASON_CLIENT_CANCEL);
        q->leaver = NULL;
    } else {
        task_wake(task, 1);
    }
}

/* UPSTREAM_READY and END_RESET in one turn: the connection is for the next one. */
static void who_was_granted_a_connection_leaves(void **state) {
    struct queue *q = *state;
    fill(q);
    q->leaver = &q->askers[1];
    task_init(&q->spinner, &q->turn, leave_when_granted);
    task_wake(&q->spinner, 1);
    answer(q);
    WAIT(q, !q->leaver);
    expect_third_only(q);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_after_the_other),
        TEST(who_waits_leaves),
        TEST(who_was_granted_a_connection_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
