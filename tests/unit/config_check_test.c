/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "flags_reading.h"

static void assert_wrong(struct flags_reading *r, const char *wanted) {
    assert_int_equal(r->err, 0);
    assert_int_equal(config_check(&r->config), ERR_INVALID);
    flags_assert_errors(r, wanted);
}

static void assert_listens(struct flags_reading *r, const char *wanted) {
    const struct config_server *s = r->config.servers[0];
    struct buf seen;

    assert_int_equal(config_check(&r->config), 0);
    buf_init(&seen);
    for (size_t i = 0; i < s->n_listens; i++) {
        char text[ADDR_TEXT];
        buf_format(&seen, "%s%s ", addr_text(&s->listens[i].addr, text),
                   s->listens[i].optional ? "?" : "");
    }
    assert_string_equal((char *)seen.p, wanted);
    buf_fini(&seen);
}

static void every_address(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--listen", ":8443");
    assert_listens(r, "0.0.0.0:8443 [::]:8443? ");
}

static void names_and_literals(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--listen=localhost:1,127.0.0.2:2", "--listen=[::1]:3", "--listen=4");
    assert_listens(r, "127.0.0.1:1 [::1]:1? 127.0.0.2:2 [::1]:3 127.0.0.1:4 [::1]:4? ");
}

static void no_address(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--listen", "app.test:1", "--listen", ":70000", "--listen", "unix:/x");
    assert_wrong(r, "listen: \"app.test:1\" is not ADDR:PORT: write 127.0.0.1:8443, [::1]:8443, "
                    "localhost:8443, or :8443 for every address\n"
                    "listen: \":70000\" is not ADDR:PORT: write 127.0.0.1:8443, [::1]:8443, "
                    "localhost:8443, or :8443 for every address\n"
                    "listen: \"unix:/x\" is not ADDR:PORT: write 127.0.0.1:8443, [::1]:8443, "
                    "localhost:8443, or :8443 for every address\n");
}

static void twice_the_same_address(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--listen=127.0.0.1:1", "--listen=localhost:1");
    assert_wrong(r,
                 "listen: 127.0.0.1:1 and localhost:1 mean the same address: keep one of them\n");
}

static void hosts(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--host=*.a.test", "--host=A-b.test", "--host=*", "--host=10.0.0.1", "--host=::1");
    assert_int_equal(config_check(&r->config), 0);
}

static void no_hosts(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--host=b\xc3\xbc.test", "--host=a*.test", "--host=a/b");
    assert_wrong(r, "hosts: \"b\xc3\xbc.test\" is no host name: write it in ASCII (xn--… for other "
                    "letters), as app.test or *.app.test\n"
                    "hosts: \"a*.test\" is no host name: write it in ASCII (xn--… for other "
                    "letters), as app.test or *.app.test\n"
                    "hosts: \"a/b\" is no host name: write it in ASCII (xn--… for other "
                    "letters), as app.test or *.app.test\n");
}

static void too_many_hosts(void **state) {
    struct flags_reading *r = *state;
    char list[1000] = "--host=";

    for (int i = 0; i <= CONFIG_MAX_HOSTS; i++)
        strcat(list, "a.test,");
    FLAGS(r, list);
    assert_wrong(r,
                 "hosts: more than 60 names: they have to fit into one certificate, so make it two "
                 "sections\n");
}

static void half_a_credential(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--cert", "c.pem");
    assert_wrong(r, "--cert needs --key FILE beside it\n");
}

static void the_other_half(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--key", "c.pem");
    assert_wrong(r, "--key needs --cert FILE beside it\n");
}

static void upstream_urls(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--upstream", "127.0.0.1:3000", "--upstream", "https://a.test", "--upstream",
          "unix:rel");
    assert_wrong(r, "upstream: \"127.0.0.1:3000\": it must begin with http://, https://, h2c://, "
                    "tcp:// or unix:\n"
                    "upstream: \"https://a.test\": https to an upstream is not built yet: use "
                    "http://HOST:PORT or unix:PATH\n"
                    "upstream: \"unix:rel\": unix: wants an absolute path\n");
}

/* ---- what only a file can say ---- */

static struct config_place line(int n) {
    return (struct config_place){.file = STR("x.ini"), .line = n};
}

static void *add(struct flags_reading *r, enum option_section section, const char *name, int n) {
    struct config_object object;

    assert_int_equal(config_add(&r->config, section, str_of(name), line(n), &object), 0);
    return object.options;
}

