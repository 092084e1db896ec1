/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_GET_PARTS_H
#define COMMAND_GET_PARTS_H

#include "command/get.h"

/* What the files of `h3gw get` do for one another. */

/* ---- get_connect.c ---- */
void get_connect(struct getter *g);
void get_connect_run(struct task *task, uint32_t events);
void get_disconnect(struct getter *g);

/* ---- get_tls.c ---- */
int get_roots(struct getter *g);                             /* whom to trust: an exit status */
int get_tls(struct getter *g, enum tls_transport transport); /* g->tls; told when it fails */

/* ---- get_quic.c ---- */
void get_quic_start(struct getter *g);   /* the addresses of g->dial */
void get_quic_look(struct getter *g);    /* from time to time until there is a client */
void get_quic_refused(struct getter *g); /* the last one that was tried says that nobody is there */
void get_quic_close(struct getter *g);

/* ---- get_exchange.c ---- */
void get_exchange_open(struct getter *g); /* client_can_open(g->client) */
void get_front_run(struct task *task, uint32_t events);

/* ---- get_redirect.c ---- */
/* With --location: does this response lead elsewhere? Then g->location says where. */
void get_redirect(struct getter *g, const struct message *response);
/* Is HTTP/3 known for the present URL? Its port, or 0. */
uint16_t get_learned(const struct getter *g);
void get_learn(struct getter *g, const struct message *response);

/* ---- get_show.c ---- */
/* "h3gw get: …" on standard error, and the state is GET_FAILED. */
void get_fail(struct getter *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
void get_done(struct getter *g);
void get_show_connection(const struct getter *g);
void get_show_request(const struct getter *g);
void get_show_head(const struct getter *g, int status, const struct fields *fields);
void get_show_trailers(const struct fields *fields);
void get_show_times(const struct getter *g);

#endif
