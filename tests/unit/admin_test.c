/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "exchange_fakes.h"
#include "handler/admin.h"

struct desk {
    struct world w;
    struct fake_front front;
    bool draining, fails, origin;
    const char *authority;
};

static int write_state(void *context, struct exchange *x, struct buf *to) {
    const struct desk *d = context;

    (void)x;

    buf_str(to, d->draining ? STR("no") : STR("yes"));
    to->failed = d->fails;
    return d->draining ? 503 : 200;
}

static void route(struct exchange *x) {
    static struct admin_page pages[] = {
        {"/ready", "text/plain", write_state, NULL, false, false},
        {"/stats", "text/plain", write_state, NULL, false, false},
        {"/secret", "text/plain", write_state, NULL, false, true},
        {"/act", "text/plain", write_state, NULL, true, true},
    };

    for (size_t i = 0; i < 4; i++)
        pages[i].context = x->env->owner;
    admin_open(x, pages, 4);
}

static int set_up(void **state) {
    struct desk *d = test_calloc(1, sizeof *d);

    world_start(&d->w);
    d->w.env.route = route;
    d->w.env.owner = d;
    d->authority = "localhost";
    *state = d;
    return 0;
}

static int tear_down(void **state) {
    struct desk *d = *state;

    world_end(&d->w);
    test_free(d);
    return 0;
}

/* "200 yes" */
static void asked(struct desk *d, const char *method, const char *path, const char *wanted) {
    char got[300];

    fake_front_start(&d->w, &d->front, method, STR(""));
    d->front.end.x->request.path = str_of(path);
    d->front.end.x->request.authority = str_of(d->authority);
    if (d->origin)
        assert_int_equal(fields_add(&d->front.end.x->request.fields, STR("origin"), STR("null")),
                         0);
    world_run(&d->w);
    assert_true(d->front.done);
    snprintf(got, sizeof got, "%s%s", (char *)d->front.heads.p,
             d->front.got.p ? (char *)d->front.got.p : "");
    assert_string_equal(got, wanted);
    fake_front_end(&d->front);
}

static void pages(void **state) {
    struct desk *d = *state;

    asked(d, "GET", "/ready", "200 yes");
    asked(d, "GET", "/ready?x", "200 yes");
    asked(d, "GET", "/stats/", "200 yes");
    asked(d, "HEAD", "/ready", "200 ");
    d->draining = true;
    asked(d, "GET", "/ready", "503 no");
}

static void others(void **state) {
    struct desk *d = *state;

    asked(d, "GET", "/", "404 404 Not Found\nhere are only: /ready /stats /secret /act\n");
    asked(d, "GET", "*", "404 404 Not Found\nhere are only: /ready /stats /secret /act\n");
    asked(d, "POST", "/ready", "405 405 Method Not Allowed\nthis page can only be read\n");
}

static void deeds(void **state) {
    struct desk *d = *state;

    asked(d, "POST", "/act", "200 yes");
    asked(d, "GET", "/act", "405 405 Method Not Allowed\nthis is asked for with POST\n");
    asked(d, "GET", "/secret", "200 yes");
}

/* A page in a browser: it says where it comes from, or has a name that leads here. */
static void web_pages(void **state) {
    static const char refused[] = "403 403 Forbidden\nthe admin answers no web pages, and to no "
                                  "names but localhost and addresses\n";
    struct desk *d = *state;

    d->authority = "rebound.example:15000";
    asked(d, "GET", "/secret", refused);
    asked(d, "GET", "/ready", "200 yes");
    d->authority = "[::1]:15000";
    asked(d, "GET", "/secret", "200 yes");
    d->authority = "";
    asked(d, "GET", "/secret", refused);
    d->authority = "127.0.0.1";
    d->origin = true;
    asked(d, "POST", "/act", refused);
}

static void no_memory(void **state) {
    struct desk *d = *state;

    d->fails = true;
    asked(d, "GET", "/ready", "503 503 Service Unavailable\nout of memory\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(pages), TEST(others), TEST(deeds), TEST(web_pages),
                                       TEST(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
