/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_ALLOC_FALLIBLE_H
#define TESTS_ALLOC_FALLIBLE_H

#include <stdbool.h>

#include "base/buf.h"

/* Memory that ends at a chosen moment, for h3gw's own code and for nghttp2, nghttp3, ngtcp2 and
 * wolfSSL: the Makefile renames what they call (malloc to fallible_malloc, and so on) in copies of
 * their objects. Other libraries and tests go on as ever.
 *
 * A sweep runs a scenario again and again: first all goes well, then its first allocation
 * fails, then its second, until none is left to fail; then the same with all that follow failing
 * too. The scenario must come to its end without a crash, and without a leak.
 *
 * With ALLOC_STACKS in the environment each failing allocation tells where it is (ASan);
 * ALLOC_STEP=1 lets each fail where a sweep has a step. */

struct fallible_sweep {
    const char *name;
    /* well: nothing fails, so it has to succeed. It asserts what always holds. */
    void (*run)(void *context, bool well);
    void *context;
    unsigned at_least; /* allocations that a run makes, so that it does what it says */
    unsigned step;     /* only every so many-th fails, where a run is dear; 0: each */
    bool more;         /* others follow soon, which look for leaks, as that takes long */
    unsigned first; /* with a step, which fails first; scenarios that begin alike share them out */
};

void fallible_sweep(const struct fallible_sweep *sweep);

/* Around what is not to fail: the clean-up that a test does by functions that allocate. */
void fallible_pause(bool pause);

/* What a run printed must be what the first one did, which is kept in right, of n bytes. */
void fallible_compare(const struct buf *seen, char *right, size_t n, bool well);

#endif
