/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The error log. All threads write to the same; lines are built only when somebody reads
 * them. What peers sent goes through str_escape first. */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines that each connection could bring: at most one a second of each kind, over all threads. */
enum log_kind {
    LOG_DESCRIPTORS, /* none is left for a client */
    LOG_DIAL,        /* none is left for an upstream */
    LOG_OVERLOADED,  /* a request fails for that, or for another limit */
    LOG_WAITING,     /* clients wait, as there are too many connections */
    LOG_REFUSED,     /* QUIC clients are refused for that */
    LOG_CLIENT,      /* one client has too many */
    LOG_HANDSHAKES,  /* too many are half open */
    LOG_EXCESS,      /* one connection costs too much, perhaps of somebody honest */
    LOG_WORK,        /* the same of somebody who is not */
    LOG_KINDS,
};

struct log {
    _Atomic enum log_level level; /* may be set while others write */
    void (*write)(struct log *log, enum log_level level, const char *line, size_t n);
    void *context;
    _Atomic uint64_t told_ns[LOG_KINDS]; /* when there was a line last; 0: never */
};

static inline bool log_wants(const struct log *log, enum log_level level) {
    return log && level <= log->level;
}

#define log_at(log_, level_, ...) \
    (log_wants(log_, level_) ? log_write(log_, level_, __VA_ARGS__) : (void)0)
#define log_error(log_, ...) log_at(log_, LOG_ERROR, __VA_ARGS__)
#define log_warn(log_, ...) log_at(log_, LOG_WARN, __VA_ARGS__)
#define log_info(log_, ...) log_at(log_, LOG_INFO, __VA_ARGS__)
#define log_debug(log_, ...) log_at(log_, LOG_DEBUG, __VA_ARGS__)

/* The same where the kind has had no line for a second. now_ns as in struct turn. */
#define log_seldom(log_, level_, kind_, now_ns_, ...) \
    (log_wants(log_, level_) && log_due(log_, kind_, now_ns_) \
         ? log_write(log_, level_, __VA_ARGS__) \
         : (void)0)
bool log_due(struct log *log, enum log_kind kind, uint64_t now_ns);

/* At most 1,000 bytes a line; longer ones are cut. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *log_level_text(enum log_level level); /* error, warn, info, debug */

#endif
