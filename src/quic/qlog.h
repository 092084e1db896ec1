/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef QUIC_QLOG_H
#define QUIC_QLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who keeps qlogs (draft-ietf-quic-qlog-main-schema, 0.3, as JSON text sequences): QUIC writes
 * them, and opens no files. */
struct quic_trace;
struct quic_qlog {
    /* A connection begins, whose first destination id this is. NULL: none is kept of it. */
    struct quic_trace *(*begin)(struct quic_qlog *qlog, const uint8_t *id, size_t n);
    void (*write)(struct quic_trace *trace, const void *p, size_t n); /* a record */
    /* The connection is over. keep false: it was none, only noise that looked like one. */
    void (*end)(struct quic_trace *trace, bool keep);
};

/* The qlog of one connection, as its keeper has it around this. It stays with the keeper that it
 * began with. */
struct quic_trace {
    const struct quic_qlog *keeper;
};

#endif
