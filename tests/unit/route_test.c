/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "exchange_fakes.h"
#include "gateway/config/config_parts.h"
#include "gateway/host.h"
#include "gateway/outfit.h"
#include "gateway/route.h"
#include "gateway/site.h"

static void patterns(void **state) {
    (void)state;
    assert_true(host_matches(STR("app.test"), STR("APP.test")));
    assert_false(host_matches(STR("app.test"), STR("app.test.")));
    assert_false(host_matches(STR("app.test"), STR("xapp.test")));
    assert_true(host_matches(STR("*.app.test"), STR("a.App.test")));
    assert_true(host_matches(STR("*.app.test"), STR("a.b.app.test")));
    assert_false(host_matches(STR("*.app.test"), STR("app.test")));
    assert_false(host_matches(STR("*.app.test"), STR(".app.test")));
    assert_false(host_matches(STR("*.app.test"), STR("aapp.test")));
    assert_true(host_matches(STR("*"), STR("")));
    assert_true(host_matches(STR("::1"), STR("::1")));
}

/* Routes of which the echo answers all, so that only the choice is seen. */
struct routing {
    struct world w;
    struct fake_front front;
    struct peer peer;
    struct outfit outfit;
    struct config config;
    struct config_server server;
    struct config_server other_server;
    struct site site, other;
    struct site *sites[2];
    struct site_set set;
    struct buf errors;
    char heads[16], body[2048];
    char taken[64]; /* the route's name, its alt-svc; "": none */
};

static void on_end(struct exchange *x) {
    struct routing *r = container_of(x->env, struct routing, w.env);

    snprintf(r->taken, sizeof r->taken, STR_FMT " " STR_FMT, STR_ARG(x->route_name),
             STR_ARG(x->alt_svc));
}

static const struct hook watching = {.name = "watching", .end = on_end};

static void add_route(struct routing *r, const char *name, const char *hosts, const char *path) {
    const char *nearest;
    struct config_object object;

    assert_int_equal(
        config_add(&r->config, SECTION_ROUTE, str_of(name), (struct config_place){0}, &object), 0);
    ((struct route_options *)object.options)->path = str_of(path);
    ((struct route_options *)object.options)->handler = 1;
    assert_int_equal(option_set(option_find(SECTION_ROUTE, STR("hosts"), &nearest), object.options,
                                str_of(hosts), &r->config.arena, NULL),
                     0);
}

static int set_up(void **state) {
    struct routing *r = test_calloc(1, sizeof *r);

    world_start(&r->w);
    r->w.hooks[0] = &watching;
    r->w.env.route = route_exchange;
    r->w.env.owner = &r->outfit;
    buf_init(&r->errors);
    assert_int_equal(config_init(&r->config, &r->errors), 0);
    r->outfit.config = &r->config;
    r->site.server = &r->server;
    r->other.server = &r->other_server;
    r->site.neighbours = r->other.neighbours = &r->set;
    r->sites[0] = &r->site;
    r->sites[1] = &r->other;
    r->set = (struct site_set){r->sites, 1, &r->set};
    strcpy(r->site.alt_svc, "h3=\":443\"");
    r->peer = (struct peer){.version = HTTP_2, .server = &r->site};
    add_route(r, "any", "", "/");
    add_route(r, "any-api", "", "/api");
    add_route(r, "any-api-v1", "", "/api/v1");
    add_route(r, "a", "a.test", "/only");
    add_route(r, "wild", "*.b.test,b.test", "/api");
    assert_int_equal(config_check_routes(&r->config), 0);
    *state = r;
    return 0;
}

static int tear_down(void **state) {
    struct routing *r = *state;

    config_fini(&r->config);
    buf_fini(&r->errors);
    world_end(&r->w);
    test_free(r);
    return 0;
}

static const char *taken(struct routing *r, const char *authority, const char *path) {
    strcpy(r->taken, "?");
    fake_front_start(&r->w, &r->front, "GET", STR(""));
    r->front.end.x->peer = &r->peer;
    r->front.end.x->request.authority = str_of(authority);
    r->front.end.x->request.path = str_of(path);
    world_run(&r->w);
    assert_true(r->front.done);
    snprintf(r->heads, sizeof r->heads, "%s", (const char *)r->front.heads.p);
    snprintf(r->body, sizeof r->body, STR_FMT, STR_ARG(buf_view(&r->front.got)));
    fake_front_end(&r->front);
    return r->taken;
}

