/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_STATS_PAGE_H
#define GATEWAY_STATS_PAGE_H

#include "base/buf.h"
#include "gateway/stats.h"

/* All that is counted, for Prometheus. Names and units after its conventions; what only grows
 * ends in _total. */

/* sum: of all workers. begin_s: the process' start, in seconds since 1970. */
void stats_page(const struct stats *sum, uint64_t begin_s, struct buf *to);

#endif
