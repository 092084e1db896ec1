/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_TLS_PAIR_H
#define TESTS_WIRE_TLS_PAIR_H

#include "echo.h"
#include "join.h"
#include "tls/engine.h"

/* A client and a server engine joined in memory: a talker inside the one, an echo inside the
 * other. pair_set_up makes the settings of a usual case; a test changes some of them, and
 * pair_begin makes it happen. */

struct pair {
    struct turn turn;
    struct tls_server servers[3];
    struct tls_server_config server_config;
    struct tls_client_config client_config;
    struct tls_context *server_context, *client_context;
    struct peer server_peer, client_peer;
    const char *host;
    struct talker talker;
    struct echo_seen echo;
    size_t echo_holds;
    bool refuse_inner;
    struct stream_engine *(*front)(struct pair *p); /* what the client meets; NULL: pair_server */
    struct tls_tickets *tickets;
    uint8_t scratch[30000];
    struct span scratch_given;
    uint64_t seed;
    struct stream_engine *client, *server;
    struct join *join;
    char keylog[4000];
    struct tls_keylog keylog_to;
};

/* What the two sides say of a handshake that failed. */
struct pair_problems {
    char client[400], server[400];
};

int pair_set_up(void **state);
int pair_tear_down(void **state);

void pair_contexts(struct pair *p); /* those that are not there yet */
struct stream_engine *pair_server(struct pair *p);
struct stream_engine *pair_client(struct pair *p); /* what pair_begin makes */
struct stream_engine *pair_make_talker(void *pair, struct peer *peer);
void pair_begin(struct pair *p);
bool pair_both_ended(void *context);
bool pair_all_came_back(void *context); /* what the talker has sent so far */
void pair_run(struct pair *p);          /* until both have ended */
void pair_end(struct pair *p);
void pair_assert_talked(struct pair *p);
/* A whole conversation, cut as the seed says; its length, its end, the room of the pipes and
 * whether there is scratch follow from the seed too. */
void pair_talk_cut(struct pair *p, uint64_t seed);
struct pair_problems pair_run_to_failure(struct pair *p);

#endif
