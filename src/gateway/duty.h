/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_DUTY_H
#define GATEWAY_DUTY_H

#include "gateway/outfit.h"

/* What the control thread has a worker do: each is for worker_do, with the context that stands
 * behind it. */

/* What is to be listened on is opened and taken nothing of: all of it that can fail. */
struct duty_preparation {
    struct outfit *outfit;
    struct log *log; /* hears what is wrong */
    int err;         /* 0, or negative: duty_abandon is due too */
};
void duty_prepare(struct worker *w, void *preparation);
/* struct outfit: what was prepared for it is closed; NULL: nothing was. */
void duty_abandon(struct worker *w, void *outfit);
/* struct outfit, prepared: connections to come get it. It is the worker's from now on. Cannot
 * fail. */
void duty_put_on(struct worker *w, void *outfit);
/* Finish what was begun, take nothing new. */
void duty_drain(struct worker *w, void *null);
/* bool: made false unless no client has a connection any more. */
void duty_is_idle(struct worker *w, void *all_idle);
/* bool: made false unless what is not listened on any more has no connection either. */
void duty_has_left(struct worker *w, void *all_left);
/* Closes that. All workers do so at the same time: QUIC's datagrams are dealt out by the sockets'
 * places among those of a port, and these shift. */
void duty_let_go(struct worker *w, void *null);
/* Outfits that nobody uses any more are closed, and freed the next time. */
void duty_clear_up(struct worker *w, void *null);
/* Has it an outfit of that generation? After duty_clear_up, from the control thread. */
bool duty_uses(const struct worker *w, const struct generation *g);
/* struct stats: adds what was counted. */
void duty_count(struct worker *w, void *sum);
/* struct dump_connections[], as generation->addresses: adds those of each address. */
void duty_count_addresses(struct worker *w, void *counts);
/* After rotation of the access log. */
void duty_reopen(struct worker *w, void *null);
/* Ends all. */
void duty_end(struct worker *w, void *null);

#endif
