/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_STATS_PAGE_H
#define GATEWAY_STATS_PAGE_H

#include "base/buf.h"
#include "gateway/binding.h"
#include "gateway/worker.h"

/* All that is counted, for Prometheus. Names and units after its conventions; what only grows
 * ends in _total. */

struct stats_view {
    const struct worker *worker;
    const struct binding *bindings;
    size_t n_bindings;
};

void stats_page(const struct stats_view *v, struct buf *to);

#endif
