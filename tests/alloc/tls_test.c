/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <string.h>

#include "fallible.h"
#include "wire/certs.h"
#include "wire/tls_pair.h"

/* The end of memory in TLS handshakes, wolfSSL's too: each side ends, what talks has the rights for
 * it, and a failing allocation never opens what is closed. */

enum { TALKS = 2, STEP = 2 };

struct handshakes {
    struct pair *pair;
    int talks;
    bool forbidden, mutual; /* nobody may talk; only a client with a certificate may */
};

static void judge(const struct handshakes *h, bool well) {
    const struct pair *p = h->pair;
    if (h->forbidden) {
        assert_int_equal(p->echo.received, 0);
        assert_int_equal(p->talker.received, 0);
        return;
    }
    if (well)
        pair_assert_talked(h->pair);
    assert_false(p->talker.wrong);
    assert_true(!h->mutual || p->echo.received == 0 || p->server_peer.cert);
}

static void talk(struct handshakes *h, bool well) {
    struct pair *p = h->pair;
    p->talker = (struct talker){.bytes = 3000};
    p->echo = (struct echo_seen){0};
    p->client = pair_client(p);
    p->server = pair_server(p);
    if (p->client && p->server) {
        fallible_pause(true);
        p->join = join_new(&p->turn, p->client, p->server, 1);
        fallible_pause(false);
        pair_run(p);
        judge(h, well);
        pair_end(p);
    } else {
        struct stream_engine *one = p->client ? p->client : p->server;
        assert_false(well);
        if (one)
            one->ops->free(one, 0);
    }
    (void)turn_run(&p->turn, SIZE_MAX);
    peer_fini(&p->server_peer);
    peer_fini(&p->client_peer);
}

static void talk_all(void *context, bool well) {
    struct handshakes *h = context;
    for (int i = 0; i < h->talks; i++)
        talk(h, well);
}

static void sweep(struct handshakes *h, const char *name) {
    pair_contexts(h->pair);
    fallible_sweep(&(struct fallible_sweep){name, talk_all, h, 50, STEP, false, 1 + h->forbidden});
}

static void plain(void **state) {
    sweep(&(struct handshakes){.pair = *state, .talks = 1}, "TLS");
}

static void resumed(void **state) {
    struct pair *p = *state;
    p->tickets = tls_tickets_new();
    sweep(&(struct handshakes){.pair = p, .talks = TALKS}, "TLS, twice with tickets");
}

static void be_mutual(struct pair *p) {
    p->server_config.n_servers = 3;
    p->host = "mutual.example.test";
}

static void mutual(void **state) {
    struct pair *p = *state;
    be_mutual(p);
    p->client_config.cert_pem = str_of(client_crt);
    p->client_config.key_pem = str_of(client_key);
    sweep(&(struct handshakes){.pair = p, .talks = 1, .mutual = true}, "mutual TLS");
}

static void without_certificate(void **state) {
    be_mutual(*state);
    sweep(&(struct handshakes){.pair = *state, .talks = 1, .forbidden = true, .mutual = true},
          "mutual TLS without a certificate");
}

static void of_another_ca(void **state) {
    struct pair *p = *state;
    be_mutual(p);
    p->servers[2].client_ca_pem = str_of(ca_crt);
    p->client_config.cert_pem = str_of(client_crt);
    p->client_config.key_pem = str_of(client_key);
    sweep(&(struct handshakes){.pair = p, .talks = 1, .forbidden = true, .mutual = true},
          "mutual TLS with a certificate of another CA");
}

static void distrusted(void **state) {
    struct pair *p = *state;
    p->client_config.ca_pem = str_of(other_ca_crt);
    sweep(&(struct handshakes){.pair = p, .talks = 1, .forbidden = true}, "a server not trusted");
}

static void of_another_name(void **state) {
    struct pair *p = *state;
    p->host = "elsewhere.invalid";
    sweep(&(struct handshakes){.pair = p, .talks = 1, .forbidden = true},
          "a server of another name");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(plain),         TEST(resumed),    TEST(mutual),          TEST(without_certificate),
        TEST(of_another_ca), TEST(distrusted), TEST(of_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
