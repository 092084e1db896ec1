/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway_world.h"

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fallible.h"
#include "gateway/change.h"

/* The end of memory while a gateway starts, reads another configuration, and ends. */

#define COMMON \
    "[gateway]\nworkers = 2\nhttp-redirect = 127.0.0.1:0\nadmin = unix:FOLDER/admin\n" \
    "access-log = FOLDER/access.log\nqlog = FOLDER/qlog\n"
enum { STEP = 5 };

#define ROUTE "[route r]\nrespond = 200\n"

/* The mirror of the first address comes and goes, and so do a second one, the probes' page and
 * the statistics. */
static const char small[] = COMMON "health = 127.0.0.1:0\n"
                                   "[server one]\nlisten = 127.0.0.1:0\nhosts = localhost\n" ROUTE;
static const char large[] = COMMON
    "stats = 127.0.0.1:0\n[server one]\nlisten = 127.0.0.1:0\nhosts = localhost\nhttp3 = off\n"
    "[server two]\nlisten = 127.0.0.1:0\nhosts = two.localhost\n[upstream u]\n"
    "url = http://127.0.0.1:1\n[route u]\nhosts = two.localhost\nupstream = u\n" ROUTE;

struct paths {
    struct gateway_world *w;
    char from[128], to[128]; /* configurations */
};

static struct paths paths_of(struct gateway_world *w, struct folder *folder, const char *from,
                             const char *to) {
    struct paths p = {.w = w};
    snprintf(p.from, sizeof(p.from), "%s/%s", folder->path, from);
    snprintf(p.to, sizeof(p.to), "%s/%s", folder->path, to);
    return p;
}

static void write_both(struct gateway_world *w, struct folder *folder) {
    gateway_world_init(w, folder);
    gateway_world_write(folder, "small", small);
    gateway_world_write(folder, "large", large);
}

static unsigned lines_of(const char *text, const char *start) {
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, start)); at++)
        n++;
    return n;
}

static unsigned open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* ---- reloads ---- */

/* Refused: why is told to both, and all is as before. */
static void check_refusal(const struct gateway_world *w, const struct generation *before) {
    assert_ptr_equal(w->g.now, before);
    assert_true(w->errors.n > 0 || w->errors.failed);
    assert_true(lines_of(w->said, "error: ") >= 2);
}

static void reload(void *context, bool well) {
    const struct paths *p = context;
    struct gateway_world *w = p->w;
    struct gateway *g = &w->g;
    const struct generation *before = g->now;

    int err = gateway_world_reload(w, p->to);
    (void)change_sweep(&w->g);
    fallible_pause(true);
    assert_true(!well || !err);
    if (err)
        check_refusal(w, before);
    gateway_world_check(w);
    gateway_world_ask(w);
    if (!err)
        assert_int_equal(gateway_world_reload(w, p->from), 0);
    gateway_world_settle(w);
    fallible_pause(false);
}

/* Two servers or one, from one to the other: and the same once more. */
static void reloads(void **state) {
    static struct gateway_world world;
    struct folder *folder = *state;

    write_both(&world, folder);
    struct paths grow = paths_of(&world, folder, "small", "large"),
                 shrink = paths_of(&world, folder, "large", "small"),
                 stay = paths_of(&world, folder, "small", "small");
    assert_int_equal(gateway_world_start(&world, grow.from), 0);
    fallible_sweep(
        &(struct fallible_sweep){"a reload that adds", reload, &grow, 50, STEP, false, 0});
    fallible_sweep(
        &(struct fallible_sweep){"a reload of the same", reload, &stay, 50, STEP, false, 0});
    assert_int_equal(gateway_world_reload(&world, shrink.from), 0);
    gateway_world_settle(&world);
    fallible_sweep(
        &(struct fallible_sweep){"a reload that removes", reload, &shrink, 50, STEP, false, 0});
    gateway_world_stop(&world);
}

/* ---- from the start to the end ---- */

static void life(void *context, bool well) {
    const struct paths *p = context;
    struct gateway_world *w = p->w;
    unsigned files = open_files();

    int err = gateway_world_start(w, p->from);
    assert_true(!well || !err);
    if (err) {
        assert_true(w->errors.n > 0 || w->errors.failed || lines_of(w->said, "error: ") > 0);
    } else {
        fallible_pause(true);
        gateway_world_check(w);
        gateway_world_ask(w);
        fallible_pause(false);
        task_wake(&w->g.signals, GATEWAY_TERM);
        loop_run(w->g.control.loop);
        assert_int_equal(w->g.state, GATEWAY_STOPPED);
        gateway_world_stop(w);
    }
    assert_int_equal(open_files(), files);
}

static void lives(void **state) {
    static struct gateway_world world;

    write_both(&world, *state);
    struct paths p = paths_of(&world, *state, "large", "large");
    fallible_sweep(&(struct fallible_sweep){"start and end", life, &p, 100, STEP, false, 0});
}

/* ---- the admin ---- */

static const char *const pages[] = {
    "/listeners",
    "/listeners?form=wide",
    "/listeners?form=json",
    "/routes?name=8443",
    "/routes?form=wide",
    "/routes?form=json",
    "/upstreams",
    "/upstreams?form=json",
    "/certs",
    "/certs?form=json",
    "/gateway",
};
enum { PAGES = sizeof(pages) / sizeof(pages[0]), ANSWER = 32768 };

struct asker {
    struct gateway_world *w;
    char (*right)[ANSWER]; /* of each page */
};

/* One request over a connection of its own. */
static void fetch(struct gateway_world *w, const char *path, char answer[ANSWER]) {
    const struct addr *to = monitor_addr(&w->g.admin);
    char request[200];
    size_t n = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ssize_t got;

    assert_int_equal(connect(fd, &to->sa, to->n), 0);
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    do {
        loop_lap(w->g.control.loop, MS_NS);
        got = recv(fd, answer + n, ANSWER - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EAGAIN));
    close(fd);
    answer[n] = '\0';
}

static const char *body_of(const char *answer) {
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end : "";
}

/* The right answer as a whole, one that says that memory ended, or none. */
static void ask_pages(void *context, bool well) {
    static char answer[ANSWER];
    struct asker *a = context;

    for (size_t i = 0; i < PAGES; i++) {
        fetch(a->w, pages[i], answer);
        bool fine = strncmp(answer, "HTTP/1.1 200", 12) == 0;
        if (well && !fine)
            fail_msg("%s: %s", pages[i], answer);
        if (well)
            memcpy(a->right[i], answer, ANSWER);
        else if (fine)
            assert_string_equal(body_of(answer), body_of(a->right[i]));
        else
            assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.1 503", 12) == 0 ||
                        strncmp(answer, "HTTP/1.1 500", 12) == 0);
    }
}

static void admin(void **state) {
    static struct gateway_world world;
    static char right[PAGES][ANSWER];
    struct asker a = {&world, right};

    write_both(&world, *state);
    struct paths p = paths_of(&world, *state, "large", "large");
    assert_int_equal(gateway_world_start(&world, p.from), 0);
    fallible_sweep(&(struct fallible_sweep){"admin", ask_pages, &a, 100, STEP, false, 0});
    gateway_world_stop(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(reloads),
        FOLDER_TEST(lives),
        FOLDER_TEST(admin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
