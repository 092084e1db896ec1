/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_EXCESS_H
#define HTTP_EXCESS_H

#include "base/peer.h"
#include "http/env.h"

/* Which limit ended a client's connection as a whole. A request that runs into one gets an answer
 * that says so; here a line of the log is all. */

enum excess {
    EXCESS_RESETS,
    EXCESS_CONTINUATIONS,
    EXCESS_CONTROL_FRAMES,
    EXCESS_ANSWERS, /* PING and SETTINGS that nghttp2 has yet to answer: no option */
    EXCESS_SETTINGS,
    EXCESS_GLITCHES,
    EXCESS_HEAD,
};

enum { EXCESS_MOST_ANSWERS = 1000 };

/* At most once a second of all connections. */
void excess_tell(const struct http_env *env, const struct peer *peer, enum excess excess);

#endif
