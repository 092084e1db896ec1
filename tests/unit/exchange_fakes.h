/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_EXCHANGE_FAKES_H
#define TESTS_EXCHANGE_FAKES_H

#include "base/buf.h"
#include "http/exchange.h"

/* An exchange without a protocol on either side: a front that sends a request from
 * memory, and backs that do as they were told. world_end checks that nothing lives. */

struct world {
    struct turn turn;
    struct chunk_pool pool;
    struct http_limits limits;
    struct http_env env;
    const struct hook *hooks[3];
    struct fake_back *route_to; /* NULL: route() does nothing */
};

struct fake_front {
    struct end end;
    struct str to_send; /* what is left of the request body */
    bool holds;         /* does not end the request body */
    bool takes_nothing; /* of the response body */
    struct buf got;     /* the response's body */
    struct buf heads;   /* "103 200 " */
    struct buf trailers;
    uint32_t heard;
    bool done;
    enum reason reset; /* why it was reset */
};

enum fake_mode {
    FAKE_ECHO,  /* responds at once, sends the request's body back */
    FAKE_IDLE,  /* only listens */
    FAKE_FAIL,  /* exchange_fail */
    FAKE_RESET, /* exchange_reset before a response */
    FAKE_LEAVE, /* leaves without a response */
    FAKE_LEND,  /* lends to `other`, takes what comes back */
};

struct fake_back {
    struct end end;
    enum fake_mode mode;
    struct fake_back *other;
    int informs; /* that many 103 before the response */
    bool trailer;
    uint32_t heard;
    unsigned runs;
    bool was_reset; /* END_RESET came */
    bool came_back; /* END_BACK came */
};

void world_start(struct world *w);
void world_end(struct world *w); /* runs what is left first */
void world_run(struct world *w);

void fake_front_start(struct world *w, struct fake_front *f, const char *method, struct str body);
void fake_front_end(struct fake_front *f);
void fake_back_init(struct world *w, struct fake_back *b, enum fake_mode mode);

#endif
