/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

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

const char *log_level_text(enum log_level level) {
    return level_texts[level];
}
