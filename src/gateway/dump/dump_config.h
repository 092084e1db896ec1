/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUMP_CONFIG_H
#define GATEWAY_DUMP_CONFIG_H

#include "base/buf.h"
#include "gateway/config/config.h"

/* The effective configuration as one file: every option, with the defaults; what is not set stands
 * in a comment, and what was included stands in it. Reading it again gives the same configuration,
 * wherever it is kept: relative paths are made absolute. Of flags, too: they have made servers and
 * routes with names.
 *
 * Appends. 0, ERR_NO_MEMORY, or ERR_INVALID: something that came by a flag cannot stand in a file
 * (a newline, a quote beside a comment's mark); problem says what. */
int dump_config(const struct config *c, struct str folder, struct buf *to, struct buf *problem);

#endif
