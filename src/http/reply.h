/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/date.h"
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

/* What exchange_refuse was told: http_env.tell_refusal. With a date, as there may be no hook. */
void reply_refusal(struct exchange *x);

/* An upstream that has failed: says which, why and what to do about it, with reason's status, and
 * tells the log. problem: more of the why; may be NULL. */
void reply_upstream_failed(struct exchange *x, enum reason reason, const char *problem);

/* For where even that fails: the last words of a front whose exchange is over before there was a
 * head: a text/plain body that says why, and its head. No hook sees them. */
struct last_words {
    char status[12], length[24], date[DATE_TEXT], body[160];
    struct field lines[4];
    size_t n_lines, n_body;
};
void last_words_write(struct last_words *w, enum reason reason, uint64_t wall_s);

#endif
