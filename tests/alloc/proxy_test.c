/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "fallible.h"
#include "handler/proxy.h"
#include "net/stream.h"
#include "proto/h1/h1.h"
#include "wire/loopback.h"

/* The end of memory while requests go through the proxy to an upstream on loopback: dial, the
 * pool's connection once more, one that the upstream closes and that is tried again. Whatever
 * fails, the client hears an answer or the end of its connection, and nothing is left alive. */

enum { VISITS = 4, SCRATCH = 16384, QUICK = 30, LAPS = 2000 };

static const char post[] = "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\ntext";
static const char get[] = "GET /b HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
static const char answer[] =
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\nX-T: 1\r\n\r\n";

/* One connection that the upstream got. */
struct visit {
    int fd; /* -1: none */
    char text[2048];
    size_t n;
};

struct world {
    struct turn turn;
    struct loop *loop;
    struct resolver *resolver;
    struct chunk_pool chunks;
    struct http_env http;
    struct uri uri;
    struct upstream_config upstream_config;
    struct upstream *upstream;
    struct list streams;
    struct visit visits[VISITS];
    int listening, client, n_heads;
    bool flaky; /* the upstream closes when the second head comes, once */
    char heard[8192];
    size_t n_heard;
    bool ended;
    uint8_t scratch[SCRATCH];
};

static const struct proxy_config proxy = {.response_timeout_ns = 60 * SECOND_NS, .max_attempts = 3};

static void route(struct exchange *x) {
    struct world *w = x->env->owner;
    proxy_open(x, w->upstream, &proxy);
}

/* ---- the upstream ---- */

static bool is_whole(const struct visit *v) {
    const char *end = memmem(v->text, v->n, "\r\n\r\n", 4);
    if (!end)
        return false;
    return memcmp(v->text, "POST", 4) != 0 || memcmp(v->text + v->n - 4, "text", 4) == 0;
}

static void visit_close(struct visit *v) {
    if (v->fd >= 0)
        close(v->fd);
    *v = (struct visit){.fd = -1};
}

static void visit_serve(struct world *w, struct visit *v) {
    ssize_t n = recv(v->fd, v->text + v->n, sizeof(v->text) - v->n, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        visit_close(v);
        return;
    }
    v->n += n > 0 ? (size_t)n : 0;
    if (!is_whole(v))
        return;
    v->n = 0;
    if (++w->n_heads == 2 && w->flaky)
        visit_close(v);
    else
        (void)!send(v->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
}

static void upstream_serve(struct world *w) {
    for (int i = 0; i < VISITS; i++) {
        struct visit *v = &w->visits[i];
        if (v->fd < 0)
            v->fd = accept4(w->listening, NULL, NULL, SOCK_NONBLOCK);
        if (v->fd >= 0)
            visit_serve(w, v);
    }
}

/* ---- the world ---- */

static void world_begin(struct world *w) {
    struct upstream_env env;

    *w = (struct world){.client = -1, .flaky = w->flaky};
    for (int i = 0; i < VISITS; i++)
        w->visits[i].fd = -1;
    turn_init(&w->turn);
    w->loop = loop_new(&w->turn);
    assert_non_null(w->loop);
    w->resolver = resolver_new(w->loop, NULL);
    assert_non_null(w->resolver);
    chunk_pool_init(&w->chunks, 1);
    http_env_init(&w->http, &w->turn, &w->chunks);
    w->http.route = route;
    w->http.owner = w;
    w->http.scratch = w->scratch;
    w->http.scratch_bytes = SCRATCH;
    list_init(&w->streams);
    w->uri = loopback_listen("http", &w->listening);
    env = (struct upstream_env){w->loop, w->resolver, &w->http, NULL};
    w->upstream_config = (struct upstream_config){.uris = &w->uri,
                                                  .n_uris = 1,
                                                  .max_connections = 2,
                                                  .connect_timeout_ns = 60 * SECOND_NS,
                                                  .idle_timeout_ns = 60 * SECOND_NS,
                                                  .write_timeout_ns = 60 * SECOND_NS};
    w->upstream = upstream_new(&env, &w->upstream_config);
    assert_non_null(w->upstream);
}

static void world_end(struct world *w) {
    while (!list_empty(&w->streams))
        net_stream_close(net_stream_of(w->streams.next), 0);
    loop_lap(w->loop, 0);
    upstream_free(w->upstream);
    resolver_free(w->resolver);
    loop_lap(w->loop, 0);
    assert_int_equal(w->http.n_exchanges, 0);
    chunk_pool_fini(&w->chunks);
    loop_free(w->loop);
    turn_fini(&w->turn);
    for (int i = 0; i < VISITS; i++)
        visit_close(&w->visits[i]);
    close(w->listening);
    close(w->client);
}

/* ---- the client ---- */

static void connect_client(struct world *w) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    w->client = ends[0];
    struct net_stream_config config = {.loop = w->loop, .fd = ends[1], .owner = &w->streams};
    struct net_stream *stream = net_stream_new(&config);
    if (!stream)
        return;
    struct stream_engine *engine = h1_server_new(&w->http, net_stream_peer(stream));
    if (!engine || net_stream_start(stream, engine) != 0)
        net_stream_close(stream, 0);
}

static void hear(struct world *w) {
    ssize_t n = recv(w->client, w->heard + w->n_heard, sizeof(w->heard) - 1 - w->n_heard, 0);
    w->ended = n == 0 || (n < 0 && errno != EAGAIN);
    w->n_heard += n > 0 ? (size_t)n : 0;
    w->heard[w->n_heard] = '\0';
}

/* The upstream's to its last byte, or the gateway's own. */
static bool is_answer(const struct world *w) {
    return strcasestr(w->heard, "x-t: 1\r\n\r\n") || strstr(w->heard, "HTTP/1.1 5");
}

/* Goes on until the answer is there, or the connection's end. */
static void ask(struct world *w, const char *request, bool to_end) {
    w->n_heard = 0;
    w->heard[0] = '\0';
    (void)!send(w->client, request, strlen(request), MSG_NOSIGNAL);
    for (int i = 0; i < LAPS && !w->ended && (to_end || !is_answer(w)); i++) {
        loop_lap(w->loop, i < QUICK ? 0 : MS_NS); /* most is there at once */
        upstream_serve(w);
        hear(w);
    }
}

static void requests(void *context, bool well) {
    struct world *w = context;
    fallible_pause(true);
    world_begin(w);
    fallible_pause(false);
    connect_client(w);
    ask(w, post, false);
    assert_true(w->ended || is_answer(w));
    assert_true(!well || strstr(w->heard, " 103 "));
    assert_true(!well || strstr(w->heard, " 200 "));
    if (!w->ended) {
        ask(w, get, true);
        assert_true(w->ended);
        assert_true(!well || strstr(w->heard, " 200 "));
        assert_true(!well || w->n_heads == (w->flaky ? 3 : 2));
    }
    fallible_pause(true);
    world_end(w);
    fallible_pause(false);
}

static void proxied(void **state) {
    static struct world world;
    (void)state;
    fallible_sweep(&(struct fallible_sweep){"proxy", requests, &world, 15, 0, false, 0});
}

static void tried_again(void **state) {
    static struct world world = {.flaky = true};
    (void)state;
    fallible_sweep(
        &(struct fallible_sweep){"proxy, tried again", requests, &world, 15, 0, false, 0});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxied),
        cmocka_unit_test(tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
