/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "base/buf.h"

/* Prometheus' text format 0.0.4: a family has its HELP and TYPE once, then all of its samples.
 * Label values may hold anything; they are escaped, and repaired where they are not UTF-8. */

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_label {
    const char *name; /* NULL ends a list */
    struct str value;
};

/* help is ASCII without backslash and newline. */
void metrics_family(struct buf *to, const char *name, const char *type, const char *help);

void metrics_count(struct buf *to, const char *name, const struct metrics_label *labels,
                   uint64_t value);
void metrics_seconds(struct buf *to, const char *name, const struct metrics_label *labels,
                     uint64_t value_ns);

/* bounds_ns ascend; counts has one more than bounds, each of its own bucket only. At most four
 * labels. */
struct metrics_histogram {
    const uint64_t *bounds_ns, *counts;
    size_t n;
    uint64_t sum_ns;
};
void metrics_histogram(struct buf *to, const char *name, const struct metrics_label *labels,
                       const struct metrics_histogram *h);

#endif
