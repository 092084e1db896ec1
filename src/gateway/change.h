/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_CHANGE_H
#define GATEWAY_CHANGE_H

#include "gateway/gateway.h"

/* From one generation of the configuration to the next. All that can fail is done first: reading,
 * certificates, sockets, TLS contexts, listeners and QUIC engines for each worker. Then nothing
 * can, and the workers put the new one on, one after the other. Connections that are there keep the
 * old one. */

/* The first one: makes the workers too. As gateway_start. */
int change_first(struct gateway *g, struct buf *errors);
/* 0, or a negative err: all is as before. What was wrong is told in the log too, and that it was
 * done. */
int change_next(struct gateway *g, struct buf *errors);

/* Frees what of old generations no connection needs. true: there is more to wait for. */
bool change_sweep(struct gateway *g);

#endif
