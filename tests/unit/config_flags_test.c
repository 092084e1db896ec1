/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "flags_reading.h"

static void assert_str(struct str s, const char *wanted) {
    assert_true(str_eq(s, str_of(wanted)));
}

static void nothing_is_the_echo(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, NULL);
    assert_int_equal(r->err, 0);
    assert_int_equal(r->config.n_servers, 1);
    assert_true(r->config.servers[0]->any_host);
    assert_int_equal(r->config.n_routes, 1);
    assert_int_equal(r->config.routes[0]->options.handler, 1);
    assert_int_equal(r->config.n_upstreams + r->config.n_credentials, 0);
    assert_int_equal(config_check(&r->config), 0);
    assert_null(r->config.routes[0]->upstream);
    assert_int_equal(r->config.servers[0]->n_listens, 2);
    assert_int_equal(addr_port(&r->config.servers[0]->listens[0].addr), 8443);
    flags_assert_errors(r, "");
}

static void all_that_make_something(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--upstream", "http://127.0.0.1:3000", "-uunix:/s", "--listen=127.0.0.1:1", "-l", ":2",
          "--host", "a.test,b.test", "--host", "c.test", "--cert", "c.pem", "--key=k.pem",
          "--alt-svc-port", "443");
    assert_int_equal(r->err, 0);
    assert_int_equal(config_check(&r->config), 0);
    const struct config_server *s = r->config.servers[0];
    assert_int_equal(s->options.listen.n, 2);
    assert_int_equal(s->n_listens, 3);
    assert_int_equal(s->options.hosts.n, 3);
    assert_int_equal(s->options.advertise, 443);
    assert_ptr_equal(s->credential, r->config.credentials[0]);
    assert_str(s->credential->options.cert, "c.pem");
    assert_int_equal(r->config.upstreams[0]->n_uris, 2);
    assert_ptr_equal(r->config.routes[0]->upstream, r->config.upstreams[0]);
}

static void scalars(void **state) {
    struct flags_reading *r = *state;
    const struct gateway_options *o = &r->config.gateway;

    FLAGS(r, "--http3=off", "--alt-svc-max-age", "60", "--access-log=off", "--log-level", "debug",
          "--keylog", "k", "--host-header", "upstream", "--forwarded", "--cc=bbr",
          "--max-fields=9");
    assert_int_equal(r->err, 0);
    assert_false(o->http3);
    assert_false(config_http3(&r->config, r->config.servers[0]));
    assert_int_equal(o->alt_svc_max_age_ns, 60 * SECOND_NS);
    assert_true(r->config.access_log_given);
    assert_str(o->access_log, "off");
    assert_int_equal(o->log_level, 3);
    assert_str(o->keylog, "k");
    assert_int_equal(o->host_header, 1);
    assert_true(o->forwarded);
    assert_int_equal(o->cc, 2);
    assert_int_equal(o->fields, 9);
}

/* The help shows every flag of the table, with what it takes and what it is for. */
static void each_option_with_a_flag_is_one(void **state) {
    struct flags_reading *r = *state;

    for (size_t i = 0; i < n_options; i++) {
        size_t found = 0;
        for (size_t j = 0; j < r->flags.table.n; j++)
            found += strcmp(r->flags.rows[j].name, options[i].flag) == 0;
        assert_int_equal(found, options[i].flag[0] != '\0');
    }
    args_help(&r->flags.table, &r->errors);
    assert_non_null(strstr((char *)r->errors.p, "--alt-svc-port PORT"));
    assert_non_null(strstr((char *)r->errors.p, "-u, --upstream URL"));
    assert_non_null(strstr((char *)r->errors.p, "--http3[=on|off]"));
}

static void wrong_values(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--alt-svc-port", "70000", "--log-level=loud", "--max-fields", "1");
    assert_int_equal(r->err, ERR_INVALID);
    flags_assert_errors(r, "--alt-svc-port must be between 0 and 65535, not \"70000\"\n"
                           "--log-level must be one of error|warn|info|debug, not \"loud\"\n"
                           "--max-fields must be between 8 and 10000, not \"1\"\n");
}

static void unknown_flag(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--upstraem", "http://127.0.0.1");
    assert_int_equal(r->err, 1);
    flags_assert_errors(r, "unknown flag --upstraem: did you mean --upstream?");
}

static void echo_or_upstream(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--echo", "--upstream", "http://127.0.0.1");
    assert_int_equal(r->err, ERR_INVALID);
    flags_assert_errors(r, "--echo beside --upstream: choose one\n");
}

