/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/passthrough.h"

#include "gateway/host.h"

const struct config_route *passthrough_route(const struct config *c, struct str sni) {
    const struct config_route *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; i < c->n_routes; i++) {
        size_t fit = hosts_fit(&c->routes[i]->options.hosts, sni);
        if (c->routes[i]->answer != ROUTE_TUNNEL || fit <= best_fit)
            continue;
        best = c->routes[i];
        best_fit = fit;
    }
    return best;
}
