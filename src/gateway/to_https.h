/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_TO_HTTPS_H
#define GATEWAY_TO_HTTPS_H

#include "gateway/binding.h"
#include "http/env.h"
#include "net/listener.h"

/* Plain HTTP/1.1 that answers every request with 308 to the same place over HTTPS: the option
 * http-redirect. Only for hosts that a server has, so that it sends nobody elsewhere; the rest
 * gets 400. It has an http_env of its own, as its requests are routed otherwise. */

struct to_https {
    struct worker *worker;
    struct http_env env;
    const struct binding *bindings; /* whose servers it leads to */
    size_t n_bindings;
    struct listener *listeners[2];
    size_t n_listeners;
    char problem[256];
};

/* As config->http_redirect says. 0, or a negative err with a sentence in problem; what is open
 * stays so until to_https_fini. The bindings are open and outlive it. */
int to_https_open(struct to_https *t, struct worker *worker, const struct binding *bindings,
                  size_t n_bindings);
void to_https_drain(struct to_https *t);
bool to_https_idle(const struct to_https *t);
void to_https_fini(struct to_https *t);

#endif
