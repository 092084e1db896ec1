/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "file_reading.h"
#include "gateway/passthrough.h"

/* tls = passthrough in a configuration: what goes together, what does not and is told with its
 * line, and where connections go. */

/* Reads and checks it; the errors must be these. */
static void check_text(struct file_reading *r, struct str text, const char *wanted) {
    reading_put(r, "p.ini", text);
    reading_read(r, "p.ini");
    assert_int_equal(r->err, 0);
    r->err = config_check(&r->config);
    reading_assert_errors(r, wanted);
}

#define CHECK(r, text, wanted) check_text(r, STR(text), wanted)

#define PASSED "[server p]\nlisten = :1\nhosts = a.test, *.b.test\ntls = passthrough\n"
#define ROUTE "[route r]\nhosts = a.test, *.b.test\nupstream = u\n"
#define UPSTREAM "[upstream u]\nurl = https://127.0.0.1:1\n"

static void a_server_and_its_route(void **state) {
    struct file_reading *r = *state;

    CHECK(r, PASSED ROUTE UPSTREAM, "");
    assert_int_equal(r->config.routes[0]->answer, ROUTE_TUNNEL);
    assert_ptr_equal(r->config.routes[0]->upstream, r->config.upstreams[0]);
    assert_true(config_passthrough(r->config.servers[0]));
    assert_false(config_http3(&r->config, r->config.servers[0]));
}

static void beside_one_that_ends_tls(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          PASSED "[server s]\nlisten = :1\nhosts = c.test\nhttp3 = on\n" ROUTE
                 "[route c]\nhosts = c.test\npath = /x\nhandler = echo\n"
                 "[route rest]\nredirect = /\n" UPSTREAM,
          "");
    assert_int_equal(r->config.routes[0]->answer, ROUTE_TUNNEL);
    assert_int_equal(r->config.routes[1]->answer, ROUTE_ECHO);
    assert_int_equal(r->config.routes[2]->answer, ROUTE_REDIRECT);
    assert_true(config_http3(&r->config, r->config.servers[1]));
}

static void it_takes_any_name(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          "[server p]\nlisten = :1\ntls = passthrough\n"
          "[server s]\nlisten = :1\nhosts = c.test\n"
          "[route all]\nupstream = u\n[route c]\nhosts = c.test\nhandler = echo\n"
          "[upstream u]\nurl = tcp://a.test:1\nurl = unix:/x\nurl = https://b.test\n",
          "");
    assert_int_equal(r->config.routes[0]->answer, ROUTE_TUNNEL);
    assert_int_equal(r->config.routes[1]->answer, ROUTE_ECHO);
    assert_int_equal(r->config.upstreams[0]->uris[2].port, 443);
}

static void options_of_the_server(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          PASSED
          "credential = c\nhttp3 = on\nadvertise = 443\n[credential c]\nclient-ca = x\n" ROUTE
              UPSTREAM,
          "p.ini:5: credential: the server has tls = passthrough, so the upstream shows a "
          "certificate, not h3gw: remove it\n"
          "p.ini:6: http3: the server has tls = passthrough, which is not mirrored: remove it\n"
          "p.ini:7: advertise: the server has tls = passthrough, so no alt-svc can be sent: remove "
          "it\n");
}

static void http3_may_be_off(void **state) {
    struct file_reading *r = *state;

    CHECK(r, PASSED "http3 = off\n" ROUTE UPSTREAM, "");
}

static void options_of_the_route(void **state) {
    struct file_reading *r = *state;

    CHECK(
        r,
        PASSED ROUTE "path = /\nrewrite = /x\ntimeout = 1s\nadd-request-header = a: b\n" UPSTREAM,
        "p.ini:8: path: its server has tls = passthrough, so requests are not seen: only hosts "
        "and upstream can stand here\n"
        "p.ini:9: rewrite: its server has tls = passthrough, so requests are not seen: only hosts "
        "and upstream can stand here\n"
        "p.ini:10: timeout: its server has tls = passthrough, so requests are not seen: only "
        "hosts and upstream can stand here\n"
        "p.ini:11: add-request-header: its server has tls = passthrough, so requests are not "
        "seen: only hosts and upstream can stand here\n");
}

static void others_cannot_answer(void **state) {
    struct file_reading *r = *state;

    CHECK(
        r, PASSED "[route r]\nhosts = a.test, *.b.test\nhandler = echo\n",
        "p.ini:5: route: upstream = NAME is missing\n"
        "p.ini:7: handler: its server has tls = passthrough, so requests are not seen: only hosts "
        "and upstream can stand here\n");
}

static void a_host_without_route(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          PASSED "[server s]\nlisten = :1\nhosts = c.test\n[route x]\nhosts = x.b.test\nupstream = "
                 "u\n[route rest]\nhandler = echo\n" UPSTREAM,
          "p.ini:3: hosts: no [route] says where connections for \"a.test\" go: write one with "
          "hosts and upstream\n");
}