static void routes_by_flag(void **state) {
    struct flags_reading *r = *state;
    struct config *c = &r->config;

    FLAGS(r, "--route", "/api=http://127.0.0.1:1,http://127.0.0.1:2", "--upstream",
          "http://127.0.0.1:3", "-r", "a.test/x/=unix:/s", "--route=b.test=http://127.0.0.1:4");
    assert_int_equal(r->err, 0);
    assert_int_equal(c->n_routes, 4);
    assert_int_equal(c->n_upstreams, 4);
    assert_str(c->routes[0]->options.path, "/api");
    assert_int_equal(c->routes[0]->options.hosts.n, 0);
    assert_str(c->routes[1]->options.path, "/x/");
    assert_str(c->routes[1]->options.hosts.v[0], "a.test");
    assert_str(c->routes[2]->options.path, "/");
    assert_str(c->routes[3]->name, "all");
    assert_int_equal(config_check(c), 0);
    assert_int_equal(c->routes[0]->upstream->n_uris, 2);
    assert_int_equal(c->servers[0]->options.hosts.n, 3); /* localhost first */
    assert_str(c->servers[0]->options.hosts.v[0], "localhost");
    assert_str(c->servers[0]->options.hosts.v[2], "b.test");
    assert_true(c->servers[0]->any_host);
}

/* Nothing for the rest, unless it is asked for; names for a certificate that is given are not
 * ours to choose. */
static void only_routes(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--route", "a.test/=http://127.0.0.1:1", "--cert=c.pem", "--key=k.pem");
    assert_int_equal(r->err, 0);
    assert_int_equal(r->config.n_routes, 1);
    assert_int_equal(r->config.servers[0]->options.hosts.n, 0);
}

static void routes_and_the_echo(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--route", "/a=http://127.0.0.1:1", "--echo");
    assert_int_equal(r->err, 0);
    assert_int_equal(r->config.n_routes, 2);
    assert_int_equal(r->config.routes[1]->options.handler, 1);
}

static void wrong_routes(void **state) {
    struct flags_reading *r = *state;

    FLAGS(r, "--route", "/a", "--route", "=http://a", "--route", "/a=", "--route", "a,b/=http://c");
    assert_int_equal(r->err, ERR_INVALID);
#define WRONG_ROUTE(text) \
    "--route: \"" text "\" is not HOST/PREFIX=URL: write '/api=http://127.0.0.1:4000' or " \
    "'api.localhost/=http://127.0.0.1:4000'\n"
    flags_assert_errors(r, WRONG_ROUTE("/a") WRONG_ROUTE("=http://a") WRONG_ROUTE("/a=")
                               WRONG_ROUTE("a,b/=http://c"));
}

static void beside_a_file(void **state) {
    static const char *const words[] = {
        "--config", "x.ini",    "--listen", ":1",     "--upstream",  "http://127.0.0.1",
        "--host=a", "--cert=c", "--key=k",  "--echo", "--http3=off", "--alt-svc-port=443",
        NULL};
    struct flags_reading *r = *state;
    struct config_object object;

    assert_int_equal(config_add(&r->config, SECTION_SERVER, STR("s"),
                                (struct config_place){.file = STR("x.ini"), .line = 1}, &object),
                     0);
    flags_read(r, true, words);
    assert_int_equal(r->err, ERR_INVALID);
    flags_assert_errors(
        r, "--listen beside --config: write it into the file, or leave --config out\n"
           "--upstream beside --config: write it into the file, or leave --config out\n"
           "--host beside --config: write it into the file, or leave --config out\n"
           "--cert beside --config: write it into the file, or leave --config out\n"
           "--key beside --config: write it into the file, or leave --config out\n"
           "--echo beside --config: choose one\n");
    assert_false(r->config.gateway.http3); /* what is no more than a value overrides */
    assert_int_equal(r->config.servers[0]->options.advertise, 443);
    assert_int_equal(r->config.n_servers, 1);
    assert_int_equal(r->config.n_routes, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, flags_set_up, flags_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_the_echo),
        TEST(all_that_make_something),
        TEST(scalars),
        TEST(each_option_with_a_flag_is_one),
        TEST(wrong_values),
        TEST(unknown_flag),
        TEST(echo_or_upstream),
        TEST(beside_a_file),
        TEST(routes_by_flag),
        TEST(only_routes),
        TEST(routes_and_the_echo),
        TEST(wrong_routes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
