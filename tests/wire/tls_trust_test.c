/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "certs.h"
#include "tls_pair.h"

/* Who is believed, and who is let in. */

static void sni_chooses_the_server(void **state) {
    struct pair *p = *state;
    p->host = "second.test";
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_string_equal(p->server_peer.server, "second");
    assert_string_equal(p->client_peer.cert->subject, "CN=second");
}

static void a_name_that_is_refused(void **state) {
    struct pair *p = *state;
    p->host = "nobody.example.test";
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.server, "there is no server for the name nobody.example.test here");
    assert_string_equal(told.client, "the server does not know the name (alert unrecognized_name)");
}

static void wildcard_upper_case_and_addresses(void **state) {
    static const char *const hosts[] = {"a.example.test", "LOCALHOST", "127.0.0.1", "::1",
                                        "A.Example.Test"};
    struct pair *p = *state;
    pair_contexts(p);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        p->host = hosts[i];
        p->talker = (struct talker){.bytes = 10};
        p->echo = (struct echo_seen){0};
        pair_begin(p);
        pair_run(p);
        pair_assert_talked(p);
        bool literal = i == 2 || i == 3;
        if (literal)
            assert_null(p->server_peer.sni);
        else
            assert_string_equal(p->server_peer.sni, i == 1 ? "localhost" : "a.example.test");
        pair_end(p);
    }
}

static void wrong_names(void **state) {
    static const char *const hosts[] = {"example.test", "a.b.example.test", "127.0.0.2", "::2",
                                        "local",        "localhost.test"};
    struct pair *p = *state;
    pair_contexts(p);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char wanted[200];
        p->host = hosts[i];
        p->talker = (struct talker){.bytes = 10};
        p->echo = (struct echo_seen){0};
        struct pair_problems told = pair_run_to_failure(p);
        (void)snprintf(wanted, sizeof(wanted), "the certificate is not for %s, but for ", hosts[i]);
        assert_memory_equal(told.client, wanted, strlen(wanted));
        assert_non_null(strstr(told.client, "*.example.test"));
        assert_non_null(strstr(told.client, "127.0.0.1"));
        assert_int_equal(p->talker.received, 0);
        pair_end(p);
    }
}

static void common_names_do_not_count(void **state) {
    struct pair *p = *state;
    p->servers[0].cert_pem = str_of(common_crt);
    p->servers[0].key_pem = str_of(common_key);
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.client,
                        "the certificate is not for localhost, but for no host at all");
}

static void wrong_ca(void **state) {
    struct pair *p = *state;
    p->client_config.ca_pem = str_of(other_ca_crt);
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.client, "the certificate is not signed by a trusted CA");
    assert_string_equal(told.server, "the client does not know the CA of the certificate "
                                     "(alert unknown_ca)");
}

static void no_roots_trust_nothing(void **state) {
    struct pair *p = *state;
    p->client_config.ca_pem = (struct str){0};
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.client, "the certificate is not signed by a trusted CA");
}

static void expired(void **state) {
    struct pair *p = *state;
    p->servers[0].cert_pem = str_of(expired_crt);
    p->servers[0].key_pem = str_of(expired_key);
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.client, "the certificate has expired");
    assert_string_equal(told.server, "the client says that the certificate has expired "
                                     "(alert certificate_expired)");
}

static void insecure_takes_any(void **state) {
    struct pair *p = *state;
    p->servers[0].cert_pem = str_of(expired_crt);
    p->servers[0].key_pem = str_of(expired_key);
    p->client_config.insecure = true;
    p->client_config.ca_pem = (struct str){0};
    p->host = "elsewhere.test";
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_non_null(p->client_peer.cert);
    assert_string_equal(p->client_peer.cert->subject, "CN=expired");
}

static void key_that_does_not_belong(void **state) {
    struct pair *p = *state;
    char problem[200];
    p->servers[1].key_pem = str_of(local_key);
    assert_int_not_equal(
        tls_server_context_new(&p->server_config, &p->server_context, problem, sizeof(problem)), 0);
    assert_non_null(strstr(problem, "key"));
    p->servers[1].cert_pem = str_of("rubbish");
    assert_int_not_equal(
        tls_server_context_new(&p->server_config, &p->server_context, problem, sizeof(problem)), 0);
    assert_non_null(strstr(problem, "the certificate cannot be used"));
}

static void talk_again(struct pair *p, bool resumed) {
    p->talker = (struct talker){.bytes = 5000};
    p->echo = (struct echo_seen){0};
    peer_fini(&p->server_peer);
    peer_fini(&p->client_peer);
    p->server_peer = p->client_peer = (struct peer){0};
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_int_equal(p->server_peer.resumed, resumed);
    assert_int_equal(p->client_peer.resumed, resumed);
    pair_end(p);
}

static void resumption_with_a_ticket(void **state) {
    struct pair *p = *state;
    p->tickets = tls_tickets_new();
    talk_again(p, false);
    talk_again(p, true);
    assert_string_equal(p->server_peer.alpn, "h2");
    talk_again(p, true);
    p->host = "second.test"; /* another site does not take it */
    talk_again(p, false);
    assert_string_equal(p->server_peer.server, "second");
}