static void any_name_without_route(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          "[server p]\nlisten = :1\ntls = passthrough\n[server s]\nlisten = :2\n"
          "[route r]\nhandler = echo\n",
          "p.ini:3: tls: no [route] says where connections for \"*\" go: write one with hosts and "
          "upstream\n"
          "p.ini:6: hosts: they belong both to a server with tls = passthrough and to one without: "
          "make a route for each\n");
}

static void hosts_of_both_kinds(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          PASSED "[server s]\nlisten = :1\nhosts = c.test\n"
                 "[route r]\nhosts = a.test, c.test\nupstream = u\n"
                 "[route b]\nhosts = *.b.test\nupstream = v\n" UPSTREAM
                 "[upstream v]\nurl = unix:/v\n",
          "p.ini:9: hosts: they belong both to a server with tls = passthrough and to one without: "
          "make a route for each\n");
}

static void two_routes_for_one_name(void **state) {
    struct file_reading *r = *state;

    CHECK(r, PASSED ROUTE "[route again]\nhosts = A.test\nupstream = u\n" UPSTREAM,
          "p.ini:8: route: path / with such hosts is already [route r]'s (line 5): one of them "
          "would never "
          "answer\n");
}

static void schemes(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          PASSED "[server s]\nlisten = :1\nhosts = c.test\n" ROUTE
                 "[route c]\nhosts = c.test\nupstream = v\n"
                 "[upstream u]\nurl = http://a.test\nurl = h2c://a.test\nurl = https://a.test/x\n"
                 "url = tcp://a.test\n"
                 "[upstream v]\nurl = https://a.test\nurl = tcp://a.test:1\n",
          "p.ini:15: upstream: \"http://a.test\": its route's server has tls = passthrough, so TLS "
          "must end there: use https://HOST:PORT, tcp://HOST:PORT or unix:PATH\n"
          "p.ini:16: upstream: \"h2c://a.test\": its route's server has tls = passthrough, so TLS "
          "must end there: use https://HOST:PORT, tcp://HOST:PORT or unix:PATH\n"
          "p.ini:17: upstream: \"https://a.test/x\": connections are passed on as they are: a path "
          "means nothing\n"
          "p.ini:18: upstream: \"tcp://a.test\": tcp:// wants a port\n"
          "p.ini:20: upstream: \"https://a.test\": https to an upstream is not built yet: use "
          "http://HOST:PORT or unix:PATH\n"
          "p.ini:21: upstream: \"tcp://a.test:1\": tcp is for routes of servers with tls = "
          "passthrough: use http://HOST:PORT or unix:PATH\n");
}

static void client_certificates_are_the_upstreams(void **state) {
    struct file_reading *r = *state;

    CHECK(r, "[server p]\nlisten = :1\ntls = mutual\n[route r]\nupstream = u\n" UPSTREAM,
          "p.ini:3: tls: asking for client certificates needs a credential with client-ca = FILE\n"
          "p.ini:7: upstream: \"https://127.0.0.1:1\": https to an upstream is not built yet: use "
          "http://HOST:PORT or unix:PATH\n");
}

/* ---- where connections go ---- */

static void assert_goes(struct file_reading *r, const char *sni, const char *route) {
    const struct config_route *found = passthrough_route(&r->config, str_of(sni));

    if (route)
        assert_true(found && str_eq(found->name, str_of(route)));
    else
        assert_null(found);
}

static void the_most_specific_host(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          PASSED "[server s]\nlisten = :2\n[route c]\nhandler = echo\n"
                 "[route wild]\nhosts = *.b.test\nupstream = u\n"
                 "[route one]\nhosts = one.b.test, a.test\nupstream = u\n" UPSTREAM,
          "");
    assert_goes(r, "a.test", "one");
    assert_goes(r, "one.b.test", "one");
    assert_goes(r, "two.b.test", "wild");
    assert_goes(r, "c.test", NULL); /* the echo is no place for connections */
    assert_goes(r, "", NULL);
}

static void without_a_name(void **state) {
    struct file_reading *r = *state;

    CHECK(r,
          "[server p]\nlisten = :1\ntls = passthrough\n"
          "[route a]\nhosts = a.test\nupstream = u\n[route all]\nupstream = u\n" UPSTREAM,
          "");
    assert_goes(r, "", "all");
    assert_goes(r, "a.test", "a");
    assert_goes(r, "z.test", "all");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        READING_TEST(a_server_and_its_route),
        READING_TEST(beside_one_that_ends_tls),
        READING_TEST(it_takes_any_name),
        READING_TEST(options_of_the_server),
        READING_TEST(http3_may_be_off),
        READING_TEST(options_of_the_route),
        READING_TEST(others_cannot_answer),
        READING_TEST(a_host_without_route),
        READING_TEST(any_name_without_route),
        READING_TEST(hosts_of_both_kinds),
        READING_TEST(two_routes_for_one_name),
        READING_TEST(schemes),
        READING_TEST(client_certificates_are_the_upstreams),
        READING_TEST(the_most_specific_host),
        READING_TEST(without_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
