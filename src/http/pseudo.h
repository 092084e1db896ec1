/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_PSEUDO_H
#define HTTP_PSEUDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/env.h"
#include "http/fields.h"
#include "http/message.h"

/* The field sections of HTTP/2 and HTTP/3 become messages here, by one set of rules
 * (RFC 9113 8.2 and 8.3, RFC 9114 4.2 and 4.3), whatever the library below has checked.
 *
 * A builder takes field after field as they are decoded and never fails half-way for what
 * the peer sent: it remembers the first problem, takes no more memory from then on, and
 * tells at the end. So a section is always decoded to its end, as HPACK and QPACK need it. */

enum section {
    SECTION_REQUEST,
    SECTION_RESPONSE, /* also an informational one: see status */
    SECTION_TRAILERS,
};

struct head_builder {
    enum section section;
    const struct http_limits *limits;
    struct fields fields;
    struct str method, scheme, authority, path, protocol, host;
    int status;
    int64_t content_length;
    size_t size_bytes; /* 32 a field counted, as limits->head_bytes counts */
    uint32_t n_fields;
    uint32_t seen; /* which pseudo-header fields came */
    bool regular;  /* a regular field came: no more pseudo-header fields */
    bool expect_continue;
    bool connect_protocol; /* we offered extended CONNECT (RFC 8441, RFC 9220) */
    bool too_large;
    const char *problem; /* the first thing wrong, for a 400's text; NULL: nothing yet */
};

/* Fields and strings go into arena. */
void head_builder_init(struct head_builder *b, enum section section, struct arena *arena,
                       const struct http_limits *limits);

/* Copies what it keeps. 0 or ERR_NO_MEMORY. */
int head_builder_add(struct head_builder *b, struct str name, struct str value);

/* A field that the library refused to show: the section is malformed. */
void head_builder_refuse(struct head_builder *b, const char *problem);

/* The section is complete. 0; ERR_INVALID: malformed, see problem; ERR_LIMIT: too large;
 * ERR_NO_MEMORY. m is filled in only with 0, but for what the request asks of whom (method,
 * scheme, authority, path, protocol): the log shows that of one that is wrong. */
int head_builder_request(struct head_builder *b, struct message *m);
/* Final or informational: m stays untouched when b->status says 1xx; take b->fields then. */
int head_builder_response(struct head_builder *b, struct message *m);
int head_builder_trailers(struct head_builder *b, struct fields *trailers);

/* The other direction: the lines of a section for the wire, pseudo-header fields first. The
 * array and what had to be written anew live in the fields' arena; the rest is not copied.
 * 0 or ERR_NO_MEMORY. */
int head_request_lines(const struct message *m, struct field **ret_lines, size_t *ret_n);
int head_response_lines(const struct message *m, struct field **ret_lines, size_t *ret_n);
int head_info_lines(int status, const struct fields *fields, struct field **ret_lines,
                    size_t *ret_n);

#endif