/* As other workers have it, or this one after a reload. */
static void another_context(struct pair *p) {
    tls_context_free(p->server_context);
    p->server_context = NULL;
}

static void tickets_of_one_secret(void **state) {
    static const uint8_t secret[32] = "a secret of 32 bytes, no fewer.", other[32] = "another";
    struct pair *p = *state;
    p->tickets = tls_tickets_new();
    p->server_config.secret = secret;
    talk_again(p, false);
    for (int i = 0; i < 2; i++) {
        another_context(p);
        talk_again(p, true);
    }
    another_context(p);
    p->servers[0].name = STR("renamed");
    talk_again(p, false);
    talk_again(p, true);
    another_context(p);
    p->server_config.secret = other;
    talk_again(p, false);
    another_context(p);
    p->server_config.secret = NULL; /* each context has keys of its own */
    talk_again(p, false);
    another_context(p);
    talk_again(p, false);
}

/* What was a simple server asks for certificates after a reload, and the other way round. */
static void a_ticket_is_for_one_mode(void **state) {
    static const uint8_t secret[32] = "a secret of 32 bytes, no fewer.";
    struct pair *p = *state;
    p->tickets = tls_tickets_new();
    p->server_config.secret = secret;
    talk_again(p, false);
    another_context(p);
    p->servers[0].client_auth = TLS_CLIENT_AUTH_OPTIONAL;
    p->servers[0].client_ca_pem = str_of(other_ca_crt);
    talk_again(p, false);
    another_context(p);
    p->servers[0].client_auth = TLS_CLIENT_AUTH_REQUIRED;
    p->talker = (struct talker){.bytes = 10};
    p->echo = (struct echo_seen){0};
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.server, "the peer showed no certificate, and one is required");
}

static void show_certificate(struct pair *p) {
    p->client_config.cert_pem = str_of(client_crt);
    p->client_config.key_pem = str_of(client_key);
}

static void client_certificate(void **state) {
    struct pair *p = *state;
    p->server_config.n_servers = 3;
    p->host = "mutual.example.test";
    show_certificate(p);
    p->tickets = tls_tickets_new();
    for (int i = 0; i < 2; i++) { /* the second time too: no tickets are given */
        talk_again(p, false);
        assert_non_null(p->server_peer.cert);
        assert_string_equal(p->server_peer.cert->subject, "CN=a client,O=h3gw,C=DE");
    }
    p->host = "localhost";
    talk_again(p, false);
    assert_null(p->server_peer.cert);
}

static void client_certificate_missing(void **state) {
    struct pair *p = *state;
    p->server_config.n_servers = 3;
    p->host = "mutual.example.test";
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.server, "the peer showed no certificate, and one is required");
    assert_int_equal(p->echo.received, 0);
}

static void client_certificate_of_another_ca(void **state) {
    struct pair *p = *state;
    p->server_config.n_servers = 3;
    p->servers[2].client_ca_pem = str_of(ca_crt);
    p->host = "mutual.example.test";
    show_certificate(p);
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.server, "the certificate is not signed by a trusted CA");
    assert_int_equal(p->echo.received, 0);
}

/* The way round by tickets: got where none is asked for, used where one is. */
static void a_ticket_opens_no_mutual_server(void **state) {
    struct pair *p = *state;
    p->server_config.n_servers = 3;
    p->tickets = tls_tickets_new();
    talk_again(p, false);
    p->host = "mutual.example.test";
    p->talker = (struct talker){.bytes = 10};
    p->echo = (struct echo_seen){0};
    struct pair_problems told = pair_run_to_failure(p);
    assert_string_equal(told.server, "the peer showed no certificate, and one is required");
    assert_int_equal(p->echo.received, 0);
}

static void optional_client_certificate(void **state) {
    struct pair *p = *state;
    p->server_config.n_servers = 3;
    p->servers[2].client_auth = TLS_CLIENT_AUTH_OPTIONAL;
    p->host = "mutual.example.test";
    pair_begin(p);
    pair_run(p);
    pair_assert_talked(p);
    assert_null(p->server_peer.cert);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_set_up, pair_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sni_chooses_the_server),
        TEST(a_name_that_is_refused),
        TEST(wildcard_upper_case_and_addresses),
        TEST(wrong_names),
        TEST(common_names_do_not_count),
        TEST(wrong_ca),
        TEST(no_roots_trust_nothing),
        TEST(expired),
        TEST(insecure_takes_any),
        TEST(key_that_does_not_belong),
        TEST(resumption_with_a_ticket),
        TEST(tickets_of_one_secret),
        TEST(a_ticket_is_for_one_mode),
        TEST(client_certificate),
        TEST(client_certificate_missing),
        TEST(client_certificate_of_another_ca),
        TEST(a_ticket_opens_no_mutual_server),
        TEST(optional_client_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
