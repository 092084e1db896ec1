/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "certs.h"

static struct stream_engine *make_echo(void *context, struct peer *peer) {
    struct pair *p = context;
    assert_ptr_equal(peer, &p->server_peer);
    return p->refuse_inner ? NULL : echo_new(&p->turn, p->echo_holds, &p->echo);
}

struct stream_engine *pair_make_talker(void *context, struct peer *peer) {
    struct pair *p = context;
    assert_ptr_equal(peer, &p->client_peer);
    return talker_new(&p->turn, &p->talker);
}

static int by_name(void *context, const char *sni) {
    const struct pair *p = context;
    if (strcmp(sni, "second.test") == 0)
        return 1;
    if (strcmp(sni, "nobody.example.test") == 0)
        return -1;
    return p->server_config.n_servers > 2 && strcmp(sni, "mutual.example.test") == 0 ? 2 : 0;
}

int pair_set_up(void **state) {
    static struct pair fixture;
    struct pair *p = &fixture;
    *p = (struct pair){.host = "localhost", .echo_holds = 20000, .seed = 1};
    turn_init(&p->turn);
    turn_begin(&p->turn, SECOND_NS, 0);
    p->servers[0] =
        (struct tls_server){STR("first"), str_of(local_crt), str_of(local_key), 0, {0}, "first"};
    p->servers[1] = (struct tls_server){
        STR("second"), str_of(second_crt), str_of(second_key), 0, {0}, "second"};
    p->servers[2] = (struct tls_server){STR("mutual"),        str_of(local_crt),
                                        str_of(local_key),    TLS_CLIENT_AUTH_REQUIRED,
                                        str_of(other_ca_crt), "mutual"};
    p->server_config = (struct tls_server_config){.alpn = "h2,http/1.1",
                                                  .servers = p->servers,
                                                  .n_servers = 2,
                                                  .choose = by_name,
                                                  .context = p};
    p->client_config = (struct tls_client_config){.alpn = "h2,http/1.1", .ca_pem = str_of(ca_crt)};
    p->talker.bytes = 100;
    p->scratch_given = (struct span){p->scratch, sizeof(p->scratch)};
    *state = p;
    return 0;
}

void pair_contexts(struct pair *p) {
    char problem[200];
    if (!p->server_context)
        assert_int_equal(
            tls_server_context_new(&p->server_config, &p->server_context, problem, sizeof(problem)),
            0);
    if (!p->client_context)
        assert_int_equal(
            tls_client_context_new(&p->client_config, &p->client_context, problem, sizeof(problem)),
            0);
}

struct stream_engine *pair_server(struct pair *p) {
    struct tls_engine_config config = {.turn = &p->turn,
                                       .context = p->server_context,
                                       .peer = &p->server_peer,
                                       .inner = make_echo,
                                       .inner_context = p,
                                       .handshake_timeout_ns = 5 * SECOND_NS,
                                       .scratch = p->scratch_given};
    return tls_engine_new(&config);
}

static void forget_facts(struct pair *p) {
    peer_fini(&p->server_peer);
    peer_fini(&p->client_peer);
}

struct stream_engine *pair_client(struct pair *p) {
    struct tls_engine_config config = {.turn = &p->turn,
                                       .context = p->client_context,
                                       .peer = &p->client_peer,
                                       .inner = pair_make_talker,
                                       .inner_context = p,
                                       .host = p->host,
                                       .handshake_timeout_ns = 5 * SECOND_NS,
                                       .scratch = p->scratch_given,
                                       .tickets = p->tickets};
    return tls_engine_new(&config);
}

void pair_begin(struct pair *p) {
    pair_contexts(p);
    forget_facts(p);
    p->client = pair_client(p);
    p->server = p->front ? p->front(p) : pair_server(p);
    assert_non_null(p->client);
    assert_non_null(p->server);
    p->join = join_new(&p->turn, p->client, p->server, p->seed);
}

bool pair_both_ended(void *context) {
    struct pair *p = context;
    return join_ended(p->join, JOIN_A) && join_ended(p->join, JOIN_B);
}

bool pair_all_came_back(void *context) {
    struct pair *p = context;
    return p->talker.received == p->talker.bytes;
}

void pair_run(struct pair *p) {
    assert_true(join_run(p->join, 60 * SECOND_NS, pair_both_ended, p));
}

void pair_end(struct pair *p) {
    join_free(p->join);
    p->join = NULL;
    assert_int_equal(p->echo.live, 0);
    assert_int_equal(p->talker.live, 0);
}

int pair_tear_down(void **state) {
    struct pair *p = *state;
    if (p->join)
        pair_end(p);
    tls_context_free(p->server_context);
    tls_context_free(p->client_context);
    tls_tickets_free(p->tickets);
    forget_facts(p);
    turn_fini(&p->turn);
    return 0;
}

void pair_assert_talked(struct pair *p) {
    assert_false(p->talker.wrong);
    assert_int_equal(p->talker.received, p->talker.bytes);
    assert_int_equal(p->echo.received, p->talker.bytes);
    assert_true(p->echo.end_of_input);
}

void pair_talk_cut(struct pair *p, uint64_t seed) {
    p->seed = seed;
    p->talker = (struct talker){.bytes = seed * 997, .half_close = seed % 2};
    p->echo = (struct echo_seen){0};
    p->scratch_given.p = seed % 3 ? p->scratch : NULL;
    pair_begin(p);
    if (seed % 5 == 0)
        join_room(p->join, 1 + seed * 3);
    pair_run(p);
    pair_assert_talked(p);
    pair_end(p);
}

struct pair_problems pair_run_to_failure(struct pair *p) {
    struct pair_problems told;
    p->talker.stay = true;
    pair_begin(p);
    join_keep(p->join);
    pair_run(p);
    (void)snprintf(told.client, sizeof(told.client), "%s", tls_engine_problem(p->client));
    (void)snprintf(told.server, sizeof(told.server), "%s", tls_engine_problem(p->server));
    return told;
}
