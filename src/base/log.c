/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/turn.h"

enum { LOG_LINE = 1000 };

static const char *const level_texts[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

void log_write(struct log *log, enum log_level level, const char *format, ...) {
    char line[LOG_LINE + 1];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n < 0 || !log->write)
        return;
    log->write(log, level, line, n < LOG_LINE ? (size_t)n : LOG_LINE);
}

/* Threads read their clocks at different times: one may be behind what another has told. */
bool log_due(struct log *log, enum log_kind kind, uint64_t now_ns) {
    if (!log)
        return false;
    uint64_t before = atomic_load(&log->told_ns[kind]);
    if (before != 0 && now_ns < before + SECOND_NS)
        return false;
    return atomic_compare_exchange_strong(&log->told_ns[kind], &before, now_ns ? now_ns : 1);
}

const char *log_level_text(enum log_level level) {
    return level_texts[level];
}