static void references(void **state) {
    struct flags_reading *r = *state;
    struct server_options *s = add(r, SECTION_SERVER, "s", 1);
    struct route_options *a = add(r, SECTION_ROUTE, "a", 3), *b = add(r, SECTION_ROUTE, "b", 5),
                         *c = add(r, SECTION_ROUTE, "c", 7);

    s->credential = STR("none");
    a->upstream = STR("gone");
    a->path = STR("a");
    b->handler = 1;
    b->upstream = STR("u");
    c->path = STR("/c");
    add(r, SECTION_UPSTREAM, "u", 9);
    add(r, SECTION_CREDENTIAL, "c", 11);
    assert_wrong(
        r, "x.ini:1: credential: there is no [credential none]\n"
           "x.ini:3: path: \"a\" does not begin with \"/\": write /a\n"
           "x.ini:3: upstream: there is no [upstream gone]\n"
           "x.ini:5: upstream and handler = echo exclude one another: keep one of them\n"
           "x.ini:7: route: upstream = NAME is missing (or handler = echo, redirect, respond)\n"
           "x.ini:9: upstream: url = URL is missing\n"
           "x.ini:11: credential: cert = FILE is missing\n"
           "x.ini:11: credential: key = FILE is missing\n");
}

static void nothing_to_do(void **state) {
    struct flags_reading *r = *state;

    assert_wrong(r, "there is no [server NAME]: it says where to listen\n"
                    "there is no [route NAME]: it says who answers\n");
}

static void two_servers_on_one_address(void **state) {
    static struct str one = {"127.0.0.1:1", 11};
    static struct str mine[] = {{"a.test", 6}, {"B.test", 6}};
    struct flags_reading *r = *state;
    struct server_options *s = add(r, SECTION_SERVER, "s", 1), *t = add(r, SECTION_SERVER, "t", 3);
    struct route_options *route = add(r, SECTION_ROUTE, "r", 5);

    route->handler = 1;
    s->listen = t->listen = (struct strs){&one, 1};
    s->hosts = (struct strs){mine, 2};
    t->hosts = (struct strs){mine + 1, 1};
    assert_wrong(r, "x.ini:3: hosts: \"B.test\" on 127.0.0.1:1 is already [server s]'s (line 1)\n");
}

static void servers_share_an_address(void **state) {
    static struct str one = {"127.0.0.1:1", 11}, mine = {"a.test", 6}, theirs = {"*.test", 6};
    struct flags_reading *r = *state;
    struct server_options *s = add(r, SECTION_SERVER, "s", 1), *t = add(r, SECTION_SERVER, "t", 3);
    struct route_options *route = add(r, SECTION_ROUTE, "r", 5);

    route->handler = 1;
    s->listen = t->listen = (struct strs){&one, 1};
    s->hosts = (struct strs){&mine, 1};
    t->hosts = (struct strs){&theirs, 1};
    assert_int_equal(config_check(&r->config), 0);
}

static void two_routes_to_one_place(void **state) {
    static struct str names[] = {{"a.test", 6}, {"A.test", 6}, {"b.test", 6}};
    struct flags_reading *r = *state;

    add(r, SECTION_SERVER, "s", 1);
    for (int i = 0; i < 6; i++) {
        char name[] = {(char)('a' + i), 0};
        struct route_options *o = add(r, SECTION_ROUTE, name, 2 + i);
        o->handler = 1;
        if (i < 3)
            o->hosts = (struct strs){&names[i], 1};
        if (i == 5)
            o->path = STR("/p");
    }
    assert_wrong(
        r, "x.ini:3: route: path / with such hosts is already [route a]'s (line 2): one of them "
           "would never answer\n"
           "x.ini:6: route: path / with such hosts is already [route d]'s (line 5): one of them "
           "would never answer\n");
}

static void http3_of_a_server(void **state) {
    struct flags_reading *r = *state;
    struct server_options *s = add(r, SECTION_SERVER, "s", 1);

    assert_true(config_http3(&r->config, r->config.servers[0]));
    s->http3 = 2;
    assert_false(config_http3(&r->config, r->config.servers[0]));
    r->config.gateway.http3 = false;
    s->http3 = 1;
    assert_true(config_http3(&r->config, r->config.servers[0]));
    s->http3 = 0;
    assert_false(config_http3(&r->config, r->config.servers[0]));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, flags_set_up, flags_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_address),
        TEST(names_and_literals),
        TEST(no_address),
        TEST(twice_the_same_address),
        TEST(hosts),
        TEST(no_hosts),
        TEST(too_many_hosts),
        TEST(half_a_credential),
        TEST(the_other_half),
        TEST(upstream_urls),
        TEST(references),
        TEST(nothing_to_do),
        TEST(two_servers_on_one_address),
        TEST(servers_share_an_address),
        TEST(two_routes_to_one_place),
        TEST(http3_of_a_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
