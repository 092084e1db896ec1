/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_FRONT_H
#define HTTP_FRONT_H

#include "http/exchange.h"

/* What the fronts of HTTP/2 and HTTP/3 decide alike about their exchange. They differ in whom
 * they tell. */

/* The request's head has come, and this is what head_builder_request made of it: the exchange
 * starts, or is answered with what is wrong. REASON_NONE; else why it has to be given up. */
enum reason front_start(struct exchange *x, int verdict, const char *problem);

/* The next informational head for the client; NULL: none. 100 is for a client that waits for it,
 * and only once: *continued. */
struct informational *front_take_informational(struct exchange *x, bool *continued);

/* At the exchange's beginning: all responses of a connection share one budget, and each leaves
 * room for what else holds bytes until the client takes them: frames that are made and TLS records
 * for HTTP/2; for HTTP/3 ngtcp2's own notes of what is on its way, a third as much as the bytes. */
void front_share_budget(struct exchange *x, struct body_budget *responses);

#endif
