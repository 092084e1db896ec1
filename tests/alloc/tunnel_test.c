/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "fallible.h"
#include "handler/tunnel.h"
#include "net/stream.h"
#include "sys/file.h"
#include "tls/peek.h"
#include "wire/loopback.h"

/* The end of memory on a passthrough connection: from the hello over the dial to the bytes. */

struct world {
    struct turn turn;
    struct loop *loop;
    struct resolver *resolver;
    struct chunk_pool chunks;
    struct http_env http;
    struct buf hello;
    struct uri uri;
    struct upstream_config upstream_config;
    struct upstream *upstream;
    struct list streams;
    int listening, client, accepted;
    bool answered;
};

static struct stream_engine *choose(void *context, struct peer *peer, const struct hello *hello) {
    struct world *w = context;
    struct tunnel_config config = {
        .loop = w->loop, .upstream = w->upstream, .peer = peer, .idle_timeout_ns = 60 * SECOND_NS};
    assert_string_equal(hello->sni, "web.passed.test");
    return tunnel_new(&config);
}

static void world_begin(struct world *w) {
    *w = (struct world){.client = -1, .accepted = -1};
    turn_init(&w->turn);
    w->loop = loop_new(&w->turn);
    assert_non_null(w->loop);
    w->resolver = resolver_new(w->loop, NULL);
    assert_non_null(w->resolver);
    chunk_pool_init(&w->chunks, 1);
    http_env_init(&w->http, &w->turn, &w->chunks);
    list_init(&w->streams);
    w->uri = loopback_listen("tcp", &w->listening);
    assert_int_equal(file_read("tests/fuzz/corpus/hello/chromium", 1 << 20, &w->hello), 0);
    struct upstream_env env = {w->loop, w->resolver, &w->http, NULL};
    w->upstream_config =
        (struct upstream_config){.uris = &w->uri, .n_uris = 1, .connect_timeout_ns = 5 * SECOND_NS};
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
    chunk_pool_fini(&w->chunks);
    loop_free(w->loop);
    turn_fini(&w->turn);
    buf_fini(&w->hello);
    close(w->listening);
    close(w->client);
    if (w->accepted >= 0)
        close(w->accepted);
}

/* 0, or ERR_NO_MEMORY: the socket is closed. */
static int connect_client(struct world *w) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    w->client = ends[0];
    struct net_stream_config config = {.loop = w->loop, .fd = ends[1], .owner = &w->streams};
    struct net_stream *stream = net_stream_new(&config);
    if (!stream)
        return ERR_NO_MEMORY;
    struct peek_config peek = {.turn = &w->turn,
                               .peer = net_stream_peer(stream),
                               .choose = choose,
                               .context = w,
                               .handshake_timeout_ns = 60 * SECOND_NS};
    struct stream_engine *engine = peek_engine_new(&peek);
    if (engine && net_stream_start(stream, engine) == 0)
        return 0;
    net_stream_close(stream, 0);
    return ERR_NO_MEMORY;
}

/* The upstream gives back what it gets; true: the client heard something, or the end. */
static bool go_on(struct world *w) {
    char bytes[4096];
    loop_lap(w->loop, 2 * MS_NS);
    if (w->accepted < 0)
        w->accepted = accept4(w->listening, NULL, NULL, SOCK_NONBLOCK);
    ssize_t n = w->accepted < 0 ? 0 : recv(w->accepted, bytes, sizeof(bytes), 0);
    if (n > 0)
        assert_int_equal(send(w->accepted, bytes, (size_t)n, MSG_NOSIGNAL), n);
    n = recv(w->client, bytes, sizeof(bytes), 0);
    w->answered = n > 100; /* more than an alert */
    return n >= 0;
}

static void connection(void *context, bool well) {
    enum { LAPS = 30 };
    struct world *w = context;
    fallible_pause(true);
    world_begin(w);
    fallible_pause(false);
    if (connect_client(w) == 0) {
        (void)!send(w->client, w->hello.p, w->hello.n, MSG_NOSIGNAL);
        for (int i = 0; (i < LAPS || well) && !go_on(w); i++)
            ;
    }
    assert_true(w->answered || !well);
    fallible_pause(true);
    world_end(w);
    fallible_pause(false);
}

static void passthrough(void **state) {
    static struct world world;
    (void)state;
    fallible_sweep(&(struct fallible_sweep){"passthrough", connection, &world, 8, 0, false, 0});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passthrough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
