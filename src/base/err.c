/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

const char *err_text(int err) {
    switch ((enum err)err) {
    case ERR_NONE: return "no error";
    case ERR_NO_MEMORY: return "out of memory";
    case ERR_INVALID: return "invalid value";
    case ERR_LIMIT: return "limit reached";
    case ERR_PROTOCOL: return "protocol error";
    case ERR_CLOSED: return "closed";
    case ERR_TLS: return "TLS failed";
    case ERR_SYSTEM: return "system call failed";
    case ERR_NOT_FOUND: return "not found";
    case ERR_EXISTS: return "exists already";
    case ERR_TIMEOUT: return "timed out";
    case ERR_REFUSED: return "refused";
    case ERR_UNSUPPORTED: return "not supported";
    case ERR_AGAIN: return "not now";
    }
    return "unknown error";
}

const char *err_word(int err) {
    static const char *const words[ERR_KINDS] = {
        "none",   "memory",    "invalid", "limit",   "protocol", "closed",      "tls",
        "system", "not_found", "exists",  "timeout", "refused",  "unsupported", "again",
    };

    return err <= 0 && err > -ERR_KINDS ? words[-err] : "unknown";
}
