/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "fallible.h"
#include "gateway/outfit.h"
#include "gateway_world.h"
#include "net/stream.h"
#include "proto/h1/h1.h"
#include "wire/loopback.h"

/* The end of memory in what every request goes through: forwarding fields, the route and its edits,
 * access log, counters, with a real configuration and up to an upstream. It may cost the request;
 * but none comes to the upstream without what must be added, or with what must be dropped, no
 * answer to the client, and no line to the access log.
 *
 * Most of it is in the exchange's first piece of memory. So fields of the client take more and more
 * of it, and it ends everywhere. */

enum { HEARD = 16384, LAPS = 5000, PADS = 2800, PAD_STEP = 100, VISITS = 8 };

static const char file[] =
    "[gateway]\nhealth = off\nadmin = off\nwatch = off\nforwarded = on\n"
    "http-redirect = 127.0.0.1:0\naccess-log = FOLDER/access.log\naccess-log-format = %s\n"
    "max-upstream-connections = 4\nupstream-idle-timeout = 300s\n"
    "[server local]\nlisten = 127.0.0.1:0\nhosts = localhost\n"
    "[upstream u]\nurl = http://127.0.0.1:%u\n"
    "[route r]\nupstream = u\npath = /old\nrewrite = /new\n"
    "set-request-header = X-Set: one\nadd-request-header = X-Add: two\nremove-request-header = "
    "X-Drop\n"
    "set-response-header = X-Set: three\nadd-response-header = X-Add: four\nremove-response-header "
    "= X-Leak\n";

static const char asked[] =
    "POST /old/b?c HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 198.51.100.1\r\n"
    "X-Forwarded-Host: liar\r\nX-Forwarded-Client-Cert: liar\r\nX-Forwarded-Proto: liar\r\n"
    "X-Forwarded-Port: liar\r\nX-Forwarded-Proto-Version: liar\r\nEarly-Data: 0\r\n"
    "X-Set: liar\r\nX-Drop: liar\r\nConnection: close, x-hop\r\nX-Hop: liar\r\n"
    "Proxy-Connection: liar\r\nContent-Length: 4\r\nUser-Agent: me\r\n";

static const char *const wanted[] = {
    "POST /new/b?c HTTP/1.1\r\n",
    "\r\nhost: localhost\r\n",
    "\r\nx-forwarded-for: 198.51.100.1, 192.0.2.7\r\n",
    "\r\nx-forwarded-host: localhost\r\n",
    "\r\nx-forwarded-proto: https\r\n",
    "\r\nx-forwarded-port: 443\r\n",
    "\r\nx-forwarded-proto-version: h1\r\n",
    "\r\nx-forwarded-client-cert: Hash=00",
    "\r\nforwarded: for=192.0.2.7;host=\"localhost\";proto=https\r\n",
    "\r\nearly-data: 1\r\n",
    "\r\nvia: 1.1 h3gw\r\n",
    "\r\nx-request-id: ",
    "\r\ntraceparent: 00-",
    "\r\nx-b3-traceid: ",
    "\r\nx-b3-spanid: ",
    "\r\nx-b3-sampled: 0\r\n",
    "\r\nx-set: one\r\n",
    "\r\nx-add: two\r\n",
};

static const char answer[] = "HTTP/1.1 200 OK\r\nServer: liar\r\nAlt-Svc: liar\r\nX-Leak: liar\r\n"
                             "X-Set: liar\r\nContent-Length: 4\r\n\r\nfine";

static const char *const answered[] = {
    "\r\nserver: h3gw\r\n",
    "\r\ndate: ",
    "\r\nvia: 1.1 h3gw\r\n",
    "\r\nalt-svc: h3=",
    "\r\nx-set: three\r\n",
    "\r\nx-add: four\r\n",
    "\r\nx-h3gw-upstream-service-time: ",
};

struct world {
    struct gateway_world gateway;
    struct folder *folder;
    struct list streams;
    int listening, client;
    int visits[VISITS]; /* connections that the upstream has; -1: none */
    bool json, ended;
    size_t pad;
    char seen[HEARD], heard[HEARD];
    size_t n_seen, n_heard;
};

