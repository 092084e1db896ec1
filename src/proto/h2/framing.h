/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H2_FRAMING_H
#define PROTO_H2_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where frames begin and end in what the peer sends, found beside nghttp2: it tells neither of a
 * frame that stops in its head, nor of those that it drops. Pure.
 *
 * A unit is what must come soon once its first byte has: a frame; HEADERS with all of its
 * CONTINUATIONs; a client's preface with the first frame. Of DATA it is the head only, as bodies
 * have times of their own. */

enum { FRAMING_HEAD = 9 }; /* RFC 9113 4.1 */

struct framing {
    uint8_t head[FRAMING_HEAD];
    uint32_t n_head;       /* bytes of it that came */
    uint32_t left;         /* bytes of the preface, or of the payload behind the head, to come */
    bool greeted;          /* the first frame's head came */
    bool in_block;         /* HEADERS came, and END_HEADERS not yet */
    uint64_t since_ns;     /* a unit is on its way since; 0: none */
    uint8_t type;          /* of the frame whose head came last */
    uint32_t id, length;   /* its stream and payload */
    uint64_t block_length; /* of HEADERS and CONTINUATIONs so far */
};

/* At the start of a connection; preface: 24 bytes come before the first frame. */
void framing_init(struct framing *f, bool preface, uint64_t now_ns);

/* Goes on over at most n bytes, to the end of a head or a payload: how many (with n > 0 at least
 * one). *ret_head: they end a frame's head, so type, id and the lengths are new. */
size_t framing_step(struct framing *f, const uint8_t *p, size_t n, uint64_t now_ns, bool *ret_head);

#endif
