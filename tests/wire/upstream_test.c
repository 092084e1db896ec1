/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
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
    int status; /* of its answer */
    bool allow; /* which has this field */
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
    struct message *m = a->was_reset ? NULL : exchange_take_head(x);
    if (!a->was_reset && !m)
        return;
    a->answered = !a->was_reset;
    a->status = m ? m->status : 0;
    a->allow = m && fields_has(&m->fields, STR("allow"));
    exchange_leave(&a->end);
}

static void ask_with(struct queue *q, int i, const char *method, const char *path) {
    static const struct peer peer = {.version = HTTP_2};
    struct asker *a = &q->askers[i];
    a->q = q;
    end_init(&a->end, &q->turn, asker_run);
    struct exchange *x = exchange_new(&q->http, &a->end, &peer);
    assert_non_null(x);
    x->request.method = str_of(method);
    x->request.scheme = STR("https");
    x->request.authority = STR("example.org");
    x->request.path = str_of(path);
    x->request.content_length = 0;
    body_finish(&x->request.body);
    exchange_start(x);
}

static void ask(struct queue *q, int i, const char *path) {
    ask_with(q, i, "GET", path);
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

/* Without a word; what comes next is on another connection. */
static void hang_up(struct queue *q) {
    close(q->fd);
    q->fd = -1;
    memset(q->heard, 0, sizeof(q->heard));
    q->n_heard = 0;
}

static uint64_t connects(const struct queue *q) {
    return upstream_numbers(q->upstream, 0).connects;
}

/* The first is answered, and the connection kept. */
static void keep_one(struct queue *q) {
    ask(q, 0, "/first");
    WAIT(q, hears(q, "GET /first "));
    answer(q);
    WAIT(q, q->askers[0].answered && upstream_numbers(q->upstream, 0).idle == 1);
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

static void leave_when(struct queue *q, bool moment) {
    if (moment) {
        exchange_reset(&q->leaver->end, REASON_CLIENT_CANCEL);
        q->leaver = NULL;
    } else {
        task_wake(&q->spinner, 1);
    }
}

/* Behind the connection's task, which has found a waiter for it, and before the waiter's own. */
static void leave_when_granted(struct task *task, uint32_t events) {
    struct queue *q = container_of(task, struct queue, spinner);
    (void)events;
    leave_when(q, upstream_numbers(q->upstream, 0).idle == 1);
}

static void leave_during_a_dial(struct task *task, uint32_t events) {
    struct queue *q = container_of(task, struct queue, spinner);
    (void)events;
    leave_when(q, upstream_numbers(q->upstream, 0).connecting == 1);
}

static void let_run(struct queue *q, void (*run)(struct task *, uint32_t)) {
    task_init(&q->spinner, &q->turn, run);
    task_wake(&q->spinner, 1);
}

static void let_leave(struct queue *q, int i, void (*run)(struct task *, uint32_t)) {
    q->leaver = &q->askers[i];
    let_run(q, run);
}

/* UPSTREAM_READY and END_RESET in one turn: the connection is for the next one. */
static void who_was_granted_a_connection_leaves(void **state) {
    struct queue *q = *state;
    fill(q);
    let_leave(q, 1, leave_when_granted);
    answer(q);
    WAIT(q, !q->leaver);
    expect_third_only(q);
}

static void ask_third(struct task *task, uint32_t events) {
    struct queue *q = container_of(task, struct queue, spinner);
    (void)events;
    ask(q, 2, "/third");
}

/* It comes in the very turn in which the connection comes back. */
static void who_comes_later_waits_longer(void **state) {
    struct queue *q = *state;
    ask(q, 0, "/first");
    WAIT(q, hears(q, "GET /first "));
    ask(q, 1, "/second");
    loop_lap(q->loop, 0);
    answer(q);
    let_run(q, ask_third);
    WAIT(q, hears(q, "/second ") || hears(q, "/third "));
    assert_null(strstr(q->heard, "/third "));
    answer(q);
    WAIT(q, hears(q, "/third "));
    answer(q);
    WAIT(q, q->askers[2].answered);
}

/* Who waits has a dial of its own: that another connection ends is nothing to it. */
static void an_end_during_a_dial_is_no_reason_for_another(void **state) {
    struct queue *q = *state;
    q->config.max_connections = ASKERS;
    ask(q, 0, "/first");
    WAIT(q, hears(q, "GET /first "));
    let_leave(q, 0, leave_during_a_dial);
    ask(q, 1, "/second");
    WAIT(q, !q->leaver);
    hang_up(q);
    WAIT(q, hears(q, "GET /second "));
    answer(q);
    WAIT(q, q->askers[1].answered && upstream_numbers(q->upstream, 0).idle > 0);
    assert_int_equal(upstream_numbers(q->upstream, 0).connecting, 0);
    assert_int_equal(connects(q), 2);
}

/* Who reads a request on a connection that was made for it, and closes, may have acted on it. */
static void closed_anew_is_not_tried_again(void **state) {
    static const char *const methods[] = {"GET", "DELETE", "POST"};
    struct queue *q = *state;
    for (unsigned i = 0; i < ASKERS; i++) {
        ask_with(q, (int)i, methods[i], "/first");
        WAIT(q, hears(q, " /first "));
        hang_up(q);
        WAIT(q, q->askers[i].answered || connects(q) > i + 1);
        assert_int_equal(q->askers[i].status, 502);
        assert_int_equal(connects(q), i + 1);
    }
}

/* Most likely it was closed while idle, and the request passed the FIN on its way. */
static void closed_while_kept_is_tried_again(void **state) {
    struct queue *q = *state;
    keep_one(q);
    ask(q, 1, "/second");
    WAIT(q, hears(q, "GET /second "));
    hang_up(q);
    WAIT(q, hears(q, "GET /second HTTP/1.1\r\n"));
    assert_non_null(strstr(q->heard, "x-h3gw-attempt-count: 2\r\n"));
    answer(q);
    WAIT(q, q->askers[1].answered);
    assert_int_equal(q->askers[1].status, 204);
    assert_int_equal(connects(q), 2);
}

/* What was kept beside it is likely as stale, and a new connection is not. */
static void closed_while_kept_is_tried_anew(void **state) {
    struct queue *q = *state;
    q->config.max_connections = ASKERS;
    ask(q, 0, "/first");
    WAIT(q, hears(q, "GET /first "));
    int first = q->fd;
    q->fd = -1;
    ask(q, 1, "/second");
    WAIT(q, hears(q, "GET /second "));
    answer(q);
    WAIT(q, q->askers[1].answered);
    int second = q->fd;
    q->fd = first;
    answer(q);
    WAIT(q, q->askers[0].answered && upstream_numbers(q->upstream, 0).idle == 2);
    ask(q, 2, "/third");
    WAIT(q, hears(q, "GET /third "));
    hang_up(q);
    WAIT(q, hears(q, "GET /third "));
    answer(q);
    WAIT(q, q->askers[2].answered);
    assert_int_equal(q->askers[2].status, 204);
    assert_int_equal(connects(q), 3);
    close(second);
}

static void renew_upstream(struct queue *q) {
    struct upstream_env env = {q->loop, q->resolver, &q->http, &q->log};
    upstream_free(q->upstream);
    q->upstream = upstream_new(&env, &q->config);
    assert_non_null(q->upstream);
}

/* That one cannot be reached says nothing about what is kept to another. */
static void unreached_is_tried_where_one_is_kept(void **state) {
    struct queue *q = *state;
    int other;
    struct uri uris[] = {q->uri, loopback_listen("http", &other)};
    close(other);
    q->config.uris = uris;
    q->config.n_uris = 2;
    q->config.max_connections = ASKERS;
    renew_upstream(q);
    keep_one(q);
    ask(q, 1, "/second");
    WAIT(q, hears(q, "GET /second "));
    answer(q);
    WAIT(q, q->askers[1].answered);
    assert_int_equal(upstream_numbers(q->upstream, 1).failures, 1);
    assert_int_equal(connects(q), 1);
    q->config.uris = &q->uri;
    q->config.n_uris = 1;
    renew_upstream(q);
}

static void limit_descriptors(rlim_t n) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Their dials failed; they need not go one after the other for ever. */
static void who_waits_is_dialed_for_after_a_shortage(void **state) {
    struct queue *q = *state;
    q->config.max_connections = ASKERS;
    ask(q, 0, "/first");
    WAIT(q, hears(q, "GET /first "));
    limit_descriptors(0);
    ask(q, 1, "/second");
    ask(q, 2, "/third");
    WAIT(q, upstream_numbers(q->upstream, 0).failures == 2);
    limit_descriptors(RLIM_INFINITY);
    answer(q);
    WAIT(q, hears(q, "GET /second ") && connects(q) == 2);
    hang_up(q);
    WAIT(q, hears(q, "GET /third "));
    answer(q);
    WAIT(q, q->askers[2].answered);
}

/* A route may have made it so. The connection is as good for others. */
static void what_cannot_be_said_takes_no_connection(void **state) {
    struct queue *q = *state;
    q->config.max_connections = ASKERS;
    keep_one(q);
    ask(q, 1, "/caf\xc3\xa9");
    WAIT(q, q->askers[1].answered);
    assert_int_equal(q->askers[1].status, 500);
    ask(q, 2, "/third");
    WAIT(q, hears(q, "GET /third "));
    answer(q);
    WAIT(q, q->askers[2].answered);
    assert_int_equal(connects(q), 1);
}

/* RFC 9110 9.2.2: a failed automatic retry is not tried again. */
static void closed_while_kept_and_anew(void **state) {
    struct queue *q = *state;
    q->proxy.max_attempts = 9;
    keep_one(q);
    ask(q, 1, "/second");
    WAIT(q, hears(q, "GET /second "));
    hang_up(q);
    WAIT(q, hears(q, "GET /second "));
    hang_up(q);
    WAIT(q, q->askers[1].answered || connects(q) > 2);
    assert_int_equal(q->askers[1].status, 502);
    assert_int_equal(connects(q), 2);
}

/* What is not idempotent may have been acted on there, too. */
static void a_post_is_not_tried_again(void **state) {
    struct queue *q = *state;
    keep_one(q);
    ask_with(q, 1, "POST", "/second");
    WAIT(q, hears(q, "POST /second "));
    hang_up(q);
    WAIT(q, q->askers[1].answered || connects(q) > 1);
    assert_int_equal(q->askers[1].status, 502);
    assert_int_equal(connects(q), 1);
}

/* Of one that ends in the upstream's hands, the value that it gets; "": none. */
static void max_forwards(struct queue *q, const char *method, const char *value, const char *got) {
    char head[64], line[64];
    snprintf(head, sizeof(head), "%s /hops HTTP/1.1\r\n", method);
    snprintf(line, sizeof(line), "\r\nmax-forwards: %s\r\n", got);
    struct asker *a = &q->askers[0];
    a->answered = false;
    ask_with(q, 0, method, "/hops");
    assert_int_equal(fields_add(&a->end.x->request.fields, STR("max-forwards"), str_of(value)), 0);
    WAIT(q, hears(q, "\r\n\r\n") || a->answered);
    if (!strstr(q->heard, head) || !strstr(q->heard, line))
        fail_msg("%s with %s became %s", method, value, q->heard);
    answer(q);
    WAIT(q, a->answered && upstream_numbers(q->upstream, 0).idle == 1);
    memset(q->heard, 0, sizeof(q->heard));
    q->n_heard = 0;
}

/* RFC 9110 7.6.2 */
static void hops_are_counted_off(void **state) {
    struct queue *q = *state;
    max_forwards(q, "OPTIONS", "3", "2");
    max_forwards(q, "TRACE", "1", "0");
    max_forwards(q, "TRACE", "18446744073709551615", "18446744073709551614");
    max_forwards(q, "OPTIONS", "-1", "-1");
    max_forwards(q, "OPTIONS", "3, 4", "3, 4");
    max_forwards(q, "GET", "0", "0");
}

static void the_last_hop_is_ours(void **state) {
    static const struct {
        const char *method;
        int status;
    } rows[] = {{"OPTIONS", 204}, {"TRACE", 405}};
    struct queue *q = *state;
    for (int i = 0; i < 2; i++) {
        struct asker *a = &q->askers[i];
        ask_with(q, i, rows[i].method, "/hops");
        assert_int_equal(fields_add(&a->end.x->request.fields, STR("max-forwards"), STR("0")), 0);
        WAIT(q, a->answered || hears(q, "/hops"));
        assert_int_equal(a->status, rows[i].status);
        assert_true(a->allow);
    }
    assert_int_equal(connects(q), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_after_the_other),
        TEST(who_waits_leaves),
        TEST(who_was_granted_a_connection_leaves),
        TEST(an_end_during_a_dial_is_no_reason_for_another),
        TEST(closed_anew_is_not_tried_again),
        TEST(who_comes_later_waits_longer),
        TEST(unreached_is_tried_where_one_is_kept),
        TEST(who_waits_is_dialed_for_after_a_shortage),
        TEST(what_cannot_be_said_takes_no_connection),
        TEST(closed_while_kept_is_tried_again),
        TEST(closed_while_kept_is_tried_anew),
        TEST(closed_while_kept_and_anew),
        TEST(a_post_is_not_tried_again),
        TEST(hops_are_counted_off),
        TEST(the_last_hop_is_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