/* ---- the gateway, its one worker run by the test ---- */

static struct worker *worker_of(struct world *w) {
    return &w->gateway.g.workers[0];
}

static struct outfit *outfit_in(struct world *w) {
    return list_first(&worker_of(w)->outfits, struct outfit, link);
}

static void world_begin(struct world *w, struct folder *folder, bool json) {
    char text[2048];

    *w = (struct world){.folder = folder, .json = json};
    for (int i = 0; i < VISITS; i++)
        w->visits[i] = -1;
    list_init(&w->streams);
    snprintf(text, sizeof(text), file, json ? "json" : "text",
             (unsigned)loopback_listen("http", &w->listening).port);
    gateway_world_init(&w->gateway, folder);
    gateway_world_write(folder, "ini", text);
    assert_int_equal(gateway_world_start(&w->gateway, path_in(folder, "ini")), 0);
    worker_stop(worker_of(w));
}

static void world_end(struct world *w) {
    for (int i = 0; i < VISITS; i++)
        if (w->visits[i] >= 0)
            close(w->visits[i]);
    close(w->listening);
    gateway_world_stop(&w->gateway);
}

/* ---- both ends ---- */

static void visit_serve(struct world *w, int *fd) {
    if (*fd < 0)
        *fd = accept4(w->listening, NULL, NULL, SOCK_NONBLOCK);
    if (*fd < 0)
        return;
    ssize_t n = recv(*fd, w->seen + w->n_seen, HEARD - 1 - w->n_seen, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        close(*fd);
        *fd = -1;
        return;
    }
    w->n_seen += n > 0 ? (size_t)n : 0;
    w->seen[w->n_seen] = '\0';
    if (n > 0 && strstr(w->seen, "\r\n\r\ntext"))
        (void)!send(*fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
}

static void upstream_serve(struct world *w) {
    for (int i = 0; i < VISITS; i++)
        visit_serve(w, &w->visits[i]);
}

static void hear(struct world *w) {
    ssize_t n = recv(w->client, w->heard + w->n_heard, HEARD - 1 - w->n_heard, 0);
    w->ended = n == 0 || (n < 0 && errno != EAGAIN);
    w->n_heard += n > 0 ? (size_t)n : 0;
    w->heard[w->n_heard] = '\0';
}

/* As if the handshake had been: with a certificate, and early data. */
static void introduce(struct world *w, struct peer *peer) {
    const struct outfit *o = outfit_in(w);
    const struct venue *v = &o->venues[0];

    fallible_pause(true);
    assert_int_equal(addr_parse(STR("192.0.2.7:5555"), &peer->remote), 0);
    peer->version = HTTP_1_1;
    peer->server = v->all_sites.v[0];
    peer->cert = calloc(1, sizeof(*peer->cert));
    assert_non_null(peer->cert);
    peer->early_data = true;
    fallible_pause(false);
}

static void connect_client(struct world *w) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    w->client = ends[0];
    struct net_stream_config config = {
        .loop = worker_of(w)->loop, .fd = ends[1], .owner = &w->streams};
    struct net_stream *stream = net_stream_new(&config);
    if (!stream)
        return;
    introduce(w, net_stream_peer(stream));
    struct stream_engine *engine = h1_server_new(&outfit_in(w)->http, net_stream_peer(stream));
    if (!engine || net_stream_start(stream, engine) != 0)
        net_stream_close(stream, 0);
}

static void send_request(const struct world *w) {
    static char request[HEARD];
    int n =
        snprintf(request, sizeof(request), "%sX-Pad: %0*d\r\n\r\ntext", asked, (int)w->pad + 1, 0);
    (void)!send(w->client, request, (size_t)n, MSG_NOSIGNAL);
}

/* ---- what came of it ---- */

static void check_request(const struct world *w, bool well) {
    const char *end = strstr(w->seen, "\r\n\r\n");

    assert_null(strcasestr(w->seen, "liar"));
    assert_true(end || !well);
    if (!end)
        return;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (!strcasestr(w->seen, wanted[i]))
            fail_msg("%s is missing in %s", wanted[i], w->seen);
}

