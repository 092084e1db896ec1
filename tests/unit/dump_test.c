/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "file_reading.h"
#include "gateway/dump/dump.h"
#include "gateway/dump/dump_columns.h"
#include "gateway/dump/dump_config.h"

struct dumping {
    struct file_reading *reading;
    struct dump_certs certs;
    struct buf text;
    struct dump dump;
};

static char *no_env(const char *name) {
    (void)name;
    return NULL;
}

static int set_up(void **state) {
    struct dumping *d = test_calloc(1, sizeof *d);

    buf_init(&d->text);
    *state = d;
    return reading_set_up((void **)&d->reading);
}

static int tear_down(void **state) {
    struct dumping *d = *state;

    dump_certs_fini(&d->certs);
    buf_fini(&d->text);
    int err = reading_tear_down((void **)&d->reading);
    test_free(d);
    return err;
}

static void read_into(struct dumping *d, struct config *c, struct str text) {
    reading_put(d->reading, "dev.ini", text);
    config_read_file(c, path_in(d->reading->folder, "dev.ini"));
    config_check(c);
    reading_assert_errors(d->reading, "");
}

static void configure(struct dumping *d, const char *text) {
    read_into(d, &d->reading->config, str_of(text));
    assert_int_equal(dump_certs_load(&d->certs, &d->reading->config, no_env, 0), 0);
    d->dump = (struct dump){.config = &d->reading->config, .certs = &d->certs};
}

static void assert_shown(struct dumping *d, int (*print)(const struct dump *, struct buf *),
                         const char *wanted) {
    buf_reset(&d->text);
    assert_int_equal(print(&d->dump, &d->text), 0);
    assert_string_equal((char *)d->text.p, wanted);
}

/* Parsed again; the caller ends it. */
static struct json_value *shown_json(struct dumping *d, struct json *j,
                                     int (*print)(const struct dump *, struct buf *)) {
    struct json_value *value = NULL;

    d->dump.form = DUMP_JSON;
    buf_reset(&d->text);
    assert_int_equal(print(&d->dump, &d->text), 0);
    json_init(j);
    assert_int_equal(json_parse(j, buf_view(&d->text), (struct json_limits){d->text.n, 64}, &value),
                     0);
    return value;
}

static void assert_at(struct json_value *value, const char *pointer, const char *wanted) {
    struct str seen = json_text(json_at(value, pointer));

    if (!str_eq(seen, str_of(wanted)))
        fail_msg("%s is \"" STR_FMT "\", not \"%s\"", pointer, STR_ARG(seen), wanted);
}

#define ARTICLE \
    "[gateway]\n" \
    "health = 0.0.0.0:15021\n" \
    "stats = 0.0.0.0:15090\n" \
    "[server httpbin-gateway]\n" \
    "listen = 0.0.0.0:8443\n" \
    "advertise = 443\n" \
    "hosts = httpbin.quic-corp.com\n" \
    "namespace = istio-system\n" \
    "[route httpbin]\n" \
    "hosts = httpbin.quic-corp.com\n" \
    "upstream = httpbin\n" \
    "[upstream httpbin]\n" \
    "url = http://127.0.0.1:8000\n"

#define PORTS \
    "[server z]\n" \
    "listen = :8443\n" \
    "hosts = b.test, *.b.test\n" \
    "[server a]\n" \
    "listen = :8443, [::1]:80\n" \
    "hosts = a.test\n" \
    "http3 = off\n" \
    "[route echo]\n" \
    "handler = echo\n" \
    "[route api]\n" \
    "hosts = a.test\n" \
    "path = /api\n" \
    "upstream = app\n" \
    "[route one]\n" \
    "exact = /one\n" \
    "respond = 204\n" \
    "[upstream app]\n" \
    "url = unix:/run/app.sock\n"

