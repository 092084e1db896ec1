/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/host.h"

/* A wildcard is at most as long as a name. */
enum { FIT_ANY = 1, FIT_EXACT = 1024 };

bool host_matches(struct str pattern, struct str host) {
    if (str_eq(pattern, STR("*")))
        return true;
    if (!str_starts(pattern, STR("*.")))
        return str_ieq(pattern, host);
    struct str suffix = {pattern.p + 1, pattern.n - 1};
    if (host.n <= suffix.n)
        return false;
    return str_ieq(suffix, (struct str){host.p + host.n - suffix.n, suffix.n});
}

static size_t fit(struct str pattern, struct str host) {
    if (!host_matches(pattern, host))
        return 0;
    if (str_eq(pattern, STR("*")))
        return FIT_ANY;
    return pattern.p[0] == '*' ? pattern.n : FIT_EXACT;
}

size_t hosts_fit(const struct strs *hosts, struct str host) {
    size_t best = hosts->n == 0 ? FIT_ANY : 0;

    for (size_t i = 0; i < hosts->n; i++) {
        size_t one = fit(hosts->v[i], host);
        best = one > best ? one : best;
    }
    return best;
}
