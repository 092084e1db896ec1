/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_QUIC_TRACES_H
#define TESTS_WIRE_QUIC_TRACES_H

#include "base/buf.h"
#include "quic/qlog.h"

/* Keeps qlogs in memory, for quic_config.qlog. */

enum { TRACES = 8 };

struct trace {
    struct quic_trace base;
    char id[41];
    struct buf records;
    bool over, kept;
};

struct traces {
    struct quic_qlog keeper;
    unsigned n;
    bool refuse; /* begin says NULL */
    struct trace v[TRACES];
};

void traces_init(struct traces *t);
void traces_fini(struct traces *t); /* each is over */
/* How many records have this name and hold this text ("": any). Checks the form of all: RFC 7464,
 * a head of that role ("client", "server") first, times that never go back. */
unsigned trace_count(const struct trace *trace, const char *role, const char *name,
                     const char *text);

#endif
