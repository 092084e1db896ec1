/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/peer.h"
#include "base/str.h"
#include "http/body.h"
#include "http/fields.h"

/* A request or a response, the same for all versions (RFC 9110 6). Strings live in the
 * exchange's arena. */

enum { LENGTH_UNKNOWN = -1 };

struct message {
    /* request */
    struct str method;    /* as sent: methods are case-sensitive */
    struct str scheme;    /* "https", "http" */
    struct str authority; /* host[:port], lower case; from :authority or Host */
    struct str path;      /* with the query, as sent; "*" for OPTIONS *; empty for CONNECT */
    struct str protocol;  /* of an extended CONNECT (RFC 8441) or of Upgrade; empty: none */
    bool expect_continue; /* the client waits for 100 (RFC 9110 10.1.1) */

    /* response */
    int status;

    enum http_version version; /* as it was received; 0: as its connection says */
    struct fields fields;
    struct fields trailers; /* complete when the body is COMPLETE and all was peeked */
    int64_t content_length; /* LENGTH_UNKNOWN: none was given */
    struct body body;
};

bool method_is(const struct message *m, const char *method);
bool method_is_safe(struct str method);       /* RFC 9110 9.2.1 */
bool method_is_idempotent(struct str method); /* RFC 9110 9.2.2 */

/* Must the response to this have no body whatever its fields say (HEAD, 1xx, 204, 304)? */
bool response_has_no_body(struct str method, int status);

/* Are there trailers, or may there be some: a Trailer field says so (RFC 9110 6.6.2), and the body
 * is still to end? They come unannounced, too. */
bool message_expects_trailers(const struct message *m);

/* "Not Found"; "" when unknown. For HTTP/1 status lines and texts. */
const char *status_text(int status);

/* The path without the query, and the query without '?'. */
struct str message_path_only(const struct message *m);
struct str message_query(const struct message *m);

#endif
