/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_HEADERS_H
#define PROTO_H1_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "http/fields.h"
#include "http/message.h"

/* Heads: what the parser recorded becomes a message. Pure.
 *
 * First check, which allocates nothing and may refuse, then fill, which copies into the
 * arena of the exchange. Framing, routing and connection fields end here: they become
 * facts, and are written anew for the next connection (write.h), never forwarded. */

/* What the parser recorded: views into the raw bytes, which live until the head is filled. */
struct h1_head {
    struct str method, target; /* of a request */
    int status;                /* of a response */
    unsigned major, minor;
    struct field *v;
    size_t n, cap;
};

enum h1_framing {
    H1_NO_BODY,
    H1_LENGTH,    /* content-length */
    H1_CHUNKED,   /* transfer-encoding: chunked */
    H1_UNTIL_EOF, /* a response that ends with its connection */
};

/* What follows from a head. */
struct h1_facts {
    enum h1_framing framing;
    uint64_t length;        /* with H1_LENGTH */
    int64_t content_length; /* as given, also where no body follows (HEAD) */
    bool keep_alive;        /* as far as the peer is concerned */
    bool expect_continue;
    bool te_trailers;
    bool names_fields;                  /* Connection names fields that are to go */
    struct str scheme, authority, path; /* of a request; views */
    struct str query;    /* "?…", of a target in absolute-form without a path: goes behind path */
    int status;          /* to refuse with */
    const char *problem; /* why */
};

/* 0, or ERR_INVALID: refuse with ret->status and ret->problem. secure: came over TLS. */
int h1_request_check(const struct h1_head *head, bool secure, struct h1_facts *ret_facts);
/* method: of the request that this answers. */
int h1_response_check(const struct h1_head *head, struct str method, struct h1_facts *ret_facts);

/* m's fields have their arena. 0 or ERR_NO_MEMORY. */
int h1_request_fill(const struct h1_head *head, const struct h1_facts *facts, struct message *m);
/* Of a request that is refused, for the answer's form and the log: what is known of it. */
int h1_refused_fill(const struct h1_head *head, struct message *m);
int h1_response_fill(const struct h1_head *head, const struct h1_facts *facts, struct message *m);
/* The fields alone, for 1xx. */
int h1_fields_fill(const struct h1_head *head, const struct h1_facts *facts, struct fields *fields);
/* One line of a trailer section; drops what must not come there. 0, ERR_NO_MEMORY. */
int h1_trailer_fill(struct fields *trailers, struct str name, struct str value);

#endif
