/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_REASON_H
#define HTTP_REASON_H

#include <stdbool.h>
#include <stdint.h>

/* Why an exchange ended; one row of reason.def gives everything that follows from it. */

enum reason {
#define REASON(name, text, status, h2, h3, retryable) REASON_##name,
#include "http/reason.def"
#undef REASON
    N_REASONS
};

const char *reason_name(enum reason r); /* "UPSTREAM_CUT" */
const char *reason_text(enum reason r);
int reason_status(enum reason r);
uint32_t reason_h2(enum reason r);
uint64_t reason_h3(enum reason r);
bool reason_retryable(enum reason r);

/* What a reset that a peer sent means; unknown codes are cancellations. from_upstream
 * tells who sent it. */
enum reason reason_from_h2(uint32_t code, bool from_upstream);
enum reason reason_from_h3(uint64_t code, bool from_upstream);

#endif
