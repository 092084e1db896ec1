/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H2_STREAM_H
#define PROTO_H2_STREAM_H

#include "proto/h2/session.h"
#include "proto/mux/stream.h"

/* What is HTTP/2's own in a stream. Nothing in nghttp2 points into an exchange but the lines of a
 * section that waits to be sent, and those go with their stream. */

extern const struct mux_ops h2_stream_ops;

int h2_stream_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *context);

#endif
