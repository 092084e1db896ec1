/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reason.h"

struct row {
    const char *name, *text;
    int status;
    uint32_t h2;
    uint64_t h3;
    bool retryable;
};

static const struct row rows[N_REASONS] = {
#define REASON(name, text, status, h2, h3, retryable) \
    [REASON_##name] = {#name, text, status, h2, h3, retryable},
#include "http/reason.def"
#undef REASON
};

/* RFC 9113 7 and RFC 9114 8.1 */
enum { H2_NO_ERROR = 0x0, H2_REFUSED_STREAM = 0x7 };
enum { H3_NO_ERROR = 0x100, H3_REQUEST_REJECTED = 0x10b };

static const struct row *row_of(enum reason r) {
    return &rows[(unsigned)r < N_REASONS ? r : REASON_INTERNAL];
}

const char *reason_name(enum reason r) {
    return row_of(r)->name;
}

const char *reason_text(enum reason r) {
    return row_of(r)->text;
}

int reason_status(enum reason r) {
    return row_of(r)->status;
}

uint32_t reason_h2(enum reason r) {
    return row_of(r)->h2;
}

uint64_t reason_h3(enum reason r) {
    return row_of(r)->h3;
}

bool reason_retryable(enum reason r) {
    return row_of(r)->retryable;
}

enum reason reason_from_h2(uint32_t code, bool from_upstream) {
    if (!from_upstream)
        return REASON_CLIENT_CANCEL;
    switch (code) {
    case H2_NO_ERROR: return REASON_UPSTREAM_DONE;
    case H2_REFUSED_STREAM: return REASON_REFUSED;
    default: return REASON_UPSTREAM_RESET;
    }
}

enum reason reason_from_h3(uint64_t code, bool from_upstream) {
    if (!from_upstream)
        return REASON_CLIENT_CANCEL;
    switch (code) {
    case H3_NO_ERROR: return REASON_UPSTREAM_DONE;
    case H3_REQUEST_REJECTED: return REASON_REFUSED;
    default: return REASON_UPSTREAM_RESET;
    }
}