static void columns(void **state) {
    struct dumping *d = *state;

    dump_columns(STR("A\tBB\tC\nlong\t\xc3\xa9\tc c\n\t\t\n"), 2, &d->text);
    assert_string_equal((char *)d->text.p, "A     BB  C\n"
                                           "long  \xc3\xa9   c c\n"
                                           "          \n");
}

static void article(void **state) {
    struct dumping *d = *state;

    configure(d, ARTICLE);
    assert_shown(d, dump_listeners,
                 "ADDRESS PORT  MATCH                      DESTINATION\n"
                 "0.0.0.0 8443  SNI: httpbin.quic-corp.com "
                 "Route: https.443.https.httpbin-gateway.istio-system\n"
                 "0.0.0.0 8443  SNI: httpbin.quic-corp.com "
                 "Route: https.443.https.httpbin-gateway.istio-system\n"
                 "0.0.0.0 15021 ALL                        Inline Route: /healthz/ready*\n"
                 "0.0.0.0 15090 ALL                        Inline Route: /stats/prometheus*\n");
    assert_shown(d, dump_upstreams,
                 "SERVICE FQDN     PORT     SUBSET     DIRECTION     TYPE       DESTINATION RULE\n"
                 "httpbin          8000     -          outbound      STATIC     \n");
}

static void several_servers(void **state) {
    struct dumping *d = *state;

    configure(d, PORTS);
    d->dump.form = DUMP_WIDE;
    assert_shown(d, dump_listeners,
                 "ADDRESS    PORT MATCH                DESTINATION               PROTO           "
                 "CERTIFICATE  NOT AFTER CONNECTIONS\n"
                 "::1        80   SNI: a.test          Route: https.80.https.a   TCP h2,http/1.1 "
                 "local-ca://a -         -\n"
                 "0.0.0.0,:: 8443 SNI: b.test,*.b.test Route: https.8443.https.z TCP h2,http/1.1 "
                 "local-ca://z -         -\n"
                 "0.0.0.0,:: 8443 SNI: a.test          Route: https.8443.https.a TCP h2,http/1.1 "
                 "local-ca://a -         -\n"
                 "0.0.0.0,:: 8443 SNI: b.test,*.b.test Route: https.8443.https.z UDP h3          "
                 "local-ca://z -         -\n");
}

static void listener_filters(void **state) {
    struct dumping *d = *state;

    configure(d, PORTS);
    d->dump.form = DUMP_SHORT;
    d->dump.address = STR("::");
    assert_shown(d, dump_listeners,
                 "ADDRESS    PORT TYPE\n0.0.0.0,:: 8443 HTTP\n0.0.0.0,:: 8443 HTTP\n");
    d->dump.port = 80;
    assert_shown(d, dump_listeners, "ADDRESS PORT TYPE\n");
    d->dump.form = DUMP_JSON;
    assert_shown(d, dump_listeners, "[]\n");
}

static void listener_names(void **state) {
    struct dumping *d = *state;
    struct json j;

    configure(d, PORTS);
    struct json_value *all = shown_json(d, &j, dump_listeners);
    assert_int_equal(json_n(all), 3);
    assert_at(all, "/0/name", "::1_80");
    assert_at(all, "/1/name", "0.0.0.0_8443");
    assert_at(all, "/1/additionalAddresses/0/address/socketAddress/address", "::");
    assert_at(all, "/1/filterChains/0/filterChainMatch/serverNames/1", "*.b.test");
    assert_at(all, "/1/filterChains/1/filterChainMatch/serverNames/0", "a.test");
    assert_at(all, "/2/name", "udp_0.0.0.0_8443");
    assert_at(all, "/2/address/socketAddress/protocol", "UDP");
    assert_int_equal(json_n(json_at(all, "/2/filterChains")), 1);
    json_fini(&j);
}