static void the_longest_prefix_wins(void **state) {
    struct routing *r = *state;

    assert_string_equal(taken(r, "x.test", "/"), "any h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "/ap"), "any h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "/api"), "any-api h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "/apix?/api/v1"), "any-api h3=\":443\"");
    assert_string_equal(taken(r, "x.test:8443", "/api/v1/z"), "any-api-v1 h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "*"), "any-api-v1 h3=\":443\"");
    assert_string_equal(taken(r, "", "/"), "any h3=\":443\"");
}

static void hosts_choose(void **state) {
    struct routing *r = *state;

    assert_string_equal(taken(r, "A.test:8443", "/only/x"), "a h3=\":443\"");
    assert_string_equal(taken(r, "b.test", "/only/x"), "any h3=\":443\"");
    assert_string_equal(taken(r, "c.b.test", "/api"), "wild h3=\":443\""); /* its own first */
}

static struct config_route *route(struct routing *r, size_t i) {
    return r->config.routes[i];
}

static void the_very_path_wins(void **state) {
    struct routing *r = *state;

    route(r, 1)->exact = true; /* any-api */
    assert_string_equal(taken(r, "x.test", "/api?q"), "any-api h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "/api/"), "any h3=\":443\"");
    route(r, 1)->match = STR("/api/v1/x");
    route(r, 2)->match = STR("/api/v1/x"); /* as long, but a prefix */
    assert_string_equal(taken(r, "x.test", "/api/v1/x"), "any-api h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "/api/v1/xy"), "any-api-v1 h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "*"), "any-api-v1 h3=\":443\"");
    assert_string_equal(taken(r, "c.b.test", "/api/v1/x"), "wild h3=\":443\"");
}

/* What the request is when it goes on, and what comes back. */
static void edits(void **state) {
    struct field set[] = {{{"server", 6}, {"mine", 4}}};
    struct routing *r = *state;

    route(r, 1)->options.rewrite = STR("/anything/");
    route(r, 1)->response = (struct edits){.set = set, .n_set = 1};
    r->w.hooks[1] = &route_hook;
    assert_string_equal(taken(r, "x.test", "/api/it?k=v"), "any-api h3=\":443\"");
    assert_string_equal(r->heads, "200 ");
    assert_non_null(strstr(r->body, "/anything/it?k=v"));
}

static void answers_of_its_own(void **state) {
    struct routing *r = *state;

    route(r, 0)->answer = ROUTE_RESPOND;
    route(r, 0)->options.respond = 418;
    route(r, 0)->options.respond_body = STR("short");
    assert_string_equal(taken(r, "x.test", "/"), "any h3=\":443\"");
    assert_string_equal(r->heads, "418 ");
    route(r, 0)->answer = ROUTE_REDIRECT;
    route(r, 0)->options.redirect = STR("https://b.test");
    route(r, 0)->options.redirect_status = 4;
    assert_string_equal(taken(r, "x.test", "/"), "any h3=\":443\"");
    assert_string_equal(r->heads, "308 ");
}

/* No alt-svc where nothing was found. */
static void no_route(void **state) {
    static struct str mine[] = {{"a.test", 6}};
    struct routing *r = *state;

    r->server.options.hosts = (struct strs){mine, 1};
    assert_string_equal(taken(r, "a.test", "/"), "any h3=\":443\"");
    assert_string_equal(taken(r, "x.test", "/"), " ");
    assert_string_equal(taken(r, "", "/"), " ");
    r->server.any_host = true;
    assert_string_equal(taken(r, "x.test", "/"), "any h3=\":443\"");
    r->config.n_routes = 0;
    assert_string_equal(taken(r, "a.test", "/"), " ");
}

/* The name of a neighbour is its own, whatever the certificate covers; no alt-svc there. */
static void misdirected(void **state) {
    static struct str theirs[] = {{"*.other.test", 12}};
    struct routing *r = *state;

    r->other_server.options.hosts = (struct strs){theirs, 1};
    r->set.n = 2;
    assert_string_equal(taken(r, "x.test", "/"), "any h3=\":443\"");
    assert_string_equal(taken(r, "a.other.test:8443", "/"), " ");
    assert_string_equal(r->heads, "421 ");
    r->peer.server = &r->other;
    assert_string_equal(taken(r, "a.other.test", "/"), "any ");
    assert_string_equal(taken(r, "x.test", "/"), " ");
    assert_string_equal(r->heads, "421 ");
}

static void no_udp_no_alt_svc(void **state) {
    struct routing *r = *state;

    r->site.alt_svc[0] = '\0';
    assert_string_equal(taken(r, "x.test", "/"), "any ");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns), TEST(the_longest_prefix_wins),
        TEST(hosts_choose),         TEST(no_route),
        TEST(no_udp_no_alt_svc),    TEST(misdirected),
        TEST(the_very_path_wins),   TEST(edits),
        TEST(answers_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
