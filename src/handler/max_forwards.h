/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HANDLER_MAX_FORWARDS_H
#define HANDLER_MAX_FORWARDS_H

#include "http/exchange.h"

/* How many more hops an OPTIONS or TRACE may take, by Max-Forwards (RFC 9110 7.6.2): for whoever
 * forwards a request, before it does. Other methods, and values that are no number, pass as they
 * came, as the RFC allows. */

/* true: x was answered, as this was the last hop. Else one is counted off. */
bool max_forwards_answer(struct exchange *x);

#endif