static void routes(void **state) {
    struct dumping *d = *state;

    configure(d, PORTS);
    d->dump.form = DUMP_WIDE;
    d->dump.name = STR("https.8443.https.a");
    assert_shown(d, dump_routes,
                 "NAME                   VHOST NAME      DOMAINS     MATCH     VIRTUAL SERVICE     "
                 "DESTINATION\n"
                 "https.8443.https.a     a.test:8443     a.test      /api*     api                 "
                 "outbound|0||app\n"
                 "https.8443.https.a     a.test:8443     a.test      /one      one                 "
                 "respond 204\n"
                 "https.8443.https.a     a.test:8443     a.test      /*        echo                "
                 "echo\n");
    d->dump.form = DUMP_SHORT;
    d->dump.name = (struct str){0};
    assert_shown(d, dump_routes,
                 "NAME                   VIRTUAL HOSTS\n"
                 "https.80.https.a       1\n"
                 "https.8443.https.a     1\n"
                 "https.8443.https.z     2\n");
}

static void route_of_nobody(void **state) {
    struct dumping *d = *state;

    configure(d, "[server s]\nlisten = [::1]:1\nhosts = a.test\n"
                 "[route r]\nhosts = b.test\nhandler = echo\n");
    assert_shown(d, dump_routes,
                 "NAME                VHOST NAME      DOMAINS     MATCH     VIRTUAL SERVICE\n"
                 "https.1.https.s     blackhole:1     *           /*        404\n");
}

static void cluster(void **state) {
    struct dumping *d = *state;
    struct json j;

    configure(d, PORTS);
    struct json_value *all = shown_json(d, &j, dump_upstreams);
    assert_at(all, "/0/name", "outbound|0||app");
    assert_at(all, "/0/type", "STATIC");
    assert_at(all, "/0/loadAssignment/endpoints/0/lbEndpoints/0/endpoint/address/pipe/path",
              "/run/app.sock");
    json_fini(&j);
}

static void not_made_yet(void **state) {
    struct dumping *d = *state;

    configure(d, "[server s]\n[route r]\nhandler = echo\n");
    assert_shown(d, dump_secrets,
                 "RESOURCE NAME     TYPE           STATUS      VALID CERT     SERIAL NUMBER     "
                 "NOT AFTER     NOT BEFORE\n"
                 "local-ca://s      Cert Chain     WARMING     false                            "
                 "              \n");
    assert_int_equal(d->reading->errors.n, 0);
}

/* What was dumped is read, and dumped again. */
static void read_again(void **state) {
    struct dumping *d = *state;
    struct config again;
    struct buf text, problem;

    configure(d, PORTS "[credential c]\ncert = a ;b.crt\nclient-ca = \"x ; y.pem\"\nkey = k#1\n"
                       "[route odd]\npath = /odd\nrespond = 200\n"
                       "respond-body = \"a # b, \"\nset-response-header = x-a: \"1; 2\"\n");
    buf_init(&text);
    buf_init(&problem);
    assert_int_equal(dump_config(&d->reading->config, STR("/srv"), &d->text, &problem), 0);
    assert_non_null(strstr((char *)d->text.p, "respond-body = \"a # b, \"\n"));
    assert_int_equal(config_init(&again, &d->reading->errors), 0);
    read_into(d, &again, buf_view(&d->text));
    assert_int_equal(dump_config(&again, STR("/other"), &text, &problem), 0);
    assert_string_equal((char *)text.p, (char *)d->text.p);
    config_fini(&again);
    buf_fini(&text);
    buf_fini(&problem);
}

static void cannot_stand_in_a_file(void **state) {
    struct dumping *d = *state;
    struct buf problem;

    configure(d, ARTICLE);
    d->reading->config.gateway.keylog = STR("a\" ;b");
    buf_init(&problem);
    int err = dump_config(&d->reading->config, STR("/"), &d->text, &problem);
    assert_int_equal(err, ERR_INVALID);
    assert_string_equal((char *)problem.p,
                        "keylog cannot stand in a file with this value: \"/a\" ;b\"");
    buf_fini(&problem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(article, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_servers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listener_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listener_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(route_of_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cluster, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_made_yet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cannot_stand_in_a_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
