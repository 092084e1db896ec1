/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_JOIN_H
#define TESTS_WIRE_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/engine.h"
#include "base/turn.h"

/* Two stream engines (a client's and a server's) joined in memory, with virtual time: what
 * net/stream.c does with sockets. Bytes are cut at random places, drawn from the seed: the
 * same seed gives the same run. A pipe has bounded room, so that back-pressure happens.
 *
 *     struct turn turn;  turn_init(&turn);
 *     struct join *j = join_new(&turn, client, server, 1);
 *     assert_true(join_run(j, 10 * SECOND_NS, done, &state));
 *     join_free(j);  turn_run(&turn, SIZE_MAX);  turn_fini(&turn);
 *
 * The engines belong to the join and are freed with it, or when they are done. NULL in the
 * place of one: its end of the pipe is the test's (join_write, join_read). */

struct join;
enum { JOIN_A, JOIN_B }; /* a: the client by custom */

struct join *join_new(struct turn *turn, struct stream_engine *a, struct stream_engine *b,
                      uint64_t seed);
/* No random cuts: everything goes over at once (seed 0 does that too). */
void join_whole(struct join *j);
/* Room of each pipe in bytes; 4096 unless told. */
void join_room(struct join *j, size_t bytes);
/* Called for bytes in flight from side; may change them (to forge) but not their number. */
void join_tap(struct join *j, void (*tap)(void *context, int from, uint8_t *p, size_t n),
              void *context);

/* Runs until done says true (then true), until nothing can happen any more, or until max_ns
 * of virtual time went by: timers fire as soon as nothing else is to be done, at their time. done
 * NULL: until quiet, and always true. */
bool join_run(struct join *j, uint64_t max_ns, bool (*done)(void *context), void *context);

/* Has the engine of that side ended (its connection closed)? It is freed then. */
bool join_ended(const struct join *j, int side);
/* Did it end with ENGINE_CUT, a reset? */
bool join_was_reset(const struct join *j, int side);
/* The error that filled returned last; 0. */
int join_error(const struct join *j, int side);
/* Bytes that went from side to the other. */
uint64_t join_bytes(const struct join *j, int from);

/* For a side without engine. join_cut is also for one with: the wire to side is cut, what is
 * in flight arrives, then FIN. */
void join_write(struct join *j, int side, const void *p, size_t n);
void join_finish(struct join *j, int side);
struct buf *join_read(struct join *j, int side);    /* all that came; buf_reset as one likes */
bool join_finished(const struct join *j, int side); /* the other sent FIN */
void join_cut(struct join *j, int side);

/* Ended engines are freed by join_free only, so that the test can ask them why. */
void join_keep(struct join *j);
void join_free(struct join *j);

#endif
