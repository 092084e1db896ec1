/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/str.h"
#include "http/exchange.h"

/* Answers from memory: errors, redirects, fixed bodies. The reply becomes the back end of
 * the exchange; the request's body is drained up to a bound, or stopped. */

/* A whole response. Fields may have been put into x->response.fields before. body is
 * copied. HEAD and 204/304 send none of it, with the right content-length. */
void reply(struct exchange *x, int status, struct str content_type, struct str body);

/* An error that explains itself: text/plain, or JSON or HTML as Accept prefers: status,
 * its text, and detail (a sentence, what to do). */
void reply_error(struct exchange *x, int status, struct str detail);

#endif
