/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HANDLER_ECHO_TABLE_H
#define HANDLER_ECHO_TABLE_H

#include "handler/echo/endpoint.h"

/* All endpoints, in the order of the start page. */
extern const struct endpoint endpoints[];
extern const size_t n_endpoints;

#endif
