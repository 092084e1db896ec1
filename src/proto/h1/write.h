/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_WRITE_H
#define PROTO_H1_WRITE_H

#include <stdint.h>

#include "base/buf.h"
#include "http/fields.h"
#include "http/message.h"
#include "proto/h1/headers.h"

/* Heads as bytes. Nothing that a line cannot carry is ever written: a field with a CR, LF or
 * NUL, whoever made it, is left out. Memory failures stay in the buf. */

/* Framing says what stands for the body: with H1_LENGTH and H1_NO_BODY m->content_length,
 * if it is known. */
void h1_request_write(struct buf *to, const struct message *m, enum h1_framing framing);
/* connection: the value of that field, NULL: none. */
void h1_response_write(struct buf *to, const struct message *m, enum h1_framing framing,
                       const char *connection);
void h1_informational_write(struct buf *to, int status, const struct fields *fields);
void h1_trailers_write(struct buf *to, const struct fields *trailers); /* with the last chunk */

/* A whole small response that says what is wrong; the connection closes after it. */
void h1_refusal_write(struct buf *to, int status, const char *problem, uint64_t wall_s);

#endif
