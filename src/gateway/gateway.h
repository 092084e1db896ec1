/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/log.h"
#include "gateway/binding.h"
#include "gateway/config/config.h"
#include "gateway/identity.h"
#include "gateway/keylog.h"
#include "gateway/monitor.h"
#include "gateway/to_https.h"
#include "gateway/worker.h"
#include "sys/place.h"

/* The whole: one configuration's identities, listeners and worker, from start to drain.
 *
 *   starting --bound--> serving --SIGTERM, SIGINT--> draining --idle, timeout--> stopped
 *                                                        `--second signal--------^ */

enum gateway_state { GATEWAY_STARTING, GATEWAY_SERVING, GATEWAY_DRAINING, GATEWAY_STOPPED };

struct gateway {
    struct config *config;
    struct log *log;
    place_env *env;
    enum gateway_state state;
    struct worker worker;
    struct identity *identities; /* as config->servers */
    size_t n_identities;
    struct binding *bindings;
    size_t n_bindings;
    struct to_https to_https;
    struct monitor monitor;
    struct keylog keylog;
    uint8_t secret[32];
    struct task signals, drain;
    uint64_t drain_end_ns;
};

/* Loads certificates and binds all listeners. 0; ERR_INVALID: config->errors has lines; other
 * errors are told in the log. After an error there is nothing to stop. */
int gateway_start(struct gateway *g, struct config *config, struct log *log, place_env *env);

/* Serves until a signal ends it, then drains, at most for drain-timeout. */
void gateway_run(struct gateway *g);

void gateway_stop(struct gateway *g); /* closes and frees everything */

#endif
