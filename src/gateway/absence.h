/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_ABSENCE_H
#define GATEWAY_ABSENCE_H

#include "base/log.h"
#include "gateway/config/config.h"

/* Warns of upstreams on this machine where nothing listens yet. They may come later: each request
 * connects anew. Nothing is said of other machines, which could only be asked by a connect. */
void absence_tell(const struct config *c, struct log *log);

#endif
