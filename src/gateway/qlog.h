/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_QLOG_H
#define GATEWAY_QLOG_H

#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "base/turn.h"
#include "quic/qlog.h"

/* The qlogs of an outfit: a file of each QUIC connection, FOLDER/ID.sqlog, ID being its first
 * destination id in hex. A turn's records are written at once, at its end; a full disk costs the
 * rest of that qlog and one warning, no connection. They hold stateless reset tokens, so that
 * only their owner may read them. */

struct qlog {
    struct quic_qlog keeper;
    struct log *log;
    const char *folder; /* NULL: off */
    struct task flush;
    struct list traces, dirty;
    bool failing; /* told already */
};

void qlog_init(struct qlog *q, struct turn *turn, struct log *log);
/* Makes the folder if it is not there; empty: off. 0 or ERR_SYSTEM, told in the log. */
int qlog_open(struct qlog *q, struct str folder);
void qlog_fini(struct qlog *q); /* all connections have ended */

/* For quic_config.qlog. */
static inline struct quic_qlog *qlog_keeper(struct qlog *q) {
    return q->folder ? &q->keeper : NULL;
}

#endif
