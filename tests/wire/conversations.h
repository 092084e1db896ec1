/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_CONVERSATIONS_H
#define TESTS_WIRE_CONVERSATIONS_H

#include "scene.h"

/* Conversations that go alike whether HTTP/2 or HTTP/3 carries them. h2_test and h3_test say how
 * the two sides are connected, and have what is theirs alone beside these. */

struct carrier {
    uint64_t seeds;              /* so many times, differently, where it is cheap enough */
    struct scene *(*make)(void); /* limits may be changed before connect */
    void (*connect)(struct scene *s, uint64_t seed);
    bool (*run)(struct scene *s, uint64_t max_ns, bool (*done)(void *context), void *context);
    void (*disturb)(struct scene *s, unsigned level);  /* the network, from now on */
    uint64_t (*sent)(const struct scene *s, int from); /* bytes on the wire, from FROM_* */
    void (*drain)(struct scene *s);                    /* the server */
    bool (*is_open)(const struct scene *s);            /* has the server a connection? */
    void (*cut)(struct scene *s);                      /* the wire, without a word */
    void (*free)(struct scene *s);                     /* ends with scene_fini */
};

enum { FROM_CLIENT, FROM_SERVER };

/* As the tests of a file run: 0, or how many have failed. */
int conversations_run(const struct carrier *carrier);

/* A connection with usual limits. */
struct scene *talk(const struct carrier *carrier, uint64_t seed);
void talk_end(struct scene *s);
void talk_run(struct scene *s);               /* until all visits have ended */
void talk_wait(struct scene *s, uint64_t ns); /* so long at most */
void talk_quiet(struct scene *s);             /* until nothing is on its way any more */
struct visit *talk_visit(struct scene *s, const char *path); /* the first, to its end */

#endif
