/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HANDLER_ECHO_ECHO_H
#define HANDLER_ECHO_ECHO_H

#include "http/exchange.h"

/* The built-in httpbin: becomes x's back end and answers it. */
void echo_open(struct exchange *x);

#endif
