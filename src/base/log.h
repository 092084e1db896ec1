/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The error log. All threads write to the same; lines are built only when somebody reads
 * them. What peers sent goes through str_escape first. */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
    _Atomic enum log_level level; /* may be set while others write */
    void (*write)(struct log *log, enum log_level level, const char *line, size_t n);
    void *context;
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

/* At most 1,000 bytes a line; longer ones are cut. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *log_level_text(enum log_level level); /* error, warn, info, debug */

#endif