static void check_answer(const struct world *w, bool well) {
    bool fine = strncmp(w->heard, "HTTP/1.1 200", 12) == 0;

    assert_null(strcasestr(w->heard, "liar"));
    assert_true(fine || !well);
    if (!fine && w->n_heard && strncmp(w->heard, "HTTP/1.1 5", 10) != 0)
        fail_msg("heard %s", w->heard);
    for (size_t i = 0; fine && i < sizeof(answered) / sizeof(answered[0]); i++)
        if (!strcasestr(w->heard, answered[i]))
            fail_msg("%s is missing in %s", answered[i], w->heard);
}

static unsigned count(struct str line, char c) {
    unsigned n = 0;
    for (size_t i = 0; i < line.n; i++)
        n += line.p[i] == c;
    return n;
}

static void check_json(struct str line) {
    static const char *const members[] = {"/time",  "/client",     "/status",     "/bytes_out",
                                          "/route", "/request_id", "/user_agent", "/tls_cipher"};
    struct json_value *value = NULL;
    struct json j;

    json_init(&j);
    assert_int_equal(json_parse(&j, line, (struct json_limits){line.n, 4}, &value), 0);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        assert_non_null(json_at(value, members[i]));
    json_fini(&j);
}

static void check_text(struct str line) {
    assert_true(str_starts(line, STR("192.0.2.7 - - [")));
    assert_int_equal(count(line, '"'), 6);
    if (memmem(line.p, line.n, "ms - ", 5)) /* there was no memory to read the head */
        return;
    assert_non_null(memmem(line.p, line.n, " \"me\" ", 6));
    assert_non_null(memmem(line.p, line.n, "ms localhost ", 13));
}

/* What has been written is there as whole lines, and is forgotten. */
static void check_log(struct world *w, bool well) {
    static char text[HEARD];
    int fd = open(path_in(w->folder, "access.log"), O_RDWR);
    ssize_t n = read(fd, text, sizeof(text));
    struct str rest = {text, n > 0 ? (size_t)n : 0}, line;

    assert_int_equal(ftruncate(fd, 0), 0);
    close(fd);
    assert_true(n > 0 || !well);
    assert_true(n <= 0 || text[n - 1] == '\n');
    while (str_cut(&rest, '\n', &line)) {
        if (w->json)
            check_json(line);
        else
            check_text(line);
    }
}

static void request(void *context, bool well) {
    struct world *w = context;

    w->n_seen = w->n_heard = 0;
    w->seen[0] = w->heard[0] = '\0';
    w->ended = false;
    connect_client(w);
    send_request(w);
    for (int i = 0; i < LAPS && !w->ended; i++) {
        loop_lap(worker_of(w)->loop, i < 50 ? 0 : MS_NS);
        upstream_serve(w);
        hear(w);
    }
    fallible_pause(true);
    assert_true(w->ended);
    close(w->client);
    for (int i = 0; i < LAPS && !list_empty(&w->streams); i++)
        loop_lap(worker_of(w)->loop, MS_NS);
    loop_lap(worker_of(w)->loop, 0);
    assert_int_equal(outfit_in(w)->http.n_exchanges, 0);
    check_request(w, well);
    check_answer(w, well);
    check_log(w, well);
    fallible_pause(false);
}

static void sweep(struct folder *folder, bool json) {
    static struct world world;

    world_begin(&world, folder, json);
    for (world.pad = 0; world.pad < PADS; world.pad += PAD_STEP)
        fallible_sweep(&(struct fallible_sweep){"hooks", request, &world, 5, 0, true, 0});
    fallible_sweep(&(struct fallible_sweep){"hooks", request, &world, 5, 0, false, 0});
    world_end(&world);
}

static void with_a_text_log(void **state) {
    sweep(*state, false);
}

static void with_a_json_log(void **state) {
    sweep(*state, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(with_a_text_log),
        FOLDER_TEST(with_a_json_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
